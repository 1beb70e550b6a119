//! Which of two clocks counts: this machine's or the database's.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use super::failure::Failure;
use crate::store::Reader;

/// The difference between the clocks above which a run warns.
const LARGEST_SKEW: TimeDelta = TimeDelta::minutes(1);

/// This machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place where this machine's clock is read")]
pub(super) fn here() -> DateTime<Utc> {
    Utc::now()
}

/// The present time: the [`earlier`] of both clocks.
pub(super) async fn now(reader: &Reader) -> Result<DateTime<Utc>, Failure> {
    let here = here();
    Ok(earlier(here, reader.now().await?))
}

/// The earlier of this machine's clock and the database's. A clock that runs ahead then makes no
/// unfinished day due.
pub(super) fn earlier(here: DateTime<Utc>, there: DateTime<Utc>) -> DateTime<Utc> {
    if let Some(skew) = skew(here, there) {
        warn!(
            skew_seconds = skew.num_seconds(),
            "this machine's clock and the database's differ; the earlier counts"
        );
    }
    here.min(there)
}

/// How far the first clock is ahead of the second, if the difference deserves a warning.
pub(super) fn skew(here: DateTime<Utc>, there: DateTime<Utc>) -> Option<TimeDelta> {
    let skew = here - there;
    (skew.abs() > LARGEST_SKEW).then_some(skew)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_by_more_than_a_minute_are_reported() {
        let there: DateTime<Utc> = "2024-09-29T00:30:00Z".parse().expect("a time");
        for (seconds, reported) in
            [(0, false), (60, false), (-60, false), (61, true), (-61, true), (3600, true)]
        {
            let skew = skew(there + TimeDelta::seconds(seconds), there);
            assert_eq!(skew.map(|skew| skew.num_seconds()), reported.then_some(seconds));
        }
    }
}
