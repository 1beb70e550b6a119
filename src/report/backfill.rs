//! The report of `backfill --plan`.

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::columns::Column;
use super::output::Report;
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::config::SourceName;

/// `backfill --plan`: what the backfill would take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlanReport {
    /// Days to read.
    pub(crate) days: u64,
    /// The least requests to Heroku. Pages and retries add more.
    pub(crate) requests: u64,
    /// The time for these requests in seconds, at the pace of each token.
    pub(crate) seconds: u64,
    /// The same for each source. A shared fetch counts for the first of its sources.
    pub(crate) per_source: Vec<SourcePlan>,
}

/// What one source's days would take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SourcePlan {
    /// The source's name.
    pub(crate) source: SourceName,
    /// Days to read.
    pub(crate) days: u64,
    /// The least requests to Heroku.
    pub(crate) requests: u64,
    /// The time for these requests in seconds.
    pub(crate) seconds: u64,
}

impl Report for PlanReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let mut table = PlainTable::new([
            Column::name("SOURCE"),
            Column::number("DAYS"),
            Column::number("REQUESTS"),
            Column::number("TIME"),
        ]);
        for SourcePlan { source, days, requests, seconds } in &self.per_source {
            table.row([source.to_string(), days.to_string(), requests.to_string(), time(*seconds)]);
        }
        text.table(&table)?;
        text.blank()?;
        writeln!(
            text,
            "{}: at least {}, which take {} at the configured rate. \
             Nothing was requested or written.",
            counted(self.days, "day"),
            counted(self.requests, "request"),
            time(self.seconds)
        )
    }
}

fn time(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}
