//! The state of a day.

use std::fmt;

use serde::{Serialize, Serializer};

/// The state of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayState {
    /// Complete; it will not be read again.
    Settled,
    /// Complete; a recheck may find late events.
    Complete,
    /// Another program called it complete, and none of its events is stored.
    Adopted,
    /// Due after a reset, an interruption or a lost lease.
    Due,
    /// A process holds its lease.
    Syncing,
    /// The last attempt failed.
    Failed,
    /// It must be covered and has no row.
    Missing,
    /// It was complete, and its events were removed afterwards.
    Pruned,
}

impl DayState {
    const ALL: [Self; 8] = [
        Self::Settled,
        Self::Complete,
        Self::Adopted,
        Self::Due,
        Self::Syncing,
        Self::Failed,
        Self::Missing,
        Self::Pruned,
    ];

    /// Whether every event that Heroku listed is stored.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Settled | Self::Complete)
    }

    /// Whether a day that must be covered, and was never complete, leaves a gap in this state.
    pub fn is_gap(self) -> bool {
        !matches!(self, Self::Settled | Self::Complete | Self::Pruned)
    }

    /// Whether a day that was complete leaves a gap in this state: only if the next reading fails.
    pub fn is_gap_again(self) -> bool {
        self.is_gap() && !matches!(self, Self::Due | Self::Syncing)
    }

    /// The name in texts, in JSON documents and in the database's answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Complete => "complete",
            Self::Adopted => "adopted",
            Self::Due => "due",
            Self::Syncing => "syncing",
            Self::Failed => "failed",
            Self::Missing => "missing",
            Self::Pruned => "pruned",
        }
    }

    /// The state with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for DayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for DayState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
