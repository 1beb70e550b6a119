//! What a backfill would take.

use serde::Serialize;

use super::run::counted;
use super::table::Plain;
use super::{Report, Text};
use crate::config::SourceName;

/// `backfill --plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// Days to be read.
    pub days: u64,
    /// Requests to Heroku at least: more where it parts a day into pages, or a request must be repeated.
    pub requests: u64,
    /// The time that these take at the pace of the tokens, each with its own, in seconds.
    pub seconds: u64,
    /// The same for each source; a shared fetch counts for the first of its sources.
    pub per_source: Vec<SourcePlan>,
}

/// What one source's days would take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourcePlan {
    /// The source.
    pub source: SourceName,
    /// Days to be read.
    pub days: u64,
    /// Requests at least.
    pub requests: u64,
    /// Their time in seconds.
    pub seconds: u64,
}

impl Report for PlanReport {
    fn text(&self) -> Text {
        let mut table = Plain::new(&["SOURCE", ">DAYS", ">REQUESTS", ">TIME"]);
        for SourcePlan { source, days, requests, seconds } in &self.per_source {
            table.row(vec![
                source.to_string(),
                days.to_string(),
                requests.to_string(),
                time(*seconds),
            ]);
        }
        let mut text = Text::default();
        text.table(table);
        text.blank();
        let _ = writeln!(
            text,
            "{}, at least {}, {} at the pace of the file. Nothing was asked or written.",
            counted(self.days, "day"),
            counted(self.requests, "request"),
            time(self.seconds)
        );
        text
    }
}

fn time(seconds: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}
