//! Reads the calendar of an export: the days that are stored, and those that should be.

use chrono::NaiveDate;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use super::error::{Error, ErrorContext as _, Result};
use super::evidence::{EvidenceSnapshot, LONGEST_WAIT, OPERATION};
use super::export::OwedDays;
use super::raw::RawTime;
use super::statement::{column, statement};
use crate::day::DateRange;

/// A day of the calendar, with its row in the ledger. Without one, all parts are `None`.
#[derive(Debug)]
pub struct CalendarDay {
    /// The source.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// `status`.
    pub status: Option<String>,
    /// `attempt`.
    pub attempt: Option<i32>,
    /// `events_count`.
    pub events: Option<i32>,
    /// `digest`.
    pub digest: Option<Vec<u8>>,
    /// `scope`, as text.
    pub scope: Option<String>,
    /// `synced_at`.
    pub synced_at: Option<RawTime>,
    /// `settled_at`.
    pub settled_at: Option<RawTime>,
    /// Whether `pruned_at` is set.
    pub is_pruned: bool,
}

/// The days as a stream, in the order of the sources and dates.
pub struct CalendarStream<'s> {
    rows: BoxStream<'s, sqlx::Result<PgRow>>,
}

impl EvidenceSnapshot {
    /// The days in `range` that sources store under `names`, each with its source's present name.
    /// And the `owed` days that none of a source's names stores, under its present name.
    pub fn calendar(
        &mut self,
        range: DateRange,
        names: Vec<(String, String)>,
        owed: &[OwedDays<'_>],
    ) -> CalendarStream<'_> {
        let (stored, present): (Vec<String>, Vec<String>) = names.into_iter().unzip();
        let sources: Vec<String> = owed.iter().map(|days| days.source.to_owned()).collect();
        let (from, to): (Vec<NaiveDate>, Vec<NaiveDate>) =
            owed.iter().map(|days| (days.dates.from, days.dates.to)).unzip();
        let query = statement(include_str!("sql/bag_calendar.sql")).bind(range.from).bind(range.to);
        let query = query.bind(stored).bind(present).bind(sources).bind(from).bind(to);
        CalendarStream { rows: query.fetch(&mut *self.tx) }
    }
}

impl CalendarStream<'_> {
    /// The next day; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<CalendarDay>> {
        let silent = |_| Error::Silent { operation: OPERATION, waited: LONGEST_WAIT };
        let row = timeout(LONGEST_WAIT, self.rows.next()).await.map_err(silent)?;
        row.map(|row| calendar_day(&row.context(OPERATION)?)).transpose()
    }
}

fn calendar_day(row: &PgRow) -> Result<CalendarDay> {
    Ok(CalendarDay {
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        status: column(row, "status")?,
        attempt: column(row, "attempt")?,
        events: column(row, "events_count")?,
        digest: column(row, "digest")?,
        scope: column(row, "scope")?,
        synced_at: column(row, "synced_at")?,
        settled_at: column(row, "settled_at")?,
        is_pruned: column(row, "is_pruned")?,
    })
}
