//! One source of the page: its days in the range, and what they add up to.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::calendar::Calendar;
use super::data::{PageData, PageSource};
use super::figures::{FewDates, counted, number};
use super::state::{STATES, place};
use crate::coverage::{DayState, KINDS, Lateness, lateness};
use crate::day::{DateRange, end, last_over};
use crate::store::ReportedDay;

/// A source is behind when its oldest gap began longer ago than this, as in `status`.
const MOST_LAG: TimeDelta = TimeDelta::hours(36);

/// The most ranges of gaps that a source names.
const MOST_GAPS: usize = 4;

/// A day of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) date: NaiveDate,
    /// `None` if the source need not cover it.
    pub(super) state: Option<DayState>,
    /// The events of its last complete reading.
    pub(super) events: Option<i32>,
    /// Whether it must be covered and is not complete. A complete day that is due again, or is
    /// being read again, is no gap. It becomes one if that reading fails.
    pub(super) is_gap: bool,
    /// Whether it must be covered and is not complete, gap or not.
    pub(super) is_incomplete: bool,
}

/// Consecutive days of one state.
#[derive(Debug)]
pub(super) struct StateRun {
    pub(super) dates: DateRange,
    pub(super) state: &'static str,
    pub(super) days: String,
    pub(super) events: String,
}

/// A source with its days.
#[derive(Debug)]
pub(super) struct SourceView {
    pub(super) name: String,
    /// Why it is not synced, if it is not.
    pub(super) note: Option<&'static str>,
    pub(super) cells: Vec<Cell>,
    /// The days of each state, in the order of the legend.
    pub(super) counts: [u64; 7],
    pub(super) events: u64,
    pub(super) late: Option<Lateness>,
    pub(super) oldest_gap: Option<NaiveDate>,
    /// Whether that gap began too long ago.
    pub(super) is_behind: bool,
    /// Whether it must be synced, and no day of it was ever due.
    pub(super) was_never_synced: bool,
    /// Days before the range that must be covered and are not complete.
    pub(super) gaps_before: u64,
    /// The newest day with an error, and the error.
    pub(super) error: Option<(NaiveDate, String)>,
    pub(super) calendar: Calendar,
    /// Whether the command line accepts its name.
    in_file: bool,
}

impl SourceView {
    /// The source at `place`, whose days with rows are `days`.
    pub(super) fn of(data: &PageData<'_>, place: usize, days: &[ReportedDay]) -> Self {
        let source = &data.sources[place];
        let recorded = data.rows.sources.iter().find(|recorded| recorded.source == source.name);
        let first = source.since.or(recorded.map(|recorded| recorded.dates.from));
        let newest = last_over(data.as_of);
        let last = if source.enabled {
            Some(newest)
        } else {
            recorded.map(|recorded| recorded.dates.to.min(newest))
        };
        let owed = DateRange::between(first, last);
        let cells = cells(data.range, owed, days);
        let mut counts = [0; 7];
        for state in cells.iter().filter_map(|cell| cell.state) {
            counts[super::state::place(state)] += 1;
        }
        let events = cells.iter().filter_map(|cell| cell.events).map(|events| events as u64).sum();
        let late = data.rows.late.iter().filter(|late| late.source == source.name);
        let oldest_gap = cells.iter().find(|cell| cell.is_gap).map(|cell| cell.date);
        let was_never_synced = source.enabled && first.is_none();
        let before = owed
            .zip(data.range.from.pred_opt())
            .map_or(0, |(owed, before)| DateRange::new(owed.from, owed.to.min(before)).len());
        let complete_before = recorded.map_or(0, |recorded| recorded.complete_before);
        let error = days.iter().rev().find_map(|day| Some((day.date, day.error.clone()?)));
        let states: Vec<Option<DayState>> = cells.iter().map(|cell| cell.state).collect();
        Self {
            name: source.name.clone(),
            note: note(source),
            counts,
            events,
            late: lateness(late, events),
            is_behind: source.enabled && oldest_gap.is_some_and(|gap| is_late(gap, data.as_of)),
            oldest_gap,
            was_never_synced,
            gaps_before: before.saturating_sub(complete_before),
            error,
            calendar: Calendar::draw(data.range, &states),
            in_file: source.in_file,
            cells,
        }
    }

    /// Whether an operator has something to do: the source is behind, or a day failed.
    pub(super) fn needs_attention(&self) -> bool {
        self.is_behind || self.was_never_synced || self.oldest_gap.is_some()
    }

    /// How many days are in this state.
    pub(super) fn count(&self, state: DayState) -> u64 {
        self.counts[place(state)]
    }

    /// Complete days, settled or not.
    pub(super) fn complete(&self) -> u64 {
        self.count(DayState::Settled) + self.count(DayState::Complete)
    }

    /// The days that must be covered.
    pub(super) fn owed(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The last day of the range up to which every day is complete.
    pub(super) fn complete_through(&self) -> Option<NaiveDate> {
        let owed = self.cells.iter().filter(|cell| cell.state.is_some());
        owed.take_while(|cell| !cell.is_gap).last().map(|cell| cell.date)
    }

    /// `1 day missing, 2 days failed since 2024-09-27`, as in `status`.
    pub(super) fn gap_text(&self) -> String {
        if self.was_never_synced {
            return "was never synced".to_owned();
        }
        let Some(since) = self.oldest_gap else {
            return match self.due_again() {
                0 => "every day is complete".to_owned(),
                days => format!("no gap, and {} due again", counted(days, "day")),
            };
        };
        let kinds: Vec<String> = KINDS
            .into_iter()
            .filter_map(|state| {
                let is = |cell: &&Cell| cell.is_gap && cell.state == Some(state);
                let days = self.cells.iter().filter(is).count() as u64;
                (days > 0).then(|| format!("{} {}", counted(days, "day"), state.name()))
            })
            .collect();
        format!("{} since {since}", kinds.join(", "))
    }

    /// The command that reads the gaps, but for those that a process is reading.
    pub(super) fn command(&self) -> Option<String> {
        if !self.in_file {
            return None;
        }
        let name = &self.name;
        if self.was_never_synced {
            return Some(format!("auditsync --source {name}"));
        }
        let is_open = |cell: &&Cell| cell.is_gap && cell.state != Some(DayState::Syncing);
        let mut gaps = self.cells.iter().filter(is_open);
        let from = gaps.next()?;
        let to = gaps.next_back().unwrap_or(from).date;
        let from = from.date;
        let is_unread =
            |cell: &Cell| matches!(cell.state, Some(DayState::Missing | DayState::Adopted));
        let backfills = self.cells.iter().any(|cell| cell.is_gap && is_unread(cell));
        let command = if backfills { "auditsync backfill" } else { "auditsync" };
        Some(format!("{command} --source {name} --from {from} --to {to}"))
    }

    /// The days that were complete, and are due or being read again.
    pub(super) fn due_again(&self) -> u64 {
        self.cells.iter().filter(|cell| cell.is_incomplete && !cell.is_gap).count() as u64
    }

    /// The number of days in each state.
    pub(super) fn states(&self) -> String {
        let counts = STATES.iter().zip(self.counts).filter(|(_, days)| *days > 0);
        let parts: Vec<String> = counts
            .map(|(state, days)| format!("{} {}", counted(days, "day"), state.name()))
            .collect();
        match (parts.is_empty(), self.was_never_synced) {
            (false, _) => parts.join(", "),
            (true, true) => "was never synced".to_owned(),
            (true, false) => "no day of the range must be covered".to_owned(),
        }
    }

    /// The days that must be covered and are not complete.
    pub(super) fn incomplete(&self) -> FewDates {
        let gaps = self.cells.iter().filter(|cell| cell.is_incomplete);
        FewDates::of(gaps.map(|cell| cell.date), MOST_GAPS)
    }

    /// The newest `most` runs of one state, newest first, and how many older ones there are.
    pub(super) fn runs(&self, most: usize) -> (Vec<StateRun>, usize) {
        let runs: Vec<StateRun> =
            self.cells.chunk_by(|a, b| a.state == b.state).filter_map(run).collect();
        let older = runs.len().saturating_sub(most);
        (runs.into_iter().rev().take(most).collect(), older)
    }
}

fn run(cells: &[Cell]) -> Option<StateRun> {
    let (first, last) = (cells.first()?, cells.last()?);
    let events = cells.iter().filter_map(|cell| cell.events);
    Some(StateRun {
        dates: DateRange::new(first.date, last.date),
        state: first.state?.name(),
        days: number(cells.len() as u64),
        events: number(events.map(|events| events as u64).sum()),
    })
}

fn note(source: &PageSource) -> Option<&'static str> {
    match (source.in_file, source.enabled) {
        (true, true) => None,
        (true, false) => Some("disabled"),
        (false, _) => Some("not in the file"),
    }
}

fn is_late(gap: NaiveDate, now: DateTime<Utc>) -> bool {
    now - (end(gap) - TimeDelta::days(1)) > MOST_LAG
}

/// Every day of the range. A day that is `owed` and has no row is missing.
fn cells(range: DateRange, owed: Option<DateRange>, days: &[ReportedDay]) -> Vec<Cell> {
    let mut days = days.iter().peekable();
    let cell = |date: NaiveDate| {
        let is_owed = owed.is_some_and(|owed| owed.contains(date));
        let Some(day) = days.next_if(|day| day.date == date) else {
            let state = is_owed.then_some(DayState::Missing);
            return Cell { date, state, events: None, is_gap: is_owed, is_incomplete: is_owed };
        };
        let is_gap = if day.was_complete { day.state.is_gap_again() } else { day.state.is_gap() };
        Cell {
            date,
            state: Some(day.state),
            events: day.events,
            is_gap: is_gap && is_owed,
            is_incomplete: day.state.is_gap() && is_owed,
        }
    };
    range.dates().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_late_36_hours_after_its_day_began_and_not_a_second_before() {
        let gap = NaiveDate::from_ymd_opt(2024, 9, 28).expect("a date");
        let noon: DateTime<Utc> = "2024-09-29T12:00:00Z".parse().expect("a time");
        assert!(!is_late(gap, noon));
        assert!(is_late(gap, noon + TimeDelta::seconds(1)));
    }
}
