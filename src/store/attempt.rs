//! An attempt at a day once it is claimed: beat, publish, fail, release.
//!
//! ```text
//! claim → PROCESSING ─┬─ publish → SUCCESS
//!                     ├─ fail ───→ FAILED, or ERROR where the fault was not Heroku's
//!                     └─ release → PENDING
//! ```
//!
//! All states, and what leads from one to the other, stand in `docs/lease.md`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use tokio::time::{Instant, timeout};

use super::commit::Prepared;
use super::error::Doing;
use super::history::{Counts, Entry};
use super::lease::Fence;
use super::patience::{STATEMENT, Tries};
use super::{Error, Lease, Renewal, Result, Store, Transaction, column, statement};
use crate::config::Scope;
use crate::day::DayKey;
use crate::text::clean;

const RENEW: &str = "renew the lease";
const PUBLISH: &str = "publish the day";
const GIVE_BACK: &str = "give the day back";

/// What a whole reading cost and brought.
#[derive(Debug, Default, Clone, Copy)]
pub struct Totals {
    /// Requests sent to Heroku.
    pub requests: u32,
    /// How many of them repeated one that failed.
    pub retries: u32,
    /// Events that were not stored before this attempt.
    pub new_events: u32,
    /// Events kept as conflicts that were not kept before this attempt.
    pub conflicts: u32,
    /// The time since the claim.
    pub duration: Duration,
}

/// A day that could not be called whole.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unpublished {
    /// Why.
    pub error: Error,
    /// The lease, where it was not given up.
    pub lease: Option<Lease>,
}

impl From<Error> for Unpublished {
    fn from(error: Error) -> Self {
        Self { error, lease: None }
    }
}

/// Whose fault it was that a day could not be read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Heroku refused or did not answer as it should.
    Heroku,
    /// The database, or something that nobody thought of.
    Unexpected,
}

/// What a day is called whole with.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// Account, team and filter, as asked.
    pub scope: &'a Scope,
    /// What reading it cost and brought.
    pub totals: Totals,
    /// The moment that an archive knows of; without one, that of the claim.
    pub as_of: Option<DateTime<Utc>>,
    /// The moment by which it is judged whether the day has settled: that of the archive; without one, that of the claim.
    pub settles_as_of: Option<DateTime<Utc>>,
    /// The last age at which the day is to be read again, if it is to be at all. A reading from then on settles it, if
    /// it brings nothing more. Without one, any reading does. A day that had settled stays so.
    pub last_recheck: Option<Duration>,
    /// What else is to be remembered in the history.
    pub note: Option<&'a str>,
}

/// A day that was called whole.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// All events that are stored of it.
    pub events: i32,
    /// Those first seen since the day was called whole before, if it was, in the same scope.
    pub late_events: u32,
    /// Whether it need not be read again.
    pub settled: bool,
}

impl Store {
    /// Renews a lease for its whole time, counted from now by the database's clock.
    pub async fn renew(&self, renewal: &Renewal) -> Result<()> {
        // A connection that fell silent must not keep another from renewing in time.
        let limit = STATEMENT.min(renewal.fence.ttl / 4);
        let renewed = timeout(limit, self.try_beat(renewal)).await;
        let renewed = renewed.unwrap_or(Err(Error::Silent { doing: RENEW, waited: limit }));
        match &renewed {
            Ok(()) | Err(Error::LeaseLost) => {}
            Err(error) => renewal.trust.note_trouble(error.to_string()),
        }
        renewed
    }

    async fn try_beat(&self, renewal: &Renewal) -> Result<()> {
        let doing = RENEW;
        let Fence { key, attempt, ttl } = &renewal.fence;
        let mut tx = self.begin().await?;
        let sent = Instant::now();
        let beat = statement(include_str!("sql/renew.sql"))
            .bind(key.source.as_ref())
            .bind(key.date)
            .bind(attempt)
            .bind(&self.holder)
            .bind(ttl.as_secs_f64())
            .execute(&mut *tx)
            .await
            .doing(doing)?;
        tx.commit().await?;
        if beat.rows_affected() == 0 {
            if !renewal.trust.is_giving_up() {
                renewal.trust.lose();
            }
            return Err(Error::LeaseLost);
        }
        renewal.trust.renew(sent, *ttl);
        Ok(())
    }

    /// Calls a day whole that was read whole: status, count, digest and history in one transaction. A lease that the
    /// attempt did not use up comes back with the error, so that the day can be given back.
    pub async fn publish(
        &self,
        lease: Lease,
        day: Publication<'_>,
    ) -> Result<Published, Unpublished> {
        let began = |as_of: Option<DateTime<Utc>>| {
            let claimed_at = lease.claimed_at();
            as_of.map_or(claimed_at, |known| known.min(claimed_at))
        };
        let count = Count {
            scope: Some(day.scope),
            began: Some(began(day.as_of)),
            settles_as_of: Some(began(day.settles_as_of)),
            last_recheck: day.last_recheck,
            totals: day.totals,
            note: day.note,
        };
        self.count(lease, count).await
    }

    /// Calls a settled day whole again that nothing was read of, because an attempt to add to it broke off: count and digest
    /// are of what is stored now. When and with which scope it was read stays as it was.
    pub async fn recount(
        &self,
        lease: Lease,
        totals: Totals,
        note: &str,
    ) -> Result<Published, Unpublished> {
        let note = Some(note);
        let count = Count {
            scope: None,
            began: None,
            settles_as_of: None,
            last_recheck: None,
            totals,
            note,
        };
        self.count(lease, count).await
    }

    async fn count(&self, lease: Lease, count: Count<'_>) -> Result<Published, Unpublished> {
        lease.trust().give_up();
        let published = {
            let mut tries = Tries::under(&lease, &self.connections, PUBLISH);
            loop {
                let published = match tries.attempt(self.prepare_count(&lease, &count)).await {
                    Ok(prepared) => self.commit(prepared, lease.time_left()).await,
                    Err(error) => Err(error),
                };
                match published {
                    Ok(published) => break Ok(published),
                    Err(error) => match tries.again(error).await {
                        Ok(()) => {}
                        Err(error) => break Err(error),
                    },
                }
            }
        };
        // A day that may be published must not be given back, nor its fence's absence pass for a lost lease.
        published.map_err(|error| match error {
            Error::CommitUnknown => error.into(),
            error => Unpublished { error, lease: Some(lease) },
        })
    }

    async fn prepare_count<'l>(
        &self,
        lease: &'l Lease,
        day: &'l Count<'_>,
    ) -> Result<Prepared<'l, Published>> {
        let (totals, before) = (day.totals, &lease.before);
        let doing = PUBLISH;
        let mut tx = self.begin().await?;
        let xact = self.hold_fence(&mut tx, lease).await?;
        let row = statement(include_str!("sql/publish.sql"))
            .bind(lease.key().source.as_ref())
            .bind(lease.key().date)
            .bind(lease.attempt())
            .bind(&self.holder)
            .bind(day.scope.map(Json))
            .bind(day.began)
            .bind(day.last_recheck.map(|age| age.as_secs_f64()))
            .bind(day.settles_as_of)
            .bind(lease.was_settled())
            .fetch_optional(&mut *tx)
            .await
            .doing(doing)?
            .ok_or(Error::LeaseLost)?;
        let events: i32 = column(&row, "events_count")?;
        // Nobody deletes; what was confirmed and is not there was lost with the server that confirmed it.
        let confirmed = before.stored_before + i64::from(totals.new_events);
        if i64::from(events) < confirmed {
            return Err(Error::EventsVanished { confirmed, stored: events });
        }
        let more = (events - before.events_before).max(0);
        let late_events = before.was_whole.then_some(if lease.tells_lateness() { more } else { 0 });
        let counts = Counts { late_events, ..totals.counts(Some(events)) };
        let proof =
            self.write_history(&mut tx, lease.entry("publish", "synced", counts, day.note)).await?;
        let settled = column(&row, "settled")?;
        let value = Published { events, late_events: late_events.unwrap_or(0) as u32, settled };
        Ok(Prepared { tx, xact, proof, value })
    }

    /// Gives a day back as FAILED, or as ERROR where the fault was not Heroku's, with the reason; it is due again.
    pub async fn fail(
        &self,
        lease: Lease,
        whose: Blame,
        reason: &str,
        totals: Totals,
    ) -> Result<()> {
        let status = match whose {
            Blame::Heroku => "FAILED",
            Blame::Unexpected => "ERROR",
        };
        let end = End { status, action: "fail", outcome: "failed", message: Some(reason) };
        self.end_attempt(lease, end, totals).await
    }

    /// Gives a day back as PENDING after an interruption; it is due again.
    pub async fn release(&self, lease: Lease, totals: Totals) -> Result<()> {
        let end =
            End { status: "PENDING", action: "release", outcome: "interrupted", message: None };
        self.end_attempt(lease, end, totals).await
    }

    async fn end_attempt(&self, lease: Lease, end: End<'_>, totals: Totals) -> Result<()> {
        lease.trust().give_up();
        let mut tries = Tries::under(&lease, &self.connections, GIVE_BACK);
        loop {
            let ended = match tries.attempt(self.prepare_end(&lease, &end, totals)).await {
                Ok(prepared) => self.commit(prepared, lease.time_left()).await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => return Ok(()),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    async fn prepare_end<'l>(
        &self,
        lease: &'l Lease,
        end: &'l End<'_>,
        totals: Totals,
    ) -> Result<Prepared<'l, ()>> {
        let mut tx = self.begin().await?;
        let xact = self.hold_fence(&mut tx, lease).await?;
        let ended = statement(include_str!("sql/end_attempt.sql"))
            .bind(lease.key().source.as_ref())
            .bind(lease.key().date)
            .bind(lease.attempt())
            .bind(&self.holder)
            .bind(end.status)
            .bind(end.message.map(clean))
            .execute(&mut *tx)
            .await
            .doing(GIVE_BACK)?;
        // It may have run out since the fence was locked; then the history must not tell otherwise.
        if ended.rows_affected() == 0 {
            return Err(Error::LeaseLost);
        }
        let entry = lease.entry(end.action, end.outcome, totals.counts(None), end.message);
        let proof = self.write_history(&mut tx, entry).await?;
        Ok(Prepared { tx, xact, proof, value: () })
    }

    /// Locks the fence row for the rest of `tx`, and returns the transaction's id.
    pub(super) async fn hold_fence(&self, tx: &mut Transaction, lease: &Lease) -> Result<String> {
        let ttl = lease.fence.ttl;
        let silence = longest_silence(ttl).as_millis();
        let row = statement(include_str!("sql/fence.sql"))
            .bind(lease.key().source.as_ref())
            .bind(lease.key().date)
            .bind(lease.attempt())
            .bind(&self.holder)
            .bind(format!("{silence}ms"))
            .bind(format!("{}ms", longest_wait(ttl).as_millis()))
            .bind(format!("{}ms", (ttl / 3).min(LONGEST_TIMEOUT).as_millis()))
            .fetch_optional(&mut **tx)
            .await
            .doing("hold the lease")?
            .ok_or(Error::LeaseLost)?;
        column(&row, "xact")
    }
}

impl Lease {
    pub(super) fn entry<'a>(
        &'a self,
        action: &'static str,
        outcome: &'static str,
        counts: Counts,
        message: Option<&'a str>,
    ) -> Entry<'a> {
        let DayKey { source, date } = self.key();
        let (source, attempt) = (source.as_ref(), self.attempt());
        Entry { source, date: *date, attempt, action, outcome, counts, message, by: None }
    }
}

impl Totals {
    fn counts(self, events: Option<i32>) -> Counts {
        Counts {
            events,
            new_events: Some(self.new_events as i32),
            requests: Some(self.requests as i32),
            retries: Some(self.retries as i32),
            duration_ms: Some(self.duration.as_millis() as i64),
            late_events: None,
        }
    }
}

/// What a day is counted with, read or not.
#[derive(Debug)]
struct Count<'a> {
    /// As asked; without it, as it was.
    scope: Option<&'a Scope>,
    /// When the reading began, if there was one.
    began: Option<DateTime<Utc>>,
    /// The moment by which it is judged whether the day has settled.
    settles_as_of: Option<DateTime<Utc>>,
    last_recheck: Option<Duration>,
    totals: Totals,
    note: Option<&'a str>,
}

/// How an attempt ends that does not publish.
#[derive(Debug)]
struct End<'a> {
    status: &'static str,
    action: &'static str,
    outcome: &'static str,
    message: Option<&'a str>,
}

/// The longest timeout that PostgreSQL takes is 2,147,483,647 ms.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24 * 24);

/// How long a transaction that holds the fence may wait for another lock: our own renewal waits behind it.
fn longest_wait(ttl: Duration) -> Duration {
    (ttl / 10).min(Duration::from_secs(1)).max(Duration::from_millis(1))
}

/// How long a transaction that holds the fence may be silent: a connection that died unseen must not keep the row from
/// our own next beat until the lease is lost.
fn longest_silence(ttl: Duration) -> Duration {
    (ttl / 10).clamp(Duration::from_secs(1), Duration::from_secs(30)).min(ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_lasts_a_tenth_of_the_lease_within_bounds_and_never_longer_than_the_lease() {
        for (ttl, silence) in [(600_000, 30_000), (120_000, 12_000), (5_000, 1_000), (500, 500)] {
            assert_eq!(longest_silence(Duration::from_millis(ttl)), Duration::from_millis(silence));
        }
    }
}
