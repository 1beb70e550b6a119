//! How long the database is waited for, and what is tried again.
//!
//! Each attempt has a time limit on this side, because a server that fell silent says nothing. Outside of a lease, what
//! fails in passing is tried again for [`PATIENCE`]. Under a lease, the lease itself is the limit: an attempt, and all
//! attempts together, take no longer than the lease lasts, and end when it can't be trusted any more. A lock that
//! somebody holds is waited for no longer than [`PATIENCE`] either way; then the error names who holds it.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::outage::{Kind, PATIENCE};
use super::pool::{Access, Connections};
use super::{Error, Lease, Result, Trust, blockers};
use crate::config::Retry;
use crate::retry::Attempts;

/// How long a transaction outside of a lease may take. The server ends each of its statements a little earlier.
pub(super) const STATEMENT: Duration = Duration::from_secs(30);

/// The attempts at one transaction.
#[derive(Debug)]
pub(super) struct Tries<'t> {
    connections: &'t Connections,
    doing: &'static str,
    limit: Limit<'t>,
    attempts: Attempts,
    /// When the first attempt began, and when the present one did.
    began: Instant,
    attempt_began: Instant,
    /// Since when all attempts have found a lock.
    locked_since: Option<Instant>,
}

/// What bounds the attempts.
#[derive(Debug)]
enum Limit<'t> {
    /// [`PATIENCE`] for all, and this for each.
    Patience(Duration),
    /// A lease of this length.
    Lease(&'t Trust, Duration),
}

impl<'t> Tries<'t> {
    /// Outside of a lease; `doing` completes "the database failed to …".
    pub(super) fn new(connections: &'t Connections, doing: &'static str) -> Self {
        Self::within(connections, doing, STATEMENT)
    }

    /// The same with a time limit for each attempt, if it is shorter than the usual one.
    pub(super) fn within(
        connections: &'t Connections,
        doing: &'static str,
        limit: Duration,
    ) -> Self {
        Self::limited(connections, doing, Limit::Patience(limit.min(STATEMENT)))
    }

    /// Under `lease`.
    pub(super) fn under(
        lease: &'t Lease,
        connections: &'t Connections,
        doing: &'static str,
    ) -> Self {
        Self::limited(connections, doing, Limit::Lease(lease.trust(), lease.fence.ttl))
    }

    fn limited(connections: &'t Connections, doing: &'static str, limit: Limit<'t>) -> Self {
        let now = Instant::now();
        let attempts = Attempts::new(&delays());
        Self {
            connections,
            doing,
            limit,
            attempts,
            began: now,
            attempt_began: now,
            locked_since: None,
        }
    }

    /// Makes one attempt. Where it is cut short, `work` is dropped, and its transaction with it.
    pub(super) async fn attempt<T, E: From<Error>>(
        &mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.attempt_began = Instant::now();
        let doing = self.doing;
        let done = match self.limit {
            Limit::Patience(limit) => {
                timeout(limit, work)
                    .await
                    .unwrap_or(Err(Error::Silent { doing, waited: limit }.into()))
            }
            Limit::Lease(trust, ttl) => tokio::select! {
                done = work => done,
                () = trust.ended() => {
                    trust.note_trouble(format!("the database did not answer in time when it was to {doing}"));
                    Err(Error::LeaseLost.into())
                }
                // A connection that died unseen leaves time for another.
                () = sleep(ttl / 3) => Err(Error::Silent { doing, waited: ttl / 3 }.into()),
            },
        };
        if done.is_ok() {
            self.connections.outage().answered();
            self.connections.outage().did(doing);
        }
        done
    }

    /// After a failed attempt: waits for the next one, or returns the error to report.
    pub(super) async fn again(&mut self, error: Error) -> Result<()> {
        if let (Error::LeaseLost, Limit::Lease(trust, _)) = (&error, &self.limit)
            && trust.holds()
        {
            trust.lose();
        }
        if !error.is_passing() {
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
                return Err(blockers::name(self.connections, self.doing, error).await);
            }
            _ => return Err(error),
        }
        tracing::debug!(wait_ms = delay.as_millis() as u64, "trying again: {error}");
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

    /// What the failure says about the database; a lock is that of what this is about, whichever statement met it.
    fn kind(&self, error: &Error) -> Option<Kind> {
        error
            .outage()
            .map(|kind| if let Kind::Locked(_) = kind { Kind::Locked(self.doing) } else { kind })
    }

    /// How much longer such an error is to be waited out; `None` for no longer.
    fn time_left(&self, error: &Error) -> Option<Duration> {
        let kind = self.kind(error);
        // What began before us is waited for no longer because of us.
        let since = kind
            .and_then(|kind| self.connections.outage().since(kind))
            .map_or(self.began, |at| at.min(self.began));
        match (&self.limit, self.locked_since, kind) {
            (Limit::Patience(_), ..) => PATIENCE.checked_sub(since.elapsed()),
            (Limit::Lease(_, ttl), Some(_), Some(Kind::Locked(_))) => {
                PATIENCE.min(*ttl).checked_sub(since.elapsed())
            }
            (Limit::Lease(_, ttl), ..) => ttl.checked_sub(self.began.elapsed()),
        }
    }
}

impl Connections {
    /// Makes attempts at `work`, which changes nothing, or which is looked up when the answer to its commit is lost.
    pub(super) async fn persist<T>(
        &self,
        doing: &'static str,
        work: impl AsyncFn() -> Result<T>,
    ) -> Result<T> {
        let mut tries = Tries::new(self, doing);
        loop {
            match tries.attempt(work()).await {
                Err(error) => tries.again(error).await?,
                done => return done,
            }
        }
    }

    /// The lock holders' side of an error; see [`blockers`].
    pub(super) async fn look_briefly<T>(
        &self,
        work: impl AsyncFnOnce(&mut super::Transaction) -> Result<T>,
    ) -> Option<T> {
        let look = async {
            let mut tx = self.begin(Access::Read, "look who holds a lock").await?;
            work(&mut tx).await
        };
        timeout(Duration::from_secs(3), look).await.ok()?.ok()
    }
}

/// The delays between attempts. What ends them is another limit.
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
