//! What people do to the ledger: make a day due again, and clear leases that went stale.

use chrono::NaiveDate;

use super::claim::lock_day;
use super::commit::{Prepared, Proof};
use super::error::Doing;
use super::history::{Counts, Entry};
use super::outage::PATIENCE;
use super::{Result, Store, column, statement};
use crate::day::DayKey;
use crate::ledger::Status;

/// What a reset of one day came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reset {
    /// It is due again. It was in the status that is named.
    Done {
        /// The status before.
        was: String,
    },
    /// It was due already.
    AlreadyDue,
    /// It has no row: it was never begun, so there is nothing to reset.
    NoRow,
    /// Somebody is working on it.
    Refused {
        /// Who.
        holder: String,
    },
}

/// A day whose lease had gone stale.
#[derive(Debug, Clone)]
pub struct Stale {
    /// The source, which the file may know no longer.
    pub source: String,
    /// The date.
    pub date: NaiveDate,
    /// The attempt that was abandoned.
    pub attempt: i32,
    /// Who lost it, and when.
    pub message: String,
}

/// What a reset may do, and on whose behalf.
#[derive(Debug, Clone)]
pub struct ResetOrder<'a> {
    /// Also a day that is being worked on.
    pub force: bool,
    /// For the history.
    pub behalf: Actor<'a>,
}

/// Who does something to the ledger and why, for the history.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The person.
    pub by: &'a str,
    /// The reason, if one was given.
    pub reason: Option<&'a str>,
}

impl Actor<'_> {
    /// What happened, with the reason.
    fn told(&self, what: &str) -> String {
        self.reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"))
    }
}

impl Store {
    /// Makes a day due again, however old, and keeps its events.
    pub async fn reset(&self, key: &DayKey, order: &ResetOrder<'_>) -> Result<Reset> {
        self.connections.persist("reset the day", async || self.try_reset(key, order).await).await
    }

    async fn try_reset(&self, key: &DayKey, order: &ResetOrder<'_>) -> Result<Reset> {
        let mut tx = self.begin().await?;
        let Some(before) = lock_day(&mut tx, key).await? else { return Ok(Reset::NoRow) };
        let reset = statement(include_str!("sql/reset_day.sql"))
            .bind(key.source.as_ref())
            .bind(key.date)
            .bind(order.force)
            .fetch_optional(&mut *tx)
            .await
            .doing("reset the day")?;
        let Some(row) = reset else {
            if before.status == Status::Pending {
                return Ok(Reset::AlreadyDue);
            }
            let holder = before.locked_by.unwrap_or_else(|| "another process".to_owned());
            return Ok(Reset::Refused { holder });
        };
        let was = before.status.to_string();
        let taken = (before.status == Status::Processing)
            .then(|| format!(", held by {}", before.locked_by.as_deref().unwrap_or("nobody")));
        let message = order.behalf.told(&format!("was {was}{}", taken.unwrap_or_default()));
        let entry = Entry {
            source: key.source.as_ref(),
            date: key.date,
            attempt: before.attempt,
            action: "reset",
            outcome: "pending",
            counts: Counts::default(),
            message: Some(&message),
            by: Some(order.behalf.by),
        };
        let proof = self.write_history(&mut tx, entry).await?;
        let prepared =
            Prepared { tx, xact: column(&row, "xact")?, proof, value: Reset::Done { was } };
        self.commit(prepared, PATIENCE).await
    }

    /// Marks every day whose lease went stale as ERROR, so that it is due again.
    pub async fn clean_up(&self, behalf: Actor<'_>) -> Result<Vec<Stale>> {
        self.connections.persist("mark stale days", async || self.try_clean_up(behalf).await).await
    }

    async fn try_clean_up(&self, behalf: Actor<'_>) -> Result<Vec<Stale>> {
        let mut tx = self.begin().await?;
        let marked = statement(include_str!("sql/mark_stale.sql")).fetch_all(&mut *tx).await;
        let rows = marked.doing("mark stale days")?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let xact: String = column(row, "xact")?;
        let mut stale = Vec::with_capacity(rows.len());
        for row in &rows {
            let day = Stale {
                source: column(row, "source")?,
                date: column(row, "process_date")?,
                attempt: column(row, "attempt")?,
                message: column(row, "error_message")?,
            };
            let message = behalf.told(&day.message);
            let entry = Entry {
                source: &day.source,
                date: day.date,
                attempt: day.attempt,
                action: "cleanup",
                outcome: "error",
                counts: Counts::default(),
                message: Some(&message),
                by: Some(behalf.by),
            };
            self.write_history(&mut tx, entry).await?;
            stale.push(day);
        }
        let Stale { source, date, attempt, .. } = &stale[0];
        let proof = Proof::History { source, date: *date, attempt: *attempt, action: "cleanup" };
        self.commit(Prepared { tx, xact, proof, value: () }, PATIENCE).await?;
        stale.sort_by(|a, b| (a.date, &a.source).cmp(&(b.date, &b.source)));
        Ok(stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told_with_the_reason_if_one_was_given() {
        assert_eq!(Actor { by: "ada", reason: None }.told("was FAILED"), "was FAILED");
        assert_eq!(
            Actor { by: "ada", reason: Some("drill") }.told("was FAILED"),
            "was FAILED: drill"
        );
    }
}
