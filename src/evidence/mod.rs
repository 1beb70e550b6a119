//! The proof: a chain of seals, each over the one before it, and what leaves the database of it.
//!
//! This module does no I/O. `docs/evidence.md` says what the proof shows and what it does not.

mod chain;
mod day_check;
mod head;
mod netstring;
mod problem;
mod row;
mod seal;
mod tally;

pub use chain::{BrokenLink, ChainWalk, DerivedColumns, SealRow};
pub use day_check::{CheckedDay, ConflictRow, DayCheck, DayFacts, LedgerFacts};
pub use head::{Head, LogId, NotALogId};
pub use netstring::NotNetstrings;
pub use problem::{Problem, ProblemKind};
pub use row::{EventRow, TEXTS};
pub use seal::{Contents, NotAPreimage, Place, Seal, SealKind, Sealed, hash_of};
