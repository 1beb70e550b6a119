//! Compares a chain with what was recorded of it: heads in log lines, signed checkpoints and
//! timestamps.

mod document;
mod mismatch;
mod signers;
mod text;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::chain::SealRow;
use super::checkpoint::Checkpoint;
use super::head::{Head, LogId};
use super::key::VerifierKey;
use super::note::Note;
use super::problem::{Problem, ProblemKind};
use super::seal::{Seal, SealKind, hash_of};
use super::timestamp;
use super::tree::TreeEdge;
use crate::event::Hash;
use mismatch::{Mismatches, Recorded};
use signers::Signers;

pub use text::{AnchorText, NoAnchor, OutsideAnchor};

/// An anchor that the database keeps: a row of `audit_anchors`.
#[derive(Debug, Clone, Copy)]
pub struct KeptAnchor<'a> {
    /// The number of the seal.
    pub seq: i64,
    /// `checkpoint`, `timestamp` or `edge`.
    pub kind: &'a str,
    /// When it was recorded.
    pub at: Option<DateTime<Utc>>,
    /// The note, or the answer of the authority.
    pub bytes: &'a [u8],
}

/// Anchors of one kind and origin that were compared with the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedAnchor {
    /// Where they were recorded: `database`, `--anchor`, or the name of a file.
    pub recorded_in: String,
    /// `head`, `checkpoint` or `timestamp`.
    pub kind: &'static str,
    /// How many there are.
    pub count: u64,
    /// The highest number of a seal that they name.
    pub seq: i64,
}

/// The comparison, one seal after the other.
#[derive(Debug, Default)]
pub struct Anchors {
    outside: Vec<OutsideAnchor>,
    /// Where the kept anchors are kept.
    home: &'static str,
    signers: Signers,
    tree: TreeEdge,
    log: Option<LogId>,
    mismatches: Mismatches,
    compared: Vec<ComparedAnchor>,
    problems: Vec<Problem>,
}

/// Who recorded an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordedBy {
    /// The database or the bag that also holds the chain.
    Home,
    /// Someone else.
    Other,
}

/// Where the walk is.
#[derive(Debug, Clone, Copy)]
struct Here {
    seq: i64,
    seal: Hash,
    sealed_at: Option<DateTime<Utc>>,
}

impl Anchors {
    /// A comparison with anchors that are kept elsewhere. `pinned` are keys that the caller trusts.
    pub fn new(mut outside: Vec<OutsideAnchor>, pinned: Vec<VerifierKey>) -> Self {
        outside.sort_by_key(|anchor| std::cmp::Reverse(anchor.seq()));
        Self { outside, signers: Signers::new(pinned), home: "database", ..Self::default() }
    }

    /// The same, where `home` keeps anchors with the chain instead of the database.
    pub fn kept_in(self, home: &'static str) -> Self {
        Self { home, ..self }
    }

    /// Takes the next seal of the chain, and the anchors that the database keeps of it.
    pub fn step(&mut self, row: &SealRow, seal: Option<&Seal>, kept: &[KeptAnchor<'_>]) {
        let (seq, hash) = (row.seq, hash_of(&row.sealed));
        self.tree.push(row.sealed.as_bytes());
        if let Some(seal) = seal {
            self.log.get_or_insert_with(|| seal.place.log.clone());
            self.note_key(seal);
        }
        let here = Here { seq, seal: hash, sealed_at: seal.map(|seal| seal.place.sealed_at) };
        for anchor in kept {
            self.compare_kept(here, anchor);
        }
        while let Some(anchor) = self.outside.pop_if(|anchor| anchor.seq() <= seq) {
            if anchor.seq() == seq {
                self.compare_outside(here, &anchor);
            } else {
                self.report_absent(&anchor.place, anchor.seq());
            }
        }
    }

    /// Notes the key that signs from this seal on.
    fn note_key(&mut self, seal: &Seal) {
        if seal.sealed.kind != SealKind::Key {
            return;
        }
        match seal.sealed.verifier_key().as_deref().map(VerifierKey::parse) {
            Some(Ok(key)) => self.signers.announce(key, seal.place.seq),
            _ => self.problems.push(Problem::of_chain(
                ProblemKind::Malformed,
                format!("seal {}: its body names no key", seal.place.seq),
            )),
        }
    }

    fn compare_kept(&mut self, here: Here, anchor: &KeptAnchor<'_>) {
        match anchor.kind {
            "checkpoint" => {
                let what = format!("the kept checkpoint of seal {}", here.seq);
                match Note::parse(anchor.bytes) {
                    Ok(note) => {
                        let recorded = Recorded::new(what, self.home, anchor.at);
                        self.compare_note(here, &note, recorded, RecordedBy::Home);
                    }
                    Err(error) => self.bad_note(format!("{what}: {error}")),
                }
            }
            "timestamp" => match timestamp::check(anchor.bytes, &here.seal) {
                Ok(_) => self.count(self.home, "timestamp", here.seq),
                Err(error) => self.problems.push(Problem::of_chain(
                    ProblemKind::BadTimestamp,
                    format!("the kept timestamp of seal {}: {error}", here.seq),
                )),
            },
            "edge" if anchor.bytes == self.tree.to_bytes() => {}
            "edge" => self.problems.push(Problem::of_chain(
                ProblemKind::Altered,
                format!("the kept edge of the tree at seal {} is another one", here.seq),
            )),
            other => self.problems.push(Problem::of_chain(
                ProblemKind::Malformed,
                format!("the kept anchor of seal {} has the unknown kind `{other}`", here.seq),
            )),
        }
    }

    fn compare_outside(&mut self, here: Here, anchor: &OutsideAnchor) {
        let recorded = Recorded::new(anchor.place.clone(), &anchor.from, anchor.at());
        match &anchor.text {
            AnchorText::Head { log: Some(log), .. } if self.is_foreign(log) => {
                self.foreign(&anchor.place, log);
            }
            AnchorText::Head { seal, .. } => {
                self.count(&anchor.from, "head", here.seq);
                if *seal == here.seal {
                    self.mismatches.agrees(here.seq);
                } else {
                    self.mismatches.differs(here.seq, recorded, here.sealed_at);
                }
            }
            AnchorText::Note(note, _) => {
                self.compare_note(here, note, recorded, RecordedBy::Other);
            }
        }
    }

    /// Compares a checkpoint with the tree of the seals up to here.
    fn compare_note(&mut self, here: Here, note: &Note, recorded: Recorded, by: RecordedBy) {
        let checkpoint = match Checkpoint::parse(note.text()) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.bad_note(format!("{}: {error}", recorded.place)),
        };
        if let Err(why) = self.signers.verify(note, &checkpoint) {
            return self.bad_note(format!("{}: {why}", recorded.place));
        }
        if checkpoint.size != here.seq as u64 {
            let (place, size) = (&recorded.place, checkpoint.size);
            return self.bad_note(format!("{place}: it is of seal {size}"));
        }
        if let RecordedBy::Other = by {
            self.signers.signed_outside(note);
        }
        self.count(&recorded.from, "checkpoint", here.seq);
        if checkpoint.root == self.tree.root() {
            self.signers.signed(note, here.seq);
            // An attacker who rewrites the chain can sign it, and keep a checkpoint beside it.
            if let RecordedBy::Other = by {
                self.mismatches.agrees(here.seq);
            }
        } else {
            self.mismatches.differs(here.seq, recorded, here.sealed_at);
        }
    }

    /// The name of a known key that signed the note, after the last seal.
    pub fn signer(&self, note: &Note) -> Result<String, String> {
        self.signers.of(note).map(|names| names[0].to_string())
    }

    fn is_foreign(&self, log: &LogId) -> bool {
        self.log.as_ref().is_some_and(|own| own != log)
    }

    fn foreign(&mut self, place: &str, log: &LogId) {
        self.problems.push(Problem::of_chain(
            ProblemKind::Foreign,
            format!("{place}: it is of the log {log}"),
        ));
    }

    fn bad_note(&mut self, detail: String) {
        self.problems.push(Problem::of_chain(ProblemKind::BadNote, detail));
    }

    fn count(&mut self, from: &str, kind: &'static str, seq: i64) {
        let is_known =
            |known: &&mut ComparedAnchor| known.recorded_in == from && known.kind == kind;
        if let Some(known) = self.compared.iter_mut().find(is_known) {
            known.count += 1;
            known.seq = known.seq.max(seq);
        } else {
            let recorded_in = from.to_owned();
            self.compared.push(ComparedAnchor { recorded_in, kind, count: 1, seq });
        }
    }

    /// An anchor of a seal that is missing, which the walk reports.
    fn report_absent(&mut self, place: &str, seq: i64) {
        let detail = format!("{place}: the chain has no seal {seq}");
        self.problems.push(Problem::of_chain(ProblemKind::Missing, detail));
    }

    /// Takes an anchor that the database keeps of a seal which is missing before the chain's end.
    pub fn absent(&mut self, anchor: &KeptAnchor<'_>) {
        let KeptAnchor { seq, kind, .. } = anchor;
        if *kind != "edge" {
            self.report_absent(&format!("the kept {kind} of seal {seq}"), *seq);
        }
    }

    /// Takes an anchor that the database keeps of a seal behind the end of the chain.
    pub fn beyond(&mut self, anchor: &KeptAnchor<'_>) {
        let place = format!("the kept {} of seal {}", anchor.kind, anchor.seq);
        self.mismatches.beyond(anchor.seq, Recorded::new(place, self.home, anchor.at));
    }

    /// The problems, and what was compared. `head` is the end of the chain.
    pub fn finish(mut self, head: Option<&Head>) -> (Vec<Problem>, Vec<ComparedAnchor>) {
        while let Some(anchor) = self.outside.pop() {
            let recorded = Recorded::new(anchor.place.clone(), &anchor.from, anchor.at());
            match &anchor.text {
                AnchorText::Head { log: Some(log), .. } if self.is_foreign(log) => {
                    self.foreign(&anchor.place, log);
                }
                AnchorText::Note(note, checkpoint) => match self.signers.verify(note, checkpoint) {
                    Ok(()) => {
                        self.signers.signed_outside(note);
                        self.mismatches.beyond(anchor.seq(), recorded);
                    }
                    Err(why) => self.bad_note(format!("{}: {why}", anchor.place)),
                },
                AnchorText::Head { .. } => self.mismatches.beyond(anchor.seq(), recorded),
            }
        }
        let mismatches = std::mem::take(&mut self.mismatches);
        self.problems.extend(mismatches.problems(head, &self.signers));
        (self.problems, self.compared)
    }
}

#[cfg(test)]
mod tests;
