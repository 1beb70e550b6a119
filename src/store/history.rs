//! The append-only history of what happened to each day. Every entry is written in the transaction
//! of the change that it records.

use chrono::NaiveDate;
use sqlx::postgres::PgRow;

use super::commit::Proof;
use super::error::{ErrorContext as _, Result};
use super::handle::{Reader, Store};
use super::pool::Transaction;
use super::seal::{self, SealLimits};
use super::statement::{Statement, column, statement};
use crate::evidence::Sealed;
use crate::ledger::{HistoryAction, HistoryEntry, HistoryOutcome};
use crate::text::clean;

/// An entry to write.
#[derive(Debug)]
pub(super) struct NewEntry<'a> {
    pub(super) source: &'a str,
    pub(super) date: NaiveDate,
    pub(super) attempt: i32,
    pub(super) action: HistoryAction,
    pub(super) outcome: HistoryOutcome,
    pub(super) counts: EntryCounts,
    pub(super) message: Option<&'a str>,
    /// The person who did it; by default this process.
    pub(super) by: Option<&'a str>,
}

/// The figures of an attempt that has ended.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct EntryCounts {
    pub(super) events: Option<i32>,
    pub(super) new_events: Option<i32>,
    pub(super) requests: Option<i32>,
    pub(super) retries: Option<i32>,
    pub(super) duration_ms: Option<i64>,
    /// For a day that was complete before.
    pub(super) late_events: Option<i32>,
}

impl Store {
    /// Writes an entry, which afterwards proves that `tx` was committed.
    pub(super) async fn write_history<'e>(
        &self,
        tx: &mut Transaction,
        entry: NewEntry<'e>,
    ) -> Result<Proof<'e>> {
        self.bind_entry(statement(include_str!("sql/write_history.sql")), &entry)
            .execute(&mut **tx)
            .await
            .context("write the history")?;
        Ok(entry.into_proof())
    }

    /// Writes an entry, and then appends a seal. The transaction must do nothing but commit
    /// afterwards.
    pub(super) async fn write_history_and_seal<'e>(
        &self,
        tx: &mut Transaction,
        entry: NewEntry<'e>,
        sealed: Sealed,
        limits: SealLimits,
    ) -> Result<Proof<'e>> {
        let query = self.bind_entry(statement(include_str!("sql/seal_day.sql")), &entry);
        let query = limits.bind(query.bind(sealed.fields()));
        seal::run(tx, query, &[sealed]).await?;
        Ok(entry.into_proof())
    }

    fn bind_entry(&self, query: Statement, entry: &NewEntry<'_>) -> Statement {
        query
            .bind(self.run_id)
            .bind(entry.source.to_owned())
            .bind(entry.date)
            .bind(entry.attempt)
            .bind(entry.action.as_str().to_owned())
            .bind(entry.outcome.as_str().to_owned())
            .bind(entry.counts.events)
            .bind(entry.counts.new_events)
            .bind(entry.counts.requests)
            .bind(entry.counts.retries)
            .bind(entry.counts.duration_ms)
            // People read the history, and nothing can be removed from it later.
            .bind(entry.message.map(clean))
            .bind(clean(entry.by.unwrap_or(&self.holder)))
            .bind(entry.counts.late_events)
    }
}

impl<'e> NewEntry<'e> {
    fn into_proof(self) -> Proof<'e> {
        let NewEntry { source, date, attempt, action, .. } = self;
        Proof::History { source, date, attempt, action }
    }
}

/// Selects entries of the history.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryFilter<'a> {
    /// The sources; all if `None`.
    pub sources: Option<&'a [&'a str]>,
    /// The date of the days; any if `None`.
    pub date: Option<NaiveDate>,
    /// How many days to look back; without limit if `None`.
    pub days: Option<u32>,
}

impl Reader {
    /// The entries that `filter` selects, in the order in which they were written.
    pub async fn history(&self, filter: &HistoryFilter<'_>) -> Result<Vec<HistoryEntry>> {
        let sources: Option<Vec<&str>> = filter.sources.map(<[&str]>::to_vec);
        let rows = self.rows("read the history", || {
            let query =
                statement(include_str!("sql/history.sql")).bind(sources.clone()).bind(filter.date);
            query.bind(filter.days.map(|days| days as i32))
        });
        rows.await?.iter().map(entry).collect()
    }

    /// The sources in `names` that have an entry.
    pub async fn known_to_history(&self, names: &[&str]) -> Result<Vec<String>> {
        let ask = || statement(include_str!("sql/history_sources.sql")).bind(names.to_vec());
        let rows = self.rows("look for sources in the history", ask).await?;
        rows.iter().map(|row| column(row, "source")).collect()
    }
}

fn entry(row: &PgRow) -> Result<HistoryEntry> {
    Ok(HistoryEntry {
        at: column(row, "at")?,
        run_id: column(row, "run_id")?,
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        attempt: column(row, "attempt")?,
        action: HistoryAction::from(column::<String>(row, "action")?),
        outcome: HistoryOutcome::from(column::<String>(row, "outcome")?),
        events: column(row, "events")?,
        new_events: column(row, "new_events")?,
        late_events: column(row, "late_events")?,
        requests: column(row, "requests")?,
        retries: column(row, "retries")?,
        duration_ms: column(row, "duration_ms")?,
        message: column(row, "message")?,
        by: column(row, "by")?,
    })
}
