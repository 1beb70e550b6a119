//! Walks the chain of seals from its first to its last.

use chrono::{DateTime, NaiveDate, Utc};

use super::head::{Head, LogId};
use super::problem::{Problem, ProblemKind};
use super::seal::{Seal, SealKind, hash_of};
use crate::event::Hash;

/// A row of `audit_seals`, as the database holds it.
#[derive(Debug, Clone)]
pub struct SealRow {
    /// `seq`.
    pub seq: i64,
    /// `seal`.
    pub seal: Vec<u8>,
    /// `sealed`: the preimage.
    pub sealed: String,
    /// The columns that are derived from the preimage.
    pub derived: DerivedColumns,
}

/// The columns of `audit_seals` that are derived from the preimage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DerivedColumns {
    /// `prev`.
    pub prev: Option<Vec<u8>>,
    /// `kind`.
    pub kind: String,
    /// `source`.
    pub source: Option<String>,
    /// `process_date`.
    pub date: Option<NaiveDate>,
    /// `attempt`.
    pub attempt: Option<i32>,
    /// `events_count`.
    pub events: Option<i32>,
    /// `digest`.
    pub digest: Option<Vec<u8>>,
    /// `sealed_at`.
    pub sealed_at: Option<DateTime<Utc>>,
}

/// A seal that does not continue the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenLink {
    /// Its number.
    pub seq: i64,
    /// The seal that its preimage names as the previous one.
    pub prev: Hash,
}

/// The walk along a chain, one seal after the other in ascending order of `seq`.
#[derive(Debug, Default)]
pub struct ChainWalk {
    /// The log of the first seal that could be read.
    log: Option<LogId>,
    seals: u64,
    last: Option<Last>,
    problems: Vec<Problem>,
    /// The latest problem that repeats, with the numbers of its seals.
    run: Option<Repeated>,
    broken: Vec<BrokenLink>,
}

/// The seal before the next one.
#[derive(Debug, Clone, Copy)]
struct Last {
    seq: i64,
    /// The hash of its preimage.
    hash: Hash,
    /// What the next preimage may name: also the column, if it differs, which is reported already.
    column: Option<Hash>,
}

/// Equal problems of consecutive seals.
#[derive(Debug)]
struct Repeated {
    kind: ProblemKind,
    what: String,
    first: i64,
    last: i64,
}

impl SealRow {
    /// The row of a text that stands alone. It has the number that the text says, or `place` if the
    /// text can't be read.
    pub fn of_text(place: i64, sealed: String) -> Self {
        let seal = Seal::parse(&sealed).ok();
        let derived = seal.as_ref().map(DerivedColumns::of).unwrap_or_default();
        let seq = seal.map_or(place, |seal| seal.place.seq);
        Self { seq, seal: hash_of(&sealed).to_vec(), sealed, derived }
    }
}

impl ChainWalk {
    /// Takes the next seal. Returns it, if its preimage can be read.
    pub fn step(&mut self, row: &SealRow) -> Option<Seal> {
        self.seals += 1;
        // Numbers below 1 and the highest one are never written, and do not count here.
        let expected = self.last.map_or(1, |last| last.seq.saturating_add(1)).max(1);
        if row.seq > expected {
            self.missing(expected, row.seq - 1);
        }
        if (1..expected).contains(&row.seq) {
            self.note(row.seq, ProblemKind::Fork, "the chain has another seal of this number");
        }
        let hash = hash_of(&row.sealed);
        let column: Option<Hash> = row.seal.as_slice().try_into().ok();
        if column != Some(hash) {
            self.note(row.seq, ProblemKind::Altered, "its text and the column seal do not match");
        }
        let seal = match Seal::parse(&row.sealed) {
            Ok(seal) => {
                self.check(row, &seal, expected);
                Some(seal)
            }
            Err(error) => {
                self.note(row.seq, ProblemKind::Malformed, &format!("the text: {error}"));
                None
            }
        };
        self.last = Some(Last { seq: row.seq, hash, column });
        seal
    }

    fn check(&mut self, row: &SealRow, seal: &Seal, expected: i64) {
        let place = &seal.place;
        let log = self.log.get_or_insert_with(|| place.log.clone());
        if *log != place.log {
            let what = format!("it is of the log {}", place.log);
            self.note(row.seq, ProblemKind::Foreign, &what);
        }
        if place.seq != row.seq {
            let what = format!("its text is that of seal {}", place.seq);
            self.note(row.seq, ProblemKind::Moved, &what);
        }
        if (seal.sealed.kind == SealKind::Genesis) != (place.seq == 1) {
            let what = "a chain begins with one seal of kind genesis, and has no other";
            self.note(row.seq, ProblemKind::Malformed, what);
        }
        if let Err(error) = seal.check_form() {
            self.note(row.seq, ProblemKind::Malformed, &format!("the text: {error}"));
        }
        for column in row.derived.differing(seal) {
            let what = format!("the column {column} is not what the text says");
            self.note(row.seq, ProblemKind::Altered, &what);
        }
        let (Some(last), Some(prev)) = (self.last, place.prev) else { return };
        let continues = prev == last.hash || last.column == Some(prev);
        // Where seals are missing or stand in other places, that is the problem.
        if !continues && row.seq == expected && place.seq == row.seq {
            self.broken.push(BrokenLink { seq: row.seq, prev });
        }
    }

    /// Notes a problem of one seal. Equal problems of consecutive seals become one.
    fn note(&mut self, seq: i64, kind: ProblemKind, what: &str) {
        if let Some(run) = &mut self.run
            && run.kind == kind
            && run.what == what
            && seq <= run.last.saturating_add(1)
        {
            run.last = seq;
            return;
        }
        self.end_run();
        self.run = Some(Repeated { kind, what: what.to_owned(), first: seq, last: seq });
    }

    fn end_run(&mut self) {
        let Some(Repeated { kind, what, first, last }) = self.run.take() else { return };
        self.problems.push(Problem::of_chain(kind, format!("{}: {what}", seals(first, last))));
    }

    fn missing(&mut self, first: i64, last: i64) {
        self.end_run();
        let detail = format!("{} gone from the chain", plural(first, last, "is", "are"));
        self.problems.push(Problem::of_chain(ProblemKind::Missing, detail));
    }

    /// How many seals were walked.
    pub fn seals(&self) -> u64 {
        self.seals
    }

    /// The log of the chain.
    pub fn log(&self) -> Option<&LogId> {
        self.log.as_ref()
    }

    /// The number and the hash of the last seal, as they are recomputed.
    pub fn head(&self) -> Option<Head> {
        let (log, last) = (self.log.clone()?, self.last?);
        Some(Head { log, seq: last.seq, seal: last.hash })
    }

    /// What was found. The caller resolves the broken links with [`BrokenLink::problem`].
    pub fn finish(mut self) -> (Vec<Problem>, Vec<BrokenLink>) {
        self.end_run();
        (self.problems, self.broken)
    }
}

impl BrokenLink {
    /// The problem, given the number of the seal that the preimage names, if the chain has it.
    pub fn problem(self, named: Option<i64>) -> Problem {
        let Self { seq, .. } = self;
        match named {
            Some(named) => Problem::of_chain(
                ProblemKind::Fork,
                format!("seal {seq} continues seal {named}, not seal {}", seq - 1),
            ),
            None => Problem::of_chain(
                ProblemKind::Altered,
                format!(
                    "seal {seq} does not continue seal {}: one of them, or all up to there, was \
                     replaced",
                    seq - 1
                ),
            ),
        }
    }
}

impl DerivedColumns {
    /// The columns as the seal says them.
    fn of(seal: &Seal) -> Self {
        let Seal { place, sealed } = seal;
        let contents = sealed.contents.as_ref();
        let hash = |hash: Option<Hash>| hash.map(|hash| hash.to_vec());
        Self {
            prev: hash(place.prev),
            kind: sealed.kind.to_string(),
            source: Some(sealed.source.clone()).filter(|source| !source.is_empty()),
            date: sealed.date,
            attempt: sealed.attempt,
            // A count that the column can't hold equals none in it.
            events: contents.map(|contents| contents.events.try_into().unwrap_or(i32::MIN)),
            digest: hash(contents.map(|contents| contents.digest)),
            sealed_at: Some(place.sealed_at),
        }
    }

    /// The names of the columns that differ from what the seal says.
    fn differing(&self, seal: &Seal) -> Vec<&'static str> {
        let expected = Self::of(seal);
        let columns = [
            ("prev", self.prev == expected.prev),
            ("kind", self.kind == expected.kind),
            ("source", self.source == expected.source),
            ("process_date", self.date == expected.date),
            ("attempt", self.attempt == expected.attempt),
            ("events_count", self.events == expected.events),
            ("digest", self.digest == expected.digest),
            ("sealed_at", self.sealed_at == expected.sealed_at),
        ];
        columns.into_iter().filter(|(_, is_equal)| !is_equal).map(|(name, _)| name).collect()
    }
}

/// `seal 5`, or `seals 5 to 8`.
fn seals(first: i64, last: i64) -> String {
    if first == last { format!("seal {first}") } else { format!("seals {first} to {last}") }
}

fn plural(first: i64, last: i64, one: &str, many: &str) -> String {
    format!("{} {}", seals(first, last), if first == last { one } else { many })
}

#[cfg(test)]
mod tests;
