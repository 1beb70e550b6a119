//! `data/coverage.csv`: every calendar day of the range and of each source, also the missing ones.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use chrono::NaiveDate;

use super::error::Error;
use super::folder::{BagFile, BagFolder};
use super::layout::COVERAGE;
use super::regular;
use super::table::{NotARow, TableReader, TableWriter, micros, number, time_text};
use crate::event::Hash;
use crate::evidence::hash_from_hex;

const COLUMNS: &[&str] = &[
    "source",
    "date",
    "state",
    "status",
    "attempt",
    "events",
    "digest",
    "scope",
    "synced_at",
    "settled_at",
];

/// A day of the calendar, with its row in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CoverageRow {
    /// The source.
    pub(crate) source: String,
    /// The UTC date.
    pub(crate) date: NaiveDate,
    /// The ledger's status; empty without a row.
    pub(crate) status: String,
    /// The number of claims.
    pub(crate) attempt: Option<i32>,
    /// The events of the last complete reading.
    pub(crate) events: Option<i32>,
    /// Their digest.
    pub(crate) digest: Option<Hash>,
    /// Account, team and filter of that reading, as JSON text.
    pub(crate) scope: Option<String>,
    /// When that reading began, in microseconds since 1970.
    pub(crate) synced_at: Option<i64>,
    /// When the day settled.
    pub(crate) settled_at: Option<i64>,
    /// When its events were deleted by retention.
    pub(crate) is_pruned: bool,
}

/// The state of a day, as the calendar shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoverageState {
    /// Read to its proper end.
    Complete,
    /// To be read again.
    Due,
    /// Being read.
    Syncing,
    /// The last attempt failed.
    Failed,
    /// Never begun.
    Missing,
    /// Called complete by another program, which stored no events.
    Adopted,
    /// Deleted by retention.
    Pruned,
}

impl CoverageState {
    /// The word in the file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Due => "due",
            Self::Syncing => "syncing",
            Self::Failed => "failed",
            Self::Missing => "missing",
            Self::Adopted => "adopted",
            Self::Pruned => "pruned",
        }
    }
}

impl CoverageRow {
    /// The state.
    pub(crate) fn state(&self) -> CoverageState {
        match self.status.as_str() {
            _ if self.is_pruned => CoverageState::Pruned,
            "" => CoverageState::Missing,
            "SUCCESS" if self.synced_at.is_some() => CoverageState::Complete,
            "SUCCESS" => CoverageState::Adopted,
            "PENDING" => CoverageState::Due,
            "PROCESSING" => CoverageState::Syncing,
            _ => CoverageState::Failed,
        }
    }
}

/// Writes the calendar.
#[derive(Debug)]
pub(crate) struct CoverageFile(TableWriter<BagFile>);

impl CoverageFile {
    /// Begins the file.
    pub(crate) fn begin(folder: &BagFolder) -> Result<Self, Error> {
        let file = folder.begin(COVERAGE)?;
        let path = file.path().to_owned();
        Ok(Self(TableWriter::new(file, COLUMNS).map_err(Error::of(&path))?))
    }

    /// Adds the next day, in the order of sources and dates.
    pub(crate) fn add(&mut self, row: &CoverageRow) -> Result<(), Error> {
        let text = |value: Option<String>| value.unwrap_or_default();
        let written = self.0.row(&[
            &row.source,
            &row.date.to_string(),
            row.state().as_str(),
            &row.status,
            &text(row.attempt.map(|attempt| attempt.to_string())),
            &text(row.events.map(|events| events.to_string())),
            &text(row.digest.map(hex::encode)),
            row.scope.as_deref().unwrap_or_default(),
            &text(row.synced_at.map(time_text)),
            &text(row.settled_at.map(time_text)),
        ]);
        written.map_err(Error::of(Path::new(COVERAGE)))
    }

    /// Ends the file.
    pub(crate) fn end(self, folder: &mut BagFolder) -> Result<(), Error> {
        let file = self.0.into_inner().map_err(Error::of(Path::new(COVERAGE)))?;
        folder.end(file)
    }
}

/// Reads the calendar.
pub(crate) struct CoverageRows(TableReader<BufReader<File>>);

impl CoverageRows {
    /// Begins to read a file with this path.
    pub(super) fn open(path: &Path) -> Result<Result<Self, NotARow>, Error> {
        let file = regular::open_known(path)?;
        Ok(TableReader::new(BufReader::new(file), COLUMNS).map(Self))
    }

    /// The next day; `None` after the last one.
    pub(crate) fn next(&mut self) -> Result<Option<CoverageRow>, NotARow> {
        let Some(record) = self.0.next()? else { return Ok(None) };
        let table = &self.0;
        let text = |index: usize| record.get(index).unwrap_or_default().to_owned();
        let row = CoverageRow {
            source: text(0),
            date: table.cell(&record, 1, |date| {
                date.parse().ok().filter(|day: &NaiveDate| day.to_string() == date)
            })?,
            status: text(3),
            attempt: table.cell(&record, 4, |text| optional(text, number))?,
            events: table.cell(&record, 5, |text| optional(text, number))?,
            digest: table.cell(&record, 6, |text| optional(text, hash_from_hex))?,
            scope: Some(text(7)).filter(|scope| !scope.is_empty()),
            synced_at: table.cell(&record, 8, |text| optional(text, micros))?,
            settled_at: table.cell(&record, 9, |text| optional(text, micros))?,
            // No bag has a state for it yet.
            is_pruned: false,
        };
        table.cell(&record, 2, |text| (text == row.state().as_str()).then_some(()))?;
        Ok(Some(row))
    }
}

/// `Some(None)` for an empty text, and `None` for one that `read` does not accept.
#[expect(clippy::option_option, reason = "an empty cell differs from a wrong one")]
fn optional<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { read(text).map(Some) }
}
