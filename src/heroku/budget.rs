//! The budget of one token: how fast it may send requests, and which part of its quota it leaves to
//! others.
//!
//! `governor` keeps pace and burst: no window of time exceeds them. In addition, the budget pauses
//! when Heroku says that the quota is nearly or completely used up. Sources with the same token
//! share its budget. Waiting requests are counted, so that fetches with other tokens can run
//! meanwhile.

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

/// The longest pause: Heroku refills a token's entire quota within an hour.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Heroku adds one request to an account's quota in this time: 4,500 per hour.
const HEROKU_REFILL: Duration = Duration::from_millis(800);

/// A wait of at least this length is logged.
const LONG: Duration = Duration::from_secs(2);

/// The budget of one token.
#[derive(Debug)]
pub(super) struct Budget {
    limiter: DefaultDirectRateLimiter,
    reserve: u32,
    paused_until: Mutex<Option<Instant>>,
    limited_until: Mutex<Option<Instant>>,
    /// Heroku limited the token since the last request, so the next one drops the saved burst.
    drops_burst: AtomicBool,
    /// How many requests in a row exhausted their policy on Heroku's limit.
    exhausted: AtomicU32,
    waiting: Waiting,
}

/// The remaining limit, which exceeds the caller's patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StillLimited(pub(super) Duration);

/// How many requests wait for a budget.
#[derive(Debug, Clone)]
pub(super) struct Waiting(Arc<watch::Sender<usize>>);

/// One waiting request. Dropping it ends the wait.
struct WaitGuard<'w>(&'w Waiting);

impl Waiting {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// The current number, and its changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }

    fn begin(&self) -> WaitGuard<'_> {
        self.0.send_modify(|count| *count += 1);
        WaitGuard(self)
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

impl Budget {
    /// An unused budget. `waiting` counts the requests that wait for it.
    pub(super) fn new(limit: &RateLimit, waiting: &Waiting) -> Self {
        let refill = refill(limit.requests_per_hour);
        let quota =
            Quota::with_period(refill).expect("a period above zero").allow_burst(limit.burst);
        Self {
            limiter: RateLimiter::direct(quota),
            reserve: limit.reserve,
            paused_until: Mutex::new(None),
            limited_until: Mutex::new(None),
            drops_burst: AtomicBool::new(false),
            exhausted: AtomicU32::new(0),
            waiting: waiting.clone(),
        }
    }

    /// Waits until one more request may be sent, and takes it from the budget.
    ///
    /// Fails at once where Heroku's limit lasts longer than `patience`.
    pub(super) async fn admit(&self, patience: Duration) -> Result<(), StillLimited> {
        if self.pause().is_none() {
            self.drop_burst();
            match self.limiter.check() {
                Ok(()) => return Ok(()),
                Err(too_early) => {
                    let wait = too_early.wait_time_from(DefaultClock::default().now());
                    if wait >= LONG {
                        info!(wait = %rounded(wait), "waiting for the token's rate limit");
                    }
                }
            }
        }
        let _guard = self.waiting.begin();
        loop {
            while let Some(until) = self.pause() {
                if let Some(wait) = self.remaining_limit().filter(|wait| *wait > patience) {
                    return Err(StillLimited(wait));
                }
                tokio::time::sleep_until(until).await;
            }
            self.drop_burst();
            self.limiter.until_ready().await;
            // Meanwhile, the response to another request may have begun a pause.
            if self.pause().is_none() {
                return Ok(());
            }
        }
    }

    /// Notes the remaining quota. Below the reserve, pauses until Heroku has refilled it.
    pub(super) fn observe_remaining(&self, remaining: u32) {
        if let Some(missing) = self.reserve.checked_sub(remaining).filter(|missing| *missing > 0) {
            let wait = HEROKU_REFILL.saturating_mul(missing);
            info!(remaining, reserve = self.reserve, wait = %rounded(wait),
                "waiting for the token's quota to refill: its reserve is left to others");
            self.pause_for(wait);
        }
    }

    /// Pauses for `wait`, and then drops the saved burst: Heroku limited this token.
    pub(super) fn slow_down(&self, wait: Duration) {
        self.drops_burst.store(true, Ordering::Relaxed);
        self.pause_for(wait);
    }

    /// The same, after a `wait` that exceeded the caller's patience.
    pub(super) fn limit_for(&self, wait: Duration) {
        self.slow_down(wait);
        let until = Instant::now() + wait.min(LONGEST_PAUSE);
        *self.limited_until.lock().expect("no panic while locked") = Some(until);
    }

    /// The rest of such a limit.
    fn remaining_limit(&self) -> Option<Duration> {
        let until = *self.limited_until.lock().expect("no panic while locked");
        until
            .map(|until| until.saturating_duration_since(Instant::now()))
            .filter(|wait| !wait.is_zero())
    }

    /// Notes that a request exhausted its policy on Heroku's limit.
    pub(super) fn note_exhausted(&self) {
        self.exhausted.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that Heroku answered a request.
    pub(super) fn note_answer(&self) {
        self.exhausted.store(0, Ordering::Relaxed);
    }

    /// How many requests in a row exhausted their policy on Heroku's limit.
    pub(super) fn exhausted(&self) -> u32 {
        self.exhausted.load(Ordering::Relaxed)
    }

    fn drop_burst(&self) {
        if self.drops_burst.swap(false, Ordering::Relaxed) {
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

/// The time after which one more request is allowed.
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
    async fn a_quota_below_the_reserve_waits_for_its_refill() {
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
    async fn the_longer_of_two_pauses_counts_and_none_exceeds_an_hour() {
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
    async fn a_limit_beyond_the_patience_fails_at_once_even_while_waiting() {
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
    async fn a_waiting_request_is_counted_until_its_wait_is_dropped() {
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
