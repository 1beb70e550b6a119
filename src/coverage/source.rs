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

/// The coverage of one source. The counts are of its entire calendar.
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
    /// Complete days that will not be read again. `complete` counts them too.
    pub settled: u64,
    /// Complete days, settled or not.
    pub complete: u64,
    /// Days that are due after a reset, an interruption or a lost lease.
    pub due: u64,
    /// Days that a process is syncing.
    pub syncing: u64,
    /// Days whose last attempt failed.
    pub failed: u64,
    /// Days that must be covered and have no row.
    pub missing: u64,
    /// Days that another program called complete, and of which no event is stored.
    pub adopted: u64,
    /// Days whose events were removed after they were complete.
    pub pruned: u64,
    /// Complete days that were read with another account, team or filter than the file names now.
    pub other_scope: u64,
    /// Complete days without events that nothing but Heroku's list confirms.
    pub empty_unconfirmed: u64,
    /// From the first of them to the last.
    #[serde(skip)]
    pub empty_dates: Option<DateRange>,
    /// The oldest day that must be covered and is not complete. A complete day that is due again,
    /// or is being read again, is no gap. It becomes one if that reading fails.
    pub oldest_gap: Option<NaiveDate>,
    /// The full days since the oldest gap began. `None` without a gap, and for a source that is
    /// not synced.
    pub lag_days: Option<u64>,
    /// The same in seconds.
    #[serde(rename = "lag_seconds", serialize_with = "seconds")]
    pub lag: Option<Duration>,
    /// The last day up to which every day that must be covered is complete.
    pub complete_through: Option<NaiveDate>,
    /// The newest complete day.
    pub last_complete_day: Option<NaiveDate>,
    /// When the last complete reading began, of the newest day or of an unsettled one.
    #[serde(serialize_with = "crate::day::written::optional_time")]
    pub last_success: Option<DateTime<Utc>>,
    /// When the last lease of its syncing days ends, if it is not renewed.
    #[serde(serialize_with = "crate::day::written::optional_time")]
    pub syncing_until: Option<DateTime<Utc>>,
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
    /// How many days a run without options looks back.
    #[serde(skip)]
    pub(super) catch_up_days: u32,
    /// The days that must be covered and are not complete, oldest first.
    #[serde(skip)]
    pub(super) gaps: Vec<StateRange>,
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
    #[serde(rename = "day_count")]
    pub days: u64,
    /// Whether the days were read with another account, team or filter than the file names now.
    #[serde(rename = "is_other_scope")]
    pub other_scope: bool,
    /// When the last lease of these days ends, if they are syncing.
    #[serde(serialize_with = "crate::day::written::optional_time")]
    pub syncing_until: Option<DateTime<Utc>>,
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
            catch_up_days: source.map_or(0, |source| source.due.catch_up_days),
            covered_from,
            covered_to: owed.map(|owed| owed.to),
            ..Self::empty()
        };
        let newest = ranges.iter().filter_map(|range| range.last_success).max();
        coverage.last_success = newest.max(count.and_then(|count| count.last_success));
        coverage.events = count.map_or(0, |count| count.events);
        coverage.add_days(&ranges, owed);
        coverage.lateness = lateness(late.into_iter(), coverage.events);
        coverage.oldest_gap = coverage.gaps.first().map(|gap| gap.dates.from);
        coverage.complete_through = coverage.complete_before(coverage.oldest_gap);
        coverage.lag = coverage.lag_of(coverage.oldest_gap, now);
        coverage.lag_days = coverage.lag.map(|lag| lag.as_secs() / (24 * 60 * 60));
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
            complete: 0,
            due: 0,
            syncing: 0,
            failed: 0,
            missing: 0,
            adopted: 0,
            pruned: 0,
            other_scope: 0,
            empty_unconfirmed: 0,
            empty_dates: None,
            oldest_gap: None,
            lag_days: None,
            lag: None,
            complete_through: None,
            last_complete_day: None,
            last_success: None,
            syncing_until: None,
            events: 0,
            lateness: None,
            catch_up_days: 0,
            previous_names: Vec::new(),
            earlier_names: Vec::new(),
            ranges: Vec::new(),
            gaps: Vec::new(),
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
            let range = StateRange::of(DayState::Missing, dates);
            push(&mut self.ranges, range);
            push(&mut self.gaps, range);
        }
    }

    fn add_range(&mut self, range: &LedgerRange, owed: Option<DateRange>) {
        let &LedgerRange { state, was_complete, other_scope, dates, syncing_until, .. } = range;
        *self.count(state) += dates.len();
        if state.is_complete() {
            self.complete += if state == DayState::Settled { dates.len() } else { 0 };
            self.other_scope += if other_scope { dates.len() } else { 0 };
            self.last_complete_day = self.last_complete_day.max(Some(dates.to));
        }
        self.syncing_until = self.syncing_until.max(syncing_until);
        let shown = StateRange { other_scope, syncing_until, ..StateRange::of(state, dates) };
        push(&mut self.ranges, shown);
        let owed = owed.map(|owed| owed.overlap(dates)).filter(|owed| !owed.is_empty());
        let is_gap = if was_complete { state.is_gap_again() } else { state.is_gap() };
        if let Some(dates) = owed.filter(|_| is_gap) {
            push(&mut self.gaps, StateRange { dates, days: dates.len(), ..shown });
        }
    }

    /// The count of a state. A settled day is also complete.
    fn count(&mut self, state: DayState) -> &mut u64 {
        match state {
            DayState::Settled => &mut self.settled,
            DayState::Complete => &mut self.complete,
            DayState::Due => &mut self.due,
            DayState::Syncing => &mut self.syncing,
            DayState::Failed => &mut self.failed,
            DayState::Missing => &mut self.missing,
            DayState::Adopted => &mut self.adopted,
            DayState::Pruned => &mut self.pruned,
        }
    }

    /// The last day up to which every day is complete, if `gap` is the oldest gap.
    pub(super) fn complete_before(&self, gap: Option<NaiveDate>) -> Option<NaiveDate> {
        let last = gap.map_or(self.covered_to, |gap| gap.pred_opt());
        last.filter(|last| Some(*last) >= self.covered_from)
    }

    /// The lag if `gap` is the oldest gap.
    pub(super) fn lag_of(&self, gap: Option<NaiveDate>, now: DateTime<Utc>) -> Option<Duration> {
        let gap = gap.filter(|_| self.enabled)?;
        Some(time_between(end(gap) - TimeDelta::days(1), now))
    }

    /// The ranges of days that must be covered and have no row.
    pub fn missing_ranges(&self) -> impl Iterator<Item = &StateRange> {
        self.ranges.iter().filter(|range| range.state == DayState::Missing)
    }

    /// The days of `window` that have a state, oldest first.
    pub fn states(&self, window: DateRange) -> impl Iterator<Item = (NaiveDate, DayState)> {
        self.ranges.iter().flat_map(move |range| {
            range.dates.overlap(window).dates().map(|date| (date, range.state))
        })
    }

    /// How many days of `window` have a state, and how many of them are complete.
    pub fn in_window(&self, window: DateRange) -> WindowDays {
        let mut counted = WindowDays::default();
        for range in &self.ranges {
            let days = range.dates.overlap(window).len();
            counted.days += days;
            counted.complete += if range.state.is_complete() { days } else { 0 };
        }
        counted
    }
}

/// The days of one source in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WindowDays {
    /// Those that have a state.
    #[serde(rename = "day_count")]
    pub days: u64,
    /// The complete ones.
    pub complete: u64,
}

impl StateRange {
    fn of(state: DayState, dates: DateRange) -> Self {
        Self { state, dates, days: dates.len(), other_scope: false, syncing_until: None }
    }
}

/// Appends a range, or extends the last one.
fn push(ranges: &mut Vec<StateRange>, range: StateRange) {
    match ranges.last_mut() {
        Some(last)
            if last.state == range.state
                && last.other_scope == range.other_scope
                && last.dates.to.succ_opt() == Some(range.dates.from) =>
        {
            last.dates.to = range.dates.to;
            last.days += range.days;
            last.syncing_until = last.syncing_until.max(range.syncing_until);
        }
        _ => ranges.push(range),
    }
}
