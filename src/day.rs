//! A day: one UTC calendar date of one source. It is the unit of work, of locking and of truth.
//!
//! This room does no I/O. It knows how days are named and ordered, and when one is over.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;

use crate::config::SourceName;

/// Names one day: the key of the ledger, of the lease, and of every event.
///
/// Days order by date first, then by source, which is the order in which they are worked on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct DayKey {
    /// The UTC date.
    pub date: NaiveDate,
    /// The source that the date belongs to.
    pub source: SourceName,
}

impl DayKey {
    /// The day `date` of `source`.
    pub fn new(source: &SourceName, date: NaiveDate) -> Self {
        Self { date, source: source.clone() }
    }
}

impl fmt::Display for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.date)
    }
}

/// The newest date that is over in UTC at `now`: yesterday. Heroku still adds events to later ones.
pub fn last_over(now: DateTime<Utc>) -> NaiveDate {
    now.date_naive() - Days::new(1)
}

/// Every date from `from` to `to`, both included, oldest first.
pub fn range(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |date| *date <= to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn a_day_is_over_at_midnight_utc_and_not_a_moment_before() {
        let midnight: DateTime<Utc> = "2024-09-29T00:00:00Z".parse().expect("a time");
        assert_eq!(last_over(midnight), date("2024-09-28"));
        assert_eq!(last_over(midnight - chrono::TimeDelta::nanoseconds(1)), date("2024-09-27"));
    }

    #[test]
    fn a_range_holds_both_ends_and_none_when_they_are_swapped() {
        let (first, last) = (date("2024-02-28"), date("2024-03-01"));
        assert_eq!(range(first, last).count(), 3);
        assert_eq!(range(last, last).count(), 1);
        assert_eq!(range(last, first).count(), 0);
    }
}
