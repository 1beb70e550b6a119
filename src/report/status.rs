//! The report of `status`.

mod notes;

use std::io;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};

use notes::{moment, write_earlier_names, write_empty, write_source};

use super::columns::Column;
use super::group::{DayGroup, grouped};
use super::output::Report;
use super::reason::{for_all, likeness};
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::coverage::{Coverage, DayState, GoodNews, SourceGaps, WindowDays};
use crate::day::{DateRange, written};
use crate::evidence::Head;
use crate::ledger::LedgerRow;

/// `status`: the verdict, the sources, then their days.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StatusReport {
    /// The time that the report describes.
    #[serde(serialize_with = "written::time")]
    pub(crate) checked_at: DateTime<Utc>,
    /// The window: the range of `days`.
    #[serde(flatten)]
    pub(crate) window: DateRange,
    /// Whether no source is behind.
    pub(crate) ok: bool,
    /// The lag from which on a source is behind.
    #[serde(serialize_with = "seconds")]
    pub(crate) max_lag_seconds: Duration,
    /// The head of the chain of seals.
    pub(crate) head: Option<Head>,
    /// The sources that are behind, the oldest gap first.
    pub(crate) behind: Vec<SourceGaps>,
    /// What is good, in words.
    #[serde(skip)]
    pub(crate) news: GoodNews,
    /// Whether the user named the window, who then wants its figures first.
    #[serde(skip)]
    pub(crate) is_window_named: bool,
    /// The sources of the file in its order, then those that only the ledger knows.
    pub(crate) sources: Vec<SourceStatus>,
    /// The days of the window that have a row or must have one, newest first.
    pub(crate) days: Vec<DayStatus>,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

/// The state of one source.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SourceStatus {
    /// Its entire calendar.
    #[serde(flatten)]
    pub(crate) coverage: Coverage,
    /// Its days in the window.
    pub(crate) in_window: WindowDays,
}

/// The status of one day.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DayStatus {
    /// The source's name.
    pub(crate) source: String,
    /// The UTC date.
    pub(crate) date: NaiveDate,
    /// The state by the calendar.
    pub(crate) state: DayState,
    /// The ledger's status; `None` for a day without a row.
    pub(crate) status: Option<String>,
    /// The events of our last complete reading, if there was one.
    pub(crate) events: Option<i32>,
    /// The number of claims.
    pub(crate) attempt: Option<i32>,
    /// Why the day is not complete.
    pub(crate) error: Option<String>,
    /// When the row last changed.
    #[serde(serialize_with = "written::optional_time")]
    pub(crate) updated_at: Option<DateTime<Utc>>,
}

impl DayStatus {
    /// The status of a day in this state, with its row if it has one.
    pub(crate) fn of(
        source: &str,
        date: NaiveDate,
        (state, row): (DayState, Option<&LedgerRow>),
    ) -> Self {
        Self {
            source: source.to_owned(),
            date,
            state,
            status: row.map(|row| row.status.to_string()),
            events: row.and_then(|row| row.events),
            attempt: row.map(|row| row.attempt),
            error: row.and_then(|row| row.error.clone()),
            updated_at: row.map(|row| row.updated_at),
        }
    }
}

/// The most lines of the verdict.
const BEHIND_SHOWN: usize = 12;

impl Report for StatusReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.ok {
            self.write_good_news(text)?;
        } else {
            self.write_behind(text)?;
        }
        if self.is_window_named {
            self.write_window(text)?;
        }
        text.blank()?;
        text.table(&self.table())?;
        let sources = || self.sources.iter().map(|source| &source.coverage);
        sources().try_for_each(|source| write_source(text, source))?;
        write_empty(text, sources())?;
        if !self.is_window_named {
            self.write_window(text)?;
        }
        self.write_days(text)?;
        text.head(self.head.as_ref())
    }
}

impl StatusReport {
    /// Writes the verdict that no source is behind, and what still needs a look.
    fn write_good_news(&self, text: &mut Text<'_>) -> io::Result<()> {
        let GoodNews { summary, others } = &self.news;
        let groups = alike(others);
        let shown = &groups[..groups.len().min(BEHIND_SHOWN)];
        let gaps = shown.iter().map(|group| format!("; {}: {}", names(group), group[0].reason));
        let gaps = gaps.collect::<String>() + &hidden(&groups, "; ");
        text.painted_line("", "OK", &format!("  {summary}{gaps}"))?;
        let helps = |group: &&&[SourceGaps]| group[0].command.is_some();
        shown.iter().filter(helps).try_for_each(|group| write_command(text, group))
    }

    /// Writes which sources are behind, and the commands that help.
    fn write_behind(&self, text: &mut Text<'_>) -> io::Result<()> {
        let groups = alike(&self.behind);
        for group in groups.iter().take(BEHIND_SHOWN) {
            let reason = &group[0].reason;
            text.painted_line("", "BEHIND", &format!("  {}: {reason}", names(group)))?;
            let own = |source: &&SourceStatus| {
                group.iter().any(|behind| behind.source == source.coverage.source)
            };
            let never = self.sources.iter().filter(own).map(|source| &source.coverage);
            let mut never = never.filter(|source| source.was_never_synced());
            never.try_for_each(|source| write_earlier_names(text, source))?;
            write_command(text, group)?;
        }
        match &*hidden(&groups, "  … and ") {
            "" => Ok(()),
            more => text.line(more),
        }
    }

    fn table(&self) -> PlainTable<11> {
        let mut sources = PlainTable::new([
            Column::name("SOURCE"),
            Column::text("SINCE").dropped(1),
            Column::number("COMPLETE"),
            Column::number("SETTLED").dropped(4),
            Column::number("DUE").dropped_if_empty(),
            Column::number("SYNCING").dropped(2),
            Column::number("FAILED").dropped_if_empty(),
            Column::number("MISSING").dropped_if_empty(),
            Column::number("ADOPTED").dropped(3),
            Column::text("OLDEST GAP").dropped(6),
            Column::number("LAG").dropped(5),
        ]);
        for SourceStatus { coverage: source, .. } in &self.sources {
            sources.row([
                source.source.clone(),
                or_dash(source.covered_from),
                source.complete.to_string(),
                source.settled.to_string(),
                source.due.to_string(),
                source.syncing.to_string(),
                source.failed.to_string(),
                source.missing.to_string(),
                source.adopted.to_string(),
                or_dash(source.oldest_gap),
                or_dash(source.lag_days.map(|days| counted(days, "day"))),
            ]);
        }
        sources
    }

    /// Writes the sums of the window.
    fn write_window(&self, text: &mut Text<'_>) -> io::Result<()> {
        let DateRange { from, to } = self.window;
        if self.days.is_empty() {
            let named = self.is_window_named;
            return if named { write_no_day(text, self.window) } else { Ok(()) };
        }
        text.blank()?;
        writeln!(text, "From {from} to {to}:")?;
        for SourceStatus { coverage, in_window: WindowDays { days, complete } } in &self.sources {
            if *days > 0 {
                let days = counted(*days, "day");
                writeln!(text, "  {}: {complete} of {days} complete", coverage.source)?;
            }
        }
        Ok(())
    }

    /// Writes the days of the window that are not complete, each with its reason.
    fn write_days(&self, text: &mut Text<'_>) -> io::Result<()> {
        let is_shown = |day: &&DayStatus| {
            matches!(day.state, DayState::Due | DayState::Syncing | DayState::Failed)
        };
        let reason = |day: &DayStatus| day.error.as_ref().map(|error| likeness(error, day.date));
        let shown = grouped(self.days.iter().filter(is_shown), |day| {
            (day.date, (day.source.clone(), day.state, day.status.clone(), reason(day)))
        });
        if shown.is_empty() {
            return Ok(());
        }
        text.blank()?;
        text.table(&table_of_days(&shown))?;
        for group in &shown {
            let day = group.first();
            if let Some(error) = &day.error {
                text.blank()?;
                let error = for_all(error, day.date, &[group.dates]);
                writeln!(text, "{} {}: {error}", day.source, group.dates)?;
            }
        }
        Ok(())
    }
}

/// Says that the window has no day.
fn write_no_day(text: &mut Text<'_>, window: DateRange) -> io::Result<()> {
    text.blank()?;
    writeln!(text, "From {} to {}: no source must cover a day.", window.from, window.to)
}

/// Sources in a row that have the same reason and command.
fn alike(gaps: &[SourceGaps]) -> Vec<&[SourceGaps]> {
    let are_alike = |one: &SourceGaps, other: &SourceGaps| {
        one.reason == other.reason && command_for(one, &[]) == command_for(other, &[])
    };
    gaps.chunk_by(are_alike).collect()
}

/// Writes the command that helps a group of sources.
fn write_command(text: &mut Text<'_>, group: &[SourceGaps]) -> io::Result<()> {
    match command_for(&group[0], group) {
        Some(command) => writeln!(text, "  Run `{command}`."),
        None => text.line("  Wait until the process that reads them ends."),
    }
}

/// How many sources the verdict does not show; empty if it shows all.
fn hidden(groups: &[&[SourceGaps]], before: &str) -> String {
    match groups.iter().skip(BEHIND_SHOWN).map(|group| group.len()).sum::<usize>() {
        0 => String::new(),
        more => format!("{before}{}: see `--output json`", counted(more as u64, "more source")),
    }
}

/// The command that helps all `sources` as it helps the first of them.
fn command_for(first: &SourceGaps, sources: &[SourceGaps]) -> Option<String> {
    let all: String = sources.iter().map(|behind| format!(" --source {}", behind.source)).collect();
    let command = first.command.as_ref()?;
    Some(command.replace(&format!(" --source {}", first.source), &all))
}

/// The names of a few sources, and how many more there are.
fn names(sources: &[SourceGaps]) -> String {
    const NAMED: usize = 3;
    let names: Vec<&str> = sources.iter().take(NAMED).map(|gaps| &*gaps.source).collect();
    match sources.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn table_of_days(groups: &[DayGroup<'_, DayStatus>]) -> PlainTable<6> {
    let mut table = PlainTable::new([
        Column::name("SOURCE"),
        Column::text("DATES"),
        Column::state("STATE"),
        Column::text("STATUS").dropped(1),
        Column::number("ATTEMPT").dropped(2),
        Column::text("UPDATED").dropped(3),
    ]);
    for group in groups {
        let day = group.first();
        let updated = group.days.iter().filter_map(|day| day.updated_at).max();
        table.row([
            day.source.clone(),
            group.dates.to_string(),
            day.state.to_string(),
            day.status.clone().unwrap_or_default(),
            group.span(|day| day.attempt.unwrap_or_default()),
            or_dash(updated.map(moment)),
        ]);
    }
    table
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
