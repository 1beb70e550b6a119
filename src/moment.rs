//! Days and times as people name them on the command line, also relative to now.
//!
//! A relative name becomes a date or a time only where the command knows the time, by the
//! database's clock.

use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::calendar::{AUDIT_TRAIL_BEGINS, NotADate, date, of_the_trail};

/// A larger number of days or hours is probably a mistake: a century of days.
const MOST_DAYS: u32 = 36_600;
const MOST_HOURS: u32 = 24 * MOST_DAYS;

/// A UTC day: `YYYY-MM-DD`, `today`, `yesterday`, or `-7d` for 7 days ago.
///
/// ```
/// use auditsync::calendar::NotADate;
/// use auditsync::moment::NamedDay;
///
/// let now = "2024-09-29T08:30:00Z".parse().expect("a time");
/// let day = |text: &str| text.parse::<NamedDay>().expect("a day").at(now);
/// assert_eq!(day("-7d")?.to_string(), "2024-09-22");
/// assert_eq!(day("yesterday")?.to_string(), "2024-09-28");
/// assert!(day("-9999d").is_err(), "the audit trail begins later");
/// # Ok::<(), NotADate>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedDay {
    /// This date.
    On(NaiveDate),
    /// The day that was so many days ago. Today is 0.
    DaysAgo(u32),
}

impl NamedDay {
    /// The date, where it is `now`.
    pub fn at(self, now: DateTime<Utc>) -> Result<NaiveDate, NotADate> {
        match self {
            Self::On(date) => Ok(date),
            Self::DaysAgo(days) => {
                let date = now.date_naive().checked_sub_days(Days::new(days.into()));
                of_the_trail(date.unwrap_or(NaiveDate::MIN))
            }
        }
    }
}

impl FromStr for NamedDay {
    type Err = NotANamedDay;

    fn from_str(text: &str) -> Result<Self, NotANamedDay> {
        match (text, ago(text, 'd')) {
            ("today", _) => Ok(Self::DaysAgo(0)),
            ("yesterday", _) => Ok(Self::DaysAgo(1)),
            (_, Some(days)) if days <= MOST_DAYS => Ok(Self::DaysAgo(days)),
            _ => Ok(Self::On(date(text)?)),
        }
    }
}

/// Why a text names no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotANamedDay {
    /// It has another form.
    #[error("write a day as YYYY-MM-DD, yesterday or -7d (7 days ago)")]
    Form,
    /// It is no date of the audit trail.
    #[error(transparent)]
    Date(NotADate),
}

impl From<NotADate> for NotANamedDay {
    fn from(error: NotADate) -> Self {
        if error == NotADate::Form { Self::Form } else { Self::Date(error) }
    }
}

/// A time: a [`NamedDay`], `-36h` for 36 hours ago, or a time of RFC 3339.
///
/// ```
/// use auditsync::moment::NamedTime;
///
/// let now = "2024-09-29T08:30:00Z".parse().expect("a time");
/// let time = |text: &str| text.parse::<NamedTime>().expect("a time");
/// assert_eq!(time("-36h").begin(now).expect("a time").to_string(), "2024-09-27 20:30:00 UTC");
/// assert_eq!(time("yesterday").end(now).expect("a time").to_string(), "2024-09-29 00:00:00 UTC");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedTime {
    /// All of a day.
    Day(NamedDay),
    /// The time that was so many hours ago.
    HoursAgo(u32),
    /// This time.
    At(DateTime<Utc>),
}

impl NamedTime {
    /// The first moment that it names, where it is `now`.
    pub fn begin(self, now: DateTime<Utc>) -> Result<DateTime<Utc>, NotADate> {
        match self {
            Self::Day(day) => Ok(midnight(day.at(now)?)),
            Self::HoursAgo(hours) => {
                let time = now - TimeDelta::hours(hours.into());
                of_the_trail(time.date_naive()).map(|_| time)
            }
            Self::At(time) => Ok(time),
        }
    }

    /// The first moment after those that it names. The database's times have microseconds.
    pub fn end(self, now: DateTime<Utc>) -> Result<DateTime<Utc>, NotADate> {
        match self {
            Self::Day(day) => Ok(midnight(day.at(now)?) + TimeDelta::days(1)),
            moment => Ok(moment.begin(now)? + TimeDelta::microseconds(1)),
        }
    }
}

impl FromStr for NamedTime {
    type Err = NotANamedTime;

    fn from_str(text: &str) -> Result<Self, NotANamedTime> {
        if let Some(hours) = ago(text, 'h').filter(|hours| *hours <= MOST_HOURS) {
            return Ok(Self::HoursAgo(hours));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            let time = time.to_utc();
            // A date has four digits, as elsewhere.
            if time.date_naive() < AUDIT_TRAIL_BEGINS {
                return Err(NotANamedTime::Date(NotADate::TooEarly(time.date_naive())));
            }
            return Ok(Self::At(time));
        }
        match text.parse() {
            Ok(day) => Ok(Self::Day(day)),
            Err(NotANamedDay::Form) => Err(NotANamedTime::Form),
            Err(NotANamedDay::Date(error)) => Err(NotANamedTime::Date(error)),
        }
    }
}

/// Why a text names no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotANamedTime {
    /// It has another form.
    #[error(
        "write a time as YYYY-MM-DD, yesterday, today, -7d (7 days ago), -36h (36 hours ago) or \
         2024-09-28T12:30:00Z"
    )]
    Form,
    /// It is before the audit trail, or does not exist.
    #[error(transparent)]
    Date(NotADate),
}

/// The minus sign that may stand for the hyphen of `-7d`. The command line uses it, because an
/// argument that begins with a hyphen is an option.
pub const MINUS: char = '\u{2212}';

/// The number in `-7d`, for the unit `d`.
fn ago(text: &str, unit: char) -> Option<u32> {
    let digits = text.strip_prefix(['-', MINUS])?.strip_suffix(unit)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2024-09-29T08:30:00Z".parse().expect("a time")
    }

    /// From when, and until before when.
    fn span(text: &str) -> String {
        let time: NamedTime = match text.parse() {
            Ok(time) => time,
            Err(error) => return NotANamedTime::to_string(&error),
        };
        match (time.begin(now()), time.end(now())) {
            (Ok(begin), Ok(end)) => format!("{begin:?} {end:?}"),
            (Err(error), _) | (_, Err(error)) => error.to_string(),
        }
    }

    #[test]
    fn relative_times_count_from_now_and_days_from_midnight() {
        for (text, expected) in [
            ("2024-09-28", "2024-09-28T00:00:00Z 2024-09-29T00:00:00Z"),
            ("today", "2024-09-29T00:00:00Z 2024-09-30T00:00:00Z"),
            ("-0d", "2024-09-29T00:00:00Z 2024-09-30T00:00:00Z"),
            ("yesterday", "2024-09-28T00:00:00Z 2024-09-29T00:00:00Z"),
            ("-7d", "2024-09-22T00:00:00Z 2024-09-23T00:00:00Z"),
            ("-36h", "2024-09-27T20:30:00Z 2024-09-27T20:30:00.000001Z"),
            ("2024-09-28T12:00:00+02:00", "2024-09-28T10:00:00Z 2024-09-28T10:00:00.000001Z"),
            ("2030-01-01", "2030-01-01T00:00:00Z 2030-01-02T00:00:00Z"),
        ] {
            assert_eq!(span(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_of_another_form_or_before_the_audit_trail_is_rejected() {
        for text in ["", "now", "7d", "-d", "-7", "--7d", "-1.5h", "-7D", "-99999999999d", "-7w"] {
            assert!(span(text).starts_with("write a time as"), "{text}: {}", span(text));
        }
        let begins = "Heroku's audit trail begins on 2017-01-01";
        for text in ["-36500d", "-99999h", "2016-12-31", "2016-12-31T23:59:59Z"] {
            assert!(span(text).ends_with(begins), "{text}: {}", span(text));
        }
        assert_eq!("28.9.2024".parse::<NamedDay>(), Err(NotANamedDay::Form));
        assert_eq!("-36h".parse::<NamedDay>(), Err(NotANamedDay::Form));
        assert!("2024-02-30".parse::<NamedDay>().is_err());
    }
}
