//! The report of `status`.

use std::io;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};

use super::columns::Column;
use super::group::{DayGroup, grouped};
use super::output::Report;
use super::reason::{for_all, likeness};
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::coverage::{Coverage, DayState, Lateness, SourceBehind, StateRange, WindowDays};
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
    pub(crate) behind: Vec<SourceBehind>,
    /// What is good, in words.
    #[serde(skip)]
    pub(crate) summary: String,
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

/// The most ranges to show of one source; the newest are shown.
const RANGES_SHOWN: usize = 12;

/// The most sources that the verdict names.
const BEHIND_SHOWN: usize = 12;

impl Report for StatusReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        self.write_verdict(text)?;
        text.blank()?;
        text.table(&self.table())?;
        self.sources.iter().try_for_each(|source| write_source(text, &source.coverage))?;
        self.write_window(text)?;
        text.head(self.head.as_ref())
    }
}

impl StatusReport {
    fn write_verdict(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.ok {
            return text.painted_line("", "OK", &format!("  {}", self.summary));
        }
        let alike = |one: &SourceBehind, other: &SourceBehind| {
            one.reason == other.reason && command_for(one, &[]) == command_for(other, &[])
        };
        let groups: Vec<_> = self.behind.chunk_by(alike).collect();
        for group in groups.iter().take(BEHIND_SHOWN) {
            let reason = &group[0].reason;
            text.painted_line("", "BEHIND", &format!("  {}: {reason}", sources(group)))?;
            match command_for(&group[0], group) {
                Some(command) => writeln!(text, "  Run `{command}`.")?,
                None => text.line("  Wait until the process that reads them ends.")?,
            }
        }
        let hidden: usize = groups.iter().skip(BEHIND_SHOWN).map(|group| group.len()).sum();
        if hidden > 0 {
            let more = counted(hidden as u64, "more source");
            writeln!(text, "  … and {more}: see `--output json`")?;
        }
        Ok(())
    }

    fn table(&self) -> PlainTable<11> {
        let mut sources = PlainTable::new([
            Column::name("SOURCE"),
            Column::text("SINCE").dropped(1),
            Column::number("COMPLETE"),
            Column::number("SETTLED").dropped(4),
            Column::number("DUE"),
            Column::number("SYNCING").dropped(2),
            Column::number("FAILED"),
            Column::number("MISSING"),
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

    /// Writes the sums of the window, and its days that are not complete, each with its reason.
    fn write_window(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.days.is_empty() {
            return Ok(());
        }
        text.blank()?;
        writeln!(text, "From {} to {}:", self.window.from, self.window.to)?;
        for SourceStatus { coverage, in_window: WindowDays { days, complete } } in &self.sources {
            if *days > 0 {
                let days = counted(*days, "day");
                writeln!(text, "  {}: {complete} of {days} complete", coverage.source)?;
            }
        }
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

/// The command that helps all `sources` as it helps the first of them.
fn command_for(first: &SourceBehind, sources: &[SourceBehind]) -> Option<String> {
    let all: String = sources.iter().map(|behind| format!(" --source {}", behind.source)).collect();
    let command = first.command.as_ref()?;
    Some(command.replace(&format!(" --source {}", first.source), &all))
}

/// The names of a few sources, and how many more there are.
fn sources(behind: &[SourceBehind]) -> String {
    const NAMED: usize = 3;
    let names: Vec<&str> = behind.iter().take(NAMED).map(|behind| &*behind.source).collect();
    match behind.len().saturating_sub(NAMED) {
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

/// Writes the days of a source as ranges, and what its figures do not say.
fn write_source(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let what = match (source.in_file, source.enabled) {
        (true, true) => "",
        (true, false) => " (disabled)",
        (false, _) => " (not in the file)",
    };
    text.blank()?;
    writeln!(text, "{}{what}", source.source)?;
    if source.ranges.is_empty() {
        text.line("  no day was ever due")?;
    }
    let hidden = source.ranges.len().saturating_sub(RANGES_SHOWN);
    if hidden > 0 {
        writeln!(text, "  … and {hidden} earlier ranges: see `--output json`")?;
    }
    source.ranges.iter().skip(hidden).try_for_each(|range| write_range(text, range))?;
    write_adopted(text, source)?;
    write_other_scope(text, source)?;
    write_empty(text, source)?;
    if !source.earlier_names.is_empty() {
        let names = source.earlier_names.join(", ");
        writeln!(text, "  It has the same scope as {names}: is that its earlier name?")?;
    }
    if let Some(Lateness { late_events, share, median, max }) = source.lateness {
        writeln!(
            text,
            "  {} came late ({:.3} %): half were found within {} after the day's end, \
             the last {} after it",
            counted(late_events, "event"),
            share * 100.0,
            hours(median),
            hours(max)
        )?;
    }
    Ok(())
}

fn write_range(text: &mut Text<'_>, range: &StateRange) -> io::Result<()> {
    let StateRange { state, dates, days, other_scope, syncing_until } = range;
    let until = syncing_until.map(|until| format!(" until {}", moment(until))).unwrap_or_default();
    let scope = if *other_scope { ", with another scope" } else { "" };
    let days = counted(*days, "day");
    text.painted_line(
        &format!("  {:22}  ", dates.to_string()),
        state.name(),
        &format!("{until}, {days}{scope}"),
    )
}

fn write_other_scope(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let (days, them) = match source.other_scope {
        0 => return Ok(()),
        1 => ("1 complete day was".to_owned(), "it"),
        days => (format!("{days} complete days were"), "them"),
    };
    writeln!(text, "  {days} read with another account, team or filter than the file names now.")?;
    writeln!(text, "  To read {them} again, use `auditsync reset`.")
}

fn write_empty(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let (days, are, them) = match source.empty_unconfirmed {
        0 => return Ok(()),
        1 => ("1 complete day".to_owned(), "has", "it"),
        days => (format!("{days} complete days"), "have", "them"),
    };
    writeln!(text, "  {days} {are} no event, and only Heroku's list says so.")?;
    writeln!(text, "  `auditsync reconcile` compares {them} with Heroku's archive of the month.")
}

/// Writes what adopted days are, and the command that reads them, if the file has the source.
fn write_adopted(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let (Some(command), true) = (source.adopted_days_command(), source.in_file) else {
        return Ok(());
    };
    let (days, them, as_is) = if source.adopted == 1 {
        ("day", "it", "as it is")
    } else {
        ("days", "them", "as they are")
    };
    writeln!(
        text,
        "  {} {days} adopted: another program called {them} complete, but no event is stored.",
        source.adopted
    )?;
    writeln!(text, "  To read {them}, use `{command}`.")?;
    writeln!(text, "  To accept {them} {as_is}, add `--accept-adopted` to `status`.")
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn hours(time: Duration) -> String {
    format!("{}h", time.as_secs() / 3600)
}
