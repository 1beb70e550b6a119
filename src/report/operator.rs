//! What `reset`, `cleanup` and `migrate` did.

use chrono::NaiveDate;
use serde::Serialize;

use super::adoption::RereadDays;
use super::run::counted;
use super::{Report, Text};
use crate::day::DateRange;

/// `reset`: what became of each date that was named. The document has an entry for every one, those of a range without a
/// row too, so that a script finds each day it asked for; the text tells consecutive days that fared alike as one line.
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
    /// What is told of days that have no row.
    pub fn without_row(source: &str, range: DateRange) -> String {
        let DateRange { from, to } = range;
        let (have, them) = if from == to { ("it has", "it") } else { ("they have", "them") };
        format!(
            "not reset, because {have} no row in the ledger. \
             `auditsync backfill --from {from} --to {to} --source {source}` reads {them}"
        )
    }

    /// Whether `next` is the day after this one, and fared alike.
    fn goes_on_in(&self, next: &Self) -> bool {
        let alike = self.outcome == next.outcome
            && (self.outcome == "no_row" || self.message == next.message);
        self.date.succ_opt() == Some(next.date) && alike
    }
}

impl Report for ResetReport {
    fn text(&self) -> Text {
        let mut text = Text::default();
        for alike in self.days.chunk_by(ResetDay::goes_on_in) {
            let (first, last) = (&alike[0], &alike[alike.len() - 1]);
            let _ = match alike.len() {
                1 => writeln!(text, "{} {}: {}", first.source, first.date, first.message),
                days => {
                    let message = if first.outcome == "no_row" {
                        ResetDay::without_row(&first.source, DateRange::new(first.date, last.date))
                    } else {
                        first.message.replace("reads it", "reads them")
                    };
                    writeln!(
                        text,
                        "{} {} .. {}: {days} days {message}",
                        first.source, first.date, last.date
                    )
                }
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
    /// The adopted days that were made due, or would be, if that was asked.
    pub reread: Option<RereadDays>,
}

impl Report for MigrateReport {
    fn text(&self) -> Text {
        let verb = if self.dry_run { "Would apply" } else { "Applied" };
        let mut text = Text::default();
        if self.migrations.is_empty() {
            text.push("The schema is up to date.");
        }
        self.migrations.iter().for_each(|migration| text.push(&format!("{verb} {migration}.")));
        if let Some(reread) = &self.reread {
            text.paragraphs(&reread.text());
        }
        text
    }
}
