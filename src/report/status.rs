//! How the ledger stands.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::run::counted;
use super::table::Plain;
use super::{Report, Text};
use crate::coverage::{Coverage, Lateness, Range};
use crate::ledger::LedgerRow;

/// `status`: each source as a whole, then its days.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The days below are those from here…
    #[serde(skip)]
    pub from: NaiveDate,
    /// …to here.
    #[serde(skip)]
    pub to: NaiveDate,
    /// The sources of the file, in its order, and then those that only the ledger knows.
    pub sources: Vec<Coverage>,
    /// The days of the last while that have a row or should have one, and those due at any age, newest first.
    pub days: Vec<DayStatus>,
    /// Whether a source is behind, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// Whether a source is behind.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// None is.
    pub ok: bool,
    /// By how much one may be.
    pub max_lag: String,
    /// Those that are.
    pub behind: Vec<Behind>,
}

/// A source that is behind.
#[derive(Debug, Clone, Serialize)]
pub struct Behind {
    /// Its name.
    pub source: String,
    /// Why it is said to be.
    pub reason: String,
}

/// One day.
#[derive(Debug, Clone, Serialize)]
pub struct DayStatus {
    /// The source.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// The ledger's status, or MISSING where a day that is owed has no row.
    pub status: String,
    /// The events of the last complete reading of ours, if there was one.
    pub events: Option<i32>,
    /// How often it was claimed.
    pub attempt: i32,
    /// Why it is not whole.
    pub error: Option<String>,
    /// When the row last changed.
    #[serde(serialize_with = "crate::day::written::optional_time")]
    pub updated_at: Option<DateTime<Utc>>,
    /// Whether it is SUCCESS by another program's word alone.
    #[serde(skip)]
    pub adopted: bool,
}

impl DayStatus {
    /// What a ledger row says.
    pub fn of(row: &LedgerRow) -> Self {
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

    /// A day that is owed and has no row.
    pub fn missing(source: &str, date: NaiveDate) -> Self {
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

/// The most ranges that are shown of a source as text; the newest.
const RANGES_SHOWN: usize = 12;

impl Report for StatusReport {
    fn text(&self) -> Text {
        let mut text = Text::default();
        text.table(self.table());
        if self.sources.iter().all(|source| source.ranges.is_empty()) {
            text.blank();
            text.push("No day was ever due. Run `auditsync` to begin.");
        } else {
            self.sources.iter().for_each(|source| show_ranges(&mut text, source));
        }
        self.show_problems(&mut text);
        if let Some(check) = &self.check {
            text.blank();
            for Behind { source, reason } in &check.behind {
                let _ = writeln!(text, "{source} is behind: {reason}.");
            }
            if check.ok {
                let _ = writeln!(text, "No source is behind by more than {}.", check.max_lag);
            }
        }
        text
    }
}

impl StatusReport {
    fn table(&self) -> Plain {
        let mut sources = Plain::new(&[
            "SOURCE",
            "SINCE",
            ">WHOLE",
            ">SETTLED",
            ">DUE",
            ">FAILED",
            ">MISSING",
            "OLDEST GAP",
            ">LAG",
        ]);
        let date =
            |date: Option<NaiveDate>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
        for source in &self.sources {
            sources.row(vec![
                source.source.clone(),
                date(source.covered_from),
                (source.whole + source.settled).to_string(),
                source.settled.to_string(),
                (source.due + source.at_work).to_string(),
                source.failed.to_string(),
                source.missing.to_string(),
                date(source.oldest_gap),
                source.lag.map_or_else(|| "-".to_owned(), hours),
            ]);
        }
        sources
    }

    /// The days of the window that are not whole, each with its reason.
    fn show_problems(&self, text: &mut Text) {
        let (adopted, days): (Vec<_>, Vec<_>) = self.days.iter().partition(|day| day.adopted);
        let (whole, others): (Vec<_>, Vec<_>) =
            days.into_iter().partition(|day| day.status == "SUCCESS");
        if self.days.is_empty() {
            return;
        }
        let beside =
            if adopted.is_empty() { String::new() } else { format!(", {} adopted", adopted.len()) };
        let days = counted(whole.len() as u64, "day");
        text.blank();
        let _ = writeln!(text, "From {} to {}: {days} whole{beside}.", self.from, self.to);
        let told: Vec<_> = others.into_iter().filter(|day| day.status != "MISSING").collect();
        if told.is_empty() {
            return;
        }
        let mut days = Plain::new(&["SOURCE", "DATE", "*STATUS", ">EVENTS", ">ATTEMPT", "UPDATED"]);
        for day in &told {
            days.row(vec![
                day.source.clone(),
                day.date.to_string(),
                day.status.clone(),
                day.events.map_or_else(|| "-".to_owned(), |events| events.to_string()),
                day.attempt.to_string(),
                day.updated_at.map_or_else(
                    || "-".to_owned(),
                    |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                ),
            ]);
        }
        text.blank();
        text.table(days);
        for day in told.iter().filter(|day| day.error.is_some()) {
            text.blank();
            let _ = writeln!(
                text,
                "{} {}: {}",
                day.source,
                day.date,
                day.error.as_deref().unwrap_or_default()
            );
        }
    }
}

/// What there is to say of a source beside its figures, and its days as ranges.
fn show_ranges(text: &mut Text, source: &Coverage) {
    let what = match (source.in_file, source.enabled) {
        (true, true) => "",
        (true, false) => " (disabled)",
        (false, _) => " (not in the file)",
    };
    text.blank();
    let _ = writeln!(text, "{}{what}", source.source);
    if source.ranges.len() > RANGES_SHOWN {
        let _ = writeln!(
            text,
            "  … and {} ranges before, see --output json",
            source.ranges.len() - RANGES_SHOWN
        );
    }
    for range in source.ranges.iter().skip(source.ranges.len().saturating_sub(RANGES_SHOWN)) {
        let Range { state, from, to, days, other_scope } = range;
        let scope = if *other_scope { ", with another scope" } else { "" };
        let to = if from == to { " ".repeat(14) } else { format!(" .. {to}") };
        let state = state.name().replace('_', " ");
        text.push_painted(
            &format!("  {from}{to}  "),
            &state,
            &format!(", {}{scope}", counted(*days, "day")),
        );
    }
    say_what_is_missing(text, source);
    if let (Some(command), true) = (source.adopted_days_command(), source.in_file) {
        let (days, them) = if source.adopted == 1 { ("day", "it") } else { ("days", "them") };
        let adopted = source.adopted;
        let _ = writeln!(
            text,
            "  {adopted} {days} adopted: another program called {them} complete, and no event is stored."
        );
        let _ = writeln!(text, "  This reads {them}:");
        let _ = writeln!(text, "  `{command}`");
    }
    if source.other_scope > 0 {
        let days = if source.other_scope == 1 {
            "1 day was".to_owned()
        } else {
            format!("{} days were", source.other_scope)
        };
        let _ = writeln!(text, "  {days} read with another account, team or filter than the file");
        text.push("  names now; `auditsync reset` has them read anew");
    }
    if !source.earlier_names.is_empty() {
        let _ = writeln!(
            text,
            "  It reads the same as {}: earlier names?",
            source.earlier_names.join(", ")
        );
    }
    if let Some(Lateness { late_events, share, median, max }) = source.lateness {
        let _ = writeln!(
            text,
            "  {} came late ({:.3} %): half were found {} after the day's end, the last {}",
            counted(late_events, "event"),
            share * 100.0,
            hours(median),
            hours(max)
        );
    }
}

/// The command that reads the days without a row, where the file still has their source.
fn say_what_is_missing(text: &mut Text, source: &Coverage) {
    let mut missing = source.missing_ranges();
    let (Some(first), true) = (missing.next(), source.in_file && source.enabled) else { return };
    let to = missing.last().map_or(first.to, |last| last.to);
    text.push("  What is missing is read by");
    let _ = writeln!(
        text,
        "  `auditsync backfill --source {} --from {} --to {to}`",
        source.source, first.from
    );
}

fn hours(time: std::time::Duration) -> String {
    format!("{}h", time.as_secs() / 3600)
}
