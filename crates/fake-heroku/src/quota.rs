//! The API's quota: one bucket per user that refills at a steady rate, like Heroku's.

use std::collections::HashMap;
use std::time::Instant;

/// The quota of each user.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Requests that a full bucket holds.
    pub capacity: u32,
    /// Requests that come back per hour, evenly spread.
    pub per_hour: u32,
    /// The `Retry-After` of a 429. Heroku documents none.
    pub retry_after: Option<String>,
}

impl Default for Quota {
    /// Heroku's numbers.
    fn default() -> Self {
        Self { capacity: 4500, per_hour: 4500, retry_after: None }
    }
}

/// The buckets of all users. A new user has a full one.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    pub(crate) quota: Quota,
    levels: HashMap<String, (f64, Instant)>,
}

impl Buckets {
    pub(crate) fn with(quota: Quota) -> Self {
        Self { quota, levels: HashMap::new() }
    }

    /// Take one request out. `false` if the bucket is empty.
    pub(crate) fn take(&mut self, user: &str, now: Instant) -> bool {
        let level = self.level(user, now);
        let taken = level >= 1.0;
        self.levels.insert(user.to_owned(), (if taken { level - 1.0 } else { level }, now));
        taken
    }

    /// The number of requests left, rounded down.
    pub(crate) fn remaining(&self, user: &str, now: Instant) -> u32 {
        self.level(user, now) as u32
    }

    /// Set the rest, as if something else had used the difference.
    pub(crate) fn set_remaining(&mut self, user: &str, remaining: u32, now: Instant) {
        self.levels.insert(user.to_owned(), (f64::from(remaining), now));
    }

    fn level(&self, user: &str, now: Instant) -> f64 {
        let full = f64::from(self.quota.capacity);
        self.levels.get(user).map_or(full, |(level, at)| {
            let back = now.saturating_duration_since(*at).as_secs_f64()
                * f64::from(self.quota.per_hour)
                / 3600.0;
            (level + back).min(full)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_empty_bucket_refills_at_the_rate_and_no_further_than_full() {
        let mut buckets = Buckets::with(Quota { capacity: 2, per_hour: 3600, retry_after: None });
        let start = Instant::now();
        assert!(buckets.take("u", start));
        assert!(buckets.take("u", start));
        assert!(!buckets.take("u", start));
        assert!(buckets.take("v", start));
        assert!(!buckets.take("u", start + Duration::from_millis(999)));
        assert!(buckets.take("u", start + Duration::from_millis(1001)));
        assert_eq!(buckets.remaining("u", start + Duration::from_hours(1)), 2);
    }
}
