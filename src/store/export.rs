//! Reads what an export is about, in the snapshot that it is made from.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;

use super::error::Result;
use super::evidence::{EventStream, EvidenceSnapshot, LONGEST_WAIT};
use super::names::StoredNames;
use super::seal::head_of;
use super::statement::{column, first, statement};
use crate::coverage::Gap;
use crate::day::DateRange;
use crate::evidence::Head;

const OPERATION: &str = "read what to export";

impl EvidenceSnapshot {
    /// The time of the database's clock.
    pub async fn now(&mut self) -> Result<DateTime<Utc>> {
        let rows = self.rows(statement(include_str!("sql/clock.sql"))).await?;
        column(first(&rows, OPERATION)?, "now")
    }

    /// Which of these sources have a day in the ledger.
    pub async fn known_sources(&mut self, sources: &[&str]) -> Result<Vec<String>> {
        let sources: Vec<String> = sources.iter().map(|&source| source.to_owned()).collect();
        let query = statement(include_str!("sql/first_days.sql")).bind(sources);
        self.rows(query).await?.iter().map(|row| column(row, "source")).collect()
    }

    /// From the first to the last day in `range` that each source has in the ledger.
    pub async fn ledger_days(&mut self, range: DateRange) -> Result<HashMap<String, DateRange>> {
        let query = statement(include_str!("sql/export_ledger_days.sql"));
        let rows = self.rows(query.bind(range.from).bind(range.to)).await?;
        rows.iter().map(|row| Ok((column(row, "source")?, dates(row)?))).collect()
    }

    /// The days of each source's range that are not complete, as ranges, by source and date.
    pub async fn gaps(&mut self, owed: &[OwedDays<'_>]) -> Result<Vec<Gap>> {
        let sources: Vec<String> = owed.iter().map(|days| days.source.to_owned()).collect();
        let (from, to): (Vec<_>, Vec<_>) =
            owed.iter().map(|days| (days.dates.from, days.dates.to)).unzip();
        let (mut names, mut present) = (StoredNames::default(), Vec::new());
        for OwedDays { source, stored_as, .. } in owed {
            names.add(stored_as.iter().map(String::as_str), None);
            present.extend(stored_as.iter().map(|_| (*source).to_owned()));
        }
        let stored: Vec<String> = names.stored().into_iter().map(str::to_owned).collect();
        let query =
            statement(include_str!("sql/export_gaps.sql")).bind(sources).bind(from).bind(to);
        let query = query.bind(stored).bind(present).bind(names.preceding());
        let gap = |row| Ok(Gap { source: column(row, "source")?, dates: dates(row)? });
        self.rows(query).await?.iter().map(gap).collect()
    }

    /// The head of the chain of seals; `None` if there is none, or none that can be read.
    pub async fn head(&mut self) -> Result<Option<Head>> {
        let rows = self.rows(statement(include_str!("sql/head.sql"))).await?;
        rows.first().map_or(Ok(None), |row| Ok(head_of(column(row, "sealed")?)))
    }

    /// Lets the snapshot outlive the pauses of a person who reads the output page by page.
    pub async fn wait_for_reader(&mut self) -> Result<()> {
        self.rows(statement(include_str!("sql/patient_reader.sql"))).await.map(drop)
    }

    /// The events of a source, by date and id.
    pub fn events_of(&mut self, source: &str, dates: DateRange) -> EventStream<'_> {
        let query = statement(include_str!("sql/export_events.sql")).bind(source.to_owned());
        self.stream(query.bind(dates.from).bind(dates.to), LONGEST_WAIT)
    }

    /// The events that a seal adds, by id.
    pub fn sealed_events(&mut self, sealed: &SealedEvents) -> EventStream<'_> {
        let query = statement(include_str!("sql/export_sealed_events.sql"));
        let query = query.bind(sealed.source.clone()).bind(sealed.date);
        self.stream(query.bind(sealed.prev_attempt).bind(sealed.attempt), LONGEST_WAIT)
    }
}

/// The days that a source must cover.
#[derive(Debug, Clone, Copy)]
pub struct OwedDays<'a> {
    /// The source's present name.
    pub source: &'a str,
    /// The names under which its days are stored. If two have the same day, the first one counts.
    pub stored_as: &'a [String],
    /// The days.
    pub dates: DateRange,
}

/// The events that a seal adds to its day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvents {
    /// The source of the day.
    pub source: String,
    /// The date of the day.
    pub date: NaiveDate,
    /// The attempt of the day's previous seal of this kind; 0 if there is none.
    pub prev_attempt: i32,
    /// The attempt that was sealed.
    pub attempt: i32,
}

fn dates(row: &PgRow) -> Result<DateRange> {
    Ok(DateRange::new(column(row, "first_day")?, column(row, "last_day")?))
}
