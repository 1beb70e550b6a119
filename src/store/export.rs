//! Reads what an export is about, in the snapshot that it is made from.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;

use super::error::Result;
use super::evidence::EvidenceSnapshot;
use super::statement::{column, first, statement};
use crate::coverage::Gap;
use crate::day::DateRange;

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
    pub async fn gaps(&mut self, owed: &[(&str, DateRange)]) -> Result<Vec<Gap>> {
        let names: Vec<String> = owed.iter().map(|(source, _)| (*source).to_owned()).collect();
        let (from, to): (Vec<_>, Vec<_>) =
            owed.iter().map(|(_, dates)| (dates.from, dates.to)).unzip();
        let query = statement(include_str!("sql/export_gaps.sql")).bind(names).bind(from).bind(to);
        let gap = |row| Ok(Gap { source: column(row, "source")?, dates: dates(row)? });
        self.rows(query).await?.iter().map(gap).collect()
    }
}

fn dates(row: &PgRow) -> Result<DateRange> {
    Ok(DateRange::new(column(row, "first_day")?, column(row, "last_day")?))
}
