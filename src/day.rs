//! A day: one UTC calendar date of one source. It is the unit of work, of locking and of truth.
//!
//! This room does no I/O. It knows how days are named and ordered, and when one is over.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::Serialize;

use crate::calendar::{self, NotADate};
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

/// A calendar month in UTC: what one of Heroku's archives holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    first: NaiveDate,
}

impl Month {
    /// The month that `date` lies in.
    pub fn of(date: NaiveDate) -> Self {
        Self { first: date.with_day(1).expect("every month has a first day") }
    }

    /// Its first day.
    pub fn first(self) -> NaiveDate {
        self.first
    }

    /// Its last day.
    pub fn last(self) -> NaiveDate {
        self.first + Months::new(1) - Days::new(1)
    }

    /// Its days.
    pub fn days(self) -> DateRange {
        DateRange { from: self.first(), to: self.last() }
    }

    /// Its year.
    pub fn year(self) -> i32 {
        self.first.year()
    }

    /// Its number, 1 to 12.
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

/// A text names no month of the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMonth {
    /// It is not of the form `YYYY-MM`, or there is no such month.
    #[error("a month is written YYYY-MM")]
    Form,
    /// The audit trail begins later.
    #[error("{0} lies before {begin}. Heroku's audit trail begins on {begin}", begin = calendar::AUDIT_TRAIL_BEGINS)]
    TooEarly(Month),
}

/// A range of dates, both ends included. Commands accept it as `D` or `D..D`.
///
/// ```
/// use auditsync::day::{DateRange, NotADateRange};
///
/// let range: DateRange = "2024-02-28..2024-03-01".parse()?;
/// assert_eq!(range.dates().count(), 3);
/// assert_eq!("28.2.2024".parse::<DateRange>(), Err(NotADateRange::Form));
/// # Ok::<(), NotADateRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateRange {
    /// The oldest date.
    pub from: NaiveDate,
    /// The newest date. Before `from`, the range is empty.
    pub to: NaiveDate,
}

impl DateRange {
    /// The dates from `from` to `to`.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Self {
        Self { from, to }
    }

    /// One date.
    pub fn of(date: NaiveDate) -> Self {
        Self { from: date, to: date }
    }

    /// The dates between two ends that a query may lack.
    pub fn between(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Option<Self> {
        Option::zip(from, to).map(|(from, to)| Self { from, to })
    }

    /// Every date, oldest first.
    pub fn dates(self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take_while(move |date| *date <= self.to)
    }

    /// Whether `date` is one of them.
    pub fn contains(self, date: NaiveDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    /// The dates that both ranges hold; empty if they share none.
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

/// The longest range that can be named: a century.
const LONGEST_RANGE: i64 = 36_600;

impl FromStr for DateRange {
    type Err = NotADateRange;

    /// Reads `YYYY-MM-DD` or `YYYY-MM-DD..YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, NotADateRange> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let (from, to) = (calendar::date(from)?, calendar::date(to)?);
        match (to - from).num_days() {
            days if days < 0 => Err(NotADateRange::Swapped { from, to }),
            days if days >= LONGEST_RANGE => Err(NotADateRange::TooMany),
            _ => Ok(Self { from, to }),
        }
    }
}

/// A text names no days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotADateRange {
    /// It is written otherwise.
    #[error("a day is written YYYY-MM-DD, and a range of days YYYY-MM-DD..YYYY-MM-DD")]
    Form,
    /// An end of it is no day of the audit trail.
    #[error(transparent)]
    Date(NotADate),
    /// The ends are in the wrong order.
    #[error("{from} lies after {to}: a range begins with its older end")]
    Swapped {
        /// The end that comes first.
        from: NaiveDate,
        /// The end that comes last.
        to: NaiveDate,
    },
    /// It is probably a slip.
    #[error("a range holds {LONGEST_RANGE} days at most")]
    TooMany,
}

impl From<NotADate> for NotADateRange {
    fn from(error: NotADate) -> Self {
        if error == NotADate::Form { Self::Form } else { Self::Date(error) }
    }
}

/// The moment at which `date` is over in UTC. Ages of days count from it.
pub fn end(date: NaiveDate) -> DateTime<Utc> {
    (date + Days::new(1)).and_time(NaiveTime::MIN).and_utc()
}

/// The newest date that is over in UTC at `now`: yesterday. Heroku still adds events to later ones.
///
/// ```
/// let now = "2024-09-29T00:30:00+02:00".parse::<chrono::DateTime<chrono::FixedOffset>>()?;
/// assert_eq!(auditsync::day::last_over(now.into()).to_string(), "2024-09-27");
/// # Ok::<(), chrono::ParseError>(())
/// ```
pub fn last_over(now: DateTime<Utc>) -> NaiveDate {
    now.date_naive() - Days::new(1)
}

/// Times as the JSON documents write them: RFC 3339, UTC, to the millisecond. For `#[serde(serialize_with)]`.
pub mod written {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::Serializer;

    /// A time.
    pub fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    /// A time, or null.
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
    fn a_month_has_its_own_length_and_one_form() {
        let month = |text: &str| text.parse::<Month>();
        assert_eq!(month("2024-02").map(Month::last), Ok(date("2024-02-29")));
        assert_eq!(month("2023-12").map(Month::last), Ok(date("2023-12-31")));
        assert_eq!(Month::of(date("2024-09-28")).to_string(), "2024-09");
        for odd in ["2024-9", "2024-13", "24-09", "2024-09-01", "+024-09", "2024-00", ""] {
            assert_eq!(month(odd), Err(NotAMonth::Form), "{odd}");
        }
        let early = month("2016-12").map_err(|error| error.to_string());
        assert_eq!(
            early,
            Err("2016-12 lies before 2017-01-01. Heroku's audit trail begins on 2017-01-01"
                .to_owned())
        );
    }

    #[test]
    fn a_range_holds_both_ends_and_none_when_they_are_swapped() {
        let (first, last) = (date("2024-02-28"), date("2024-03-01"));
        assert_eq!(DateRange::new(first, last).dates().count(), 3);
        assert_eq!(DateRange::of(last).dates().count(), 1);
        assert_eq!(DateRange::new(last, first).dates().count(), 0);
        assert!(!DateRange::new(last, first).contains(last));
    }

    #[test]
    fn days_are_named_one_by_one_or_as_a_range_whose_older_end_comes_first() {
        let dates = |text: &str| text.parse::<DateRange>();
        let (from, to) = (date("2024-09-01"), date("2024-09-05"));
        assert_eq!(dates("2024-09-01"), Ok(DateRange { from, to: from }));
        assert_eq!(dates("2024-09-01..2024-09-05"), Ok(DateRange { from, to }));
        assert_eq!(dates("2024-09-01..2024-09-01"), Ok(DateRange { from, to: from }));
        assert_eq!(
            dates("2024-09-05..2024-09-01"),
            Err(NotADateRange::Swapped { from: to, to: from })
        );
        assert_eq!(dates("2024-09-01..9999-12-31"), Err(NotADateRange::TooMany));
        for odd in
            ["2024-9-1", "2024-09-01..", "..2024-09-01", "2024-09-01-2024-09-05", "yesterday", ""]
        {
            assert_eq!(dates(odd), Err(NotADateRange::Form), "{odd}");
        }
        let none = NotADate::NoDay { year: 2024, month: 9, day: 31, days: 30 };
        assert_eq!(dates("2024-09-01..2024-09-31"), Err(NotADateRange::Date(none)));
        for early in ["0001-01-01..2024-09-01", "2016-12-31", "2016-12-31..2017-01-02"] {
            assert!(
                matches!(dates(early), Err(NotADateRange::Date(NotADate::TooEarly(_)))),
                "{early}"
            );
        }
    }
}
