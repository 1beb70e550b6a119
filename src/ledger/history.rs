//! The history, as plain data: what was done to each day, by whom, and with which result.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// `reconcile` compared the day with Heroku's archive.
    Reconcile,
    /// Something beyond Heroku's list confirmed that the day is empty.
    Confirm,
    /// `backfill --keep` kept the archive of the month that begins with the day.
    Keep,
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
            Self::Reconcile => "reconcile",
            Self::Confirm => "confirm",
            Self::Keep => "keep",
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
            "reconcile" => Self::Reconcile,
            "confirm" => Self::Confirm,
            "keep" => Self::Keep,
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// The stored events are those of the archive.
    Agrees,
    /// The stored events are not those of the archive.
    Differs,
    /// The day is empty.
    Confirmed,
    /// The file is kept.
    Kept,
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
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Confirmed => "confirmed",
            Self::Kept => "kept",
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
            "agrees" => Self::Agrees,
            "differs" => Self::Differs,
            "confirmed" => Self::Confirmed,
            "kept" => Self::Kept,
            _ => Self::Unknown(text),
        }
    }
}

impl Serialize for HistoryOutcome {
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
            "claim",
            "takeover",
            "publish",
            "fail",
            "release",
            "reset",
            "cleanup",
            "adopt",
            "reconcile",
            "confirm",
            "prune",
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
            "agrees",
            "differs",
            "confirmed",
            "pruned",
        ] {
            let outcome = HistoryOutcome::from(word.to_owned());
            assert_eq!(outcome.as_str(), word);
            assert_eq!(matches!(outcome, HistoryOutcome::Unknown(_)), word == "pruned");
        }
    }
}
