//! What `status` says of each source below its table, and of all of them.

use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::text::{Text, counted};
use crate::coverage::{Coverage, Lateness, StateRange};
use crate::day::{DateRange, Month};

/// The most ranges to show of one source; the newest are shown.
const RANGES_SHOWN: usize = 12;

/// The most sources that a line gives a figure of.
const SOURCES_SHOWN: usize = 12;

/// The most sources that a command names, if it also works without them.
const SOURCES_NAMED: usize = 3;

/// Writes the days of a source as ranges, and what its figures do not say.
pub(super) fn write_source(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
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
    if !source.previous_names.is_empty() {
        let names = source.previous_names.join(", ");
        writeln!(
            text,
            "  {} was named {names} before. Its older days keep that name.",
            source.source
        )?;
    }
    // The verdict says it of a source without a day.
    if !source.was_never_synced() {
        write_earlier_names(text, source)?;
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

/// Says which sources of the ledger have the same scope as `source`, and how to join them.
pub(super) fn write_earlier_names(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let [first, others @ ..] = &*source.earlier_names else { return Ok(()) };
    let (name, names) = (&source.source, source.earlier_names.join(", "));
    let (has, is) = if others.is_empty() { ("has", "is") } else { ("have", "are") };
    writeln!(
        text,
        "  {names}, which {is} not in the file, {has} days of the same account, team and filter."
    )?;
    writeln!(text, "  If {name} is a new name of it, first add `previous_names = [\"{first}\"]`.")
}

/// Writes how many days were read with another scope, and the command that makes them due.
fn write_other_scope(text: &mut Text<'_>, source: &Coverage) -> io::Result<()> {
    let (days, them) = match source.other_scope {
        0 => return Ok(()),
        1 => ("1 complete day was".to_owned(), "it"),
        days => (format!("{days} complete days were"), "them"),
    };
    writeln!(text, "  {days} read with another account, team or filter than the file names now.")?;
    let others =
        source.ranges.iter().filter(|range| range.other_scope && range.state.is_complete());
    let dates: Vec<String> = others.map(|range| format!(" {}", range.dates)).collect();
    let command = format!("auditsync reset --source {}{}", source.source, dates.concat());
    writeln!(text, "  To make {them} due again, run `{command}`.")
}

/// Says of which sources some empty days are confirmed by nothing but Heroku's list, and names the
/// command that compares them.
pub(super) fn write_empty<'c>(
    text: &mut Text<'_>,
    sources: impl Iterator<Item = &'c Coverage>,
) -> io::Result<()> {
    let empty: Vec<&Coverage> = sources.filter(|source| source.empty_unconfirmed > 0).collect();
    let days = match empty.iter().map(|source| source.empty_unconfirmed).sum() {
        0 => return Ok(()),
        1 => "1 complete day has".to_owned(),
        days => format!("{} have", counted(days, "complete day")),
    };
    let figure = |source: &&Coverage| format!("{} {}", source.source, source.empty_unconfirmed);
    let mut figures: Vec<String> = empty.iter().take(SOURCES_SHOWN).map(figure).collect();
    if let more @ 1.. = empty.len().saturating_sub(SOURCES_SHOWN) {
        figures.push(format!("and {}", counted(more as u64, "more source")));
    }
    text.blank()?;
    writeln!(text, "{days} no event, and only Heroku's list says so: {}.", figures.join(", "))?;
    match compare(&empty) {
        Some(command) => writeln!(text, "To compare with Heroku's archives: `{command}`"),
        None => Ok(()),
    }
}

/// The command that compares the empty days of these sources, if the file has one of them.
fn compare(empty: &[&Coverage]) -> Option<String> {
    let known: Vec<&&Coverage> = empty.iter().filter(|source| source.in_file).collect();
    let dates = known.iter().filter_map(|source| source.empty_dates);
    let dates = dates
        .reduce(|one, other| DateRange::new(one.from.min(other.from), one.to.max(other.to)))?;
    let months = match Month::of(dates.from) {
        month if month == Month::of(dates.to) => format!("--month {month}"),
        _ => "--all".to_owned(),
    };
    // Without names, it compares every enabled source.
    let is_for_all = known.len() > SOURCES_NAMED && known.iter().all(|source| source.enabled);
    let named = known.iter().filter(|_| !is_for_all);
    let named: String = named.map(|source| format!(" --source {}", source.source)).collect();
    Some(format!("auditsync reconcile {months}{named}"))
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

pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn hours(time: Duration) -> String {
    format!("{}h", time.as_secs() / 3600)
}
