//! Dates as people write them: in one form, and none before Heroku's audit trail begins.
//!
//! The command line and the file both read dates through this module, so they accept the same
//! dates.

use chrono::{Datelike as _, Month, Months, NaiveDate};

/// The first day of Heroku's audit trail. Its schema has archives from the year 2017 on.
pub const AUDIT_TRAIL_BEGINS: NaiveDate = NaiveDate::from_ymd_opt(2017, 1, 1).expect("a date");

/// Why a text names no day of the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotADate {
    /// It has another form.
    #[error("write a date as YYYY-MM-DD")]
    Form,
    /// No month has this number.
    #[error("there is no month {0:02}: months are 01 to 12")]
    NoMonth(u32),
    /// The month has no such day.
    #[error("{} {year} has {days} days", month_name(*.month))]
    NoDay {
        /// The year.
        year: i32,
        /// The month.
        month: u32,
        /// The day that the month does not have.
        day: u32,
        /// The number of days that it has.
        days: u32,
    },
    /// The audit trail begins later.
    #[error(
        "{0} is before {AUDIT_TRAIL_BEGINS}. Heroku's audit trail begins on {AUDIT_TRAIL_BEGINS}"
    )]
    TooEarly(NaiveDate),
}

/// Reads `YYYY-MM-DD`.
///
/// ```
/// use auditsync::calendar::{NotADate, date};
///
/// assert_eq!(date("2024-09-28")?.to_string(), "2024-09-28");
/// assert!(matches!(date("1024-09-28"), Err(NotADate::TooEarly(_))));
/// # Ok::<(), NotADate>(())
/// ```
pub fn date(text: &str) -> Result<NaiveDate, NotADate> {
    let [year, month, day] = numbers(text, [4, 2, 2])?;
    // The year has four digits.
    existing(year as i32, month, day).and_then(of_the_trail)
}

/// Reads `YYYY-MM`, and returns the first day of that month.
pub fn first_of_month(text: &str) -> Result<NaiveDate, NotADate> {
    let [year, month] = numbers(text, [4, 2])?;
    existing(year as i32, month, 1).and_then(of_the_trail)
}

/// Accepts `date` unless the audit trail begins later.
pub fn of_the_trail(date: NaiveDate) -> Result<NaiveDate, NotADate> {
    if date < AUDIT_TRAIL_BEGINS { Err(NotADate::TooEarly(date)) } else { Ok(date) }
}

/// Reads numbers with hyphens between them. `digits` is the length of each number.
fn numbers<const N: usize>(text: &str, digits: [usize; N]) -> Result<[u32; N], NotADate> {
    let mut parts = text.split('-');
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()));
        *number = part.and_then(|part| part.parse().ok()).ok_or(NotADate::Form)?;
    }
    if parts.next().is_some() { Err(NotADate::Form) } else { Ok(numbers) }
}

fn existing(year: i32, month: u32, day: u32) -> Result<NaiveDate, NotADate> {
    let first = NaiveDate::from_ymd_opt(year, month, 1).ok_or(NotADate::NoMonth(month))?;
    first.with_day(day).ok_or_else(|| {
        let last = (first + Months::new(1)).pred_opt().unwrap_or(first);
        NotADate::NoDay { year, month, day, days: last.day() }
    })
}

/// The name of a month that exists.
fn month_name(number: u32) -> &'static str {
    let month = u8::try_from(number).ok().and_then(|number| Month::try_from(number).ok());
    month.map_or("the month", |month| month.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        date(text).map_or_else(|error| error.to_string(), |date| format!("{date} was accepted"))
    }

    #[test]
    fn a_date_has_one_spelling() {
        for text in [
            "",
            "2024",
            "2024-09",
            "2024-9-28",
            "24-09-28",
            "2024-09-28-01",
            "2024/09/28",
            "28.9.2024",
            "+024-09-28",
            "-024-09-28",
            "12024-09-28",
            " 2024-09-28",
            "2024-09-28 ",
            "2024-09-28T00:00:00Z",
            "२०२४-०९-२८",
            "--",
            "2024-09-2x",
            "yesterday",
            "infinity",
        ] {
            assert_eq!(date(text), Err(NotADate::Form), "{text}");
        }
        assert_eq!(read("2024-02-29"), "2024-02-29 was accepted");
        assert_eq!(read("9999-12-31"), "9999-12-31 was accepted");
    }

    #[test]
    fn a_date_that_does_not_exist_is_rejected_with_the_reason() {
        assert_eq!(read("2024-02-30"), "February 2024 has 29 days");
        assert_eq!(read("2023-02-29"), "February 2023 has 28 days");
        assert_eq!(read("2024-04-00"), "April 2024 has 30 days");
        assert_eq!(read("2024-13-01"), "there is no month 13: months are 01 to 12");
        assert_eq!(read("2024-00-10"), "there is no month 00: months are 01 to 12");
    }

    #[test]
    fn a_date_before_2017_is_rejected() {
        assert_eq!(read("2017-01-01"), "2017-01-01 was accepted");
        let early = "2016-12-31 is before 2017-01-01. Heroku's audit trail begins on 2017-01-01";
        assert_eq!(read("2016-12-31"), early);
        for text in ["1024-09-28", "0000-01-01", "0001-01-01", "1999-12-31", "1970-01-01"] {
            assert!(matches!(date(text), Err(NotADate::TooEarly(_))), "{text}");
        }
        assert_eq!(first_of_month("2017-01"), Ok(AUDIT_TRAIL_BEGINS));
        for text in ["2016-12", "1024-09", "0000-01"] {
            assert!(matches!(first_of_month(text), Err(NotADate::TooEarly(_))), "{text}");
        }
    }
}
