//! Commits, and what becomes of them when their answer is lost.

use std::time::Duration;

use chrono::NaiveDate;
use tokio::time::timeout;

use super::error::Doing;
use super::patience::{STATEMENT, delays};
use super::pool::Access;
use super::{Error, Result, Store, Transaction, column, statement};
use crate::config::Retry;
use crate::retry::Attempts;

/// What a transaction wrote that nobody else can have written: it is there if and only if the commit took place.
///
/// The transaction's number proves nothing. A server that crashes gives the numbers that it had not written down yet to
/// others, and then calls them committed.
#[derive(Debug, Clone)]
pub(super) enum Proof<'a> {
    /// A row of the history, which names this run.
    History { source: &'a str, date: NaiveDate, attempt: i32, action: &'static str },
    /// An event that was not there before, written under a lease that still holds.
    Event { source: &'a str, date: NaiveDate, id: &'a str },
    /// Bytes that were not kept as a conflict before, under a lease that still holds.
    Conflict { source: &'a str, date: NaiveDate, id: String, hash: Vec<u8> },
    /// Nothing that it would hurt to write again.
    Nothing,
}

/// A transaction that has done all but commit.
pub(super) struct Prepared<'p, T> {
    pub(super) tx: Transaction,
    /// Its own number (`pg_current_xact_id()`).
    pub(super) xact: String,
    pub(super) proof: Proof<'p>,
    /// What it comes to once it is committed.
    pub(super) value: T,
}

impl Store {
    /// Commits, and when the answer is lost looks for so long whether it took place. Not to be cut short: what is dropped
    /// in here may have taken place.
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
            let look = timeout(STATEMENT.min(patience), self.look(xact, proof)).await;
            match look {
                Ok(Ok(Some(answer))) => return Ok(answer),
                Ok(Err(error)) if !error.is_passing() => return Err(error),
                // The server is still at it, or away.
                Ok(Ok(None) | Err(_)) | Err(_) => match attempts.next_delay(None) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(Error::CommitUnknown),
                },
            }
        }
    }

    /// Whether the proof is there; `None` while the server is still at it.
    async fn look(&self, xact: &str, proof: &Proof<'_>) -> Result<Option<bool>> {
        let doing = "say whether a commit took place";
        let mut tx = self.connections.begin(Access::Read, doing).await?;
        let going_on = statement(include_str!("sql/xact_goes_on.sql"))
            .bind(xact)
            .fetch_one(&mut *tx)
            .await
            .doing(doing)?;
        if column(&going_on, "goes_on")? {
            return Ok(None);
        }
        // A statement of its own, so that it sees what was committed until now.
        let look = match proof {
            Proof::History { source, date, attempt, action } => {
                statement(include_str!("sql/is_in_history.sql"))
                    .bind(*source)
                    .bind(*date)
                    .bind(*attempt)
                    .bind(*action)
                    .bind(self.run_id)
            }
            Proof::Event { source, date, id } => statement(include_str!("sql/known_events.sql"))
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
        let found = look.fetch_optional(&mut *tx).await.doing(doing)?;
        Ok(Some(found.is_some()))
    }
}
