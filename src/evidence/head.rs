//! The head of the chain of seals: what a copy elsewhere is compared with.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::event::Hash;

/// The identity of a chain: 32 hex digits, chosen at random with its first seal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct LogId(String);

impl LogId {
    /// The id with these 128 bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a log is 32 lower-case hex digits")]
pub struct NotALogId;

impl FromStr for LogId {
    type Err = NotALogId;

    fn from_str(text: &str) -> Result<Self, NotALogId> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = text.len() == 32 && text.bytes().all(is_hex);
        is_id.then(|| Self(text.to_owned())).ok_or(NotALogId)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a chain: which chain, how many seals it had, and the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The chain.
    pub log: LogId,
    /// The number of its last seal. The first is 1.
    pub seq: i64,
    /// That seal.
    #[serde(serialize_with = "hex_text")]
    pub seal: Hash,
}

impl fmt::Display for Head {
    /// Writes `SEQ:HEX`, as `verify --anchor` reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.seal))
    }
}

/// Writes a hash in JSON as hex digits.
fn hex_text<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_written_as_an_anchor_and_as_json() {
        let head = Head { log: LogId::from_bits(255), seq: 7, seal: [0xab; 32] };
        let seal = "ab".repeat(32);
        assert_eq!(head.to_string(), format!("7:{seal}"));
        let json = serde_json::to_string(&head).expect("json");
        assert_eq!(
            json,
            format!(r#"{{"log":"000000000000000000000000000000ff","seq":7,"seal":"{seal}"}}"#)
        );
    }

    #[test]
    fn the_id_of_a_log_has_one_spelling() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(id.parse::<LogId>().map(|id| id.to_string()), Ok(id.to_owned()));
        for odd in ["", "0", &id.to_uppercase(), &format!(" {id}"), &id[..31]] {
            assert_eq!(odd.parse::<LogId>(), Err(NotALogId), "{odd}");
        }
    }
}
