//! Ranges of days as people name them on the command line, also relative to now.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};

use crate::calendar::NotADate;
use crate::day::DateRange;
use crate::moment::{NamedDay, NotANamedDay};

/// The longest range that commands accept: a century.
const LONGEST_RANGE: i64 = 36_600;

/// A day `D`, or a range of days `D..D` with both ends. Each end is a [`NamedDay`].
///
/// ```
/// use auditsync::named_range::{NamedRange, NotANamedRange};
///
/// let now = "2024-09-29T08:30:00Z".parse().expect("a time");
/// let range = "-7d..yesterday".parse::<NamedRange>()?.at(now)?;
/// assert_eq!(range.to_string(), "2024-09-22..2024-09-28");
/// assert!(matches!("28.2.2024".parse::<NamedRange>(), Err(NotANamedRange::Form)));
/// # Ok::<(), NotANamedRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedRange {
    /// The oldest day.
    pub from: NamedDay,
    /// The newest day.
    pub to: NamedDay,
}

impl NamedRange {
    /// The dates, where it is `now`.
    pub fn at(self, now: DateTime<Utc>) -> Result<DateRange, NotANamedRange> {
        let (from, to) = (self.from.at(now)?, self.to.at(now)?);
        match (to - from).num_days() {
            days if days < 0 => Err(NotANamedRange::Swapped { from, to }),
            days if days >= LONGEST_RANGE => Err(NotANamedRange::TooMany),
            _ => Ok(DateRange { from, to }),
        }
    }
}

impl FromStr for NamedRange {
    type Err = NotANamedRange;

    fn from_str(text: &str) -> Result<Self, NotANamedRange> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let range = Self { from: from.parse()?, to: to.parse()? };
        // Two dates are in order, or not, at any time.
        if let Self { from: NamedDay::On(_), to: NamedDay::On(_) } = range {
            range.at(DateTime::UNIX_EPOCH)?;
        }
        Ok(range)
    }
}

/// Why a text names no range of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotANamedRange {
    /// It has another form.
    #[error(
        "write a day as YYYY-MM-DD, yesterday or -7d (7 days ago), and a range as \
         2024-09-01..2024-09-05 or -7d..yesterday"
    )]
    Form,
    /// One end is no day of the audit trail.
    #[error(transparent)]
    Date(NotADate),
    /// The ends are in the wrong order.
    #[error("{from} is after {to}: begin a range with its older end")]
    Swapped {
        /// The end that comes first.
        from: NaiveDate,
        /// The end that comes last.
        to: NaiveDate,
    },
    /// A range this long is probably a mistake.
    #[error("a range has at most {LONGEST_RANGE} days")]
    TooMany,
}

impl From<NotANamedDay> for NotANamedRange {
    fn from(error: NotANamedDay) -> Self {
        match error {
            NotANamedDay::Form => Self::Form,
            NotANamedDay::Date(error) => Self::Date(error),
        }
    }
}

impl From<NotADate> for NotANamedRange {
    fn from(error: NotADate) -> Self {
        Self::Date(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn dates(text: &str) -> Result<DateRange, NotANamedRange> {
        let now = "2024-09-29T08:30:00Z".parse().expect("a time");
        text.parse::<NamedRange>()?.at(now)
    }

    #[test]
    fn a_range_is_one_day_or_two_days_with_the_older_one_first() {
        let (from, to) = (date("2024-09-01"), date("2024-09-05"));
        assert_eq!(dates("2024-09-01"), Ok(DateRange::of(from)));
        assert_eq!(dates("2024-09-01..2024-09-05"), Ok(DateRange { from, to }));
        assert_eq!(dates("2024-09-01..2024-09-01"), Ok(DateRange::of(from)));
        let swapped = Err(NotANamedRange::Swapped { from: to, to: from });
        assert_eq!(dates("2024-09-05..2024-09-01"), swapped);
        assert!("2024-09-05..2024-09-01".parse::<NamedRange>().is_err());
        assert_eq!(dates("2024-09-01..9999-12-31"), Err(NotANamedRange::TooMany));
        for odd in ["2024-9-1", "2024-09-01..", "..2024-09-01", "2024-09-01-2024-09-05", "7d", ""] {
            assert_eq!(dates(odd), Err(NotANamedRange::Form), "{odd}");
        }
        let none = NotADate::NoDay { year: 2024, month: 9, day: 31, days: 30 };
        assert_eq!(dates("2024-09-01..2024-09-31"), Err(NotANamedRange::Date(none)));
        for early in ["0001-01-01..2024-09-01", "2016-12-31", "2016-12-31..2017-01-02", "-9999d"] {
            let is_early = matches!(dates(early), Err(NotANamedRange::Date(NotADate::TooEarly(_))));
            assert!(is_early, "{early}");
        }
    }

    #[test]
    fn each_end_of_a_range_may_be_relative() {
        for (text, expected) in [
            ("yesterday", "2024-09-28"),
            ("-1d", "2024-09-28"),
            ("-7d..yesterday", "2024-09-22..2024-09-28"),
            ("2024-09-01..-7d", "2024-09-01..2024-09-22"),
            ("-7d..2024-09-23", "2024-09-22..2024-09-23"),
        ] {
            assert_eq!(dates(text).map(|range| range.to_string()).as_deref(), Ok(expected));
        }
        let (from, to) = (date("2024-09-28"), date("2024-09-22"));
        assert_eq!(dates("yesterday..-7d"), Err(NotANamedRange::Swapped { from, to }));
    }
}
