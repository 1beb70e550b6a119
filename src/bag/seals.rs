//! `data/seals.netstrings`: every seal's preimage as a netstring, from the first to the head.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

use super::error::Error;
use super::layout::SEALS;
use super::regular;

/// A longer preimage is not read: the texts in one have at most some KiB.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Writes the next preimage.
pub(crate) fn write_seal(out: &mut impl Write, preimage: &str) -> io::Result<()> {
    write!(out, "{}:{preimage},", preimage.len())
}

/// Reads the preimages, one after the other, or one at a known place.
pub(crate) struct SealTexts {
    file: BufReader<File>,
    at: u64,
}

/// The file is no sequence of netstrings from this byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {0} begins no netstring with a text in UTF-8")]
pub(crate) struct NotSeals(pub(crate) u64);

impl SealTexts {
    /// Opens the file below the bag's folder.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let file = regular::open_known(&root.join(SEALS))?;
        Ok(Self { file: BufReader::with_capacity(64 * 1024, file), at: 0 })
    }

    /// The next preimage, with the place where it begins; `None` after the last one.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, String)>, NotSeals> {
        let begin = self.at;
        let fault = NotSeals(begin);
        if self.file.fill_buf().map_err(|_| fault)?.is_empty() {
            return Ok(None);
        }
        let mut digits = Vec::new();
        let colon = self.file.by_ref().take(12).read_until(b':', &mut digits);
        colon.map_err(|_| fault)?;
        let length = digits.strip_suffix(b":").and_then(|digits| str::from_utf8(digits).ok());
        let length = length.and_then(super::table::number::<u64>).ok_or(fault)?;
        if length > LONGEST {
            return Err(fault);
        }
        let mut text = Vec::new();
        let read = self.file.by_ref().take(length + 1).read_to_end(&mut text);
        read.map_err(|_| fault)?;
        if text.pop() != Some(b',') || text.len() as u64 != length {
            return Err(fault);
        }
        self.at = begin + digits.len() as u64 + length + 1;
        Ok(Some((begin, String::from_utf8(text).map_err(|_| fault)?)))
    }

    /// The preimage that begins at a place which [`Self::next`] returned.
    pub(crate) fn at(&mut self, place: u64) -> Result<Option<String>, NotSeals> {
        self.file.seek(SeekFrom::Start(place)).map_err(|_| NotSeals(place))?;
        self.at = place;
        Ok(self.next()?.map(|(_, text)| text))
    }
}
