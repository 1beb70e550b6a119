//! What people do to the ledger: make days due again, and clear stale leases.

use chrono::NaiveDate;
use serde_json::json;

use super::commit::{Prepared, Proof};
use super::error::{ErrorContext as _, Result};
use super::handle::Store;
use super::history::{EntryCounts, NewEntry};
use super::ledger::lock_day;
use super::outage::PATIENCE;
use super::seal::{self, SealLimits};
use super::statement::{column, statement};
use crate::day::DayKey;
use crate::evidence::{SealKind, Sealed};
use crate::ledger::{HistoryAction, HistoryOutcome, ResetOutcome, Status};
use crate::text::clean;

const RESET: &str = "reset the day";
const CLEAN_UP: &str = "mark stale days";

/// A day whose lease had expired while it was PROCESSING.
#[derive(Debug, Clone)]
pub struct StaleLease {
    /// The source, which may no longer be in the configuration.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// The abandoned attempt.
    pub attempt: i32,
    /// Who lost the lease, and when.
    pub message: String,
}

/// How days are reset.
#[derive(Debug, Clone, Copy)]
pub struct ResetRequest<'a> {
    /// Whether to reset a day that is syncing.
    pub force: bool,
    /// Who resets it.
    pub actor: Actor<'a>,
}

/// The person who changes the ledger, for the history.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The person's name.
    pub by: &'a str,
    /// The reason, if one was given.
    pub reason: Option<&'a str>,
}

impl Actor<'_> {
    /// A message with the reason.
    fn message(&self, what: &str) -> String {
        self.reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"))
    }
}

impl Actor<'_> {
    /// What the seal of a reset says, as JSON.
    pub(super) fn body(&self, was: &Status) -> String {
        let Self { by, reason } = self;
        json!({ "by": clean(by), "reason": reason.map(clean), "was": was.as_str() }).to_string()
    }
}

impl Store {
    /// Makes a day due again, however old, and keeps its events.
    pub async fn reset(&self, key: &DayKey, request: ResetRequest<'_>) -> Result<ResetOutcome> {
        self.connections().persist(RESET, async || self.try_reset(key, request).await).await
    }

    async fn try_reset(&self, key: &DayKey, request: ResetRequest<'_>) -> Result<ResetOutcome> {
        let mut tx = self.begin().await?;
        let Some(before) = lock_day(&mut tx, key).await? else { return Ok(ResetOutcome::NoRow) };
        let reset = statement(include_str!("sql/reset_day.sql"))
            .bind(key.source.as_ref())
            .bind(key.date)
            .bind(request.force)
            .fetch_optional(&mut *tx)
            .await
            .context(RESET)?;
        let Some(row) = reset else {
            if before.status == Status::Pending {
                return Ok(ResetOutcome::AlreadyDue);
            }
            let holder = before.locked_by.unwrap_or_else(|| "another process".to_owned());
            return Ok(ResetOutcome::Refused { holder });
        };
        let held = (before.status == Status::Processing)
            .then(|| format!(", held by {}", before.locked_by.as_deref().unwrap_or("nobody")));
        let was = format!("was {}{}", before.status, held.unwrap_or_default());
        let message = request.actor.message(&was);
        let entry = NewEntry {
            source: key.source.as_ref(),
            date: key.date,
            attempt: before.attempt,
            action: HistoryAction::Reset,
            outcome: HistoryOutcome::Pending,
            counts: EntryCounts::default(),
            message: Some(&message),
            by: Some(request.actor.by),
        };
        let proof = self.write_history(&mut tx, entry).await?;
        if seal::has_seal(&mut tx, key).await? {
            let body = request.actor.body(&before.status);
            let reset =
                Sealed::of_day(SealKind::Reset, key.source.as_ref(), key.date, before.attempt);
            seal::append(&mut tx, &[Sealed { body, ..reset }], SealLimits::ALONE).await?;
        }
        let value = ResetOutcome::Reset { was: before.status };
        self.commit(Prepared { tx, xact: column(&row, "xact")?, proof, value }, PATIENCE).await
    }

    /// Marks every day with a stale lease as ERROR, which makes it due again.
    pub async fn clean_up(&self, actor: Actor<'_>) -> Result<Vec<StaleLease>> {
        self.connections().persist(CLEAN_UP, async || self.try_clean_up(actor).await).await
    }

    async fn try_clean_up(&self, actor: Actor<'_>) -> Result<Vec<StaleLease>> {
        let mut tx = self.begin().await?;
        let marked = statement(include_str!("sql/mark_stale.sql")).fetch_all(&mut *tx).await;
        let rows = marked.context(CLEAN_UP)?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let xact: String = column(row, "xact")?;
        let mut stale = Vec::with_capacity(rows.len());
        for row in &rows {
            let day = StaleLease {
                source: column(row, "source")?,
                date: column(row, "process_date")?,
                attempt: column(row, "attempt")?,
                message: column(row, "error_message")?,
            };
            let message = actor.message(&day.message);
            let entry = NewEntry {
                source: &day.source,
                date: day.date,
                attempt: day.attempt,
                action: HistoryAction::Cleanup,
                outcome: HistoryOutcome::Error,
                counts: EntryCounts::default(),
                message: Some(&message),
                by: Some(actor.by),
            };
            self.write_history(&mut tx, entry).await?;
            stale.push(day);
        }
        let StaleLease { source, date, attempt, .. } = &stale[0];
        let (date, attempt) = (*date, *attempt);
        let proof = Proof::History { source, date, attempt, action: HistoryAction::Cleanup };
        self.commit(Prepared { tx, xact, proof, value: () }, PATIENCE).await?;
        stale.sort_by(|a, b| (a.date, &a.source).cmp(&(b.date, &b.source)));
        Ok(stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_reason_if_one_was_given() {
        assert_eq!(Actor { by: "ada", reason: None }.message("was FAILED"), "was FAILED");
        assert_eq!(
            Actor { by: "ada", reason: Some("drill") }.message("was FAILED"),
            "was FAILED: drill"
        );
    }
}
