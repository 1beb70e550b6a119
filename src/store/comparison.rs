//! Records what a comparison with Heroku's archive found.

use chrono::NaiveDate;

use super::commit::{Prepared, Proof};
use super::error::{ErrorContext as _, Result};
use super::handle::Store;
use super::outage::PATIENCE;
use super::statement::{column, first, statement};
use crate::ledger::{HistoryAction, HistoryOutcome};
use crate::text::clean;

const RECORD: &str = "record the comparison";

/// What a comparison found of a day.
#[derive(Debug, Clone)]
pub struct ComparedDay {
    /// The UTC date.
    pub date: NaiveDate,
    /// [`HistoryOutcome::Agrees`] or [`HistoryOutcome::Differs`].
    pub outcome: HistoryOutcome,
    /// The number of stored events.
    pub stored: u64,
    /// What was compared and found, for people.
    pub message: String,
}

impl Store {
    /// Adds an entry about each of these days of a source to the history.
    pub async fn record_comparison(&self, source: &str, days: &[ComparedDay]) -> Result<()> {
        if days.is_empty() {
            return Ok(());
        }
        self.connections().persist(RECORD, async || self.try_record(source, days).await).await
    }

    async fn try_record(&self, source: &str, days: &[ComparedDay]) -> Result<()> {
        let mut tx = self.begin().await?;
        let rows = statement(include_str!("sql/write_comparison.sql"))
            .bind(self.run_id)
            .bind(source)
            .bind(days.iter().map(|day| day.date).collect::<Vec<_>>())
            .bind(days.iter().map(|day| day.outcome.as_str()).collect::<Vec<_>>())
            .bind(days.iter().map(|day| day.stored as i32).collect::<Vec<_>>())
            .bind(days.iter().map(|day| clean(&day.message)).collect::<Vec<_>>())
            .bind(clean(&self.holder))
            .fetch_all(&mut *tx)
            .await
            .context(RECORD)?;
        let row = first(&rows, RECORD)?;
        let (date, attempt) = (column(row, "process_date")?, column(row, "attempt")?);
        let proof = Proof::History { source, date, attempt, action: HistoryAction::Reconcile };
        self.commit(Prepared { tx, xact: column(row, "xact")?, proof, value: () }, PATIENCE).await
    }
}
