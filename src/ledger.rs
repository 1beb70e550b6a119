//! What the ledger and the history record, as plain data.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The status of a day in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// One entry of the append-only history.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryEntry {
    /// When it was written, by the database's clock.
    #[serde(serialize_with = "crate::day::written::time")]
    pub at: DateTime<Utc>,
    /// The run that wrote it.
    pub run_id: Uuid,
    /// The source, which may no longer be in the configuration.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// The attempt, as the fencing number of its claim.
    pub attempt: i32,
    /// What was done.
    pub action: HistoryAction,
    /// The result.
    pub outcome: HistoryOutcome,
    /// The number of the day's events, if it was read completely.
    pub events: Option<i32>,
    /// The events that were not stored before.
    pub new_events: Option<i32>,
    /// The events that were first seen after the day was complete.
    pub late_events: Option<i32>,
    /// The requests to Heroku.
    pub requests: Option<i32>,
    /// The requests that repeated a failed one.
    pub retries: Option<i32>,
    /// The time from the claim to the end, in milliseconds.
    pub duration_ms: Option<i64>,
    /// The reason, or the state before.
    pub message: Option<String>,
    /// The process, or the person.
    pub by: String,
}

/// What was done to a day: the column `action` of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryAction {
    /// A process claimed the day.
    Claim,
    /// A process claimed the day after another one had lost it.
    Takeover,
    /// The day became complete.
    Publish,
    /// An attempt failed.
    Fail,
    /// An attempt was interrupted.
    Release,
    /// A person made the day due.
    Reset,
    /// A person cleared a stale lease.
    Cleanup,
    /// `migrate` adopted the day from the Python logger.
    Adopt,
    /// An action that this version does not know.
    Unknown(String),
}

impl HistoryAction {
    /// The text in the column.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Claim => "claim",
            Self::Takeover => "takeover",
            Self::Publish => "publish",
            Self::Fail => "fail",
            Self::Release => "release",
            Self::Reset => "reset",
            Self::Cleanup => "cleanup",
            Self::Adopt => "adopt",
            Self::Unknown(text) => text,
        }
    }

    /// Whether a person did it, not a run.
    pub fn is_by_person(&self) -> bool {
        matches!(self, Self::Reset | Self::Cleanup | Self::Adopt)
    }
}

impl From<String> for HistoryAction {
    fn from(text: String) -> Self {
        match text.as_str() {
            "claim" => Self::Claim,
            "takeover" => Self::Takeover,
            "publish" => Self::Publish,
            "fail" => Self::Fail,
            "release" => Self::Release,
            "reset" => Self::Reset,
            "cleanup" => Self::Cleanup,
            "adopt" => Self::Adopt,
            _ => Self::Unknown(text),
        }
    }
}

impl Serialize for HistoryAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The result of an action: the column `outcome` of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryOutcome {
    /// The day is protected by a lease.
    Processing,
    /// The day is complete.
    Synced,
    /// The attempt failed.
    Failed,
    /// A signal ended the attempt.
    Interrupted,
    /// The day is due.
    Pending,
    /// The day has the status ERROR.
    Error,
    /// The day was adopted as SUCCESS.
    Success,
    /// An outcome that this version does not know.
    Unknown(String),
}

impl HistoryOutcome {
    /// The text in the column.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Processing => "processing",
            Self::Synced => "synced",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Pending => "pending",
            Self::Error => "error",
            Self::Success => "success",
            Self::Unknown(text) => text,
        }
    }
}

impl From<String> for HistoryOutcome {
    fn from(text: String) -> Self {
        match text.as_str() {
            "processing" => Self::Processing,
            "synced" => Self::Synced,
            "failed" => Self::Failed,
            "interrupted" => Self::Interrupted,
            "pending" => Self::Pending,
            "error" => Self::Error,
            "success" => Self::Success,
            _ => Self::Unknown(text),
        }
    }
}

impl Serialize for HistoryOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The result of a reset of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    fn words_are_read_as_they_are_written_and_unknown_ones_are_kept() {
        for word in [
            "claim", "takeover", "publish", "fail", "release", "reset", "cleanup", "adopt", "prune",
        ] {
            let action = HistoryAction::from(word.to_owned());
            assert_eq!(action.as_str(), word);
            assert_eq!(matches!(action, HistoryAction::Unknown(_)), word == "prune");
        }
        for word in [
            "processing",
            "synced",
            "failed",
            "interrupted",
            "pending",
            "error",
            "success",
            "pruned",
        ] {
            let outcome = HistoryOutcome::from(word.to_owned());
            assert_eq!(outcome.as_str(), word);
            assert_eq!(matches!(outcome, HistoryOutcome::Unknown(_)), word == "pruned");
        }
        for word in ["PENDING", "PROCESSING", "SUCCESS", "FAILED", "ERROR", "PRUNED"] {
            let status = Status::from(word.to_owned());
            assert_eq!(status.as_str(), word);
            assert_eq!(matches!(status, Status::Unknown(_)), word == "PRUNED");
        }
    }
}
