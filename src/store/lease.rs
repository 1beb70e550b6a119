//! A lease: the permission to write a day, for a time, and what is known of that time on this side.
//!
//! A [`Lease`] comes only from a successful claim, is not copied, and is what every write asks for. What decides is its
//! fence in the database: owner and attempt, unexpired by the database's clock. [`Trust`] is the local judgement, which
//! can only stop us sooner: it counts from the moment a claim or beat was *sent*, and ends a tenth of the lease before
//! the lease does, so that whatever is cancelled then has ended before another holder can begin.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::day::DayKey;

/// The permission to write one day. See the module.
#[derive(Debug)]
pub struct Lease {
    pub(super) fence: Fence,
    pub(super) before: Standing,
    /// Whether an event came that was stored under this lease already.
    met_again: AtomicBool,
    trust: Arc<Trust>,
}

/// The permission to prolong a lease, and nothing else: what the heartbeat holds.
#[derive(Debug, Clone)]
pub struct Renewal {
    pub(super) fence: Fence,
    pub(super) trust: Arc<Trust>,
}

/// How a day stood when it was claimed.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) claimed_at: DateTime<Utc>,
    pub(super) was_whole: bool,
    /// Whether it had settled, and all that it had then is stored.
    pub(super) was_settled: bool,
    /// The events it had when it was last called whole.
    pub(super) events_before: i32,
    /// The events that are stored of it, called whole or not.
    pub(super) stored_before: i64,
    /// What it was last asked with, if that was something else.
    pub(super) other_scope: Option<String>,
}

/// What every fenced statement names: whose attempt at which day. The holder is the store's own.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    pub(super) key: DayKey,
    pub(super) attempt: i32,
    pub(super) ttl: Duration,
}

/// How long a lease may be relied on, on this side. See the module.
#[derive(Debug)]
pub struct Trust {
    until: Mutex<Instant>,
    lost: CancellationToken,
    /// The holder is giving the day up by itself, so that a beat that finds it gone tells nothing new.
    giving_up: AtomicBool,
    /// What kept the lease from being used or renewed the last time.
    trouble: Mutex<Option<String>>,
}

impl Lease {
    pub(super) fn new(fence: Fence, sent: Instant, before: Standing) -> Self {
        let trust = Arc::new(Trust::new(trusted_until(sent, fence.ttl)));
        Self { fence, before, met_again: AtomicBool::new(false), trust }
    }

    /// The day.
    pub fn key(&self) -> &DayKey {
        &self.fence.key
    }

    /// The fencing number of this claim.
    pub fn attempt(&self) -> i32 {
        self.fence.attempt
    }

    /// When it was claimed, by the database's clock.
    pub fn claimed_at(&self) -> DateTime<Utc> {
        self.before.claimed_at
    }

    /// Whether the day had been whole before.
    pub fn was_whole(&self) -> bool {
        self.before.was_whole
    }

    /// Whether the day had settled, so that it need not be read again, whatever is added to it.
    pub fn was_settled(&self) -> bool {
        self.before.was_settled
    }

    /// Whether an event that is new to the day came late: after the day had been whole in the same scope. What another
    /// scope brings was never looked for.
    pub fn tells_lateness(&self) -> bool {
        self.before.was_whole && self.before.other_scope.is_none()
    }

    /// How many events of the day were stored when it was claimed.
    pub fn stored_before(&self) -> u64 {
        self.before.stored_before as u64
    }

    /// Whether an event that comes may be stored already.
    pub(super) fn may_meet_again(&self) -> bool {
        self.before.stored_before > 0 || self.met_again.load(Ordering::Relaxed)
    }

    /// An event came that is stored already.
    pub(super) fn meet_again(&self) {
        self.met_again.store(true, Ordering::Relaxed);
    }

    /// The scope that what is stored of the day was asked with, if it is another than the source has now.
    pub fn other_scope(&self) -> Option<&str> {
        self.before
            .other_scope
            .as_deref()
            .filter(|_| self.before.was_whole || self.before.stored_before > 0)
    }

    /// How long the lease may be relied on.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// How much longer the lease may be relied on.
    pub(super) fn time_left(&self) -> Duration {
        self.trust.until().saturating_duration_since(Instant::now())
    }

    /// What a heartbeat needs to keep this lease alive.
    pub fn renewal(&self) -> Renewal {
        Renewal { fence: self.fence.clone(), trust: Arc::clone(&self.trust) }
    }
}

impl Renewal {
    /// The day.
    pub fn key(&self) -> &DayKey {
        &self.fence.key
    }

    /// How long the lease may be relied on.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }
}

impl Trust {
    fn new(until: Instant) -> Self {
        let (lost, giving_up) = (CancellationToken::new(), AtomicBool::new(false));
        Self { until: Mutex::new(until), lost, giving_up, trouble: Mutex::default() }
    }

    /// Whether the holder is giving the day up by itself.
    pub fn is_giving_up(&self) -> bool {
        self.giving_up.load(Ordering::Relaxed)
    }

    /// The holder is about to give the day up by itself. Until then the lease may be relied on: [`Self::ended`] does not
    /// resolve for this.
    pub(super) fn give_up(&self) {
        self.giving_up.store(true, Ordering::Relaxed);
    }

    /// Whether the lease may still be relied on.
    pub fn holds(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < self.until()
    }

    /// The moment at which it ends, unless the lease is prolonged.
    pub fn until(&self) -> Instant {
        *self.until.lock().expect("no panic while locked")
    }

    /// Resolves when the lease may no longer be relied on.
    pub async fn ended(&self) {
        loop {
            let until = self.until();
            tokio::select! {
                () = self.lost.cancelled() => return,
                () = tokio::time::sleep_until(until) => if self.until() <= until { return },
            }
        }
    }

    /// Notes what keeps the lease from being used or renewed.
    pub(super) fn note_trouble(&self, trouble: String) {
        *self.trouble.lock().expect("no panic while locked") = Some(trouble);
    }

    /// What kept the lease from being used or renewed, if it ran out for that and was not taken by another process.
    pub fn trouble(&self) -> Option<String> {
        if self.lost.is_cancelled() {
            return None;
        }
        self.trouble.lock().expect("no panic while locked").clone()
    }

    /// Ends it: the database said that the lease is another's.
    pub(super) fn lose(&self) {
        self.lost.cancel();
    }

    /// The lease was prolonged by a statement that was sent at `sent`.
    pub(super) fn renew(&self, sent: Instant, ttl: Duration) {
        let mut until = self.until.lock().expect("no panic while locked");
        *until = (*until).max(trusted_until(sent, ttl));
        *self.trouble.lock().expect("no panic while locked") = None;
    }
}

/// A statement that arrives late makes the lease last longer than this, never shorter.
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
    async fn a_beat_counts_from_when_it_was_sent_not_from_when_it_was_answered() {
        let (trust, sent) = (trust(), Instant::now());
        tokio::time::advance(Duration::from_secs(80)).await;
        trust.renew(sent + Duration::from_secs(40), TTL);
        trust.ended().await;
        assert_eq!(sent.elapsed().as_secs(), 130);
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_while_the_end_is_awaited_moves_it() {
        let (trust, begun) = (Arc::new(trust()), Instant::now());
        let beating = Arc::clone(&trust);
        let beat = async move {
            tokio::time::sleep(Duration::from_secs(50)).await;
            beating.renew(Instant::now(), TTL);
        };
        tokio::join!(beat, trust.ended());
        assert_eq!(begun.elapsed().as_secs(), 140);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_anothers_is_not_relied_on_a_moment_longer() {
        let (trust, begun) = (trust(), Instant::now());
        trust.lose();
        trust.ended().await;
        assert!(!trust.holds());
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
