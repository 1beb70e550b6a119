//! How a day stands.

use std::fmt;

use serde::{Serialize, Serializer};

/// How a day stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Whole, and not to be read again.
    Settled,
    /// Whole; it may be read again for events that came late.
    Whole,
    /// Called whole by another program, from which the ledger was taken over; nothing is stored of it here.
    Adopted,
    /// To be read: reset, interrupted, or left by a holder whose lease ran out.
    Due,
    /// Being read.
    AtWork,
    /// Its last attempt failed.
    Failed,
    /// Owed, and without a row.
    Missing,
}

impl State {
    /// Whether every event that Heroku listed is stored.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Settled | Self::Whole)
    }

    /// Its name, in the documents and in the database's answers.
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

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::Settled,
            Self::Whole,
            Self::Adopted,
            Self::Due,
            Self::AtWork,
            Self::Failed,
            Self::Missing,
        ]
        .into_iter()
        .find(|state| state.name() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
