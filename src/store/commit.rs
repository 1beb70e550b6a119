//! Commits, and finds out whether a commit took place when its answer was lost.

use std::time::Duration;

use chrono::NaiveDate;
use tokio::time::timeout;

use super::error::{Error, ErrorContext as _, Result};
use super::handle::Store;
use super::patience::delays;
use super::pool::{Access, STATEMENT, Transaction};
use super::statement::{column, statement};
use crate::config::Retry;
use crate::ledger::HistoryAction;
use crate::retry::Attempts;

/// A row that only this transaction can have written. It exists if and only if the commit took
/// place.
///
/// The transaction's id proves nothing: after a crash, a server gives ids that it had not yet
/// written to disk to other transactions, and then reports them as committed.
#[derive(Debug, Clone)]
pub(super) enum Proof<'a> {
    /// An entry of the history, which names this run.
    History { source: &'a str, date: NaiveDate, attempt: i32, action: HistoryAction },
    /// An event that was not stored before, written under a lease that still holds.
    Event { source: &'a str, date: NaiveDate, id: &'a str },
    /// A conflict that was not stored before, written under a lease that still holds.
    Conflict { source: &'a str, date: NaiveDate, id: String, hash: Vec<u8> },
    /// The transaction wrote nothing that must not be written again.
    Nothing,
}

/// A transaction that only has to commit.
pub(super) struct Prepared<'p, T> {
    pub(super) tx: Transaction,
    /// Its id (`pg_current_xact_id()`).
    pub(super) xact: String,
    pub(super) proof: Proof<'p>,
    /// The result of the operation, once it is committed.
    pub(super) value: T,
}

impl Store {
    /// Commits. If the answer is lost, looks for the proof for `patience`. Do not drop this future:
    /// its commit may have taken place.
    pub(super) async fn commit<T>(
        &self,
        prepared: Prepared<'_, T>,
        patience: Duration,
    ) -> Result<T> {
        let Prepared { tx, xact, proof, value } = prepared;
        match tx.commit().await {
            Ok(()) => Ok(value),
            Err(lost) if lost.is_unanswered() => {
                match self.took_place(&xact, &proof, patience).await {
                    Ok(true) => Ok(value),
                    Ok(false) => Err(lost),
                    Err(_) => Err(Error::CommitUnknown),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn took_place(&self, xact: &str, proof: &Proof<'_>, patience: Duration) -> Result<bool> {
        let mut attempts = Attempts::new(&Retry { max_elapsed: patience, ..delays() });
        loop {
            let look = timeout(STATEMENT.min(patience), self.look_for(xact, proof)).await;
            match look {
                Ok(Ok(Some(answer))) => return Ok(answer),
                Ok(Err(error)) if !error.is_transient() => return Err(error),
                // The transaction is still in progress, or the server is away.
                Ok(Ok(None) | Err(_)) | Err(_) => match attempts.next_delay(None) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(Error::CommitUnknown),
                },
            }
        }
    }

    /// Whether the proof exists; `None` while the transaction is in progress.
    async fn look_for(&self, xact: &str, proof: &Proof<'_>) -> Result<Option<bool>> {
        let operation = "look up a commit";
        let mut tx = self.connections().begin(Access::Read, operation).await?;
        let progress = statement(include_str!("sql/xact_in_progress.sql"))
            .bind(xact)
            .fetch_one(&mut *tx)
            .await
            .context(operation)?;
        if column(&progress, "in_progress")? {
            return Ok(None);
        }
        // A separate statement sees what was committed until now.
        let query = match proof {
            Proof::History { source, date, attempt, action } => {
                statement(include_str!("sql/is_in_history.sql"))
                    .bind(*source)
                    .bind(*date)
                    .bind(*attempt)
                    .bind(action.as_str())
                    .bind(self.run_id)
            }
            Proof::Event { source, date, id } => statement(include_str!("sql/is_stored.sql"))
                .bind(*source)
                .bind(*date)
                .bind(vec![*id]),
            Proof::Conflict { source, date, id, hash } => {
                statement(include_str!("sql/is_kept_as_conflict.sql"))
                    .bind(*source)
                    .bind(*date)
                    .bind(id.as_str())
                    .bind(hash.as_slice())
            }
            Proof::Nothing => return Ok(Some(false)),
        };
        let found = query.fetch_optional(&mut *tx).await.context(operation)?;
        Ok(Some(found.is_some()))
    }
}
