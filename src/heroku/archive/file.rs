//! A downloaded archive: a month's file on this machine.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use chrono::{DateTime, NaiveDate, Utc};

use super::unpack::Entries;
use crate::day::{Month, end, last_over};

/// A month's file, with the checksum that Heroku announced. It has no name on disk.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(super) file: File,
    /// The month.
    pub(crate) month: Month,
    /// How many bytes were downloaded.
    pub(crate) bytes: u64,
    /// Their SHA-256 as lower-case hex.
    pub(crate) checksum: String,
    /// Heroku's id of the request that named the file.
    pub(crate) request_id: Option<String>,
    /// When Heroku made the archive, if it says so.
    pub(super) made_at: Option<DateTime<Utc>>,
}

impl Archive {
    /// The newest day that it covers completely, if there is one. `newest` is the newest day that
    /// is over.
    ///
    /// The archive of the current month ends at the last midnight before it was made (Heroku Dev
    /// Center, "Audit Trail").
    pub(crate) fn covers_to(&self, newest: NaiveDate) -> Option<NaiveDate> {
        covered_to(self.month, self.made_at, newest)
    }

    /// The time up to which it holds Heroku's knowledge.
    pub(crate) fn as_of(&self, newest: NaiveDate) -> DateTime<Utc> {
        self.made_at.unwrap_or_else(|| end(self.month.last().min(newest)))
    }

    /// Its bytes, as they were downloaded.
    pub(crate) fn bytes_as_downloaded(&self) -> io::Result<impl io::Read + Send + use<>> {
        Ok(RawBytes { file: self.file.try_clone()?, at: 0 })
    }

    /// Begins to read its events from the start. Several readings can run at the same time.
    pub(crate) fn read(&self) -> io::Result<Entries> {
        Ok(Entries::of(self.file.try_clone()?))
    }
}

/// The newest day that the archive of `month` covers completely, if there is one.
pub(super) fn covered_to(
    month: Month,
    made_at: Option<DateTime<Utc>>,
    newest: NaiveDate,
) -> Option<NaiveDate> {
    let made = made_at.map_or(newest, last_over);
    let last = month.last().min(newest).min(made);
    (last >= month.first()).then_some(last)
}

/// The bytes of a file, with a position of their own.
struct RawBytes {
    file: File,
    at: u64,
}

impl io::Read for RawBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
