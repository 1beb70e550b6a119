//! Reads the ledger's rows.

use std::collections::HashMap;

use chrono::NaiveDate;
use sqlx::postgres::PgRow;

use super::error::{ErrorContext as _, Result};
use super::handle::Reader;
use super::names::StoredNames;
use super::pool::Transaction;
use super::statement::{Statement, column, statement};
use crate::day::{DateRange, DayKey};
use crate::ledger::{LedgerRow, Status};

impl Reader {
    /// The rows of the sources in `window` that count, ordered by date and name, and before them
    /// their PENDING rows of any age.
    pub async fn ledger(
        &self,
        names: &StoredNames<'_>,
        window: DateRange,
    ) -> Result<Vec<LedgerRow>> {
        let rows = self.rows("read the ledger", || ledger_query(names, window));
        rows.await?.iter().map(ledger_row).collect()
    }

    /// The first day of each of `sources` that has a row.
    pub async fn first_days(&self, sources: &[&str]) -> Result<HashMap<String, NaiveDate>> {
        let ask = || statement(include_str!("sql/first_days.sql")).bind(sources.to_vec());
        let rows = self.rows("read the first days", ask).await?;
        rows.iter().map(|row| Ok((column(row, "source")?, column(row, "first_day")?))).collect()
    }
}

/// The query for the rows of the sources in `window`, and their older PENDING rows.
pub(super) fn ledger_query(names: &StoredNames<'_>, window: DateRange) -> Statement {
    statement(include_str!("sql/ledger_of_sources.sql"))
        .bind(names.stored())
        .bind(names.scopes())
        .bind(window.from)
        .bind(window.to)
        .bind(names.sources())
        .bind(names.preceding())
}

pub(super) fn ledger_row(row: &PgRow) -> Result<LedgerRow> {
    Ok(LedgerRow {
        source: column(row, "source")?,
        stored_as: column(row, "stored_as")?,
        date: column(row, "process_date")?,
        status: Status::from(column::<String>(row, "status")?),
        attempt: column(row, "attempt")?,
        events: column(row, "events_count")?,
        locked_by: column(row, "locked_by")?,
        live: column(row, "live")?,
        endless: column(row, "endless")?,
        error: column(row, "error_message")?,
        updated_at: column(row, "updated_at")?,
        synced_at: column(row, "synced_at")?,
        settled: column(row, "settled")?,
        adopted: column(row, "adopted")?,
        other_scope: column(row, "other_scope")?,
    })
}

/// The part of a row that a change of the day depends on.
#[derive(Debug)]
pub(super) struct RowState {
    pub(super) status: Status,
    pub(super) attempt: i32,
    pub(super) locked_by: Option<String>,
}

impl RowState {
    pub(super) fn from_row(row: &PgRow) -> Result<Self> {
        Ok(Self {
            status: Status::from(column::<String>(row, "status")?),
            attempt: column(row, "attempt")?,
            locked_by: column(row, "locked_by")?,
        })
    }
}

/// Locks a day's row for the rest of `tx`, if it exists. Waits for the session that has it locked.
pub(super) async fn lock_day(tx: &mut Transaction, key: &DayKey) -> Result<Option<RowState>> {
    let row = statement(include_str!("sql/lock_day.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .fetch_optional(&mut **tx)
        .await
        .context("lock the day's row")?;
    row.map(|row| RowState::from_row(&row)).transpose()
}
