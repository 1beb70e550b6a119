//! What the ledger says of days, as plain data.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

/// The status of a day in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Due, after a reset or an interruption.
    Pending,
    /// Leased.
    Processing,
    /// Whole.
    Success,
    /// Heroku refused or did not answer; due again.
    Failed,
    /// Its lease went stale, or something unexpected happened; due again.
    Error,
    /// What this program never writes.
    Unknown(String),
}

/// One row of the ledger.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is what the database says of one condition"
)]
pub struct LedgerRow {
    /// The source's name, which the file may know no longer.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// Its status.
    pub status: Status,
    /// How often it was claimed.
    pub attempt: i32,
    /// The events of the last whole reading, if there was one.
    pub events: Option<i32>,
    /// Who holds its lease.
    pub locked_by: Option<String>,
    /// Whether that lease has not run out by the database's clock.
    pub live: bool,
    /// Whether that lease ends so far ahead that this program can't have set it.
    pub endless: bool,
    /// Why it failed.
    pub error: Option<String>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
    /// When the last whole reading began.
    pub synced_at: Option<DateTime<Utc>>,
    /// Whether it need not be read again.
    pub settled: bool,
    /// Whether it is SUCCESS by another program's word alone: no event of it was stored by us.
    pub adopted: bool,
    /// Whether it was asked with another account, team or filter than its source has now.
    pub other_scope: bool,
}

/// What planning knows of a source's days beside their rows.
#[derive(Debug, Clone)]
pub struct SourceDays {
    /// Its first day in the ledger, or the first that is planned for if none is missing since then.
    pub first: NaiveDate,
    /// Days without a row to look at, because they are whole and have settled.
    pub settled: HashSet<NaiveDate>,
}

/// Events of a day that were found after it had been called whole.
#[derive(Debug, Clone)]
pub struct LateEvents {
    /// The source's name.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// How many.
    pub events: u64,
    /// When they were found.
    pub found_at: DateTime<Utc>,
}

/// One entry of the append-only record, as it was written.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryEntry {
    /// When, by the database's clock.
    #[serde(serialize_with = "crate::day::written::time")]
    pub at: DateTime<Utc>,
    /// The run that did it.
    pub run_id: Uuid,
    /// The source, which the file may know no longer.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// The number of the claim.
    pub attempt: i32,
    /// `claim`, `takeover`, `publish`, `fail`, `release`, `reset`, `cleanup` or `adopt`.
    pub action: String,
    /// What came of it.
    pub outcome: String,
    /// The events of the day, where it was read whole.
    pub events: Option<i32>,
    /// Those that were not stored before.
    pub new_events: Option<i32>,
    /// Those that came after the day had been whole.
    pub late_events: Option<i32>,
    /// Requests to Heroku.
    pub requests: Option<i32>,
    /// Those that repeated one that failed.
    pub retries: Option<i32>,
    /// From the claim to the end.
    pub duration_ms: Option<i64>,
    /// Why, or what was before.
    pub message: Option<String>,
    /// The process, or the person.
    pub by: String,
}

impl From<String> for Status {
    fn from(text: String) -> Self {
        match text.as_str() {
            "PENDING" => Self::Pending,
            "PROCESSING" => Self::Processing,
            "SUCCESS" => Self::Success,
            "FAILED" => Self::Failed,
            "ERROR" => Self::Error,
            _ => Self::Unknown(text),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
            Self::Unknown(text) => text,
        })
    }
}
