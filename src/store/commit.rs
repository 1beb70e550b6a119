//! Commits, and what becomes of them when their answer is lost.

use chrono::NaiveDate;
use sqlx::postgres::PgTransaction;

use super::error::Doing;
use super::{Error, Result, Store, Tries, column, patience, statement};
use crate::retry::Attempts;

/// What a transaction wrote that nobody else can have written: it is there if and only if the commit took place.
///
/// The transaction's number proves nothing. A server that crashes gives the numbers that it had not written down yet to
/// others, and then calls them committed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof<'a> {
    /// A row of the history, which names this run.
    History { source: &'a str, date: NaiveDate, attempt: i32, action: &'static str },
    /// An event that was not there before, written under a lease that still holds.
    Event { source: &'a str, date: NaiveDate, id: &'a str },
    /// Bytes that were not kept as a conflict before, under a lease that still holds.
    Conflict { source: &'a str, date: NaiveDate, id: &'a str, hash: &'a [u8] },
    /// Nothing that it would hurt to write again.
    Nothing,
}

impl Store {
    /// Commits `tx`, and when the answer is lost looks whether it took place.
    ///
    /// `xact` is the transaction's own number (`pg_current_xact_id()`).
    pub(super) async fn commit(&self, tx: PgTransaction<'static>, xact: &str, proof: Proof<'_>) -> Result<()> {
        match tx.commit().await.doing("commit") {
            Err(lost) if lost.is_unanswered() => match self.took_place(xact, proof).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(lost),
                Err(_) => Err(Error::CommitUnknown),
            },
            answered => answered,
        }
    }

    async fn took_place(&self, xact: &str, proof: Proof<'_>) -> Result<bool> {
        let mut attempts = Attempts::new(&patience());
        loop {
            match self.look(xact, proof).await {
                Ok(None) => match attempts.next_delay(None) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(Error::CommitUnknown),
                },
                Ok(Some(answer)) => return Ok(answer),
                Err(error) => Tries::wait(&mut attempts, error).await?,
            }
        }
    }

    /// Whether the proof is there; `None` while the server is still at it.
    async fn look(&self, xact: &str, proof: Proof<'_>) -> Result<Option<bool>> {
        let doing = "say whether a commit took place";
        let mut tx = self.begin().await?;
        let going_on =
            statement(include_str!("sql/xact_goes_on.sql")).bind(xact).fetch_one(&mut *tx).await.doing(doing)?;
        if column(&going_on, "goes_on")? {
            return Ok(None);
        }
        // A statement of its own, so that it sees what was committed until now.
        let look = match proof {
            Proof::History { source, date, attempt, action } => statement(include_str!("sql/is_in_history.sql"))
                .bind(source)
                .bind(date)
                .bind(attempt)
                .bind(action)
                .bind(self.run_id),
            Proof::Event { source, date, id } => {
                statement(include_str!("sql/known_events.sql")).bind(source).bind(date).bind(vec![id])
            }
            Proof::Conflict { source, date, id, hash } => {
                statement(include_str!("sql/is_kept_as_conflict.sql")).bind(source).bind(date).bind(id).bind(hash)
            }
            Proof::Nothing => return Ok(Some(false)),
        };
        let found = look.fetch_optional(&mut *tx).await.doing(doing)?;
        Ok(Some(found.is_some()))
    }
}
