//! The reports of `reset`, `cleanup` and `migrate`.

use std::io;

use chrono::NaiveDate;
use serde::Serialize;

use super::adoption::{AdoptedTable, RereadDays};
use super::group::grouped;
use super::output::Report;
use super::reason::{for_all, likeness};
use super::text::{Text, counted};
use crate::day::DateRange;
use crate::ledger::ResetOutcome;

/// `reset`: what happened to each date.
///
/// The document has one entry for each date, which scripts can look up. The text joins consecutive
/// days with the same outcome in one line.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ResetReport {
    /// Each date once, oldest first.
    pub(crate) days: Vec<ResetDay>,
}

/// The result of a reset for one date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ResetDay {
    /// The source's name.
    pub(crate) source: String,
    /// The UTC date.
    pub(crate) date: NaiveDate,
    /// The outcome for scripts.
    pub(crate) outcome: ResetOutcome,
    /// The outcome for people.
    pub(crate) message: String,
}

impl ResetDay {
    /// The message about days without a row.
    pub(crate) fn without_row(source: &str, range: DateRange) -> String {
        let DateRange { from, to } = range;
        let (have, them) = if from == to { ("it has", "it") } else { ("they have", "them") };
        format!(
            "not reset, because {have} no row in the ledger. \
             `auditsync backfill --from {from} --to {to} --source {source}` reads {them}"
        )
    }
}

impl Report for ResetReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let groups = grouped(&self.days, |day| {
            // The message about a day without a row names the day.
            let message = day.outcome != ResetOutcome::NoRow;
            let message = message.then(|| likeness(&day.message, day.date));
            (day.date, (day.source.clone(), day.outcome.clone(), message))
        });
        for group in groups {
            let ResetDay { source, date, outcome, message } = group.first();
            let message = match outcome {
                ResetOutcome::NoRow => ResetDay::without_row(source, group.dates),
                _ => for_all(message, *date, &[group.dates]).into_owned(),
            };
            writeln!(text, "{source} {}: {message}", days(group.dates))?;
        }
        Ok(())
    }
}

/// `2024-09-01..2024-09-03 (3 days)`, or the only day.
fn days(dates: DateRange) -> String {
    if dates.len() == 1 { dates.to_string() } else { format!("{dates} ({} days)", dates.len()) }
}

/// `cleanup`: the days whose lease was stale.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CleanupReport {
    /// Oldest first.
    pub(crate) days: Vec<StaleDay>,
}

/// A day whose lease was stale. It is due again.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StaleDay {
    /// The source's name.
    pub(crate) source: String,
    /// The UTC date.
    pub(crate) date: NaiveDate,
    /// The attempt that held the lease.
    pub(crate) attempt: i32,
    /// Who held the lease, and until when.
    pub(crate) message: String,
}

impl Report for CleanupReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let groups = grouped(&self.days, |day| {
            (day.date, (day.source.clone(), likeness(&day.message, day.date)))
        });
        for group in groups {
            let StaleDay { source, message, .. } = group.first();
            writeln!(text, "{source} {}: {message}; due again", days(group.dates))?;
        }
        match self.days.len() as u64 {
            0 => text.line("No stale days."),
            days => writeln!(text, "{} marked ERROR.", counted(days, "stale day")),
        }
    }
}

/// `migrate`: what it did, or would do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MigrateReport {
    /// Whether this was a dry run, which writes nothing.
    pub(crate) dry_run: bool,
    /// The migrations that ran, or would run.
    pub(crate) migrations: Vec<String>,
    /// The Python logger's table that was adopted, or would be.
    pub(crate) adoption: Option<AdoptedTable>,
    /// The adopted days that became due, or would. `None` without `--reread`, and with an
    /// adoption.
    pub(crate) reread: Option<RereadDays>,
}

impl Report for MigrateReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let applies = if self.dry_run { "Would apply" } else { "Applied" };
        if let Some(adoption) = &self.adoption {
            adoption.write_text(text, if self.dry_run { "Would adopt" } else { "Adopted" })?;
        } else if self.migrations.is_empty() {
            text.line("The schema is up to date.")?;
        }
        for migration in &self.migrations {
            writeln!(text, "{applies} {migration}.")?;
        }
        self.reread.as_ref().map_or(Ok(()), |reread| reread.write_text(text))
    }
}
