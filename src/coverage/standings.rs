//! What the database says about the days of its sources.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;

use super::state::DayState;
use crate::day::DateRange;
use crate::ledger::LateEvents;

/// What the database says about the days of its sources.
#[derive(Debug, Default)]
pub struct Standings {
    /// The number of days of each source.
    pub counts: Vec<SourceCount>,
    /// The days as ranges. A source that is not in `in_detail` has only its unsettled days here.
    pub ranges: Vec<LedgerRange>,
    /// The days without a row between others.
    pub gaps: Vec<Gap>,
    /// The sources of which `ranges` holds all days.
    pub in_detail: HashSet<String>,
    /// The events that were found late.
    pub late: Vec<LateEvents>,
    /// The complete days without events that nothing but Heroku's list confirms, by source.
    pub empty_unconfirmed: HashMap<String, UnconfirmedDays>,
    /// The possible earlier names of the file's sources.
    pub earlier_names: Vec<EarlierName>,
}

/// All days of one source in the ledger, counted.
#[derive(Debug, Clone)]
pub struct SourceCount {
    /// The source's name.
    pub source: String,
    /// The number of rows.
    pub days: u64,
    /// From the first row to the last.
    pub dates: DateRange,
    /// The events of all days.
    pub events: u64,
    /// When the last complete reading of the newest day began.
    pub last_success: Option<DateTime<Utc>>,
}

impl SourceCount {
    /// Adds the days that the same source has under another name.
    pub fn add(&mut self, other: &Self) {
        if other.dates.to > self.dates.to {
            self.last_success = other.last_success;
        }
        let (from, to) = (self.dates.from.min(other.dates.from), self.dates.to.max(other.dates.to));
        self.dates = DateRange::new(from, to);
        self.days += other.days;
        self.events += other.events;
    }

    /// Whether dates between the first and the last row have no row.
    pub fn has_holes(&self) -> bool {
        self.days != self.dates.len()
    }
}

/// The complete days of a source without events that nothing but Heroku's list confirms.
#[derive(Debug, Clone, Copy)]
pub struct UnconfirmedDays {
    /// Their number.
    pub days: u64,
    /// From the first of them to the last.
    pub dates: DateRange,
}

/// Consecutive dates without a row, between two rows of a source.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    /// The source's name.
    pub source: String,
    /// The dates without a row.
    #[serde(flatten)]
    pub dates: DateRange,
}

/// Consecutive days of one source with the same state and scope.
#[derive(Debug, Clone)]
pub struct LedgerRange {
    /// The source's name.
    pub source: String,
    /// The days' state, never [`DayState::Missing`].
    pub state: DayState,
    /// Whether the days were complete at some time.
    pub was_complete: bool,
    /// Whether the days were read with another account, team or filter than the file names now.
    pub other_scope: bool,
    /// Whether another name of the source has these days, too, and comes first.
    pub is_superseded: bool,
    /// The events of their last complete readings.
    pub events: u64,
    /// The days.
    pub dates: DateRange,
    /// When the newest complete reading of one of them began.
    pub last_success: Option<DateTime<Utc>>,
    /// When the last lease of syncing days ends.
    pub syncing_until: Option<DateTime<Utc>>,
}

/// A source of the ledger that is not in the file, and has the scope of a source of the file.
#[derive(Debug, Clone)]
pub struct EarlierName {
    /// The name of the source in the file.
    pub source: String,
    /// The name in the ledger.
    pub earlier: String,
}

/// All days of a source: its unsettled ranges, and the settled ranges between them and the gaps.
pub(super) fn with_settled<'g>(
    count: &SourceCount,
    unsettled: Vec<LedgerRange>,
    gaps: impl Iterator<Item = &'g Gap>,
) -> Vec<LedgerRange> {
    let settled = |from: NaiveDate, to: NaiveDate| {
        let range = LedgerRange {
            source: count.source.clone(),
            state: DayState::Settled,
            was_complete: true,
            other_scope: false,
            is_superseded: false,
            events: 0,
            dates: DateRange::new(from, to),
            last_success: None,
            syncing_until: None,
        };
        (from <= to).then_some(range)
    };
    let gaps = gaps.map(|gap| (gap.dates, None));
    let ranges = unsettled.into_iter().map(|range| (range.dates, Some(range)));
    let mut others: Vec<_> = ranges.chain(gaps).collect();
    others.sort_by_key(|(dates, _)| dates.from);
    let mut all = Vec::with_capacity(others.len() * 2 + 1);
    let mut next = count.dates.from;
    for (dates, range) in others {
        all.extend(settled(next, dates.from - Days::new(1)));
        all.extend(range);
        next = next.max(dates.to + Days::new(1));
    }
    all.extend(settled(next, count.dates.to));
    all
}
