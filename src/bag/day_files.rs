//! The two files with the events of a day, or with its conflicts: their bytes, and an index.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::Path;

use chrono::NaiveDate;
use csv::StringRecord;

use super::error::Error;
use super::folder::{BagFile, BagFolder};
use super::layout::DayFile;
use super::regular;
use super::table::{NotARow, TableReader, TableWriter, micros, number, time_text};
use crate::event::Hash;
use crate::evidence::hash_from_hex;

const EVENT_COLUMNS: &[&str] = &["event_id", "bytes", "sha256", "via", "attempt", "first_seen_at"];
const CONFLICT_COLUMNS: &[&str] = &["event_id", "bytes", "sha256", "attempt", "seen_at"];

/// PostgreSQL stores no longer event. A longer one is not read into memory.
const LONGEST: u64 = 1024 * 1024 * 1024;

/// An event or a conflict, with what the database knows of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredItem<'a> {
    /// The event's id.
    pub(crate) id: &'a str,
    /// The bytes of the event.
    pub(crate) bytes: &'a [u8],
    /// Their SHA-256.
    pub(crate) hash: &'a [u8],
    /// `api` or `archive`; `None` for a conflict.
    pub(crate) via: Option<&'a str>,
    /// The attempt that stored it.
    pub(crate) attempt: i32,
    /// When it was first seen, in microseconds since 1970.
    pub(crate) seen_at: i64,
}

/// Writes both files of a day.
#[derive(Debug)]
pub(crate) struct DayFiles {
    bytes: BagFile,
    index: TableWriter<BagFile>,
}

impl DayFiles {
    /// Begins the files of a day: `Events` with its index, or `Conflicts` with theirs.
    pub(crate) fn begin(
        folder: &BagFolder,
        of: DayFile,
        source: &str,
        date: NaiveDate,
    ) -> Result<Self, Error> {
        let (index, columns) = index_of(of);
        let index = folder.begin(&index.path(source, date))?;
        let path = index.path().to_owned();
        let index = TableWriter::new(index, columns).map_err(Error::of(&path))?;
        Ok(Self { bytes: folder.begin(&of.path(source, date))?, index })
    }

    /// Adds the next event or conflict, in the order of ids and hashes.
    pub(crate) fn add(&mut self, item: &StoredItem<'_>) -> Result<(), Error> {
        let bytes = &mut self.bytes;
        let written = bytes.write_all(item.bytes).and_then(|()| bytes.write_all(b"\n"));
        written.map_err(|error| self.bytes.failed(error))?;
        let (length, attempt) = (item.bytes.len().to_string(), item.attempt.to_string());
        let (hash, seen_at) = (hex::encode(item.hash), time_text(item.seen_at));
        let [id, length, hash, attempt, seen_at] = [item.id, &length, &hash, &attempt, &seen_at];
        let written = match item.via {
            Some(via) => self.index.row(&[id, length, hash, via, attempt, seen_at]),
            None => self.index.row(&[id, length, hash, attempt, seen_at]),
        };
        written.map_err(|error| self.bytes.failed(error))
    }

    /// Ends both files.
    pub(crate) fn end(self, folder: &mut BagFolder) -> Result<(), Error> {
        let path = self.bytes.path().to_owned();
        let index = self.index.into_inner().map_err(Error::of(&path))?;
        folder.end(index)?;
        folder.end(self.bytes)
    }
}

fn index_of(of: DayFile) -> (DayFile, &'static [&'static str]) {
    match of {
        DayFile::Events | DayFile::EventIndex => (DayFile::EventIndex, EVENT_COLUMNS),
        DayFile::Conflicts | DayFile::ConflictIndex => (DayFile::ConflictIndex, CONFLICT_COLUMNS),
    }
}

/// Reads both files of a day, row by row.
pub(crate) struct DayItems {
    index: TableReader<BufReader<File>>,
    columns: usize,
    bytes: BufReader<File>,
    record: StringRecord,
    content: Vec<u8>,
    hash: Hash,
    last: Option<(String, Hash)>,
}

/// Why the files of a day can't be read to their end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotADay {
    #[error("the index: {0}")]
    Index(#[from] NotARow),
    #[error("the events end before the index does, or are separated by another byte than LF")]
    Cut,
    #[error("bytes follow the last event of the index")]
    More,
    #[error("event {0} is not in the order of the ids")]
    Order(String),
    #[error("{0}")]
    File(#[from] Error),
}

impl DayItems {
    /// Opens the files of a day below the bag's folder.
    pub(crate) fn open(
        root: &Path,
        of: DayFile,
        source: &str,
        date: NaiveDate,
    ) -> Result<Self, NotADay> {
        let open = |file: DayFile| {
            regular::open_known(&root.join(file.path(source, date))).map(BufReader::new)
        };
        let (index, columns) = index_of(of);
        Ok(Self {
            index: TableReader::new(open(index)?, columns)?,
            columns: columns.len(),
            bytes: open(of)?,
            record: StringRecord::new(),
            content: Vec::new(),
            hash: Hash::default(),
            last: None,
        })
    }

    /// The next event or conflict; `None` after the last one, if nothing follows it.
    pub(crate) fn next(&mut self) -> Result<Option<StoredItem<'_>>, NotADay> {
        let Some(record) = self.index.next()? else {
            let rest = self.bytes.fill_buf().map_err(|_| NotADay::More)?;
            return if rest.is_empty() { Ok(None) } else { Err(NotADay::More) };
        };
        self.record = record;
        let (record, index) = (&self.record, &self.index);
        let id = record.get(0).unwrap_or_default();
        let length: u64 = index.cell(record, 1, number)?;
        self.hash = index.cell(record, 2, hash_from_hex)?;
        let via = (self.columns == EVENT_COLUMNS.len()).then(|| record.get(3)).flatten();
        let attempt = index.cell(record, self.columns - 2, number)?;
        let seen_at = index.cell(record, self.columns - 1, micros)?;
        let next = (id.to_owned(), self.hash);
        let is_behind = self.last.as_ref().is_none_or(|last| match via {
            Some(_) => last.0 < next.0,
            None => *last < next,
        });
        if !is_behind {
            return Err(NotADay::Order(next.0));
        }
        self.last = Some(next);
        read_event(&mut self.bytes, length, &mut self.content)?;
        let (bytes, hash) = (self.content.as_slice(), self.hash.as_slice());
        Ok(Some(StoredItem { id, bytes, hash, via, attempt, seen_at }))
    }
}

/// Reads the bytes of an event, and the LF behind them.
fn read_event(from: &mut BufReader<File>, length: u64, into: &mut Vec<u8>) -> Result<(), NotADay> {
    into.clear();
    if length > LONGEST {
        return Err(NotADay::Cut);
    }
    let is_complete = |read: io::Result<usize>, length| read.is_ok_and(|n| n as u64 == length);
    let mut end = Vec::new();
    let read = from.by_ref().take(length).read_to_end(into);
    let read_end = from.by_ref().take(1).read_to_end(&mut end);
    if is_complete(read, length) && is_complete(read_end, 1) && end == b"\n" {
        Ok(())
    } else {
        Err(NotADay::Cut)
    }
}
