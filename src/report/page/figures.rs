//! Numbers, times and dates as the page writes them.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::day::DateRange;

/// `12,345`.
pub(super) fn number(figure: u64) -> String {
    let digits = figure.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 day`, `12,345 days`.
pub(super) fn counted(figure: u64, thing: &str) -> String {
    let plural = if figure == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", number(figure))
}

/// `2024-09-28 10:00:00 UTC`.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `61 hours`; from three days on `5 days`.
pub(super) fn span(time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    if hours < 72 { counted(hours, "hour") } else { counted(hours / 24, "day") }
}

/// `0.03 %`.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        small if small > 0.0 && small < 0.01 => "less than 0.01 %".to_owned(),
        percent => format!("{percent:.2} %"),
    }
}

/// Consecutive dates become one range.
fn ranges(dates: impl Iterator<Item = NaiveDate>) -> Vec<DateRange> {
    let mut ranges: Vec<DateRange> = Vec::new();
    for date in dates {
        match ranges.last_mut() {
            Some(last) if last.to.succ_opt() == Some(date) => last.to = date,
            _ => ranges.push(DateRange::of(date)),
        }
    }
    ranges
}

/// The first of several ranges, and how many more there are.
#[derive(Debug, PartialEq)]
pub(super) struct FewDates {
    pub(super) shown: Vec<DateRange>,
    pub(super) more: usize,
}

impl FewDates {
    /// The ranges of `dates`, of which it keeps at most this many.
    pub(super) fn of(dates: impl Iterator<Item = NaiveDate>, most: usize) -> Self {
        let mut shown = ranges(dates);
        let more = shown.len().saturating_sub(most);
        shown.truncate(most);
        Self { shown, more }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}

impl fmt::Display for FewDates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.shown.iter().map(DateRange::to_string).collect();
        f.write_str(&shown.join(", "))?;
        if self.more > 0 { write!(f, " and {} more", self.more) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shares_are_never_rounded_to_none() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(number), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!([0.0, 0.000_01, 0.25].map(percent), ["0.00 %", "less than 0.01 %", "25.00 %"]);
    }

    #[test]
    fn consecutive_dates_are_one_range_and_few_of_many_are_named() {
        let date = |day| NaiveDate::from_ymd_opt(2024, 9, day).expect("a date");
        let few = |most| FewDates::of([1, 2, 3, 5, 8, 9].map(date).into_iter(), most).to_string();
        assert_eq!(few(3), "2024-09-01..2024-09-03, 2024-09-05, 2024-09-08..2024-09-09");
        assert_eq!(few(1), "2024-09-01..2024-09-03 and 2 more");
    }
}
