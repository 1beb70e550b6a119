//! The coverage of each source: the state of every day that it must cover, with or without a row.
//!
//! This module does no I/O. A source must cover the days from `since`, or from its first day in the
//! ledger, to yesterday. A source that is disabled, or no longer in the file, must cover only the
//! days up to its last one in the ledger. So a removed source keeps the state in which it was left.

mod behind;
mod good_news;
mod lateness;
mod source;
mod standings;
mod state;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use behind::{AdoptedPolicy, KINDS, LagRule, SourceGaps};
pub use good_news::{GoodNews, good_news};
pub use lateness::{Lateness, lateness};
pub use source::{Coverage, StateRange, WindowDays};
pub use standings::{EarlierName, Gap, LedgerRange, SourceCount, Standings, UnconfirmedDays};
pub use state::DayState;

use crate::config::Source;
use source::SourceStanding;
use standings::with_settled;

/// Returns each source's coverage: the sources of the file in its order, then the others by name.
pub fn coverage(sources: &[&Source], standings: Standings, now: DateTime<Utc>) -> Vec<Coverage> {
    let Standings { counts, ranges, gaps, in_detail, late, empty_unconfirmed, earlier_names } =
        standings;
    let mut days: BTreeMap<&str, SourceStanding<'_>> = BTreeMap::new();
    for count in &counts {
        let name = count.source.as_str();
        let late = late.iter().filter(|late| late.source == name).collect();
        days.insert(name, SourceStanding { count: Some(count), ranges: Vec::new(), late });
    }
    for range in ranges {
        if let Some(days) = days.get_mut(range.source.as_str()) {
            days.ranges.push(range);
        }
    }
    for days in days.values_mut() {
        days.ranges.sort_by_key(|range| range.dates.from);
        if let Some(count) = days.count.filter(|count| !in_detail.contains(&count.source)) {
            let gaps = gaps.iter().filter(|gap| gap.source == count.source);
            days.ranges = with_settled(count, std::mem::take(&mut days.ranges), gaps);
        }
    }
    let mut all = Vec::with_capacity(sources.len() + days.len());
    for &source in sources {
        let name = source.name.as_ref();
        let mut coverage =
            Coverage::of(name, Some(source), days.remove(name).unwrap_or_default(), now);
        let own = earlier_names.iter().filter(|earlier| earlier.source == name);
        let former = source.previous_names.iter().map(ToString::to_string);
        coverage.previous_names = former.collect();
        coverage.earlier_names = own.map(|earlier| earlier.earlier.clone()).collect();
        all.push(coverage);
    }
    all.extend(days.into_iter().map(|(name, days)| Coverage::of(name, None, days, now)));
    for coverage in &mut all {
        let empty = empty_unconfirmed.get(&coverage.source);
        coverage.empty_unconfirmed = empty.map_or(0, |empty| empty.days);
        coverage.empty_dates = empty.map(|empty| empty.dates);
    }
    all
}

#[cfg(test)]
mod tests;
