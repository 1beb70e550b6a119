//! How each source stands, from the calendar: every day that is owed has a state, whether the ledger has a row or not.
//!
//! This room does no I/O. Days are owed from `since`, or from the source's first day in the ledger, to yesterday; for a
//! source that is disabled, or that the file does not have any more, to its last day in the ledger. A source that was
//! taken out of the file is therefore seen as it was left.

mod check;
mod lateness;
mod state;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Serialize, Serializer};

pub use check::Adopted;
pub use lateness::Lateness;
use lateness::lateness;
pub use state::State;

use crate::config::Source;
use crate::day::{end, last_over};
use crate::ledger::LateEvents;

/// All days of one source in the ledger, counted.
#[derive(Debug, Clone)]
pub struct Count {
    /// The source.
    pub source: String,
    /// How many they are.
    pub days: u64,
    /// The first of them.
    pub first: NaiveDate,
    /// The last of them.
    pub last: NaiveDate,
    /// Their events.
    pub events: u64,
    /// When the last of them was read whole.
    pub last_success: Option<DateTime<Utc>>,
}

impl Count {
    /// Whether there are fewer days than lie between the first and the last.
    pub fn has_holes(&self) -> bool {
        self.days != span(self.first, self.last)
    }
}

/// Days of one source in a row that have no row in the ledger, between two that have one.
#[derive(Debug, Clone)]
pub struct Gap {
    /// The source.
    pub source: String,
    /// The first of them.
    pub first: NaiveDate,
    /// The last of them.
    pub last: NaiveDate,
}

/// Days of one source in a row, in the same state, and in the same scope.
#[derive(Debug, Clone)]
pub struct Group {
    /// The source.
    pub source: String,
    /// Their state; never [`State::Missing`].
    pub state: State,
    /// Whether they were read whole some time.
    pub was_whole: bool,
    /// Whether they were asked with another account, team or filter than the source has now.
    pub other_scope: bool,
    /// The first of them.
    pub first: NaiveDate,
    /// The last of them.
    pub last: NaiveDate,
    /// When the newest whole reading of one of them began.
    pub last_success: Option<DateTime<Utc>>,
}

/// Days in a row that stand alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Range {
    /// How they stand.
    pub state: State,
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
    /// How many.
    pub days: u64,
    /// Whether they were asked with another account, team or filter than the source has now.
    pub other_scope: bool,
}

/// One source as a whole.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// Its name.
    pub source: String,
    /// Whether the file has it.
    pub in_file: bool,
    /// Whether it is synced.
    pub enabled: bool,
    /// The day that coverage is owed from, once it is known.
    pub covered_from: Option<NaiveDate>,
    /// The last day that is owed.
    pub covered_to: Option<NaiveDate>,
    /// Days that have settled.
    pub settled: u64,
    /// Days that are whole and have not settled.
    pub whole: u64,
    /// Days that another program called whole, and of which nothing is stored here.
    pub adopted: u64,
    /// Days due after a reset, an interruption or a lost lease.
    pub due: u64,
    /// Days being worked on.
    pub at_work: u64,
    /// Days whose last attempt failed.
    pub failed: u64,
    /// Days owed that have no row.
    pub missing: u64,
    /// Days that were asked with another account, team or filter than the source has now.
    pub other_scope: u64,
    /// The oldest day owed that is not complete. One that was, and is due or being read again, is no gap; one whose reading
    /// again failed is.
    pub oldest_gap: Option<NaiveDate>,
    /// The same where adopted days are accepted.
    #[serde(skip)]
    oldest_gap_beside_adopted: Option<NaiveDate>,
    /// The adopted days that are owed, the first and the last.
    #[serde(skip)]
    adopted_and_owed: Option<(NaiveDate, NaiveDate)>,
    /// How long ago the time began of which something may be missing: since the begin of the oldest gap or, without one,
    /// of today. `None` for a source that is not synced, or never was.
    #[serde(rename = "lag_seconds", serialize_with = "seconds")]
    pub lag: Option<Duration>,
    /// The newest whole day.
    pub last_whole_day: Option<NaiveDate>,
    /// When the newest day, or one that has not settled, was last read whole.
    #[serde(serialize_with = "crate::day::written::optional_time")]
    pub last_success: Option<DateTime<Utc>>,
    /// All events of its days, as they were when we last read them completely.
    pub events: u64,
    /// How late events came, as far as rechecks found.
    pub lateness: Option<Lateness>,
    /// The sources of the ledger that read the same and are not in the file: this one under an earlier name, perhaps.
    pub earlier_names: Vec<String>,
    /// Its days in their order, as ranges.
    pub ranges: Vec<Range>,
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(serializer)
}

/// What the ledger says of its sources.
#[derive(Debug, Default)]
pub struct Standings {
    /// How many days each source has.
    pub counts: Vec<Count>,
    /// Their days as ranges; only those that have not settled, of a source that is not looked at in detail.
    pub groups: Vec<Group>,
    /// The days without a row between others.
    pub gaps: Vec<Gap>,
    /// The sources of which all ranges are there.
    pub in_detail: HashSet<String>,
    /// What was found late.
    pub late: Vec<LateEvents>,
    /// Sources of the file, each with one of the ledger that is not in the file and reads the same.
    pub twins: Vec<(String, String)>,
}

/// Each source's coverage: those of the file in its order, then the others of the ledger by name.
pub fn coverage(sources: &[&Source], standings: Standings, now: DateTime<Utc>) -> Vec<Coverage> {
    let Standings { counts, groups, gaps, in_detail, late, twins } = standings;
    let mut by_source: BTreeMap<&str, (Option<&Count>, Vec<Group>)> =
        counts.iter().map(|count| (count.source.as_str(), (Some(count), Vec::new()))).collect();
    for group in groups {
        if let Some((_, groups)) = by_source.get_mut(group.source.as_str()) {
            groups.push(group);
        }
    }
    for (count, groups) in by_source.values_mut() {
        groups.sort_by_key(|group| group.first);
        if let Some(count) = count.filter(|count| !in_detail.contains(&count.source)) {
            let gaps = gaps.iter().filter(|gap| gap.source == count.source);
            *groups = with_settled(count, std::mem::take(groups), gaps);
        }
    }
    let of_file: Vec<Coverage> = sources
        .iter()
        .map(|source| {
            let (count, groups) = by_source.remove(source.name.as_ref()).unwrap_or_default();
            let twins = twins.iter().filter(|(name, _)| name == source.name.as_ref());
            let earlier_names = twins.map(|(_, earlier)| earlier.clone()).collect();
            Coverage {
                earlier_names,
                ..one((source.name.as_ref(), Some(source)), count, &groups, &late, now)
            }
        })
        .collect();
    let others = by_source
        .into_iter()
        .map(|(name, (count, groups))| one((name, None), count, &groups, &late, now));
    of_file.into_iter().chain(others).collect()
}

/// All days of a source: those that have not settled, and, where neither they nor gaps are, those that have.
fn with_settled<'g>(
    count: &Count,
    unsettled: Vec<Group>,
    gaps: impl Iterator<Item = &'g Gap>,
) -> Vec<Group> {
    let settled = |first: NaiveDate, last: NaiveDate| {
        let source = count.source.clone();
        let group = Group {
            source,
            state: State::Settled,
            was_whole: true,
            other_scope: false,
            first,
            last,
            last_success: None,
        };
        (first <= last).then_some(group)
    };
    let gaps = gaps.map(|gap| (gap.first, gap.last, None));
    let mut others: Vec<_> = unsettled
        .into_iter()
        .map(|group| (group.first, group.last, Some(group)))
        .chain(gaps)
        .collect();
    others.sort_by_key(|(first, ..)| *first);
    let mut all = Vec::with_capacity(others.len() * 2 + 1);
    let mut next = count.first;
    for (first, last, group) in others {
        all.extend(settled(next, first - Days::new(1)));
        all.extend(group);
        next = next.max(last + Days::new(1));
    }
    all.extend(settled(next, count.last));
    all
}

fn one(
    (name, source): (&str, Option<&Source>),
    count: Option<&Count>,
    groups: &[Group],
    late: &[LateEvents],
    now: DateTime<Utc>,
) -> Coverage {
    let enabled = source.is_some_and(|source| source.enabled);
    let first = count.map(|count| count.first);
    let covered_from = source.and_then(|source| source.since).or(first);
    // A row of a day to come is a slip.
    let covered_to = if enabled {
        Some(last_over(now))
    } else {
        count.map(|count| count.last.min(last_over(now)))
    };
    let owed = covered_from.zip(covered_to).filter(|(from, to)| from <= to);
    let mut coverage = Coverage {
        source: name.to_owned(),
        in_file: source.is_some(),
        enabled,
        covered_from,
        covered_to: owed.map(|(_, to)| to),
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
        last_success: groups
            .iter()
            .filter_map(|group| group.last_success)
            .max()
            .max(count.and_then(|count| count.last_success)),
        events: count.map_or(0, |count| count.events),
        lateness: None,
        earlier_names: Vec::new(),
        ranges: Vec::new(),
    };
    coverage.take(groups, owed);
    coverage.lateness = lateness(late.iter().filter(|late| late.source == name), coverage.events);
    coverage.lag = coverage.lag_of(coverage.oldest_gap, now);
    coverage
}

impl Coverage {
    /// Takes the days of `groups`, and those missing between them where they are owed.
    fn take(&mut self, groups: &[Group], owed: Option<(NaiveDate, NaiveDate)>) {
        let mut next = owed.map(|(from, _)| from);
        for group in groups {
            if let Some((from, to)) = next.zip(group.first.pred_opt()) {
                self.miss(from, to.min(owed.map_or(to, |(_, last)| last)));
            }
            self.count(group, owed);
            next = next.map(|next| next.max(group.last + Days::new(1)));
        }
        if let Some((from, (_, to))) = next.zip(owed) {
            self.miss(from, to);
        }
    }

    fn miss(&mut self, from: NaiveDate, to: NaiveDate) {
        if from <= to {
            self.missing += span(from, to);
            self.add(Range {
                state: State::Missing,
                from,
                to,
                days: span(from, to),
                other_scope: false,
            });
            self.note_gap(from);
        }
    }

    fn count(&mut self, group: &Group, owed: Option<(NaiveDate, NaiveDate)>) {
        let &Group { state, was_whole, other_scope, first, last, .. } = group;
        let days = span(first, last);
        let count = match state {
            State::Settled => &mut self.settled,
            State::Whole => &mut self.whole,
            State::Adopted => &mut self.adopted,
            State::Due => &mut self.due,
            State::AtWork => &mut self.at_work,
            State::Failed => &mut self.failed,
            State::Missing => &mut self.missing,
        };
        *count += days;
        if other_scope {
            self.other_scope += days;
        }
        if state.is_whole() {
            self.last_whole_day = self.last_whole_day.max(Some(last));
        } else if let Some((from, to)) = owed.map(|(from, to)| (from.max(first), to.min(last)))
            && (state == State::Failed || !was_whole)
            && from <= to
        {
            if state == State::Adopted {
                self.note_adopted(from, to);
            } else {
                self.note_gap(from);
            }
        }
        self.add(Range { state, from: first, to: last, days, other_scope });
    }

    fn note_gap(&mut self, date: NaiveDate) {
        for gap in [&mut self.oldest_gap, &mut self.oldest_gap_beside_adopted] {
            *gap = Some(gap.map_or(date, |gap| gap.min(date)));
        }
    }

    fn note_adopted(&mut self, from: NaiveDate, to: NaiveDate) {
        self.oldest_gap = Some(self.oldest_gap.map_or(from, |gap| gap.min(from)));
        let (first, last) = self.adopted_and_owed.unwrap_or((from, to));
        self.adopted_and_owed = Some((first.min(from), last.max(to)));
    }

    fn lag_of(&self, gap: Option<NaiveDate>, now: DateTime<Utc>) -> Option<Duration> {
        match (self.enabled, gap, self.covered_from) {
            (true, Some(gap), _) => Some(elapsed(end(gap) - TimeDelta::days(1), now)),
            (true, None, Some(_)) => Some(elapsed(end(last_over(now)), now)),
            _ => None,
        }
    }

    /// Adds a range behind the others, or to the last of them.
    fn add(&mut self, range: Range) {
        match self.ranges.last_mut() {
            Some(last)
                if last.state == range.state
                    && last.other_scope == range.other_scope
                    && last.to.succ_opt() == Some(range.from) =>
            {
                last.to = range.to;
                last.days += range.days;
            }
            _ => self.ranges.push(range),
        }
    }

    /// The days owed that have no row.
    pub fn missing_ranges(&self) -> impl Iterator<Item = &Range> {
        self.ranges.iter().filter(|range| range.state == State::Missing)
    }
}

fn elapsed(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

fn span(from: NaiveDate, to: NaiveDate) -> u64 {
    (to - from).num_days() as u64 + 1
}

#[cfg(test)]
mod tests;
