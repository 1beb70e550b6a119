//! The state of a day.

use std::fmt;

use serde::{Serialize, Serializer};

/// The state of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayState {
    /// Complete; it will not be read again.
    Settled,
    /// Complete; a recheck may find late events.
    Whole,
    /// Another program called it complete, and none of its events is stored.
    Adopted,
    /// Due after a reset, an interruption or a lost lease.
    Due,
    /// A process holds its lease.
    AtWork,
    /// The last attempt failed.
    Failed,
    /// It must be covered and has no row.
    Missing,
}

impl DayState {
    const ALL: [Self; 7] = [
        Self::Settled,
        Self::Whole,
        Self::Adopted,
        Self::Due,
        Self::AtWork,
        Self::Failed,
        Self::Missing,
    ];

    /// Whether every event that Heroku listed is stored.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Settled | Self::Whole)
    }

    /// The name in JSON documents and in the database's answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Whole => "whole",
            Self::Adopted => "adopted",
            Self::Due => "due",
            Self::AtWork => "at_work",
            Self::Failed => "failed",
            Self::Missing => "missing",
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
