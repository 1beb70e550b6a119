//! When something that failed is tried again: a policy, as delays.
//!
//! The delays are computed by the crate `backoff`, which is no longer maintained; it is used here and nowhere else, for
//! arithmetic alone. Waiting is the caller's.

use std::time::Duration;
#[cfg(test)]
use std::time::Instant;

use backoff::backoff::Backoff;
use backoff::exponential::ExponentialBackoff;
use backoff::{Clock, SystemClock};

use crate::config::Retry;

/// The attempts at one thing.
#[derive(Debug)]
pub struct Attempts<C = SystemClock> {
    made: u32,
    most: u32,
    delays: ExponentialBackoff<C>,
}

impl Attempts {
    /// Before the first attempt has ended, under `policy`.
    pub fn new(policy: &Retry) -> Self {
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

    /// Allows no attempt but the first: during an outage.
    pub fn only_one(mut self) -> Self {
        self.most = 1;
        self
    }

    /// How many attempts were made, the present one counted.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// The time since the first attempt began.
    pub fn elapsed(&self) -> Duration {
        self.delays.get_elapsed_time()
    }

    /// After a failed attempt: how long to wait before the next, or `None` when the policy allows no other.
    ///
    /// A server's `asked` wait comes before the policy's own; one that would outlast the policy ends it.
    pub fn next_delay(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.made >= self.most {
            return None;
        }
        let own = self.delays.next_backoff();
        let delay = asked.or(own)?;
        let most = self.delays.max_elapsed_time.unwrap_or(Duration::MAX);
        if self.elapsed().saturating_add(delay) > most {
            return None;
        }
        self.made += 1;
        Some(delay)
    }
}

/// A clock for tests that stands still until it is moved.
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
    fn delays_grow_by_the_multiplier_up_to_the_longest_and_end_with_the_last_attempt() {
        let (mut attempts, _) = attempts(&policy());
        let delays = std::iter::from_fn(|| attempts.next_delay(None)).take(10);
        let delays: Vec<_> = delays.map(|delay| delay.as_millis()).collect();
        assert_eq!(delays, [500, 1000, 2000, 3000, 3000]);
        assert_eq!(attempts.made(), 6);
    }

    #[test]
    fn jitter_spreads_a_delay_to_both_sides_and_no_further() {
        let policy = Retry { jitter: 0.5, ..policy() };
        let delays: Vec<_> =
            (0..200).filter_map(|_| attempts(&policy).0.next_delay(None)).collect();
        assert!(delays.iter().all(|delay| (250..=751).contains(&delay.as_millis())));
        assert!(delays.iter().any(|delay| delay.as_millis() < 450));
        assert!(delays.iter().any(|delay| delay.as_millis() > 550));
    }

    #[test]
    fn no_attempt_begins_after_the_longest_time_for_all() {
        let (mut attempts, clock) = attempts(&policy());
        assert!(attempts.next_delay(None).is_some());
        advance(&clock, Duration::from_millis(59_500));
        assert_eq!(attempts.next_delay(None), None);
    }

    #[test]
    fn the_servers_wait_comes_first_and_an_absurd_one_ends_the_policy() {
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
    fn a_wait_that_is_asked_for_may_end_with_the_longest_time_but_not_behind_it() {
        for (millis, is_waited) in [(10_000, true), (10_001, false)] {
            let (mut attempts, clock) = attempts(&policy());
            advance(&clock, Duration::from_secs(50));
            assert_eq!(attempts.elapsed(), Duration::from_secs(50));
            let asked = Duration::from_millis(millis);
            assert_eq!(attempts.next_delay(Some(asked)), is_waited.then_some(asked));
        }
    }

    #[test]
    fn a_short_wait_that_is_asked_for_is_waited_where_the_policys_own_would_last_too_long() {
        let (mut attempts, clock) = attempts(&policy());
        advance(&clock, Duration::from_millis(59_700));
        let asked = Duration::from_millis(200);
        assert_eq!(attempts.next_delay(Some(asked)), Some(asked));
        assert_eq!(attempts.next_delay(None), None);
    }
}
