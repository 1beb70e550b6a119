//! A lease: the time-limited permission to write a day, and what this process knows about its time.
//!
//! A [`Lease`] comes only from a successful claim, can't be copied, and is an argument of every
//! write. Its fence in the database decides: owner and attempt, not expired by the database's
//! clock. [`Trust`] is the local judgement, and can only stop us sooner. It counts from the moment
//! when a claim or a renewal was *sent*, and ends a tenth of the lease before the lease does. So
//! cancelled work has ended before another holder can begin.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fence::Fence;
use crate::config::Source;
use crate::day::DayKey;

/// The permission to write one day.
#[derive(Debug)]
pub struct Lease {
    pub(super) fence: Fence,
    pub(super) before: DayBefore,
    /// Every name under which the source of the day stores days.
    names: Vec<String>,
    /// Whether Heroku sent an event again that was stored under this lease.
    saw_repeat: AtomicBool,
    trust: Arc<Trust>,
}

/// The permission to renew a lease, and nothing else. The heartbeat holds it.
#[derive(Debug, Clone)]
pub struct Renewal {
    pub(super) fence: Fence,
    pub(super) trust: Arc<Trust>,
}

/// The state of a day when it was claimed.
#[derive(Debug, Clone)]
pub(super) struct DayBefore {
    pub(super) claimed_at: DateTime<Utc>,
    pub(super) was_complete: bool,
    /// Whether it had settled, and all that it had then is still stored.
    pub(super) was_settled: bool,
    /// Its number of events when it was last complete.
    pub(super) events: i32,
    /// The number of its events that are stored, complete or not.
    pub(super) stored: i64,
    /// The scope of its last reading, if its source has another one now.
    pub(super) other_scope: Option<String>,
}

/// How long this process may rely on a lease.
#[derive(Debug)]
pub struct Trust {
    until: Mutex<Instant>,
    lost: CancellationToken,
    /// The holder is giving the day back, so a renewal is expected to fail.
    giving_up: AtomicBool,
    /// The last failure to use or renew the lease.
    trouble: Mutex<Option<String>>,
}

impl Lease {
    pub(super) fn new(fence: Fence, sent: Instant, before: DayBefore) -> Self {
        let trust = Arc::new(Trust::new(trusted_until(sent, fence.ttl)));
        let names = vec![fence.key.source.to_string()];
        Self { fence, before, names, saw_repeat: AtomicBool::new(false), trust }
    }

    /// The same lease, which looks for stored events under all names of the day's source.
    #[must_use]
    pub fn of(self, source: &Source) -> Self {
        Self { names: source.names().map(ToString::to_string).collect(), ..self }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The day that it protects.
    pub fn key(&self) -> &DayKey {
        &self.fence.key
    }

    /// The fencing number of the claim.
    pub fn attempt(&self) -> i32 {
        self.fence.attempt
    }

    /// When the day was claimed, by the database's clock.
    pub fn claimed_at(&self) -> DateTime<Utc> {
        self.before.claimed_at
    }

    /// Whether the day was complete before the claim.
    pub fn was_complete(&self) -> bool {
        self.before.was_complete
    }

    /// Whether the day had settled. Then it stays settled, whatever is added to it.
    pub fn was_settled(&self) -> bool {
        self.before.was_settled
    }

    /// Whether a new event of the day counts as late: the day was complete in the same scope.
    /// Another scope may bring events that no earlier reading requested.
    pub fn counts_late_events(&self) -> bool {
        self.before.was_complete && self.before.other_scope.is_none()
    }

    /// The number of events of the day that were stored when it was claimed.
    pub fn stored_before(&self) -> u64 {
        self.before.stored as u64
    }

    /// Whether an event of the day may be stored already.
    pub(super) fn may_be_stored(&self) -> bool {
        self.before.stored > 0 || self.saw_repeat.load(Ordering::Relaxed)
    }

    /// Notes that an event came again.
    pub(super) fn note_repeat(&self) {
        self.saw_repeat.store(true, Ordering::Relaxed);
    }

    /// The scope of the day's stored events, if its source has another one now.
    pub fn other_scope(&self) -> Option<&str> {
        self.before
            .other_scope
            .as_deref()
            .filter(|_| self.before.was_complete || self.before.stored > 0)
    }

    /// How long this process may rely on the lease.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// The time for which this process may still rely on the lease.
    pub(super) fn time_left(&self) -> Duration {
        self.trust.until().saturating_duration_since(Instant::now())
    }

    /// The permission that a heartbeat needs to renew this lease.
    pub fn renewal(&self) -> Renewal {
        Renewal { fence: self.fence.clone(), trust: Arc::clone(&self.trust) }
    }
}

impl Renewal {
    /// The day that the lease protects.
    pub fn key(&self) -> &DayKey {
        &self.fence.key
    }

    /// How long this process may rely on the lease.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }
}

impl Trust {
    fn new(until: Instant) -> Self {
        let (lost, giving_up) = (CancellationToken::new(), AtomicBool::new(false));
        Self { until: Mutex::new(until), lost, giving_up, trouble: Mutex::default() }
    }

    /// Whether the holder is giving the day back.
    pub fn is_giving_up(&self) -> bool {
        self.giving_up.load(Ordering::Relaxed)
    }

    /// Notes that the holder is giving the day back. The lease stays trusted until then, so
    /// [`Self::ended`] does not resolve.
    pub(super) fn give_up(&self) {
        self.giving_up.store(true, Ordering::Relaxed);
    }

    /// Whether this process may still rely on the lease.
    pub fn holds(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < self.until()
    }

    /// When the trust ends, unless the lease is renewed.
    pub fn until(&self) -> Instant {
        *self.until.lock().expect("no panic while locked")
    }

    /// Resolves when this process may no longer rely on the lease.
    pub async fn ended(&self) {
        loop {
            let until = self.until();
            tokio::select! {
                () = self.lost.cancelled() => return,
                () = tokio::time::sleep_until(until) => if self.until() <= until { return },
            }
        }
    }

    /// Notes a failure to use or renew the lease.
    pub(super) fn note_trouble(&self, trouble: String) {
        *self.trouble.lock().expect("no panic while locked") = Some(trouble);
    }

    /// The failure that made the lease run out, unless another process took the day over.
    pub fn trouble(&self) -> Option<String> {
        if self.lost.is_cancelled() {
            return None;
        }
        self.trouble.lock().expect("no panic while locked").clone()
    }

    /// Ends the trust, because the database says that the lease is lost.
    pub(super) fn lose(&self) {
        self.lost.cancel();
    }

    /// Notes that a statement which was sent at `sent` renewed the lease.
    pub(super) fn renew(&self, sent: Instant, ttl: Duration) {
        let mut until = self.until.lock().expect("no panic while locked");
        *until = (*until).max(trusted_until(sent, ttl));
        *self.trouble.lock().expect("no panic while locked") = None;
    }
}

/// When to stop trusting a lease whose statement was sent at `sent`. A statement that arrives late
/// makes the lease last longer than this, never shorter.
fn trusted_until(sent: Instant, ttl: Duration) -> Instant {
    sent + ttl - ttl / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(100);

    fn trust() -> Trust {
        Trust::new(trusted_until(Instant::now(), TTL))
    }

    #[tokio::test(start_paused = true)]
    async fn trust_ends_a_tenth_before_the_lease() {
        let (trust, begun) = (trust(), Instant::now());
        trust.ended().await;
        assert!(!trust.holds());
        assert_eq!(begun.elapsed().as_secs(), 90);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_counts_from_when_it_was_sent_not_from_its_answer() {
        let (trust, sent) = (trust(), Instant::now());
        tokio::time::advance(Duration::from_secs(80)).await;
        trust.renew(sent + Duration::from_secs(40), TTL);
        trust.ended().await;
        assert_eq!(sent.elapsed().as_secs(), 130);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_while_the_end_is_awaited_moves_the_end() {
        let (trust, begun) = (Arc::new(trust()), Instant::now());
        let renewed = Arc::clone(&trust);
        let renewal = async move {
            tokio::time::sleep(Duration::from_secs(50)).await;
            renewed.renew(Instant::now(), TTL);
        };
        tokio::join!(renewal, trust.ended());
        assert_eq!(begun.elapsed().as_secs(), 140);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_is_not_trusted_any_longer() {
        let (trust, begun) = (trust(), Instant::now());
        trust.lose();
        trust.ended().await;
        assert!(!trust.holds());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
