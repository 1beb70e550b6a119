//! The proof: a chain of seals, each over the one before it, and what leaves the database of it.
//!
//! This module does no I/O. `docs/evidence.md` says what the proof shows and what it does not.

mod head;
mod netstring;
mod seal;

pub use head::{Head, LogId, NotALogId};
pub use netstring::NotNetstrings;
pub use seal::{Contents, NotAPreimage, Place, Seal, SealKind, Sealed, hash_of};
