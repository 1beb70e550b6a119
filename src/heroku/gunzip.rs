//! Decodes gzip that arrives in parts, with all its members (RFC 1952, section 2.2: a file is a series of members).
//!
//! Every member is checked to its trailer, and what follows the last one is an error, so that no cut and no leftover passes
//! for the end. Memory holds one part as it came and some tens of kilobytes of what it decodes to.

use std::io::{self, Write as _};

use bytes::{Buf as _, Bytes};
use flate2::write::GzDecoder;

/// Why bytes are not gzip to their end.
#[derive(Debug, thiserror::Error)]
pub enum BadGzip {
    /// What should be a member, or the rest of one, is not.
    #[error("its gzip is damaged: {0}")]
    Damaged(io::Error),
    /// The last member lacks its end, or was damaged on the way.
    #[error("its gzip ends too soon, or its checksum is wrong")]
    Unfinished,
    /// Something else than a member follows the last one.
    #[error("something that is not gzip follows its gzip")]
    Leftover,
}

/// What may follow the last member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    /// Any number of zero bytes.
    Zeros,
    /// Such zero bytes have begun.
    InZeros,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Gunzip {
    input: Bytes,
    /// The member that is being decoded; it stays until something follows it.
    member: Option<GzDecoder<Vec<u8>>>,
    /// How many members were begun.
    members: u64,
    behind: Behind,
    /// What the last member gave at its end.
    rest: Bytes,
}

impl Gunzip {
    /// Takes members and nothing else.
    pub(super) fn new() -> Self {
        Self {
            input: Bytes::new(),
            member: None,
            members: 0,
            behind: Behind::Nothing,
            rest: Bytes::new(),
        }
    }

    /// Also takes zero bytes behind the last member, for a file whose checksum vouches for it.
    pub(super) fn with_padding() -> Self {
        Self { behind: Behind::Zeros, ..Self::new() }
    }

    /// Gives it the next bytes. Only when [`Self::next_part`] has returned `None` for those before.
    pub(super) fn push(&mut self, bytes: Bytes) {
        debug_assert!(self.input.is_empty(), "the part before is used up");
        self.input = bytes;
    }

    /// Some decoded bytes, or `None` when the input is used up.
    pub(super) fn next_part(&mut self) -> Result<Option<Bytes>, BadGzip> {
        while self.rest.is_empty() && !self.input.is_empty() {
            if self.behind == Behind::InZeros {
                let all_zeros = self.input.iter().all(|byte| *byte == 0);
                self.input.clear();
                if !all_zeros {
                    return Err(BadGzip::Leftover);
                }
                break;
            }
            self.decode()?;
        }
        Ok((!self.rest.is_empty()).then(|| std::mem::take(&mut self.rest)))
    }

    /// The input has ended: checks the last member. What it still gives is the next part.
    pub(super) fn finish(&mut self) -> Result<(), BadGzip> {
        match self.member.take() {
            Some(member) => self.rest = end(member)?,
            None if self.members == 0 => return Err(BadGzip::Unfinished),
            None => {}
        }
        Ok(())
    }

    /// Decodes some of the input into `rest`.
    fn decode(&mut self) -> Result<(), BadGzip> {
        if self.member.is_none() {
            if self.members > 0 && self.behind == Behind::Zeros && self.input[0] == 0 {
                self.behind = Behind::InZeros;
                return Ok(());
            }
            self.members += 1;
        }
        let member = self.member.get_or_insert_with(|| GzDecoder::new(Vec::new()));
        match member.write(&self.input) {
            // It has ended, and something follows.
            Ok(0) => self.rest = self.member.take().map(end).transpose()?.unwrap_or_default(),
            Ok(length) => {
                self.input.advance(length);
                self.rest = std::mem::take(member.get_mut()).into();
            }
            Err(_) if member.header().is_none() && self.members > 1 => {
                return Err(BadGzip::Leftover);
            }
            Err(error) => return Err(BadGzip::Damaged(error)),
        }
        Ok(())
    }
}

/// The last bytes of a member whose checksum and length are right.
fn end(member: GzDecoder<Vec<u8>>) -> Result<Bytes, BadGzip> {
    member.finish().map(Bytes::from).map_err(|_| BadGzip::Unfinished)
}

#[cfg(test)]
mod tests;
