//! `[rate_limit]` and `[source.rate_limit]`: how fast requests follow each other.

use std::fmt;
use std::num::NonZeroU32;

use toml::Spanned;

use super::document::{Table, bare};
use super::number::Whole;

/// The budget of requests of one token. Sources that share a token have the same budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per hour in the long run.
    pub requests_per_hour: NonZeroU32,
    /// Requests that may go out at once after a pause.
    pub burst: NonZeroU32,
    /// The last requests of the account's quota, which are left to others.
    pub reserve: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            requests_per_hour: const { NonZeroU32::new(4500).expect("above zero") },
            burst: const { NonZeroU32::new(30).expect("above zero") },
            reserve: 450,
        }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests_per_hour, burst, reserve } = self;
        write!(
            f,
            "{requests_per_hour} requests an hour, a burst of {burst}, a reserve of {reserve}"
        )
    }
}

/// The keys that one section sets.
pub(super) struct RateLimitKeys {
    sound: bool,
    requests_per_hour: Option<NonZeroU32>,
    burst: Option<NonZeroU32>,
    reserve: Option<u32>,
}

impl RateLimitKeys {
    /// Reads one section.
    pub(super) fn read(section: &mut Table<'_, '_>) -> Self {
        let requests_per_hour = bare(section.take("requests_per_hour"));
        let burst = bare(section.take("burst"));
        // A reserve of the entire quota of 4,500 requests would leave none.
        let reserve = bare(section.take::<Whole<0, 4499>>("reserve")).map(|Whole(count)| count);
        Self { sound: section.is_sound(), requests_per_hour, burst, reserve }
    }

    /// Reads `[source.rate_limit]`, whose absent keys come from `common`, and the section's place.
    /// The result is `None` where a key of either section is wrong.
    pub(super) fn of_source(
        section: &mut Table<'_, '_>,
        common: &Self,
    ) -> Option<Spanned<RateLimit>> {
        let own = Self::read(section);
        let default = RateLimit::default();
        let limit = RateLimit {
            requests_per_hour: own
                .requests_per_hour
                .or(common.requests_per_hour)
                .unwrap_or(default.requests_per_hour),
            burst: own.burst.or(common.burst).unwrap_or(default.burst),
            reserve: own.reserve.or(common.reserve).unwrap_or(default.reserve),
        };
        (own.sound && common.sound).then(|| Spanned::new(section.span(), limit))
    }
}
