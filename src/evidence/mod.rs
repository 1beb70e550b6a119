//! The proof: a chain of seals, each over the one before it, and what leaves the database of it.
//!
//! This module does no I/O. `docs/evidence.md` says what the proof shows and what it does not.

mod anchor;
mod chain;
pub mod checkpoint;
mod day_check;
mod head;
pub mod key;
mod netstring;
pub mod note;
mod problem;
mod row;
mod seal;
mod tally;
pub mod timestamp;
pub mod tree;

pub use anchor::{AnchorText, Anchors, ComparedAnchor, KeptAnchor, NoAnchor, OutsideAnchor};
pub use chain::{BrokenLink, ChainWalk, DerivedColumns, SealRow};
pub use day_check::{CheckedDay, ConflictRow, DayCheck, DayFacts, LedgerFacts};
pub use head::{Head, LogId, NotALogId};
pub use netstring::NotNetstrings;
pub use problem::{Problem, ProblemKind};
pub use row::{DerivedParts, EventRow, TEXTS};
pub(crate) use seal::hash_from_hex;
pub use seal::{Contents, NotAPreimage, Place, Seal, SealKind, Sealed, hash_of};
