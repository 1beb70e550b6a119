use chrono::TimeDelta;
use ring::rand::SystemRandom;

use super::super::chain::{DerivedColumns, SealRow};
use super::super::key::SigningKey;
use super::super::seal::{Place, Sealed, hash_of};
use super::*;
use crate::config::KeyName;

mod explained;
mod heads;
mod kept;
mod keys;

const ORIGIN: &str = "auditsync/0123abcd";
const DAY: &str = "2024-09-28";

/// A chain of seals, one a minute, and what the database keeps of it.
#[derive(Debug, Clone, Default)]
struct Chain {
    log: u128,
    texts: Vec<String>,
    kept: Vec<(i64, &'static str, Vec<u8>)>,
}

/// When the seal of this number is made, and its anchors.
fn at(seq: i64) -> DateTime<Utc> {
    let begin: DateTime<Utc> = "2024-09-29T00:00:00Z".parse().expect("a time");
    begin + TimeDelta::minutes(seq)
}

fn signing_key(name: &str) -> SigningKey {
    let name = KeyName::parse(name).expect("a name");
    SigningKey::generate(name, &SystemRandom::new()).expect("random bytes")
}

impl Chain {
    /// A chain of this many seals.
    fn of(seals: i64) -> Self {
        Self { log: 0xabc, ..Self::default() }.more(seals, 1)
    }

    /// The same with more seals, whose texts depend on `version`.
    fn more(mut self, seals: i64, version: i32) -> Self {
        for _ in 0..seals {
            let sealed = if self.texts.is_empty() {
                Sealed::of_log(SealKind::Genesis, "{}".to_owned())
            } else {
                Sealed::of_day(SealKind::Reset, "acme", DAY.parse().expect("a date"), version)
            };
            self.add(sealed, TimeDelta::zero());
        }
        self
    }

    fn add(&mut self, sealed: Sealed, later: TimeDelta) {
        let seq = self.texts.len() as i64 + 1;
        let prev = self.texts.last().map(|text| hash_of(text));
        let (log, sealed_at) = (LogId::from_bits(self.log), at(seq) + later);
        self.texts.push(Seal { place: Place { log, seq, prev, sealed_at }, sealed }.preimage());
    }

    /// Announces a key.
    fn announcing(mut self, key: &SigningKey) -> Self {
        self.add(Sealed::of_key(&key.verifier().to_string()), TimeDelta::zero());
        self
    }

    fn size(&self) -> i64 {
        self.texts.len() as i64
    }

    fn head(&self, seq: i64) -> Head {
        let (log, text) = (LogId::from_bits(self.log), &self.texts[seq as usize - 1]);
        Head { log, seq, seal: hash_of(text) }
    }

    fn tree(&self) -> TreeEdge {
        let mut tree = TreeEdge::default();
        self.texts.iter().for_each(|text| tree.push(text.as_bytes()));
        tree
    }

    /// A checkpoint of the entire chain.
    fn note(&self, keys: &[&SigningKey]) -> Note {
        let origin = KeyName::parse(ORIGIN).expect("a name");
        let tree = self.tree();
        Checkpoint { origin, size: tree.size(), root: tree.root() }.sign(keys)
    }

    /// Keeps a checkpoint of the entire chain, as a run does.
    fn keeping(mut self, keys: &[&SigningKey]) -> Self {
        let (note, size) = (self.note(keys).to_string(), self.size());
        self.kept.push((size, "checkpoint", note.into_bytes()));
        self.kept.push((size, "edge", self.tree().to_bytes()));
        self
    }

    fn keep(mut self, seq: i64, kind: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        self.kept.push((seq, kind, bytes.into()));
        self
    }

    /// What the comparison finds: codes and details, and what was compared.
    fn compare(&self, mut anchors: Anchors) -> (Vec<String>, Vec<ComparedAnchor>) {
        for (text, seq) in self.texts.iter().zip(1..) {
            let own = self.kept.iter().filter(|(of, ..)| *of == seq).map(kept);
            step(&mut anchors, seq, text, &own.collect::<Vec<_>>());
        }
        let beyond = self.kept.iter().filter(|(of, ..)| *of > self.size());
        beyond.map(kept).for_each(|anchor| anchors.beyond(&anchor));
        let head = (!self.texts.is_empty()).then(|| self.head(self.size()));
        let (problems, compared) = anchors.finish(head.as_ref());
        let said = problems.iter().map(|found| format!("{}: {}", found.problem, found.detail));
        (said.collect(), compared)
    }

    /// The same with anchors from elsewhere, and without what was compared.
    fn found(&self, outside: Vec<OutsideAnchor>) -> Vec<String> {
        self.compare(Anchors::new(outside, Vec::new())).0
    }
}

fn kept<'a>((seq, kind, bytes): &'a (i64, &'static str, Vec<u8>)) -> KeptAnchor<'a> {
    KeptAnchor { seq: *seq, kind, at: Some(at(*seq)), bytes }
}

fn step(anchors: &mut Anchors, seq: i64, text: &str, kept: &[KeptAnchor<'_>]) {
    let derived = DerivedColumns {
        prev: None,
        kind: String::new(),
        source: None,
        date: None,
        attempt: None,
        events: None,
        digest: None,
        sealed_at: None,
    };
    let row = SealRow { seq, seal: hash_of(text).to_vec(), sealed: text.to_owned(), derived };
    anchors.step(&row, Seal::parse(text).ok().as_ref(), kept);
}

/// The head as a line of a log, recorded at this time.
fn line(head: &Head, at: DateTime<Utc>) -> OutsideAnchor {
    let Head { log, seq, seal } = head;
    let text = format!(
        "ts={} level=INFO head_log={log} head_seq={seq} head_seal={}",
        at.to_rfc3339(),
        hex::encode(seal)
    );
    let mut read = OutsideAnchor::read_all("heads.log", &text).expect("an anchor");
    read.pop().expect("an anchor")
}

/// The head as an option.
fn option(head: &Head) -> OutsideAnchor {
    OutsideAnchor::of_option(head.to_string().parse().expect("an anchor"))
}

/// The note as a file.
fn file(note: &Note) -> OutsideAnchor {
    let mut read = OutsideAnchor::read_all("notes", &note.to_string()).expect("an anchor");
    read.pop().expect("an anchor")
}

fn nothing() -> Vec<String> {
    Vec::new()
}

fn compared(from: &str, kind: &'static str, count: u64, seq: i64) -> ComparedAnchor {
    ComparedAnchor { recorded_in: from.to_owned(), kind, count, seq }
}
