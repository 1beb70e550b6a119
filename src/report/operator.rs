//! What `reset`, `cleanup` and `migrate` did.

use chrono::NaiveDate;
use serde::Serialize;

use super::run::counted;
use super::{Report, Text};

/// `reset`: what became of each date that was named. The document has an entry for every one, those of a range without a
/// row too, so that a script finds each day it asked for; the text tells days that fared alike as one line.
#[derive(Debug, Clone, Serialize)]
pub struct ResetReport {
    /// The dates, each once, oldest first.
    pub days: Vec<ResetDay>,
}

/// What a reset came to for one date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl ResetDay {
    /// Whether `next` is the day after this one, and fared alike.
    fn goes_on_in(&self, next: &Self) -> bool {
        self.date.succ_opt() == Some(next.date) && (self.outcome, &self.message) == (next.outcome, &next.message)
    }
}

impl Report for ResetReport {
    fn text(&self) -> Text {
        let (without, with): (Vec<_>, Vec<_>) = self.days.iter().partition(|day| day.outcome == "no_row");
        let mut text = Text::default();
        for alike in with.chunk_by(|day, next| day.goes_on_in(next)) {
            let (first, last) = (alike[0], alike[alike.len() - 1]);
            let _ = match alike.len() {
                1 => writeln!(text, "{} {}: {}", first.source, first.date, first.message),
                days => {
                    let message = first.message.replace("reads it", "reads them");
                    writeln!(text, "{} {} .. {}: {days} days {message}", first.source, first.date, last.date)
                }
            };
        }
        if let (Some(first), Some(last)) = (without.first(), without.last()) {
            let ResetDay { source, date: from, .. } = first;
            let to = last.date;
            let _ = match without.len() {
                1 => writeln!(
                    text,
                    "{source} {from}: has no row in the ledger, so there is nothing to reset; \
                     `auditsync --source {source} --date {from}` reads it"
                ),
                days => writeln!(
                    text,
                    "{source} {from} .. {to}: {days} of the days have no row in the ledger, so there is nothing to reset; \
                     `auditsync --source {source} --from {from} --to {to}` reads them"
                ),
            };
        }
        text
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
    fn text(&self) -> Text {
        let mut text = Text::default();
        for day in &self.days {
            let _ = writeln!(text, "{} {}: {}; due again", day.source, day.date, day.message);
        }
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
    fn text(&self) -> Text {
        let verb = if self.dry_run { "Would apply" } else { "Applied" };
        let mut text = Text::default();
        if self.migrations.is_empty() {
            text.push("The schema is up to date.");
        }
        self.migrations.iter().for_each(|migration| text.push(&format!("{verb} {migration}.")));
        text
    }
}
