//! A retry policy, as the delays between attempts. The caller waits.
//!
//! The crate `backoff` computes the delays. It is no longer maintained, so it is used only here,
//! and only for this arithmetic.

use std::time::Duration;
#[cfg(test)]
use std::time::Instant;

use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;
use backoff::{Clock, SystemClock};

use crate::config::Retry;

/// The attempts at one operation.
#[derive(Debug)]
pub(crate) struct Attempts<C = SystemClock> {
    made: u32,
    most: u32,
    delays: ExponentialBackoff<C>,
}

impl Attempts {
    /// The first attempt begins now. `policy` allows further ones.
    pub(crate) fn new(policy: &Retry) -> Self {
        Self::with_clock(policy, SystemClock {})
    }
}

impl<C: Clock> Attempts<C> {
    fn with_clock(policy: &Retry, clock: C) -> Self {
        let delays = ExponentialBackoff {
            current_interval: policy.initial_interval,
            initial_interval: policy.initial_interval,
            randomization_factor: policy.jitter,
            multiplier: policy.multiplier,
            max_interval: policy.max_interval,
            max_elapsed_time: Some(policy.max_elapsed),
            start_time: clock.now(),
            clock,
        };
        Self { made: 1, most: policy.max_attempts.get(), delays }
    }

    /// Allows only the first attempt, as in an outage.
    pub(crate) fn only_one(mut self) -> Self {
        self.most = 1;
        self
    }

    /// How many attempts were made, the current one included.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// The time since the first attempt began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.delays.get_elapsed_time()
    }

    /// The delay before the next attempt; `None` when the policy allows no other.
    ///
    /// A wait that the server `requested` replaces the policy's delay. A wait beyond the policy's
    /// longest time ends the policy.
    pub(crate) fn next_delay(&mut self, requested: Option<Duration>) -> Option<Duration> {
        if self.made >= self.most {
            return None;
        }
        let own = self.delays.next_backoff();
        let delay = requested.or(own)?;
        let most = self.delays.max_elapsed_time.unwrap_or(Duration::MAX);
        if self.elapsed().saturating_add(delay) > most {
            return None;
        }
        self.made += 1;
        Some(delay)
    }
}

/// A clock for tests that stops until a test advances it.
#[cfg(test)]
#[derive(Debug, Clone)]
struct Stopped(std::sync::Arc<std::sync::Mutex<Instant>>);

#[cfg(test)]
impl Clock for Stopped {
    fn now(&self) -> Instant {
        *self.0.lock().expect("the clock")
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::{Arc, Mutex};

    use super::*;

    fn policy() -> Retry {
        Retry {
            max_attempts: NonZeroU32::new(6).expect("six"),
            initial_interval: Duration::from_millis(500),
            multiplier: 2.0,
            jitter: 0.0,
            max_interval: Duration::from_secs(3),
            max_elapsed: Duration::from_mins(1),
        }
    }

    fn attempts(policy: &Retry) -> (Attempts<Stopped>, Stopped) {
        let clock = Stopped(Arc::new(Mutex::new(Instant::now())));
        (Attempts::with_clock(policy, clock.clone()), clock)
    }

    fn advance(clock: &Stopped, by: Duration) {
        *clock.0.lock().expect("the clock") += by;
    }

    #[test]
    fn delays_grow_to_the_longest_and_end_with_the_last_attempt() {
        let (mut attempts, _) = attempts(&policy());
        let delays = std::iter::from_fn(|| attempts.next_delay(None)).take(10);
        let delays: Vec<_> = delays.map(|delay| delay.as_millis()).collect();
        assert_eq!(delays, [500, 1000, 2000, 3000, 3000]);
        assert_eq!(attempts.made(), 6);
    }

    #[test]
    fn jitter_spreads_a_delay_to_both_sides_within_its_limit() {
        let policy = Retry { jitter: 0.5, ..policy() };
        let delays: Vec<_> =
            (0..200).filter_map(|_| attempts(&policy).0.next_delay(None)).collect();
        assert!(delays.iter().all(|delay| (250..=751).contains(&delay.as_millis())));
        assert!(delays.iter().any(|delay| delay.as_millis() < 450));
        assert!(delays.iter().any(|delay| delay.as_millis() > 550));
    }

    #[test]
    fn no_attempt_begins_after_the_longest_total_time() {
        let (mut attempts, clock) = attempts(&policy());
        assert!(attempts.next_delay(None).is_some());
        advance(&clock, Duration::from_millis(59_500));
        assert_eq!(attempts.next_delay(None), None);
    }

    #[test]
    fn the_server_s_wait_takes_precedence_and_an_absurd_one_ends_retries() {
        let (mut attempts, _) = attempts(&policy());
        assert_eq!(attempts.next_delay(Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(attempts.next_delay(Some(Duration::from_hours(24))), None);
    }

    #[test]
    fn in_an_outage_there_is_one_attempt() {
        let (attempts, _) = attempts(&policy());
        assert_eq!(attempts.only_one().next_delay(None), None);
    }

    #[test]
    fn a_requested_wait_may_last_until_the_longest_time_and_not_longer() {
        for (millis, is_allowed) in [(10_000, true), (10_001, false)] {
            let (mut attempts, clock) = attempts(&policy());
            advance(&clock, Duration::from_secs(50));
            assert_eq!(attempts.elapsed(), Duration::from_secs(50));
            let requested = Duration::from_millis(millis);
            assert_eq!(attempts.next_delay(Some(requested)), is_allowed.then_some(requested));
        }
    }

    #[test]
    fn a_short_requested_wait_applies_where_the_policys_is_too_long() {
        let (mut attempts, clock) = attempts(&policy());
        advance(&clock, Duration::from_millis(59_700));
        let requested = Duration::from_millis(200);
        assert_eq!(attempts.next_delay(Some(requested)), Some(requested));
        assert_eq!(attempts.next_delay(None), None);
    }
}
