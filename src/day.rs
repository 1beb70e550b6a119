//! A day: one UTC calendar date of one source. It is the unit of work, of locking and of truth.
//!
//! This module does no I/O. It defines how days are named and ordered, and when a day is over.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::Serialize;

use crate::calendar::{self, NotADate};
use crate::config::SourceName;

/// Names one day: the key of the ledger, of the lease, and of every event.
///
/// Days are ordered by date, then by source. Runs read them in this order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct DayKey {
    /// The UTC date.
    pub date: NaiveDate,
    /// The source's name.
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

/// A calendar month in UTC: what one of Heroku's archives holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    first: NaiveDate,
}

impl Month {
    /// The month of `date`.
    pub fn of(date: NaiveDate) -> Self {
        Self { first: date.with_day(1).expect("every month has a first day") }
    }

    /// The first day.
    pub fn first(self) -> NaiveDate {
        self.first
    }

    /// The last day.
    pub fn last(self) -> NaiveDate {
        self.first + Months::new(1) - Days::new(1)
    }

    /// All days.
    pub fn days(self) -> DateRange {
        DateRange { from: self.first(), to: self.last() }
    }

    /// The year, such as 2024.
    pub fn year(self) -> i32 {
        self.first.year()
    }

    /// The number in the year, 1 to 12.
    pub fn number(self) -> u32 {
        self.first.month()
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    /// Reads `YYYY-MM`.
    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        match calendar::first_of_month(text) {
            Ok(first) => Ok(Self { first }),
            Err(NotADate::TooEarly(first)) => Err(NotAMonth::TooEarly(Self { first })),
            Err(error @ NotADate::NoMonth(_)) => Err(NotAMonth::NoMonth(error)),
            Err(_) => Err(NotAMonth::Form),
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

impl Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text names no month of the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMonth {
    /// It does not have the form `YYYY-MM`.
    #[error("write a month as YYYY-MM")]
    Form,
    /// No month has this number.
    #[error(transparent)]
    NoMonth(NotADate),
    /// The audit trail begins later.
    #[error(
        "{0} is before {begin}. Heroku's audit trail begins on {begin}",
        begin = calendar::AUDIT_TRAIL_BEGINS
    )]
    TooEarly(Month),
}

/// A range of dates, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct DateRange {
    /// The oldest date.
    pub from: NaiveDate,
    /// The newest date. The range is empty if this is before `from`.
    pub to: NaiveDate,
}

impl DateRange {
    /// The dates from `from` to `to`.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Self {
        Self { from, to }
    }

    /// The range of one date.
    pub fn of(date: NaiveDate) -> Self {
        Self { from: date, to: date }
    }

    /// The range between two ends, if both are known.
    pub fn between(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Option<Self> {
        Option::zip(from, to).map(|(from, to)| Self { from, to })
    }

    /// The number of dates.
    pub fn len(self) -> u64 {
        ((self.to - self.from).num_days() + 1).max(0) as u64
    }

    /// Whether the range has no date.
    pub fn is_empty(self) -> bool {
        self.to < self.from
    }

    /// Every date, oldest first.
    pub fn dates(self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take_while(move |date| *date <= self.to)
    }

    /// Whether `date` is in the range.
    pub fn contains(self, date: NaiveDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    /// The dates that are in both ranges.
    pub fn overlap(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }
}

impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}..{}", self.from, self.to)
        }
    }
}

/// The moment when `date` ends in UTC. The age of a day counts from it.
pub fn end(date: NaiveDate) -> DateTime<Utc> {
    (date + Days::new(1)).and_time(NaiveTime::MIN).and_utc()
}

/// The newest date that is over in UTC at `now`: yesterday. Later days still get new events.
///
/// ```
/// let now = "2024-09-29T00:30:00+02:00".parse::<chrono::DateTime<chrono::FixedOffset>>()?;
/// assert_eq!(auditsync::day::last_over(now.into()).to_string(), "2024-09-27");
/// # Ok::<(), chrono::ParseError>(())
/// ```
pub fn last_over(now: DateTime<Utc>) -> NaiveDate {
    now.date_naive() - Days::new(1)
}

/// The time from `from` to `to`; zero if `to` is earlier.
pub fn time_between(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

/// Times in JSON documents: RFC 3339, UTC, to the millisecond. Use with `#[serde(serialize_with)]`.
pub mod written {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::Serializer;

    /// Writes a time.
    pub fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// Writes a time, or null.
    pub fn optional_time<S: Serializer>(
        at: &Option<DateTime<Utc>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => time(at, serializer),
            None => serializer.serialize_none(),
        }
    }
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
    fn a_month_has_its_own_length_and_one_spelling() {
        let month = |text: &str| text.parse::<Month>();
        assert_eq!(month("2024-02").map(Month::last), Ok(date("2024-02-29")));
        assert_eq!(month("2023-12").map(Month::last), Ok(date("2023-12-31")));
        assert_eq!(Month::of(date("2024-09-28")).to_string(), "2024-09");
        for odd in ["2024-9", "24-09", "2024-09-01", "+024-09", ""] {
            assert_eq!(month(odd), Err(NotAMonth::Form), "{odd}");
        }
        for number in [0, 13] {
            let none = Err(NotAMonth::NoMonth(NotADate::NoMonth(number)));
            assert_eq!(month(&format!("2024-{number:02}")), none);
        }
        let early = month("2016-12").map_err(|error| error.to_string());
        assert_eq!(
            early,
            Err("2016-12 is before 2017-01-01. Heroku's audit trail begins on 2017-01-01"
                .to_owned())
        );
    }

    #[test]
    fn a_range_has_both_ends_and_is_empty_when_they_are_swapped() {
        let (first, last) = (date("2024-02-28"), date("2024-03-01"));
        for (range, days) in [
            (DateRange::new(first, last), 3),
            (DateRange::of(last), 1),
            (DateRange::new(last, first), 0),
        ] {
            assert_eq!((range.dates().count(), range.len()), (days, days as u64));
            assert_eq!(range.is_empty(), days == 0);
        }
        assert!(!DateRange::new(last, first).contains(last));
    }
}
