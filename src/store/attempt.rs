//! An attempt at a claimed day: renew, publish, fail, release.
//!
//! ```text
//! claim → PROCESSING ─┬─ publish → SUCCESS
//!                     ├─ fail ───→ FAILED if Heroku caused it, else ERROR
//!                     └─ release → PENDING
//! ```
//!
//! `docs/lease.md` has all states and their transitions.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use tokio::time::{Instant, timeout};

use super::commit::Prepared;
use super::error::{Error, ErrorContext as _, Result};
use super::fence::Fence;
use super::handle::Store;
use super::history::{EntryCounts, NewEntry};
use super::lease::{Lease, Renewal};
use super::patience::Retrying;
use super::pool::STATEMENT;
use super::provenance::{Provenance, day_seal};
use super::seal::SealLimits;
use super::statement::{column, statement};
use crate::config::Scope;
use crate::ledger::{FailureStatus, HistoryAction, HistoryOutcome, Status};
use crate::text::clean;

const RENEW: &str = "renew the lease";
const PUBLISH: &str = "publish the day";
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

/// A day that could not be published.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unpublished {
    /// The cause.
    pub error: Error,
    /// The lease, if the day can still be given back.
    pub lease: Option<Lease>,
}

impl From<Error> for Unpublished {
    fn from(error: Error) -> Self {
        Self { error, lease: None }
    }
}

/// How a complete reading is published.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// Account, team and filter of the requests.
    pub scope: &'a Scope,
    /// The figures of the attempt.
    pub stats: AttemptStats,
    /// Until when the source of the events is known to be complete: the time of the archive. `None`
    /// means the time of the claim.
    pub as_of: Option<DateTime<Utc>>,
    /// The time that decides whether the day has settled: that of the archive. `None` means the
    /// time of the claim.
    pub settles_as_of: Option<DateTime<Utc>>,
    /// The last age at which the day is rechecked. A reading from then on settles the day if it
    /// brings nothing new. With `None`, any reading settles it. A settled day stays settled.
    pub last_recheck: Option<Duration>,
    /// A note for the history.
    pub note: Option<&'a str>,
    /// What the events were read from.
    pub provenance: &'a Provenance,
}

/// A day that became complete.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// The number of its stored events.
    pub events: i32,
    /// The events that were first seen since the day was complete before, in the same scope.
    pub late_events: u32,
    /// Whether the day has settled.
    pub settled: bool,
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

    /// Publishes a day that was read completely: status, count, digest and history in one
    /// transaction. The error returns the lease, if the day can still be given back.
    pub async fn publish(
        &self,
        lease: Lease,
        publication: Publication<'_>,
    ) -> Result<Published, Unpublished> {
        let began = |as_of: Option<DateTime<Utc>>| {
            let claimed_at = lease.claimed_at();
            as_of.map_or(claimed_at, |known| known.min(claimed_at))
        };
        let input = PublishInput {
            scope: Some(publication.scope),
            began: Some(began(publication.as_of)),
            settles_as_of: Some(began(publication.settles_as_of)),
            last_recheck: publication.last_recheck,
            stats: publication.stats,
            note: publication.note,
            provenance: publication.provenance,
        };
        self.publish_input(lease, input).await
    }

    /// Publishes a settled day again without a reading, because an attempt to add to it broke off.
    /// Counts and digests the stored events. Time and scope of the last reading stay.
    pub async fn recount(
        &self,
        lease: Lease,
        stats: AttemptStats,
        note: &str,
    ) -> Result<Published, Unpublished> {
        let input = PublishInput {
            scope: None,
            began: None,
            settles_as_of: None,
            last_recheck: None,
            stats,
            note: Some(note),
            provenance: &Provenance::default(),
        };
        self.publish_input(lease, input).await
    }

    async fn publish_input(
        &self,
        lease: Lease,
        input: PublishInput<'_>,
    ) -> Result<Published, Unpublished> {
        lease.trust().give_up();
        let published = {
            let mut retrying = Retrying::under(&lease, self.connections(), PUBLISH);
            loop {
                let published = match retrying.attempt(self.prepare_publish(&lease, &input)).await {
                    Ok(prepared) => self.commit(prepared, lease.time_left()).await,
                    Err(error) => Err(error),
                };
                match published {
                    Ok(published) => break Ok(published),
                    Err(error) => match retrying.after(error).await {
                        Ok(()) => {}
                        Err(error) => break Err(error),
                    },
                }
            }
        };
        // A day that may be published must not be given back: its missing fence would look like a
        // lost lease.
        published.map_err(|error| match error {
            Error::CommitUnknown => error.into(),
            error => Unpublished { error, lease: Some(lease) },
        })
    }

    async fn prepare_publish<'l>(
        &self,
        lease: &'l Lease,
        input: &'l PublishInput<'_>,
    ) -> Result<Prepared<'l, Published>> {
        let (stats, before) = (input.stats, &lease.before);
        let mut tx = self.begin().await?;
        let xact = lease.fence.hold(&mut tx, &self.holder).await?;
        let row = statement(include_str!("sql/publish.sql"))
            .bind(lease.key().source.as_ref())
            .bind(lease.key().date)
            .bind(lease.attempt())
            .bind(&*self.holder)
            .bind(input.scope.map(Json))
            .bind(input.began)
            .bind(input.last_recheck.map(|age| age.as_secs_f64()))
            .bind(input.settles_as_of)
            .bind(lease.was_settled())
            .fetch_optional(&mut *tx)
            .await
            .context(PUBLISH)?
            .ok_or(Error::LeaseLost)?;
        let events: i32 = column(&row, "events_count")?;
        // Events are never deleted. Confirmed events that are gone were lost with the server that
        // confirmed them.
        let confirmed = before.stored + i64::from(stats.new_events);
        if i64::from(events) < confirmed {
            return Err(Error::EventsVanished { confirmed, stored: events });
        }
        // Events of an earlier attempt may be stored although the list is empty now.
        if let (0, Some(words)) = (events, &input.provenance.confirmed_by) {
            let entry = NewEntry {
                counts: EntryCounts { events: Some(0), ..EntryCounts::default() },
                message: Some(words),
                ..lease.entry(HistoryAction::Confirm, HistoryOutcome::Confirmed)
            };
            self.write_history(&mut tx, entry).await?;
        }
        let more = (events - before.events).max(0);
        let late_events =
            before.was_complete.then_some(if lease.counts_late_events() { more } else { 0 });
        let counts = EntryCounts { late_events, ..stats.counts(Some(events)) };
        let entry = NewEntry {
            counts,
            message: input.note,
            ..lease.entry(HistoryAction::Publish, HistoryOutcome::Synced)
        };
        let settled = column(&row, "settled")?;
        let sealed = day_seal(lease, (input.scope, input.began), input.provenance, &row)?;
        let limits = SealLimits::under(lease.fence.ttl);
        let proof = self.write_history_and_seal(&mut tx, entry, sealed, limits).await?;
        let value = Published { events, late_events: late_events.unwrap_or(0) as u32, settled };
        Ok(Prepared { tx, xact, proof, value })
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
    fn entry(&self, action: HistoryAction, outcome: HistoryOutcome) -> NewEntry<'_> {
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
    fn counts(self, events: Option<i32>) -> EntryCounts {
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

/// The input of `sql/publish.sql`, with a reading or without one.
#[derive(Debug)]
struct PublishInput<'a> {
    /// The scope of the reading; `None` keeps the scope.
    scope: Option<&'a Scope>,
    /// When the reading began; `None` keeps the time.
    began: Option<DateTime<Utc>>,
    /// The time that decides whether the day has settled.
    settles_as_of: Option<DateTime<Utc>>,
    last_recheck: Option<Duration>,
    stats: AttemptStats,
    note: Option<&'a str>,
    provenance: &'a Provenance,
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
