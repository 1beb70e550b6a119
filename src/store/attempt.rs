//! An attempt at a claimed day: renew, fail, release. See `publish` for the other end.
//!
//! ```text
//! claim → PROCESSING ─┬─ publish → SUCCESS
//!                     ├─ fail ───→ FAILED if Heroku caused it, else ERROR
//!                     └─ release → PENDING
//! ```
//!
//! `docs/lease.md` has all states and their transitions.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::commit::Prepared;
use super::error::{Error, ErrorContext as _, Result};
use super::fence::Fence;
use super::handle::Store;
use super::history::{EntryCounts, NewEntry};
use super::lease::{Lease, Renewal};
use super::patience::Retrying;
use super::pool::STATEMENT;
use super::statement::statement;
use crate::ledger::{FailureStatus, HistoryAction, HistoryOutcome, Status};
use crate::text::clean;

const RENEW: &str = "renew the lease";
const GIVE_BACK: &str = "give the day back";

/// The figures of an attempt.
#[derive(Debug, Default, Clone, Copy)]
pub struct AttemptStats {
    /// The requests to Heroku.
    pub requests: u32,
    /// The requests that repeated a failed one.
    pub retries: u32,
    /// The events that were not stored before.
    pub new_events: u32,
    /// The conflicts that were not stored before.
    pub conflicts: u32,
    /// The time since the claim.
    pub duration: Duration,
}

impl Store {
    /// Renews a lease for its full duration, counted from now by the database's clock.
    pub async fn renew(&self, renewal: &Renewal) -> Result<()> {
        // A connection that fell silent leaves time to renew on another one.
        let limit = STATEMENT.min(renewal.fence.ttl / 4);
        let renewed = timeout(limit, self.try_renew(renewal)).await;
        let renewed = renewed.unwrap_or(Err(Error::Silent { operation: RENEW, waited: limit }));
        match &renewed {
            Ok(()) | Err(Error::LeaseLost) => {}
            Err(error) => renewal.trust.note_trouble(error.to_string()),
        }
        renewed
    }

    async fn try_renew(&self, renewal: &Renewal) -> Result<()> {
        let Fence { key, attempt, ttl } = &renewal.fence;
        let mut tx = self.begin().await?;
        let sent = Instant::now();
        let renewed = statement(include_str!("sql/renew.sql"))
            .bind(key.source.as_ref())
            .bind(key.date)
            .bind(attempt)
            .bind(&*self.holder)
            .bind(ttl.as_secs_f64())
            .execute(&mut *tx)
            .await
            .context(RENEW)?;
        tx.commit().await?;
        if renewed.rows_affected() == 0 {
            if !renewal.trust.is_giving_up() {
                renewal.trust.lose();
            }
            return Err(Error::LeaseLost);
        }
        renewal.trust.renew(sent, *ttl);
        Ok(())
    }

    /// Gives a day back as FAILED or ERROR with the reason. The day is due again.
    pub async fn fail(
        &self,
        lease: Lease,
        failure: FailureStatus,
        reason: &str,
        stats: AttemptStats,
    ) -> Result<()> {
        let end = Ending {
            status: failure.into(),
            action: HistoryAction::Fail,
            outcome: HistoryOutcome::Failed,
            message: Some(reason),
            stats,
        };
        self.end_attempt(lease, end).await
    }

    /// Gives a day back as PENDING after an interruption. The day is due again.
    pub async fn release(&self, lease: Lease, stats: AttemptStats) -> Result<()> {
        let end = Ending {
            status: Status::Pending,
            action: HistoryAction::Release,
            outcome: HistoryOutcome::Interrupted,
            message: None,
            stats,
        };
        self.end_attempt(lease, end).await
    }

    async fn end_attempt(&self, lease: Lease, end: Ending<'_>) -> Result<()> {
        lease.trust().give_up();
        let mut retrying = Retrying::under(&lease, self.connections(), GIVE_BACK);
        loop {
            let ended = match retrying.attempt(self.prepare_end(&lease, &end)).await {
                Ok(prepared) => self.commit(prepared, lease.time_left()).await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => return Ok(()),
                Err(error) => retrying.after(error).await?,
            }
        }
    }

    async fn prepare_end<'l>(
        &self,
        lease: &'l Lease,
        end: &'l Ending<'_>,
    ) -> Result<Prepared<'l, ()>> {
        let mut tx = self.begin().await?;
        let xact = lease.fence.hold(&mut tx, &self.holder).await?;
        let ended = statement(include_str!("sql/end_attempt.sql"))
            .bind(lease.key().source.as_ref())
            .bind(lease.key().date)
            .bind(lease.attempt())
            .bind(&*self.holder)
            .bind(end.status.as_str())
            .bind(end.message.map(clean))
            .execute(&mut *tx)
            .await
            .context(GIVE_BACK)?;
        // The lease may have run out after the fence was locked. Then the history must not record
        // an end.
        if ended.rows_affected() == 0 {
            return Err(Error::LeaseLost);
        }
        let entry = NewEntry {
            counts: end.stats.counts(None),
            message: end.message,
            ..lease.entry(end.action.clone(), end.outcome.clone())
        };
        let proof = self.write_history(&mut tx, entry).await?;
        Ok(Prepared { tx, xact, proof, value: () })
    }
}

impl Lease {
    /// An entry of the history about this attempt, without figures and message.
    pub(super) fn entry(&self, action: HistoryAction, outcome: HistoryOutcome) -> NewEntry<'_> {
        NewEntry {
            source: self.key().source.as_ref(),
            date: self.key().date,
            attempt: self.attempt(),
            action,
            outcome,
            counts: EntryCounts::default(),
            message: None,
            by: None,
        }
    }
}

impl AttemptStats {
    pub(super) fn counts(self, events: Option<i32>) -> EntryCounts {
        EntryCounts {
            events,
            new_events: Some(self.new_events as i32),
            requests: Some(self.requests as i32),
            retries: Some(self.retries as i32),
            duration_ms: Some(self.duration.as_millis() as i64),
            late_events: None,
        }
    }
}

/// How an attempt ends without publishing.
#[derive(Debug)]
struct Ending<'a> {
    status: Status,
    action: HistoryAction,
    outcome: HistoryOutcome,
    message: Option<&'a str>,
    stats: AttemptStats,
}
