//! The range of days that `--from` and `--to` name, by the database's clock.

use chrono::{DateTime, NaiveDate, Utc};

use super::failure::Failure;
use crate::day::{DateRange, last_over};
use crate::moment::NamedDay;

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
