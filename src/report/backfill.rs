//! The plan of a backfill: what it would take.

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::archives::sized;
use super::columns::Column;
use super::output::Report;
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::config::SourceName;

/// What a backfill takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlanReport {
    /// Days to read.
    pub(crate) due_days: u64,
    /// Requests to Heroku, without retries.
    pub(crate) requests: u64,
    /// Whether pages may add more.
    pub(crate) requests_at_least: bool,
    /// The time for these requests in seconds, at the pace of each token.
    pub(crate) seconds: u64,
    /// Archives to download; `None` if the days are read from Heroku's lists.
    pub(crate) archive_months: Option<u64>,
    /// Their size in bytes; `None` if there is none, or if Heroku did not say it of each.
    pub(crate) bytes: Option<u64>,
    /// The same for each source. What sources share counts for the first of them.
    pub(crate) per_source: Vec<SourcePlan>,
    /// Whether Heroku was asked for its archives.
    #[serde(skip)]
    pub(crate) was_listed: bool,
}

/// What one source's days take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SourcePlan {
    /// The source's name.
    pub(crate) source: SourceName,
    /// Days to read.
    pub(crate) due_days: u64,
    /// Requests to Heroku, without retries.
    pub(crate) requests: u64,
    /// The time for these requests in seconds.
    pub(crate) seconds: u64,
    /// Archives to download; `None` if the days are read from Heroku's lists.
    pub(crate) archive_months: Option<u64>,
    /// Their size in bytes; `None` if there is none, or if Heroku did not say it of each.
    pub(crate) bytes: Option<u64>,
    /// Why nothing is known of it.
    pub(crate) error: Option<String>,
}

impl PlanReport {
    /// Whether something is known of each source.
    pub(crate) fn is_good(&self) -> bool {
        self.per_source.iter().all(|source| source.error.is_none())
    }

    /// The plan in one line.
    pub(crate) fn summary(&self) -> String {
        let days = counted(self.due_days, "day");
        let at_least = if self.requests_at_least { "at least " } else { "" };
        let requests = counted(self.requests, "request");
        let take = if self.requests == 1 { "takes" } else { "take" };
        let time = time(self.seconds);
        let Some(months) = self.archive_months else {
            return format!(
                "{days}: {at_least}{requests}, which {take} {time} at the configured rate"
            );
        };
        let archives = counted(months, "archive");
        let size = self.bytes.map_or_else(String::new, |bytes| format!(" of {}", sized(bytes)));
        format!(
            "{days}, {archives}{size} to download: {requests}, which {take} {time} at the \
             configured rate, and the time for the files"
        )
    }
}

impl Report for PlanReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        match self.archive_months {
            Some(_) => self.write_archives(text)?,
            None => self.write_lists(text)?,
        }
        text.blank()?;
        let did = if self.was_listed {
            "Only the list of the archives was requested; nothing was written."
        } else {
            "Nothing was requested or written."
        };
        writeln!(text, "{}. {did}", self.summary())?;
        for SourcePlan { source, error, .. } in &self.per_source {
            if let Some(error) = error {
                text.blank()?;
                writeln!(text, "{source}: {error}")?;
            }
        }
        Ok(())
    }
}

impl PlanReport {
    fn write_lists(&self, text: &mut Text<'_>) -> io::Result<()> {
        let mut table = PlainTable::new([
            Column::name("SOURCE"),
            Column::number("DAYS"),
            Column::number("REQUESTS"),
            Column::number("TIME"),
        ]);
        for SourcePlan { source, due_days, requests, seconds, .. } in &self.per_source {
            table.row([
                source.to_string(),
                due_days.to_string(),
                requests.to_string(),
                time(*seconds),
            ]);
        }
        text.table(&table)
    }

    fn write_archives(&self, text: &mut Text<'_>) -> io::Result<()> {
        let mut table = PlainTable::new([
            Column::name("SOURCE"),
            Column::number("DAYS"),
            Column::number("ARCHIVES"),
            Column::number("SIZE"),
            Column::number("REQUESTS"),
            Column::number("TIME"),
        ]);
        for plan in &self.per_source {
            table.row([
                plan.source.to_string(),
                plan.due_days.to_string(),
                plan.archive_months.unwrap_or_default().to_string(),
                plan.bytes.map_or_else(|| "-".to_owned(), sized),
                plan.requests.to_string(),
                time(plan.seconds),
            ]);
        }
        text.table(&table)
    }
}

fn time(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}
