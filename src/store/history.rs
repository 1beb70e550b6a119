//! The append-only record of what happened to each day. Rows are written in the transaction of what they tell.

use chrono::NaiveDate;
use sqlx::postgres::PgRow;

use super::commit::Proof;
use super::error::Doing;
use super::{Reader, Result, Store, Transaction, column, statement};
use crate::ledger::HistoryEntry;
use crate::text::clean;

/// One thing that happened to a day.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) source: &'a str,
    pub(super) date: NaiveDate,
    pub(super) attempt: i32,
    /// `claim`, `takeover`, `publish`, `fail`, `release`, `reset`, `cleanup`.
    pub(super) action: &'static str,
    /// What came of it, in the words of the report where it has one.
    pub(super) outcome: &'static str,
    pub(super) counts: Counts,
    pub(super) message: Option<&'a str>,
    /// Who did it, if not this process on its own account.
    pub(super) by: Option<&'a str>,
}

/// The figures of an attempt that has ended.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) events: Option<i32>,
    pub(super) new_events: Option<i32>,
    pub(super) requests: Option<i32>,
    pub(super) retries: Option<i32>,
    pub(super) duration_ms: Option<i64>,
    /// Of a day that had been whole before.
    pub(super) late_events: Option<i32>,
}

impl Store {
    /// Writes an entry, which proves afterwards that `tx` was committed.
    pub(super) async fn write_history<'e>(
        &self,
        tx: &mut Transaction,
        entry: Entry<'e>,
    ) -> Result<Proof<'e>> {
        statement(include_str!("sql/write_history.sql"))
            .bind(self.run_id)
            .bind(entry.source)
            .bind(entry.date)
            .bind(entry.attempt)
            .bind(entry.action)
            .bind(entry.outcome)
            .bind(entry.counts.events)
            .bind(entry.counts.new_events)
            .bind(entry.counts.requests)
            .bind(entry.counts.retries)
            .bind(entry.counts.duration_ms)
            // What is recorded is read by people later, and nothing of it can be taken out again.
            .bind(entry.message.map(clean))
            .bind(clean(entry.by.unwrap_or(&self.holder)))
            .bind(entry.counts.late_events)
            .execute(&mut **tx)
            .await
            .doing("write the history")?;
        let Entry { source, date, attempt, action, .. } = entry;
        Ok(Proof::History { source, date, attempt, action })
    }
}

/// Which part of the history is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryFilter<'a> {
    /// These sources, or all.
    pub sources: Option<&'a [&'a str]>,
    /// What happened to this date, or to any.
    pub date: Option<NaiveDate>,
    /// What happened in so many days up to now, or ever.
    pub days: Option<u32>,
}

impl Reader {
    /// What happened, in the order in which it was written.
    pub async fn history(&self, past: &HistoryFilter<'_>) -> Result<Vec<HistoryEntry>> {
        let sources: Option<Vec<&str>> = past.sources.map(<[&str]>::to_vec);
        let rows = self.rows("read the history", || {
            let question =
                statement(include_str!("sql/history.sql")).bind(sources.clone()).bind(past.date);
            question.bind(past.days.map(|days| days as i32))
        });
        rows.await?.iter().map(happened).collect()
    }

    /// Those of `names` that the history knows.
    pub async fn known_to_history(&self, names: &[&str]) -> Result<Vec<String>> {
        let ask = || statement(include_str!("sql/history_sources.sql")).bind(names.to_vec());
        let rows = self.rows("look for sources in the history", ask).await?;
        rows.iter().map(|row| column(row, "source")).collect()
    }
}

fn happened(row: &PgRow) -> Result<HistoryEntry> {
    Ok(HistoryEntry {
        at: column(row, "at")?,
        run_id: column(row, "run_id")?,
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        attempt: column(row, "attempt")?,
        action: column(row, "action")?,
        outcome: column(row, "outcome")?,
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
