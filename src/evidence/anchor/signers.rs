//! Which keys may sign checkpoints, and what their signatures prove.
//!
//! An attacker who can rewrite the chain can announce a key in it. So a key that only the chain
//! names proves nothing against a rewritten chain, unless something outside vouches for the seal
//! that names it.

use super::super::checkpoint::Checkpoint;
use super::super::key::VerifierKey;
use super::super::note::Note;
use crate::config::KeyName;

/// The keys that may sign, and what they signed so far.
#[derive(Debug, Default)]
pub(super) struct Signers {
    /// Keys that the caller trusts. Without one, the keys of the chain's own seals count.
    pinned: Vec<VerifierKey>,
    /// The highest seal whose checkpoint a pinned key signed.
    pinned_up_to: Option<i64>,
    /// The keys that the chain names, in their order.
    announced: Vec<AnnouncedKey>,
}

/// A key that a seal names.
#[derive(Debug)]
struct AnnouncedKey {
    key: VerifierKey,
    /// The seal that names it.
    seq: i64,
    /// Whether it signed a checkpoint that was kept elsewhere.
    signed_outside: bool,
    /// The older key that announced it by signing the same checkpoint.
    announced_by: Option<usize>,
    /// The highest seal whose checkpoint it signed.
    up_to: Option<i64>,
}

/// A signature of the chain that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unvouched {
    /// The highest seal that it is of.
    pub(super) up_to: i64,
    /// The seal that names its key.
    pub(super) named_by: i64,
}

impl Signers {
    pub(super) fn new(pinned: Vec<VerifierKey>) -> Self {
        Self { pinned, ..Self::default() }
    }

    /// Takes a key that the seal `seq` names. It signs from there on.
    pub(super) fn announce(&mut self, key: VerifierKey, seq: i64) {
        let (signed_outside, announced_by, up_to) = (false, None, None);
        self.announced.push(AnnouncedKey { key, seq, signed_outside, announced_by, up_to });
    }

    /// The names of the known keys that signed the note, at least one.
    pub(super) fn of(&self, note: &Note) -> Result<Vec<KeyName>, String> {
        let known = if self.pinned.is_empty() { self.newest() } else { None };
        let known: Vec<&VerifierKey> = known.into_iter().chain(&self.pinned).collect();
        if known.is_empty() {
            return Err("no key is known: the chain has no seal of kind key so far".to_owned());
        }
        let mut why = String::new();
        let mut names = Vec::new();
        for key in known {
            match note.verify(key) {
                Ok(()) => names.push(key.name().clone()),
                Err(error) => why = error.to_string(),
            }
        }
        if names.is_empty() { Err(why) } else { Ok(names) }
    }

    fn newest(&self) -> Option<&VerifierKey> {
        self.announced.last().map(|newest| &newest.key)
    }

    /// Whether a known key signed the note, and for this log.
    pub(super) fn verify(&mut self, note: &Note, checkpoint: &Checkpoint) -> Result<(), String> {
        let mut names = self.of(note)?;
        let signer = names[0].clone();
        // A trusted key announces the one that replaces it, which may have a name of its own.
        let announced = self.newest().filter(|key| note.verify(key).is_ok());
        names.extend(announced.map(|key| key.name().clone()));
        if !names.contains(&checkpoint.origin) {
            return Err(format!("it is of the log {}, not {signer}", checkpoint.origin));
        }
        let is_new = |key: &&VerifierKey| !self.pinned.is_empty() && !self.pinned.contains(key);
        let announced = announced.filter(is_new).cloned();
        self.pinned.extend(announced);
        Ok(())
    }

    /// Notes that a checkpoint of the chain up to `seq` is right, and signed by a known key.
    pub(super) fn signed(&mut self, note: &Note, seq: i64) {
        if !self.pinned.is_empty() {
            self.pinned_up_to = self.pinned_up_to.max(Some(seq));
            return;
        }
        let Some((newest, older)) = self.announced.split_last_mut() else { return };
        newest.up_to = newest.up_to.max(Some(seq));
        let announced_by = older.iter().position(|older| note.verify(&older.key).is_ok());
        newest.announced_by = newest.announced_by.or(announced_by);
    }

    /// Notes that a note from outside is signed by a known key: who can change only the chain can't
    /// have signed it.
    pub(super) fn signed_outside(&mut self, note: &Note) {
        if let Some(newest) = self.announced.last_mut() {
            newest.signed_outside |= note.verify(&newest.key).is_ok();
        }
    }

    /// Whether something outside vouches for a key that the chain names: an anchor that agrees with
    /// the chain at or behind the key's seal, a note, or a key that is vouched for.
    fn is_vouched(&self, key: &AnnouncedKey, agreeing: Option<i64>) -> bool {
        let older = key.announced_by.map(|by| &self.announced[by]);
        key.signed_outside
            || agreeing.is_some_and(|agreeing| key.seq <= agreeing)
            || older.is_some_and(|older| self.is_vouched(older, agreeing))
    }

    /// The highest seal that a trusted key signed. An anchor from outside agrees with the chain up
    /// to `agreeing`.
    pub(super) fn up_to(&self, agreeing: Option<i64>) -> Option<i64> {
        let vouched = self.announced.iter().filter(|key| self.is_vouched(key, agreeing));
        vouched.map(|key| key.up_to).chain([self.pinned_up_to]).max().flatten()
    }

    /// The highest signature by a key that nothing outside vouches for.
    pub(super) fn unvouched(&self, agreeing: Option<i64>) -> Option<Unvouched> {
        let unvouched = self.announced.iter().filter(|key| !self.is_vouched(key, agreeing));
        let unvouched =
            unvouched.filter_map(|key| Some(Unvouched { up_to: key.up_to?, named_by: key.seq }));
        unvouched.max_by_key(|unvouched| unvouched.up_to)
    }
}
