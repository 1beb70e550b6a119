//! What a verification finds.

use std::fmt;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

/// The kind of a problem, by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// An event, a column, a count, a digest or a seal is not what was sealed.
    Altered,
    /// An event, a day or a seal is gone.
    Missing,
    /// An event or a day is there that no seal covers.
    Added,
    /// An event or a seal stands in another place.
    Moved,
    /// The chain, or a copy of it, continues in two ways.
    Fork,
    /// The chain ends before an anchor.
    Truncated,
    /// The chain is not the one that an anchor recorded.
    Rewritten,
    /// A day is SUCCESS, and no seal says so.
    Unsealed,
    /// A seal or an anchor is of another log.
    Foreign,
    /// The text of a seal does not have the documented form.
    Malformed,
    /// A signed note is broken, or another key signed it.
    BadNote,
    /// A timestamp is broken, or is of another hash.
    BadTimestamp,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Altered,
        Self::Missing,
        Self::Added,
        Self::Moved,
        Self::Fork,
        Self::Truncated,
        Self::Rewritten,
        Self::Unsealed,
        Self::Foreign,
        Self::Malformed,
        Self::BadNote,
        Self::BadTimestamp,
    ];

    /// The code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Moved => "moved",
            Self::Fork => "fork",
            Self::Truncated => "truncated",
            Self::Rewritten => "rewritten",
            Self::Unsealed => "unsealed",
            Self::Foreign => "foreign",
            Self::Malformed => "malformed",
            Self::BadNote => "bad_note",
            Self::BadTimestamp => "bad_timestamp",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ProblemKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One problem, or several equal ones of one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The source of the day; `None` if it is one of the chain.
    pub source: Option<String>,
    /// The UTC date of the day.
    pub date: Option<NaiveDate>,
    /// Its code.
    pub problem: ProblemKind,
    /// What differs, and from what.
    pub detail: String,
}

impl Problem {
    /// A problem of the chain or of an anchor.
    pub fn of_chain(problem: ProblemKind, detail: impl Into<String>) -> Self {
        Self { source: None, date: None, problem, detail: detail.into() }
    }
}

/// Some names out of many: how many there are, and the first few.
#[derive(Debug, Clone, Default)]
pub(super) struct Few {
    count: u64,
    first: Vec<String>,
}

impl Few {
    const SHOWN: usize = 3;

    pub(super) fn add(&mut self, name: &str) {
        if self.first.len() < Self::SHOWN {
            self.first.push(name.to_owned());
        }
        self.count += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

impl fmt::Display for Few {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        if self.count > Self::SHOWN as u64 { f.write_str(", …") } else { Ok(()) }
    }
}

/// `1 event`, `2 events`.
pub(super) fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}
