//! What the ledger and the history record, as plain data.

mod history;

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};

pub use history::{HistoryAction, HistoryEntry, HistoryOutcome};

/// The status of a day in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Status {
    /// Due, after a reset or an interruption.
    Pending,
    /// Protected by a lease.
    Processing,
    /// Complete, or adopted.
    Success,
    /// Heroku refused, or did not answer properly. Due again.
    Failed,
    /// The lease went stale, or the cause was not Heroku. Due again.
    Error,
    /// A status that this version does not know.
    Unknown(String),
}

impl Status {
    /// The text in the column `status`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
            Self::Unknown(text) => text,
        }
    }
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
        f.pad(self.as_str())
    }
}

/// The status of a day whose attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureStatus {
    /// Heroku caused the failure.
    Failed,
    /// The database or something unexpected caused the failure.
    Error,
}

impl From<FailureStatus> for Status {
    fn from(status: FailureStatus) -> Self {
        match status {
            FailureStatus::Failed => Self::Failed,
            FailureStatus::Error => Self::Error,
        }
    }
}

/// One row of the ledger.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is what the database says of one condition"
)]
pub struct LedgerRow {
    /// The name of the source, which may no longer be in the configuration.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// The status.
    pub status: Status,
    /// The number of claims.
    pub attempt: i32,
    /// The number of events at the last complete reading, if there was one.
    pub events: Option<i32>,
    /// The holder of the lease.
    pub locked_by: Option<String>,
    /// Whether the lease has not expired by the database's clock.
    pub live: bool,
    /// Whether the lease ends so far in the future that auditsync can't have set it.
    pub endless: bool,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
    /// When the last complete reading began.
    pub synced_at: Option<DateTime<Utc>>,
    /// Whether the day has settled.
    pub settled: bool,
    /// Whether the day is adopted: SUCCESS, but never read by us.
    pub adopted: bool,
    /// Whether the day was read with another account, team or filter than its source has now.
    pub other_scope: bool,
}

impl LedgerRow {
    /// Whether the day was complete at some time.
    pub fn was_complete(&self) -> bool {
        self.synced_at.is_some()
    }
}

/// The days of a source that planning knows without their rows.
#[derive(Debug, Clone)]
pub struct SourceDays {
    /// The first day in the ledger, or the first planned day if none is missing since then.
    pub first: NaiveDate,
    /// Settled days, whose rows planning need not look at.
    pub settled: HashSet<NaiveDate>,
}

/// Events of a day that were first seen after the day was complete.
#[derive(Debug, Clone)]
pub struct LateEvents {
    /// The name of the source.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// How many there are.
    pub events: u64,
    /// When they were first seen.
    pub found_at: DateTime<Utc>,
}

/// The result of a reset of one day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ResetOutcome {
    /// The day is due again.
    Reset {
        /// The status before.
        was: Status,
    },
    /// The day was due already.
    AlreadyDue,
    /// The day has no row, so there is nothing to reset.
    NoRow,
    /// A process is syncing the day.
    Refused {
        /// That process.
        holder: String,
    },
}

impl ResetOutcome {
    /// The word of the JSON document.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reset { .. } => "reset",
            Self::AlreadyDue => "already_due",
            Self::NoRow => "no_row",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether the reset was rejected, which makes the command exit with 1.
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::NoRow | Self::Refused { .. })
    }
}

impl Serialize for ResetOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_as_they_are_written_and_unknown_ones_are_kept() {
        for word in ["PENDING", "PROCESSING", "SUCCESS", "FAILED", "ERROR", "PRUNED"] {
            let status = Status::from(word.to_owned());
            assert_eq!(status.as_str(), word);
            assert_eq!(matches!(status, Status::Unknown(_)), word == "PRUNED");
        }
    }
}
