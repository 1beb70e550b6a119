//! The report of a sync.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::archives::{ArchiveReport, write_archives};
use super::columns::Column;
use super::day::{DayReport, Outcome};
use super::group::{DayGroup, grouped, named};
use super::older::write_older;
use super::output::Report;
use super::program::Program;
use super::reason::{for_all, likeness};
use super::remaining::Remaining;
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::day::written;
use crate::evidence::Head;
use crate::plan::OlderDays;

/// What a run did, day by day.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RunReport {
    /// The run's id, which the history names too.
    pub(crate) run_id: Uuid,
    /// Nothing was written.
    pub(crate) dry_run: bool,
    /// When it began, by this machine's clock.
    #[serde(serialize_with = "written::time")]
    pub(crate) started_at: DateTime<Utc>,
    /// When it ended.
    #[serde(serialize_with = "written::time")]
    pub(crate) finished_at: DateTime<Utc>,
    /// The days, oldest first.
    pub(crate) days: Vec<DayReport>,
    /// The head of the chain of seals after the run.
    pub(crate) head: Option<Head>,
    /// The sums of the days.
    pub(crate) totals: Totals,
    /// The archives of a backfill from them; `None` for any other run.
    pub(crate) archives: Option<Vec<ArchiveReport>>,
    /// What reads those that were not finished.
    #[serde(skip)]
    pub(crate) remaining: Remaining,
    /// What the very first run of a source leaves to a backfill.
    #[serde(skip)]
    pub(crate) older: Vec<OlderDays>,
    /// The program that ran.
    #[serde(skip)]
    pub(crate) program: Program,
}

/// The sums of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Days with this outcome.
    pub(crate) synced: u64,
    /// Days with this outcome.
    pub(crate) already_synced: u64,
    /// Days with this outcome.
    pub(crate) locked_elsewhere: u64,
    /// Days with this outcome.
    pub(crate) failed: u64,
    /// Days with this outcome.
    pub(crate) interrupted: u64,
    /// Days with this outcome.
    pub(crate) lost_lock: u64,
    /// Days with this outcome.
    pub(crate) would_sync: u64,
    /// Events of the days that were read.
    pub(crate) events: u64,
    /// New events of the days that were read.
    pub(crate) new_events: u64,
}

impl Totals {
    /// The days with this outcome.
    fn with(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Synced => &mut self.synced,
            Outcome::AlreadySynced => &mut self.already_synced,
            Outcome::LockedElsewhere => &mut self.locked_elsewhere,
            Outcome::Failed => &mut self.failed,
            Outcome::Interrupted => &mut self.interrupted,
            Outcome::LostLock => &mut self.lost_lock,
            Outcome::WouldSync => &mut self.would_sync,
        }
    }
}

impl RunReport {
    /// The report on `days`, in their order, of a run that wrote and has just begun.
    pub(crate) fn new(run_id: Uuid, started_at: DateTime<Utc>, mut days: Vec<DayReport>) -> Self {
        days.sort_by(|a, b| (a.date, &a.source).cmp(&(b.date, &b.source)));
        let mut totals = Totals::default();
        for day in &days {
            *totals.with(day.outcome) += 1;
            if matches!(day.outcome, Outcome::Synced | Outcome::WouldSync) {
                totals.events += day.events;
                totals.new_events += day.new_events;
            }
        }
        Self {
            run_id,
            dry_run: false,
            started_at,
            finished_at: started_at,
            days,
            head: None,
            totals,
            archives: None,
            remaining: Remaining::default(),
            older: Vec::new(),
            program: Program::default(),
        }
    }

    /// Whether every day and every archive is as it should be.
    pub(crate) fn is_good(&self) -> bool {
        self.days.iter().all(|day| day.outcome.is_good())
            && self.archives.iter().flatten().all(|archive| archive.error.is_none())
    }
}

impl Report for RunReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.days.is_empty() && self.is_good() {
            text.line("Nothing is due.")?;
        } else if !self.days.is_empty() {
            self.write_days(text)?;
        }
        if let Some(archives) = &self.archives {
            let said = |error: &str| self.days.iter().any(|day| day.why() == Some(error));
            write_archives(archives, said, text)?;
        }
        write_older(&self.older, text)?;
        text.head_of_run(self.head.as_ref(), &self.program)
    }
}

impl RunReport {
    fn write_days(&self, text: &mut Text<'_>) -> io::Result<()> {
        let mut table = PlainTable::new([
            Column::name("SOURCE"),
            Column::text("DATES"),
            Column::state("OUTCOME"),
            Column::number("EVENTS"),
            Column::number("NEW"),
            Column::number("LATE").dropped(3),
            Column::number("REQUESTS").dropped(1),
            Column::number("TIME").dropped(2),
        ]);
        for group in self.groups() {
            let day = group.first();
            let took = Duration::from_millis(group.sum(|day| day.duration_ms)).as_secs_f64();
            table.row([
                day.source.to_string(),
                group.dates.to_string(),
                day.outcome.to_string(),
                group.sum(|day| day.events).to_string(),
                group.sum(|day| day.new_events).to_string(),
                group.sum(|day| day.late_events).to_string(),
                group.sum(|day| day.requests).to_string(),
                format!("{took:.1}s"),
            ]);
        }
        text.table(&table)?;
        text.blank()?;
        text.line(&self.summary())?;
        for (days, error) in self.reasons() {
            let dates: Vec<_> = days.iter().map(|day| (&day.source, day.date)).collect();
            let ranges: BTreeSet<NaiveDate> = days.iter().map(|day| day.date).collect();
            let ranges = grouped(&ranges, |date| (*date, ()));
            let ranges: Vec<_> = ranges.iter().map(|group| group.dates).collect();
            let error = for_all(error, days[0].date, &ranges);
            text.blank()?;
            writeln!(text, "{}: {error}", named(&dates))?;
        }
        text.lines(&self.remaining.text())
    }

    /// Consecutive days of a source with the same outcome and reason.
    fn groups(&self) -> Vec<DayGroup<'_, DayReport>> {
        grouped(&self.days, |day| {
            let reason = day.why().map(|reason| likeness(reason, day.date));
            (day.date, (day.source.clone(), day.outcome, reason))
        })
    }

    /// Why days were not done: each reason once, as it is of the first day, with all its days.
    fn reasons(&self) -> Vec<(Vec<&DayReport>, &str)> {
        let mut reasons: Vec<(Vec<&DayReport>, &str)> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for day in &self.days {
            let Some(error) = day.why() else { continue };
            let place = *known.entry(likeness(error, day.date)).or_insert(reasons.len());
            match reasons.get_mut(place) {
                Some((days, _)) => days.push(day),
                None => reasons.push((vec![day], error)),
            }
        }
        reasons
    }

    fn summary(&self) -> String {
        let totals = self.totals;
        let mut parts = Vec::new();
        if self.dry_run {
            parts.push(format!("{} would be synced", counted(totals.would_sync, "day")));
        } else {
            parts.push(format!("{} synced", counted(totals.synced, "day")));
        }
        for (days, what) in [
            (totals.already_synced, "already synced"),
            (totals.locked_elsewhere, "being synced by another process"),
            (totals.failed, "failed"),
            (totals.interrupted, "interrupted"),
            (totals.lost_lock, "lost to another process"),
        ] {
            if days > 0 {
                parts.push(format!("{days} {what}"));
            }
        }
        let dry = if self.dry_run { "; this was a dry run, nothing was written" } else { "" };
        let (events, new) = (counted(totals.events, "event"), totals.new_events);
        format!("{}; {events}, {new} new{dry}.", parts.join(", "))
    }
}
