//! The range of days that `--month`, or `--from` and `--to`, name, by the database's clock.

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
    let newest = last_over(now);
    let date = |day: Option<NamedDay>| day.map(|day| day.at(now)).transpose();
    let from = date(from).map_err(Failure::usage)?;
    let to = date(to).map_err(Failure::usage)?;
    let is_future = |date: &NaiveDate| *date > newest;
    if let Some(date) = [from, to].into_iter().flatten().find(is_future) {
        return Err(Failure::usage(format!(
            "{date} is not over in UTC{so}; the newest day is {newest}"
        )));
    }
    let to = to.unwrap_or(newest);
    let from = from.map_or_else(|| first(to), Ok)?;
    if from > to {
        return Err(Failure::usage(format!("--from {from} is after --to {to}")));
    }
    Ok(DateRange::new(from, to))
}
