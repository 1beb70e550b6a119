//! The report of a sync.

use std::io;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::columns::Column;
use super::day::{DayReport, Outcome};
use super::output::Report;
use super::program::Program;
use super::remaining::Remaining;
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::config::SourceName;
use crate::day::written;
use crate::evidence::Head;

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
    /// What reads those that were not finished.
    #[serde(skip)]
    pub(crate) remaining: Remaining,
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
            remaining: Remaining::default(),
            program: Program::default(),
        }
    }

    /// Whether every day is as it should be.
    pub(crate) fn is_good(&self) -> bool {
        self.days.iter().all(|day| day.outcome.is_good())
    }
}

impl Report for RunReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.days.is_empty() {
            text.line("Nothing is due.")?;
        } else {
            self.write_days(text)?;
        }
        text.head_of_run(self.head.as_ref(), &self.program)
    }
}

impl RunReport {
    fn write_days(&self, text: &mut Text<'_>) -> io::Result<()> {
        let mut table = PlainTable::new([
            Column::name("SOURCE"),
            Column::text("DATE"),
            Column::state("OUTCOME"),
            Column::number("EVENTS"),
            Column::number("NEW"),
            Column::number("LATE").dropped(3),
            Column::number("REQUESTS").dropped(1),
            Column::number("TIME").dropped(2),
        ]);
        for day in &self.days {
            let took = Duration::from_millis(day.duration_ms).as_secs_f64();
            table.row([
                day.source.to_string(),
                day.date.to_string(),
                day.outcome.to_string(),
                day.events.to_string(),
                day.new_events.to_string(),
                day.late_events.to_string(),
                day.requests.to_string(),
                format!("{took:.1}s"),
            ]);
        }
        text.table(&table)?;
        text.blank()?;
        text.line(&self.summary())?;
        for (days, error) in self.reasons() {
            text.blank()?;
            writeln!(text, "{}: {error}", named(&days))?;
        }
        text.lines(&self.remaining.text())
    }

    /// Why days were not done, each reason once with all days that it is of.
    fn reasons(&self) -> Vec<(Vec<&DayReport>, &str)> {
        let mut reasons: Vec<(Vec<&DayReport>, &str)> = Vec::new();
        for day in &self.days {
            let Some(error) = day.why() else { continue };
            match reasons.iter_mut().find(|(_, known)| *known == error) {
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

/// Which days these are: the dates of each source as ranges, of a few sources at most.
fn named(days: &[&DayReport]) -> String {
    const SOURCES: usize = 3;
    if let [day] = days {
        return format!("{} {}", day.source, day.date);
    }
    let mut of_source: Vec<(&SourceName, Vec<NaiveDate>)> = Vec::new();
    for day in days {
        match of_source.iter_mut().find(|(source, _)| *source == &day.source) {
            Some((_, dates)) => dates.push(day.date),
            None => of_source.push((&day.source, vec![day.date])),
        }
    }
    let mut parts: Vec<String> = Vec::new();
    for (source, dates) in of_source.iter().take(SOURCES) {
        let ranges = dates.chunk_by(|day, next| day.succ_opt() == Some(*next));
        let ranges = ranges.map(|range| match range {
            [only] => only.to_string(),
            range => format!("{}..{}", range[0], range[range.len() - 1]),
        });
        parts.push(format!("{source} {}", ranges.collect::<Vec<_>>().join(" ")));
    }
    if of_source.len() > SOURCES {
        parts.push(format!("and {}", counted((of_source.len() - SOURCES) as u64, "more source")));
    }
    format!("{} ({})", parts.join(", "), counted(days.len() as u64, "day"))
}
