//! Why a source is behind, or can't be relied on, and the command that helps.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::source::{Coverage, StateRange};
use super::state::DayState;
use crate::day::{DateRange, last_over};

/// A lease that ends later is none that auditsync sets.
const LONGEST_LEASE: TimeDelta = TimeDelta::days(30);

/// The order in which a reason names the states of gaps.
pub const KINDS: [DayState; 5] =
    [DayState::Missing, DayState::Failed, DayState::Due, DayState::Syncing, DayState::Adopted];

/// Whether adopted days count as complete: another program called them complete, and no event is
/// stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdoptedPolicy {
    /// `--accept-adopted` was given.
    Accepted,
    /// Adopted days leave a source behind, however young they are.
    Rejected,
}

/// When a source is behind.
#[derive(Debug, Clone, Copy)]
pub struct LagRule {
    /// It is behind when its oldest gap began longer ago.
    pub max_lag: Duration,
    /// Whether adopted days are gaps.
    pub adopted: AdoptedPolicy,
}

/// The gaps of a source, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceGaps {
    /// The source's name.
    pub source: String,
    /// `3 days missing since 2024-09-15`.
    pub reason: String,
    /// The command that helps; `None` where a process is reading the days.
    pub command: Option<String>,
}

impl Coverage {
    /// The command that reads the adopted days, if there are any.
    pub fn adopted_days_command(&self) -> Option<String> {
        let mut adopted = self.ranges.iter().filter(|range| range.state == DayState::Adopted);
        let first = adopted.next()?.dates;
        let to = adopted.next_back().map_or(first.to, |last| last.dates.to);
        Some(self.backfill(DateRange::new(first.from, to)))
    }

    /// Whether the source must be synced, and no day of it was ever due.
    pub fn was_never_synced(&self) -> bool {
        self.enabled && self.covered_from.is_none()
    }

    /// Why this source is behind at `now`, if it is.
    pub fn behind(&self, rule: &LagRule, now: DateTime<Utc>) -> Option<SourceGaps> {
        let (reason, command) = if self.was_never_synced() {
            ("never synced".to_owned(), Some("auditsync".to_owned()))
        } else {
            let gaps = self.counted_gaps(rule);
            let is_adopted = |gap: &&StateRange| gap.state == DayState::Adopted;
            let oldest = gaps.iter().find(|gap| !is_adopted(gap)).map(|gap| gap.dates.from);
            let is_late = self.lag_of(oldest, now).is_some_and(|lag| lag > rule.max_lag);
            if !self.enabled || !(is_late || gaps.iter().any(|gap| is_adopted(&gap))) {
                return None;
            }
            (reason(&gaps), self.command(&gaps, now))
        };
        Some(SourceGaps { source: self.source.clone(), reason, command })
    }

    /// The gaps that do not leave this source behind and still need a look: a day failed, not even
    /// the first day is complete, or no run reads them, because the source is not enabled.
    pub(super) fn other_gaps(&self, rule: &LagRule, now: DateTime<Utc>) -> Option<SourceGaps> {
        if self.behind(rule, now).is_some() {
            return None;
        }
        let gaps = self.counted_gaps(rule);
        let has_failed = gaps.iter().any(|gap| gap.state == DayState::Failed);
        let is_unread = !self.enabled || has_failed || self.covered_through(rule).is_none();
        if gaps.is_empty() || !is_unread {
            return None;
        }
        let why = if self.enabled {
            format!("not yet {} late", short(rule.max_lag))
        } else {
            "and no run reads them".to_owned()
        };
        let reason = format!("{}, {why}", reason(&gaps));
        let command = if self.in_file { self.command(&gaps, now) } else { None };
        Some(SourceGaps { source: self.source.clone(), reason, command })
    }

    /// The last day up to which every day is complete under this rule, if any day must be covered.
    pub fn covered_through(&self, rule: &LagRule) -> Option<NaiveDate> {
        let gap = self.counted_gaps(rule).first().map(|gap| gap.dates.from);
        self.complete_before(gap)
    }

    fn counted_gaps(&self, rule: &LagRule) -> Vec<StateRange> {
        let counts = |gap: &&StateRange| {
            rule.adopted == AdoptedPolicy::Rejected || gap.state != DayState::Adopted
        };
        self.gaps.iter().filter(counts).copied().collect()
    }

    /// The command that helps.
    fn command(&self, gaps: &[StateRange], now: DateTime<Utc>) -> Option<String> {
        let name = &self.source;
        let unread = gaps.iter().filter(|gap| gap.state != DayState::Syncing);
        let unread: Vec<&StateRange> = unread.collect();
        let (Some(first), Some(last)) = (unread.first(), unread.last()) else {
            let is_endless = |gap: &&StateRange| {
                gap.syncing_until.is_some_and(|until| until > now + LONGEST_LEASE)
            };
            let endless = gaps.iter().find(is_endless)?;
            return Some(format!("auditsync reset --force --source {name} {}", endless.dates));
        };
        let caught_up = last_over(now) - Days::new(u64::from(self.catch_up_days.max(1) - 1));
        if self.enabled && first.dates.from >= caught_up {
            return Some(format!("auditsync sync --source {name}"));
        }
        Some(self.backfill(DateRange::new(first.dates.from, last.dates.to)))
    }

    fn backfill(&self, dates: DateRange) -> String {
        let DateRange { from, to } = dates;
        format!("auditsync backfill --source {} --from {from} --to {to}", self.source)
    }
}

/// A time as an option takes it: `36h`.
fn short(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// `2 days missing, 1 day failed since 2024-09-27`.
fn reason(gaps: &[StateRange]) -> String {
    let kinds = KINDS.into_iter().filter_map(|kind| {
        let days: u64 = gaps.iter().filter(|gap| gap.state == kind).map(|gap| gap.days).sum();
        let unit = if days == 1 { "day" } else { "days" };
        (days > 0).then(|| format!("{days} {unit} {kind}"))
    });
    let kinds: Vec<String> = kinds.collect();
    let since = gaps.first().map(|gap| format!(" since {}", gap.dates.from));
    kinds.join(", ") + &since.unwrap_or_default()
}
