//! How long to wait for the database, and what to retry.
//!
//! Each attempt has a time limit on this side, because a server that fell silent reports nothing.
//! Outside of a lease, transient failures are retried for [`PATIENCE`]. Under a lease, the lease is
//! the limit: all attempts together end when the lease can't be trusted any more. In both cases a
//! lock of another session is waited for no longer than [`PATIENCE`]; then the error names the
//! session.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::blockers;
use super::diagnosis;
use super::error::{Error, OutageKind, Result};
use super::lease::{Lease, Trust};
use super::outage::PATIENCE;
use super::pool::{Connections, STATEMENT};
use crate::config::Retry;
use crate::retry::Attempts;

/// One operation that is attempted until it succeeds, or fails for good.
#[derive(Debug)]
pub(super) struct Retrying<'t> {
    connections: &'t Connections,
    operation: &'static str,
    limit: Limit<'t>,
    attempts: Attempts,
    /// When the first attempt began.
    began: Instant,
    /// When the present attempt began.
    attempt_began: Instant,
    /// Since when every attempt has met a lock.
    locked_since: Option<Instant>,
}

/// The time limit of the attempts.
#[derive(Debug)]
enum Limit<'t> {
    /// [`PATIENCE`] for all attempts, and this for each.
    Patience(Duration),
    /// A lease, and its duration.
    Lease(&'t Trust, Duration),
}

impl<'t> Retrying<'t> {
    /// Retries outside of a lease. `operation` completes "the database failed to …".
    pub(super) fn new(connections: &'t Connections, operation: &'static str) -> Self {
        Self::within(connections, operation, STATEMENT)
    }

    /// Retries outside of a lease, with a shorter time limit for each attempt.
    pub(super) fn within(
        connections: &'t Connections,
        operation: &'static str,
        limit: Duration,
    ) -> Self {
        Self::limited(connections, operation, Limit::Patience(limit.min(STATEMENT)))
    }

    /// Retries under `lease`.
    pub(super) fn under(
        lease: &'t Lease,
        connections: &'t Connections,
        operation: &'static str,
    ) -> Self {
        Self::limited(connections, operation, Limit::Lease(lease.trust(), lease.fence.ttl))
    }

    fn limited(connections: &'t Connections, operation: &'static str, limit: Limit<'t>) -> Self {
        let now = Instant::now();
        Self {
            connections,
            operation,
            limit,
            attempts: Attempts::new(&delays()),
            began: now,
            attempt_began: now,
            locked_since: None,
        }
    }

    /// Makes one attempt. A time limit drops `work`, and with it the transaction.
    pub(super) async fn attempt<T, E: From<Error>>(
        &mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.attempt_began = Instant::now();
        let operation = self.operation;
        let done =
            match self.limit {
                Limit::Patience(limit) => timeout(limit, work)
                    .await
                    .unwrap_or(Err(Error::Silent { operation, waited: limit }.into())),
                Limit::Lease(trust, ttl) => tokio::select! {
                    done = work => done,
                    () = trust.ended() => {
                        trust.note_trouble(format!(
                            "the database did not answer in time when asked to {operation}"
                        ));
                        Err(Error::LeaseLost.into())
                    }
                    // A connection that died unseen leaves time for another one.
                    () = sleep(ttl / 3) => Err(Error::Silent { operation, waited: ttl / 3 }.into()),
                },
            };
        if done.is_ok() {
            self.connections.outage().note_answer();
            self.connections.outage().note_done(operation);
        }
        done
    }

    /// Waits after a failed attempt, or returns the error to report.
    pub(super) async fn after(&mut self, error: Error) -> Result<()> {
        if let (Error::LeaseLost, Limit::Lease(trust, _)) = (&error, &self.limit)
            && trust.holds()
        {
            trust.lose();
        }
        if error.missing_right().is_some() {
            return Err(diagnosis::explain(self.connections, error).await);
        }
        if !error.is_transient() {
            return Err(error);
        }
        if let Some(kind) = self.kind(&error) {
            self.connections.outage().note(kind, self.attempt_began, &error);
        }
        self.locked_since =
            if error.is_locked() { self.locked_since.or(Some(self.attempt_began)) } else { None };
        let delay = self.attempts.next_delay(None).unwrap_or_default();
        match self.time_left(&error) {
            Some(left) if delay <= left => {}
            _ if error.is_locked() => {
                return Err(blockers::explain(self.connections, self.operation, error).await);
            }
            _ => return Err(error),
        }
        tracing::debug!(wait_ms = delay.as_millis() as u64, "retrying: {error}");
        let Limit::Lease(trust, _) = self.limit else {
            sleep(delay).await;
            return Ok(());
        };
        trust.note_trouble(error.to_string());
        tokio::select! {
            () = sleep(delay) => if trust.holds() { Ok(()) } else { Err(Error::LeaseLost) },
            () = trust.ended() => Err(Error::LeaseLost),
        }
    }

    /// What the failure says about the database. A lock blocks the entire operation, whichever
    /// statement met it.
    fn kind(&self, error: &Error) -> Option<OutageKind> {
        error.outage().map(|kind| match kind {
            OutageKind::Locked(_) => OutageKind::Locked(self.operation),
            kind => kind,
        })
    }

    /// The time that is left to retry after such an error; `None` when it is over.
    fn time_left(&self, error: &Error) -> Option<Duration> {
        let kind = self.kind(error);
        // An outage that began before this operation does not last longer because of it.
        let since = kind
            .and_then(|kind| self.connections.outage().since(kind))
            .map_or(self.began, |at| at.min(self.began));
        match (&self.limit, self.locked_since, kind) {
            (Limit::Patience(_), ..) => PATIENCE.checked_sub(since.elapsed()),
            (Limit::Lease(_, ttl), Some(_), Some(OutageKind::Locked(_))) => {
                PATIENCE.min(*ttl).checked_sub(since.elapsed())
            }
            (Limit::Lease(_, ttl), ..) => ttl.checked_sub(self.began.elapsed()),
        }
    }
}

impl Connections {
    /// Retries `work`, which changes nothing, or looks up its commit when the answer is lost.
    pub(super) async fn persist<T>(
        &self,
        operation: &'static str,
        work: impl AsyncFn() -> Result<T>,
    ) -> Result<T> {
        let mut retrying = Retrying::new(self, operation);
        loop {
            match retrying.attempt(work()).await {
                Err(error) => retrying.after(error).await?,
                done => return done,
            }
        }
    }
}

/// The delays between attempts. Other limits end the attempts.
pub(super) fn delays() -> Retry {
    Retry {
        max_attempts: NonZeroU32::MAX,
        initial_interval: Duration::from_millis(100),
        multiplier: 2.0,
        jitter: 0.5,
        max_interval: Duration::from_secs(2),
        max_elapsed: Duration::from_hours(24 * 365),
    }
}
