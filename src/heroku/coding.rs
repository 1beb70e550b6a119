//! Decodes the body of a response, as its `Content-Encoding` says.
//!
//! Only gzip is requested. A body in another coding, or in several, is an error that names the
//! coding: its bytes are never taken for JSON.
//!
//! Gzip is a series of members (RFC 1952, section 2.2). Each is checked to its trailer, and bytes
//! after the last one are an error. So neither a cut nor a leftover looks like the end. Memory
//! holds one part as it arrived and some tens of kilobytes of its decoded bytes.

use std::io::{self, Write as _};

use bytes::{Buf as _, Bytes};
use flate2::write::GzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use super::sanitize::sanitize;
use crate::config::Token;

/// Why a body can't be decoded to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// The body is in a coding that was not requested.
    #[error("the body is encoded as `{0}`, but only gzip was requested")]
    Coding(String),
    /// A member, or the rest of one, is not gzip.
    #[error("the gzip data is damaged: {0}")]
    Damaged(io::Error),
    /// The last member lacks its end, or its checksum does not match.
    #[error("the gzip data ends too soon, or its checksum is wrong")]
    Unfinished,
    /// The bytes after the last member are not a member.
    #[error("other data follows the gzip data")]
    Leftover,
}

/// Decodes the body of a response.
#[derive(Debug)]
pub(super) enum Decoder {
    /// Not encoded; holds the bytes that were not taken yet.
    Identity(Bytes),
    Gzip(Box<Gunzip>),
    /// In a coding that was not requested.
    Unknown(String),
}

impl Decoder {
    /// The decoder for a response with these headers.
    pub(super) fn new(headers: &HeaderMap, token: &Token) -> Self {
        let values = headers.get_all(CONTENT_ENCODING).into_iter();
        let values: Vec<_> = values
            .map(|value| {
                sanitize(&String::from_utf8_lossy(value.as_bytes()), token).to_ascii_lowercase()
            })
            .collect();
        let codings = values.iter().flat_map(|value| value.split(',')).map(str::trim);
        // `identity` means no coding at all (RFC 9110, section 12.5.3).
        let codings: Vec<_> =
            codings.filter(|coding| !coding.is_empty() && *coding != "identity").collect();
        match codings[..] {
            [] => Self::Identity(Bytes::new()),
            // Both names mean the same (RFC 9110, section 8.4.1.3).
            ["gzip" | "x-gzip"] => Self::Gzip(Box::new(Gunzip::new())),
            _ => Self::Unknown(codings.join(", ")),
        }
    }

    /// Takes the next bytes. Call it only when [`Self::next_part`] has returned `None`.
    pub(super) fn push(&mut self, bytes: Bytes) {
        match self {
            Self::Identity(part) => *part = bytes,
            Self::Gzip(gunzip) => gunzip.push(bytes),
            Self::Unknown(_) => {}
        }
    }

    /// Some decoded bytes, or `None` when it needs more input.
    pub(super) fn next_part(&mut self) -> Result<Option<Bytes>, DecodeError> {
        match self {
            Self::Identity(part) => Ok((!part.is_empty()).then(|| std::mem::take(part))),
            Self::Gzip(gunzip) => gunzip.next_part(),
            Self::Unknown(coding) => Err(DecodeError::Coding(coding.clone())),
        }
    }

    /// Ends the input. Call [`Self::next_part`] once more for the last bytes.
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        match self {
            Self::Gzip(gunzip) => gunzip.finish(),
            Self::Identity(_) | Self::Unknown(_) => Ok(()),
        }
    }
}

/// What may follow the last member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    Refused,
    /// Any number of zero bytes.
    Zeros,
    /// Such zero bytes have begun.
    InZeros,
}

/// Decodes gzip that arrives in parts.
#[derive(Debug)]
pub(super) struct Gunzip {
    input: Bytes,
    /// The member that is being decoded. It stays until more bytes follow it.
    member: Option<GzDecoder<Vec<u8>>>,
    /// How many members began.
    members: u64,
    padding: Padding,
    /// Decoded bytes that were not taken yet.
    output: Bytes,
}

impl Gunzip {
    /// Accepts only members.
    pub(super) fn new() -> Self {
        Self {
            input: Bytes::new(),
            member: None,
            members: 0,
            padding: Padding::Refused,
            output: Bytes::new(),
        }
    }

    /// Accepts zero bytes after the last member too, for a file that a checksum vouches for.
    pub(super) fn with_padding() -> Self {
        Self { padding: Padding::Zeros, ..Self::new() }
    }

    /// Takes the next bytes. Call it only when [`Self::next_part`] has returned `None`.
    pub(super) fn push(&mut self, bytes: Bytes) {
        debug_assert!(self.input.is_empty(), "the previous part is used up");
        self.input = bytes;
    }

    /// Some decoded bytes, or `None` when it needs more input.
    pub(super) fn next_part(&mut self) -> Result<Option<Bytes>, DecodeError> {
        while self.output.is_empty() && !self.input.is_empty() {
            if self.padding == Padding::InZeros {
                let all_zeros = self.input.iter().all(|byte| *byte == 0);
                self.input.clear();
                if !all_zeros {
                    return Err(DecodeError::Leftover);
                }
                break;
            }
            self.decode()?;
        }
        Ok((!self.output.is_empty()).then(|| std::mem::take(&mut self.output)))
    }

    /// Ends the input and checks the last member. Call [`Self::next_part`] for its last bytes.
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        match self.member.take() {
            Some(member) => self.output = end(member)?,
            None if self.members == 0 => return Err(DecodeError::Unfinished),
            None => {}
        }
        Ok(())
    }

    /// Decodes some of the input into `output`.
    fn decode(&mut self) -> Result<(), DecodeError> {
        if self.member.is_none() {
            if self.members > 0 && self.padding == Padding::Zeros && self.input[0] == 0 {
                self.padding = Padding::InZeros;
                return Ok(());
            }
            self.members += 1;
        }
        let member = self.member.get_or_insert_with(|| GzDecoder::new(Vec::new()));
        match member.write(&self.input) {
            // The member has ended, and more bytes follow.
            Ok(0) => self.output = self.member.take().map(end).transpose()?.unwrap_or_default(),
            Ok(length) => {
                self.input.advance(length);
                self.output = std::mem::take(member.get_mut()).into();
            }
            Err(_) if member.header().is_none() && self.members > 1 => {
                return Err(DecodeError::Leftover);
            }
            Err(error) => return Err(DecodeError::Damaged(error)),
        }
        Ok(())
    }
}

/// The last bytes of a member whose checksum and length are right.
fn end(member: GzDecoder<Vec<u8>>) -> Result<Bytes, DecodeError> {
    member.finish().map(Bytes::from).map_err(|_| DecodeError::Unfinished)
}

#[cfg(test)]
mod tests;
