//! The budget of one token: how fast it may be used, and how much of its quota is left to others.
//!
//! Pace and burst are kept by `governor`, which admits never more than the burst and the rate in any window. Above that
//! lies a pause, set when Heroku says that the quota is nearly used up, or is. Sources that share a token's value share
//! its budget. Who waits here is counted, so that other tokens' work can go on in the meantime.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::info;

use crate::config::RateLimit;

/// Heroku refills a token's whole quota within an hour, so no pause need be longer.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Heroku gives back one request of an account's quota in this time: 4,500 an hour.
const HEROKU_REFILL: Duration = Duration::from_millis(800);

/// A wait that is worth a line in the log.
const LONG: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Budget {
    limiter: DefaultDirectRateLimiter,
    reserve: u32,
    paused_until: Mutex<Option<Instant>>,
    limited_until: Mutex<Option<Instant>>,
    /// Heroku limited the token since the last request: what had been saved up for a burst is not used.
    spent: AtomicBool,
    /// Requests in a row that the limit kept from being answered, as often as their policy allows.
    exhausted: AtomicU32,
    waiting: Waiting,
}

/// Heroku limits the token for so long, which is longer than is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StillLimited(pub(super) Duration);

/// How many requests wait for some budget.
#[derive(Debug, Clone)]
pub(super) struct Waiting(Arc<watch::Sender<usize>>);

/// One that waits; the count goes down when this is dropped, however the wait ends.
struct Waits<'w>(&'w Waiting);

impl Waiting {
    /// Nobody waits.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// The present number, and its changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }

    fn begin(&self) -> Waits<'_> {
        self.0.send_modify(|count| *count += 1);
        Waits(self)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

impl Budget {
    /// A budget that is not used yet; who waits for it is counted in `waiting`.
    pub(super) fn new(limit: &RateLimit, waiting: &Waiting) -> Self {
        let refill = refill(limit.requests_per_hour);
        let quota =
            Quota::with_period(refill).expect("a period above zero").allow_burst(limit.burst);
        Self {
            limiter: RateLimiter::direct(quota),
            reserve: limit.reserve,
            paused_until: Mutex::new(None),
            limited_until: Mutex::new(None),
            spent: AtomicBool::new(false),
            exhausted: AtomicU32::new(0),
            waiting: waiting.clone(),
        }
    }

    /// Waits until one more request may be sent, and takes it from the budget. Whoever would give up before Heroku's limit
    /// is over need not ask to be told so: that is one of less `patience`.
    pub(super) async fn admit(&self, patience: Duration) -> Result<(), StillLimited> {
        if self.pause().is_none() {
            self.forgo_burst();
            match self.limiter.check() {
                Ok(()) => return Ok(()),
                Err(too_early) => {
                    let wait = too_early.wait_time_from(DefaultClock::default().now());
                    if wait >= LONG {
                        info!(wait = %rounded(wait), "waiting for the token's own pace");
                    }
                }
            }
        }
        let _waits = self.waiting.begin();
        loop {
            while let Some(until) = self.pause() {
                if let Some(wait) = self.limited_for().filter(|wait| *wait > patience) {
                    return Err(StillLimited(wait));
                }
                tokio::time::sleep_until(until).await;
            }
            self.forgo_burst();
            self.limiter.until_ready().await;
            // Another request's answer may have begun a pause while this one waited for its turn.
            if self.pause().is_none() {
                return Ok(());
            }
        }
    }

    /// Notes what Heroku says is left of the quota, and pauses until the reserve will have been refilled.
    pub(super) fn observe_remaining(&self, remaining: u32) {
        if let Some(missing) = self.reserve.checked_sub(remaining).filter(|missing| *missing > 0) {
            let wait = HEROKU_REFILL.saturating_mul(missing);
            info!(remaining, reserve = self.reserve, wait = %rounded(wait),
                "waiting for the token's quota to refill, so that its reserve is left to others");
            self.pause_for(wait);
        }
    }

    /// Admits nothing for `wait`, and then no more than the pace: Heroku limited this token.
    pub(super) fn slow_down(&self, wait: Duration) {
        self.spent.store(true, Ordering::Relaxed);
        self.pause_for(wait);
    }

    /// The same, where Heroku asked for a `wait` that was too long for whoever asked.
    pub(super) fn limit_for(&self, wait: Duration) {
        self.slow_down(wait);
        let until = Instant::now() + wait.min(LONGEST_PAUSE);
        *self.limited_until.lock().expect("no panic while locked") = Some(until);
    }

    /// How long such a wait still goes on.
    fn limited_for(&self) -> Option<Duration> {
        let until = *self.limited_until.lock().expect("no panic while locked");
        until
            .map(|until| until.saturating_duration_since(Instant::now()))
            .filter(|wait| !wait.is_zero())
    }

    /// Notes that the limit kept a request from being answered, as often as its policy allows.
    pub(super) fn note_exhausted(&self) {
        self.exhausted.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a request was answered.
    pub(super) fn note_answer(&self) {
        self.exhausted.store(0, Ordering::Relaxed);
    }

    /// How many requests in a row the limit kept from being answered.
    pub(super) fn exhausted(&self) -> u32 {
        self.exhausted.load(Ordering::Relaxed)
    }

    fn forgo_burst(&self) {
        if self.spent.swap(false, Ordering::Relaxed) {
            while self.limiter.check().is_ok() {}
        }
    }

    fn pause_for(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST_PAUSE);
        let mut paused_until = self.paused_until.lock().expect("no panic while locked");
        *paused_until = (*paused_until).max(Some(until));
    }

    fn pause(&self) -> Option<Instant> {
        let paused_until = *self.paused_until.lock().expect("no panic while locked");
        paused_until.filter(|until| *until > Instant::now())
    }
}

/// The time in which one request comes back.
fn refill(requests_per_hour: NonZeroU32) -> Duration {
    Duration::from_hours(1) / requests_per_hour.get()
}

fn rounded(wait: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(reserve: u32) -> Budget {
        let number = |n| NonZeroU32::new(n).expect("above zero");
        Budget::new(
            &RateLimit { requests_per_hour: number(3600), burst: number(2), reserve },
            &Waiting::new(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_below_the_reserve_waits_for_its_refill_and_one_above_does_not() {
        let budget = budget(10);
        budget.observe_remaining(10);
        assert_eq!(budget.pause(), None);
        let begun = Instant::now();
        budget.observe_remaining(7);
        budget.admit(Duration::MAX).await.expect("no limit");
        assert!(begun.elapsed() >= Duration::from_millis(2400), "three requests at 4,500 an hour");
        assert!(begun.elapsed() < Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_of_two_pauses_counts_and_none_lasts_beyond_the_hour_of_a_refill() {
        let budget = budget(0);
        let begun = Instant::now();
        budget.pause_for(Duration::from_secs(20));
        budget.pause_for(Duration::from_secs(5));
        budget.admit(Duration::MAX).await.expect("no limit");
        assert!(begun.elapsed() >= Duration::from_secs(20));
        budget.pause_for(Duration::from_secs(1_000_000));
        budget.admit(Duration::MAX).await.expect("no limit");
        assert!(begun.elapsed() < Duration::from_secs(3700));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_not_waited_out_by_who_would_give_up_before_not_even_by_who_waits_already() {
        let budget = Arc::new(budget(0));
        budget.pause_for(Duration::from_secs(20));
        let wait = |patience| {
            let budget = Arc::clone(&budget);
            tokio::spawn(async move { budget.admit(patience).await })
        };
        let (impatient, patient) = (wait(Duration::from_mins(5)), wait(Duration::from_hours(2)));
        tokio::task::yield_now().await;
        budget.limit_for(Duration::from_hours(24));
        let begun = Instant::now();
        assert!(matches!(impatient.await, Ok(Err(StillLimited(_)))));
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(patient.await.expect("no panic"), Ok(()));
        assert!(
            begun.elapsed() >= Duration::from_mins(59),
            "the hour in which a quota is refilled"
        );
        assert_eq!(budget.admit(Duration::ZERO).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_counted_and_no_longer_when_the_wait_is_given_up() {
        let budget = Arc::new(budget(0));
        let waiting = budget.waiting.subscribe();
        budget.pause_for(Duration::from_secs(20));
        let wait = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.admit(Duration::MAX).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(*waiting.borrow(), 1);
        wait.abort();
        assert!(wait.await.is_err());
        assert_eq!(*waiting.borrow(), 0);
    }
}
