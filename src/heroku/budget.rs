//! The budget of one token: how fast it may be used, and how much of its quota is left to others.
//!
//! Pace and burst are kept by `governor`, which admits never more than the burst and the rate in any window. Above that
//! lies a pause, set when Heroku says that the quota is nearly used up, or is. Sources that share a token's value share
//! its budget.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;
use tracing::info;

use crate::config::RateLimit;

/// Heroku refills a token's whole quota within an hour, so no pause need be longer.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Budget {
    limiter: DefaultDirectRateLimiter,
    refill: Duration,
    reserve: u32,
    paused_until: Mutex<Option<Instant>>,
}

impl Budget {
    /// A budget that is not used yet.
    pub(super) fn new(limit: &RateLimit) -> Self {
        let refill = refill(limit.requests_per_hour);
        let quota = Quota::with_period(refill).expect("a period above zero").allow_burst(limit.burst);
        Self { limiter: RateLimiter::direct(quota), refill, reserve: limit.reserve, paused_until: Mutex::new(None) }
    }

    /// Waits until one more request may be sent, and takes it from the budget.
    pub(super) async fn admit(&self) {
        loop {
            while let Some(until) = self.pause() {
                tokio::time::sleep_until(until).await;
            }
            self.limiter.until_ready().await;
            // Another request's answer may have begun a pause while this one waited for its turn.
            if self.pause().is_none() {
                return;
            }
        }
    }

    /// Notes what Heroku says is left of the quota, and pauses until the reserve will have been refilled.
    pub(super) fn observe_remaining(&self, remaining: u32) {
        if let Some(missing) = self.reserve.checked_sub(remaining).filter(|missing| *missing > 0) {
            let wait = self.refill.saturating_mul(missing);
            info!(remaining, reserve = self.reserve, wait = %humantime::format_duration(whole_seconds(wait)),
                "waiting for the token's quota to refill, so that its reserve is left to others");
            self.pause_for(wait);
        }
    }

    /// Admits nothing for `wait`: Heroku limited this token.
    pub(super) fn pause_for(&self, wait: Duration) {
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
pub(super) fn refill(requests_per_hour: NonZeroU32) -> Duration {
    Duration::from_hours(1) / requests_per_hour.get()
}

fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(reserve: u32) -> Budget {
        let number = |n| NonZeroU32::new(n).expect("above zero");
        Budget::new(&RateLimit { requests_per_hour: number(3600), burst: number(2), reserve })
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_below_the_reserve_waits_for_its_refill_and_one_above_does_not() {
        let budget = budget(10);
        budget.observe_remaining(10);
        assert_eq!(budget.pause(), None);
        let begun = Instant::now();
        budget.observe_remaining(7);
        budget.admit().await;
        assert!(begun.elapsed() >= Duration::from_secs(3), "three requests at one a second");
        assert!(begun.elapsed() < Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_of_two_pauses_counts_and_none_lasts_beyond_the_hour_of_a_refill() {
        let budget = budget(0);
        let begun = Instant::now();
        budget.pause_for(Duration::from_secs(20));
        budget.pause_for(Duration::from_secs(5));
        budget.admit().await;
        assert!(begun.elapsed() >= Duration::from_secs(20));
        budget.pause_for(Duration::from_secs(1_000_000));
        budget.admit().await;
        assert!(begun.elapsed() < Duration::from_secs(3700));
    }
}
