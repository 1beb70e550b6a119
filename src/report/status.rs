//! The report of `status`.

use std::io;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::columns::Column;
use super::output::Report;
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::coverage::{Coverage, Lateness, StateRange};
use crate::day::DateRange;
use crate::evidence::Head;
use crate::ledger::LedgerRow;

/// `status`: the sources, then their days.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StatusReport {
    /// The range that `days` covers.
    #[serde(skip)]
    pub(crate) window: DateRange,
    /// The head of the chain of seals.
    pub(crate) head: Option<Head>,
    /// The sources of the file in its order, then those that only the ledger knows.
    pub(crate) sources: Vec<Coverage>,
    /// The days of the window that have a row or must have one, and all days that are due at any
    /// age; newest first.
    pub(crate) days: Vec<DayStatus>,
    /// The result of `--check`, if it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<LagCheck>,
}

/// Whether a source is behind.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LagCheck {
    /// Whether no source is behind.
    pub(crate) ok: bool,
    /// The lag that `--max-lag` allows, as the user wrote it.
    pub(crate) max_lag: String,
    /// Each reason why a source is behind.
    pub(crate) behind: Vec<SourceBehind>,
}

/// One reason why a source is behind.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SourceBehind {
    /// The source's name.
    pub(crate) source: String,
    /// The reason, for people.
    pub(crate) reason: String,
}

/// The status of one day.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DayStatus {
    /// The source's name.
    pub(crate) source: String,
    /// The UTC date.
    pub(crate) date: NaiveDate,
    /// The ledger's status; MISSING where a day that must be covered has no row.
    pub(crate) status: String,
    /// The events of our last complete reading, if there was one.
    pub(crate) events: Option<i32>,
    /// The number of claims.
    pub(crate) attempt: i32,
    /// Why the day is not complete.
    pub(crate) error: Option<String>,
    /// When the row last changed.
    #[serde(serialize_with = "crate::day::written::optional_time")]
    pub(crate) updated_at: Option<DateTime<Utc>>,
    /// Whether another program called the day complete, and none of its events is stored.
    #[serde(skip)]
    pub(crate) adopted: bool,
}

impl DayStatus {
    /// The status in a ledger row.
    pub(crate) fn of(row: &LedgerRow) -> Self {
        Self {
            source: row.source.clone(),
            date: row.date,
            status: row.status.to_string(),
            events: row.events,
            attempt: row.attempt,
            error: row.error.clone(),
            updated_at: Some(row.updated_at),
            adopted: row.adopted,
        }
    }

    /// The status of a day that must be covered and has no row.
    pub(crate) fn missing(source: &str, date: NaiveDate) -> Self {
        Self {
            source: source.to_owned(),
            date,
            status: "MISSING".to_owned(),
            events: None,
            attempt: 0,
            error: None,
            updated_at: None,
            adopted: false,
        }
    }
}

/// The most ranges to show of one source; the newest are shown.
const RANGES_SHOWN: usize = 12;

impl Report for StatusReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        text.table(&self.table())?;
        if self.sources.iter().all(|source| source.ranges.is_empty()) {
            text.blank()?;
            text.line("No day was ever due. To begin, run `auditsync`.")?;
        } else {
            self.sources.iter().try_for_each(|source| write_source(text, source))?;
        }
        self.write_window(text)?;
        if let Some(check) = &self.check {
            text.blank()?;
            for SourceBehind { source, reason } in &check.behind {
                writeln!(text, "{source} is behind: {reason}.")?;
            }
            if check.ok {
                writeln!(text, "No source is behind by more than {}.", check.max_lag)?;
            }
        }
        text.head(self.head.as_ref())
    }
}

impl StatusReport {
    fn table(&self) -> PlainTable<9> {
        let mut sources = PlainTable::new([
            Column::name("SOURCE"),
            Column::text("SINCE").dropped(1),
            Column::number("WHOLE"),
            Column::number("SETTLED").dropped(3),
            Column::number("DUE"),
            Column::number("FAILED"),
            Column::number("MISSING"),
            Column::text("OLDEST GAP"),
            Column::number("LAG").dropped(2),
        ]);
        for source in &self.sources {
            sources.row([
                source.source.clone(),
                or_dash(source.covered_from),
                (source.whole + source.settled).to_string(),
                source.settled.to_string(),
                (source.due + source.at_work).to_string(),
                source.failed.to_string(),
                source.missing.to_string(),
                or_dash(source.oldest_gap),
                or_dash(source.lag.map(hours)),
            ]);
        }
        sources
    }

    /// Writes the sum of the window, and its days that are not complete, each with its reason.
    fn write_window(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.days.is_empty() {
            return Ok(());
        }
        let (adopted, days): (Vec<_>, Vec<_>) = self.days.iter().partition(|day| day.adopted);
        let (whole, others): (Vec<_>, Vec<_>) =
            days.into_iter().partition(|day| day.status == "SUCCESS");
        let adopted =
            if adopted.is_empty() { String::new() } else { format!(", {} adopted", adopted.len()) };
        let (DateRange { from, to }, days) = (self.window, counted(whole.len() as u64, "day"));
        text.blank()?;
        writeln!(text, "From {from} to {to}: {days} whole{adopted}.")?;
        let shown: Vec<_> = others.into_iter().filter(|day| day.status != "MISSING").collect();
        if shown.is_empty() {
            return Ok(());
        }
        let mut days = PlainTable::new([
            Column::name("SOURCE"),
            Column::text("DATE"),
            Column::state("STATUS"),
            Column::number("EVENTS").dropped(2),
            Column::number("ATTEMPT").dropped(1),
            Column::text("UPDATED"),
        ]);
        for day in &shown {
            days.row([
                day.source.clone(),
                day.date.to_string(),
                day.status.clone(),
                or_dash(day.events),
                day.attempt.to_string(),
                or_dash(day.updated_at.map(|at| at.format("%Y-%m-%d %H:%M:%SZ"))),
            ]);
        }
        text.blank()?;
        text.table(&days)?;
        for DayStatus { source, date, error, .. } in shown {
            if let Some(error) = error {
                text.blank()?;
                writeln!(text, "{source} {date}: {error}")?;
            }
        }
        Ok(())
    }
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
    let hidden = source.ranges.len().saturating_sub(RANGES_SHOWN);
    if hidden > 0 {
        writeln!(text, "  … and {hidden} earlier ranges: see `--output json`")?;
    }
    source.ranges.iter().skip(hidden).try_for_each(|range| write_range(text, range))?;
    write_missing(text, source)?;
    write_adopted(text, source)?;
    if source.other_scope > 0 {
        let (days, them) = if source.other_scope == 1 {
            ("1 day was".to_owned(), "it")
        } else {
            (format!("{} days were", source.other_scope), "them")
        };
        writeln!(
            text,
            "  {days} read with another account, team or filter than the file names now."
        )?;
        writeln!(text, "  To read {them} again, use `auditsync reset`.")?;
    }
    if !source.previous_names.is_empty() {
        let names = source.previous_names.join(", ");
        writeln!(
            text,
            "  {} was named {names} before. Its older days keep that name.",
            source.source
        )?;
    }
    if !source.earlier_names.is_empty() {
        let names = source.earlier_names.join(", ");
        writeln!(
            text,
            "  It has the same scope as {names}. If that is its former name, add it to"
        )?;
        writeln!(text, "  `previous_names` of {} in the file.", source.source)?;
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
    let StateRange { state, dates: DateRange { from, to }, days, other_scope } = range;
    let scope = if *other_scope { ", with another scope" } else { "" };
    let to = if from == to { " ".repeat(14) } else { format!(" .. {to}") };
    let state = state.name().replace('_', " ");
    let days = counted(*days, "day");
    text.painted_line(&format!("  {from}{to}  "), &state, &format!(", {days}{scope}"))
}

/// Writes the command that reads the missing days, if the file has the source and enables it.
fn write_missing(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let mut missing = source.missing_ranges();
    let (Some(first), true) = (missing.next(), source.in_file && source.enabled) else {
        return Ok(());
    };
    let (name, from) = (&source.source, first.dates.from);
    let to = missing.last().map_or(first.dates.to, |last| last.dates.to);
    text.line("  To read the missing days, use")?;
    writeln!(text, "  `auditsync backfill --source {name} --from {from} --to {to}`")
}

/// Writes what adopted days are, and the command that reads them, if the file has the source.
fn write_adopted(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let (Some(command), true) = (source.adopted_days_command(), source.in_file) else {
        return Ok(());
    };
    let (days, them) = if source.adopted == 1 { ("day", "it") } else { ("days", "them") };
    writeln!(
        text,
        "  {} {days} adopted: another program called {them} complete, but no event is stored.",
        source.adopted
    )?;
    writeln!(text, "  To read {them}, use")?;
    writeln!(text, "  `{command}`")
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn hours(time: Duration) -> String {
    format!("{}h", time.as_secs() / 3600)
}
