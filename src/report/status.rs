//! How the ledger stands, and what `reset`, `cleanup` and `migrate` did.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::run::counted;
use super::table::Plain;
use super::{Report, time};

/// `status`: each source as a whole, then its days.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The sources of the file, in its order.
    pub sources: Vec<SourceStatus>,
    /// The days of the last while that have a row or should have one, newest first.
    pub days: Vec<DayStatus>,
}

/// One source as a whole.
#[derive(Debug, Clone, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub source: String,
    /// Whether it is synced.
    pub enabled: bool,
    /// The day that coverage is owed from, once it is known.
    pub covered_from: Option<NaiveDate>,
    /// Its newest whole day.
    pub last_whole_day: Option<NaiveDate>,
    /// The figures below are for the days from here…
    pub from: NaiveDate,
    /// …to here.
    pub to: NaiveDate,
    /// Days read whole.
    pub whole: u64,
    /// Days that failed, or whose lease went stale.
    pub failed: u64,
    /// Days being worked on.
    pub at_work: u64,
    /// Days due after a reset or an interruption.
    pub pending: u64,
    /// Days owed that have no row.
    pub missing: u64,
    /// The oldest day owed that is not whole.
    pub oldest_gap: Option<NaiveDate>,
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
    /// The events of the last whole reading, if there was one.
    pub events: Option<i32>,
    /// How often it was claimed.
    pub attempt: i32,
    /// Why it is not whole.
    pub error: Option<String>,
    /// When the row last changed.
    #[serde(serialize_with = "optional_time")]
    pub updated_at: Option<DateTime<Utc>>,
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn optional_time<S: serde::Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => time::serialize(at, serializer),
        None => serializer.serialize_none(),
    }
}

impl Report for StatusReport {
    fn text(&self) -> String {
        let date = |date: Option<NaiveDate>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
        let mut sources = Plain::new(&[
            "SOURCE",
            "SINCE",
            "LAST WHOLE",
            ">WHOLE",
            ">FAILED",
            ">DUE",
            ">AT WORK",
            ">MISSING",
            "OLDEST GAP",
        ]);
        for source in &self.sources {
            let name = if source.enabled { source.source.clone() } else { format!("{} (disabled)", source.source) };
            sources.row(vec![
                name,
                date(source.covered_from),
                date(source.last_whole_day),
                source.whole.to_string(),
                source.failed.to_string(),
                source.pending.to_string(),
                source.at_work.to_string(),
                source.missing.to_string(),
                date(source.oldest_gap),
            ]);
        }
        let mut text = sources.text();
        if let Some(first) = self.sources.first() {
            let _ = writeln!(text, "\nDays from {} to {}.", first.from, first.to);
        }
        if self.days.is_empty() {
            text.push_str("No day was ever due. Run `auditsync` to begin.\n");
            return text;
        }
        let mut days = Plain::new(&["SOURCE", "DATE", "STATUS", ">EVENTS", ">ATTEMPT", "UPDATED"]);
        for day in &self.days {
            days.row(vec![
                day.source.clone(),
                day.date.to_string(),
                day.status.clone(),
                day.events.map_or_else(|| "-".to_owned(), |events| events.to_string()),
                day.attempt.to_string(),
                day.updated_at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string()),
            ]);
        }
        text.push('\n');
        text.push_str(&days.text());
        for day in self.days.iter().filter(|day| day.error.is_some()) {
            let _ = write!(text, "\n{} {}: {}\n", day.source, day.date, day.error.as_deref().unwrap_or_default());
        }
        text
    }
}

/// `reset`: what became of each date.
#[derive(Debug, Clone, Serialize)]
pub struct ResetReport {
    /// The dates, in the order given.
    pub days: Vec<ResetDay>,
}

/// What a reset came to for one date.
#[derive(Debug, Clone, Serialize)]
pub struct ResetDay {
    /// The source.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// `reset`, `already_due`, `no_row` or `refused`.
    pub outcome: &'static str,
    /// The same for people.
    pub message: String,
}

impl Report for ResetReport {
    fn text(&self) -> String {
        self.days.iter().map(|day| format!("{} {}: {}\n", day.source, day.date, day.message)).collect()
    }
}

/// `cleanup`: the days that had gone stale.
#[derive(Debug, Clone, Serialize)]
pub struct CleanupReport {
    /// The days, oldest first.
    pub days: Vec<StaleDay>,
}

/// A day that had gone stale, and is due again.
#[derive(Debug, Clone, Serialize)]
pub struct StaleDay {
    /// The source.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// The attempt that was abandoned.
    pub attempt: i32,
    /// Who lost it, and when.
    pub message: String,
}

impl Report for CleanupReport {
    fn text(&self) -> String {
        let mut text: String =
            self.days.iter().map(|day| format!("{} {}: {}; due again\n", day.source, day.date, day.message)).collect();
        let _ = writeln!(text, "{} marked ERROR.", counted(self.days.len() as u64, "stale day"));
        text
    }
}

/// `migrate`: what it did, or would do.
#[derive(Debug, Clone, Serialize)]
pub struct MigrateReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// The migrations that ran, or would.
    pub migrations: Vec<String>,
}

impl Report for MigrateReport {
    fn text(&self) -> String {
        let verb = if self.dry_run { "Would apply" } else { "Applied" };
        match &*self.migrations {
            [] => "The schema is up to date.\n".to_owned(),
            migrations => migrations.iter().map(|migration| format!("{verb} {migration}.\n")).collect(),
        }
    }
}
