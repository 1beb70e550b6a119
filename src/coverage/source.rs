//! The coverage of one source.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Serialize, Serializer};

use super::lateness::{Lateness, lateness};
use super::standings::{LedgerRange, SourceCount};
use super::state::DayState;
use crate::config::Source;
use crate::day::{DateRange, end, last_over, time_between};
use crate::ledger::LateEvents;

/// The coverage of one source.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// The source's name.
    pub source: String,
    /// Whether the file has the source.
    pub in_file: bool,
    /// Whether the source is synced.
    pub enabled: bool,
    /// The first day that must be covered, once it is known.
    pub covered_from: Option<NaiveDate>,
    /// The last day that must be covered.
    pub covered_to: Option<NaiveDate>,
    /// Settled days.
    pub settled: u64,
    /// Complete days that have not settled.
    pub whole: u64,
    /// Days that another program called complete, and of which no event is stored.
    pub adopted: u64,
    /// Days that are due after a reset, an interruption or a lost lease.
    pub due: u64,
    /// Days that a process is syncing.
    pub at_work: u64,
    /// Days whose last attempt failed.
    pub failed: u64,
    /// Days that must be covered and have no row.
    pub missing: u64,
    /// Days that were read with another account, team or filter than the file names now.
    pub other_scope: u64,
    /// The oldest day that must be covered and is not complete. A complete day that is due again,
    /// or is being read again, is no gap. It becomes one if that reading fails.
    pub oldest_gap: Option<NaiveDate>,
    /// The same where adopted days are accepted.
    #[serde(skip)]
    pub(super) oldest_gap_beside_adopted: Option<NaiveDate>,
    /// From the first to the last adopted day that must be covered.
    #[serde(skip)]
    pub(super) adopted_and_owed: Option<DateRange>,
    /// The time since the oldest gap began; without a gap, since today began. `None` for a source
    /// that is not synced, or never was.
    #[serde(rename = "lag_seconds", serialize_with = "seconds")]
    pub lag: Option<Duration>,
    /// The newest complete day.
    pub last_whole_day: Option<NaiveDate>,
    /// When the last complete reading began, of the newest day or of an unsettled one.
    #[serde(serialize_with = "crate::day::written::optional_time")]
    pub last_success: Option<DateTime<Utc>>,
    /// The events of all days, counted at their last complete reading.
    pub events: u64,
    /// How late events came, if rechecks found any.
    pub lateness: Option<Lateness>,
    /// The former names that the file gives the source.
    pub previous_names: Vec<String>,
    /// Sources of the ledger that are not in the file and have the same scope.
    pub earlier_names: Vec<String>,
    /// All days as ranges, oldest first.
    pub ranges: Vec<StateRange>,
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(serializer)
}

/// Consecutive days with the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StateRange {
    /// The days' state.
    pub state: DayState,
    /// The days.
    #[serde(flatten)]
    pub dates: DateRange,
    /// The number of days.
    pub days: u64,
    /// Whether the days were read with another account, team or filter than the file names now.
    pub other_scope: bool,
}

/// What the database says about the days of one source.
#[derive(Default)]
pub(super) struct SourceStanding<'d> {
    pub(super) count: Option<&'d SourceCount>,
    /// All days, oldest first.
    pub(super) ranges: Vec<LedgerRange>,
    pub(super) late: Vec<&'d LateEvents>,
}

impl Coverage {
    /// The coverage of the source `name`, which the file has or not.
    pub(super) fn of(
        name: &str,
        source: Option<&Source>,
        days: SourceStanding<'_>,
        now: DateTime<Utc>,
    ) -> Self {
        let SourceStanding { count, ranges, late } = days;
        let enabled = source.is_some_and(|source| source.enabled);
        let since = source.and_then(|source| source.since);
        let covered_from = since.or(count.map(|count| count.dates.from));
        // A row with a future date is a mistake.
        let covered_to = if enabled {
            Some(last_over(now))
        } else {
            count.map(|count| count.dates.to.min(last_over(now)))
        };
        let owed = DateRange::between(covered_from, covered_to).filter(|owed| !owed.is_empty());
        let mut coverage = Self {
            source: name.to_owned(),
            in_file: source.is_some(),
            enabled,
            covered_from,
            covered_to: owed.map(|owed| owed.to),
            ..Self::empty()
        };
        let newest = ranges.iter().filter_map(|range| range.last_success).max();
        coverage.last_success = newest.max(count.and_then(|count| count.last_success));
        coverage.events = count.map_or(0, |count| count.events);
        coverage.add_days(&ranges, owed);
        coverage.lateness = lateness(late.into_iter(), coverage.events);
        coverage.lag = coverage.lag_of(coverage.oldest_gap, now);
        coverage
    }

    fn empty() -> Self {
        Self {
            source: String::new(),
            in_file: false,
            enabled: false,
            covered_from: None,
            covered_to: None,
            settled: 0,
            whole: 0,
            adopted: 0,
            due: 0,
            at_work: 0,
            failed: 0,
            missing: 0,
            other_scope: 0,
            oldest_gap: None,
            oldest_gap_beside_adopted: None,
            adopted_and_owed: None,
            lag: None,
            last_whole_day: None,
            last_success: None,
            events: 0,
            lateness: None,
            previous_names: Vec::new(),
            earlier_names: Vec::new(),
            ranges: Vec::new(),
        }
    }

    /// Adds the days of `ranges`, and the missing days that are `owed` between them.
    fn add_days(&mut self, ranges: &[LedgerRange], owed: Option<DateRange>) {
        let mut next = owed.map(|owed| owed.from);
        for range in ranges {
            let before = DateRange::between(next, range.dates.from.pred_opt());
            if let (Some(before), Some(owed)) = (before, owed) {
                self.add_missing(before.overlap(owed));
            }
            self.add_range(range, owed);
            next = next.map(|next| next.max(range.dates.to + Days::new(1)));
        }
        if let Some(rest) = DateRange::between(next, owed.map(|owed| owed.to)) {
            self.add_missing(rest);
        }
    }

    fn add_missing(&mut self, dates: DateRange) {
        if !dates.is_empty() {
            self.missing += dates.len();
            let (state, days) = (DayState::Missing, dates.len());
            self.push(StateRange { state, dates, days, other_scope: false });
            self.note_gap(dates.from);
        }
    }

    fn add_range(&mut self, range: &LedgerRange, owed: Option<DateRange>) {
        let &LedgerRange { state, was_whole, other_scope, dates, .. } = range;
        let count = match state {
            DayState::Settled => &mut self.settled,
            DayState::Whole => &mut self.whole,
            DayState::Adopted => &mut self.adopted,
            DayState::Due => &mut self.due,
            DayState::AtWork => &mut self.at_work,
            DayState::Failed => &mut self.failed,
            DayState::Missing => &mut self.missing,
        };
        *count += dates.len();
        if other_scope {
            self.other_scope += dates.len();
        }
        if state.is_whole() {
            self.last_whole_day = self.last_whole_day.max(Some(dates.to));
        } else if let Some(owed) = owed.map(|owed| owed.overlap(dates))
            && (state == DayState::Failed || !was_whole)
            && !owed.is_empty()
        {
            if state == DayState::Adopted {
                self.note_adopted(owed);
            } else {
                self.note_gap(owed.from);
            }
        }
        self.push(StateRange { state, dates, days: dates.len(), other_scope });
    }

    fn note_gap(&mut self, date: NaiveDate) {
        for gap in [&mut self.oldest_gap, &mut self.oldest_gap_beside_adopted] {
            *gap = Some(gap.map_or(date, |gap| gap.min(date)));
        }
    }

    fn note_adopted(&mut self, dates: DateRange) {
        self.oldest_gap = Some(self.oldest_gap.map_or(dates.from, |gap| gap.min(dates.from)));
        let known = self.adopted_and_owed.unwrap_or(dates);
        self.adopted_and_owed =
            Some(DateRange::new(known.from.min(dates.from), known.to.max(dates.to)));
    }

    /// The lag if `gap` is the oldest gap.
    pub(super) fn lag_of(&self, gap: Option<NaiveDate>, now: DateTime<Utc>) -> Option<Duration> {
        match (self.enabled, gap, self.covered_from) {
            (true, Some(gap), _) => Some(time_between(end(gap) - TimeDelta::days(1), now)),
            (true, None, Some(_)) => Some(time_between(end(last_over(now)), now)),
            _ => None,
        }
    }

    /// Appends a range, or extends the last one.
    fn push(&mut self, range: StateRange) {
        match self.ranges.last_mut() {
            Some(last)
                if last.state == range.state
                    && last.other_scope == range.other_scope
                    && last.dates.to.succ_opt() == Some(range.dates.from) =>
            {
                last.dates.to = range.dates.to;
                last.days += range.days;
            }
            _ => self.ranges.push(range),
        }
    }

    /// The ranges of days that must be covered and have no row.
    pub fn missing_ranges(&self) -> impl Iterator<Item = &StateRange> {
        self.ranges.iter().filter(|range| range.state == DayState::Missing)
    }
}
