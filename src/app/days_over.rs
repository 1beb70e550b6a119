//! The days that people name on the command line. All must be over, by the clock that counts.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::failure::Failure;
use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::day::{DateRange, Month, last_over};
use crate::moment::NamedDay;

/// A month, or a range of days, as the user named it.
#[derive(Debug, Clone, Copy)]
pub(super) struct NamedRange {
    pub(super) month: Option<Month>,
    pub(super) from: Option<NamedDay>,
    pub(super) to: Option<NamedDay>,
}

/// The days of `named` that are over. A range without a beginning has `days` days.
pub(super) fn named_range(
    named: NamedRange,
    now: DateTime<Utc>,
    days: u32,
) -> Result<DateRange, Failure> {
    if let Some(month) = named.month {
        let over = DateRange::new(month.first(), month.last().min(last_over(now)));
        let none = || Failure::usage(format!("no day of {month} is over in UTC"));
        return if over.is_empty() { Err(none()) } else { Ok(over) };
    }
    let before = Days::new(u64::from(days.saturating_sub(1)));
    let first = |to: NaiveDate| Ok((to - before).max(AUDIT_TRAIL_BEGINS));
    named_days((named.from, named.to), now, "", first)
}

/// The days from `from` to `to`, which are over. Without `to`, the last one is yesterday; without
/// `from`, `first` gives the first one. `so` says what can't be done with another day.
pub(super) fn named_days(
    (from, to): (Option<NamedDay>, Option<NamedDay>),
    now: DateTime<Utc>,
    so: &str,
    first: impl FnOnce(NaiveDate) -> Result<NaiveDate, Failure>,
) -> Result<DateRange, Failure> {
    let date = |day: Option<NamedDay>| day.map(|day| named_day(day, now, so)).transpose();
    let (from, to) = (date(from)?, date(to)?);
    let to = to.unwrap_or(last_over(now));
    let from = from.map_or_else(|| first(to), Ok)?;
    if from > to {
        return Err(Failure::usage(format!("--from {from} is after --to {to}")));
    }
    Ok(DateRange::new(from, to))
}

/// The date of a day, which is over.
pub(super) fn named_day(day: NamedDay, now: DateTime<Utc>, so: &str) -> Result<NaiveDate, Failure> {
    require_over(day.at(now).map_err(Failure::usage)?, now, so)
}

/// Rejects a date that is not over.
pub(super) fn require_over(
    date: NaiveDate,
    now: DateTime<Utc>,
    so: &str,
) -> Result<NaiveDate, Failure> {
    let newest = last_over(now);
    if date > newest {
        return Err(Failure::usage(format!(
            "{date} is not over in UTC{so}. The newest day is {newest} (yesterday)"
        )));
    }
    Ok(date)
}
