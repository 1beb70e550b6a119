//! Compares what is stored of one day with its seals and its row in the ledger.

mod ledger;

use chrono::NaiveDate;

use super::problem::{Few, Problem, ProblemKind, events};
use super::row::{self, EventRow, RowFacts};
use super::seal::{Seal, SealKind};
use super::tally::Tally;
use crate::event::Hash;
use crate::ledger::Status;

pub use ledger::{DayFacts, LedgerFacts};

/// A stored conflict.
#[derive(Debug, Clone, Copy)]
pub struct ConflictRow<'a> {
    /// `event_id`.
    pub id: &'a str,
    /// `attempt`.
    pub attempt: i32,
    /// The bytes of the event.
    pub bytes: &'a [u8],
    /// `event_hash`.
    pub hash: &'a [u8],
    /// `seen_at`, in microseconds since 1970.
    pub seen_at: i64,
}

/// What was checked of a day, and what was found.
#[derive(Debug, Default)]
pub struct CheckedDay {
    /// Whether a seal of kind `day` covers it.
    pub is_sealed: bool,
    /// Whether only a `baseline` covers it.
    pub is_baseline: bool,
    /// How many events were recomputed.
    pub events: u64,
    /// The events and conflicts of an attempt that has not published: a crash leaves them.
    pub unsealed: u64,
    /// What was found.
    pub problems: Vec<Problem>,
}

/// The check of one day.
#[derive(Debug)]
pub struct DayCheck {
    source: String,
    date: Option<NaiveDate>,
    /// How the day is written, if it has no date.
    odd_date: Option<String>,
    facts: DayFacts,
    /// The seals of kind `day`.
    published: Vec<DaySeal>,
    events: Tally,
    conflicts: Tally,
    /// What the last seal covers, without the events that are of another date.
    without_strays: Option<Tally>,
    strays: Few,
    found: Found,
    checked: CheckedDay,
}

/// A publication of the day, from its seal.
#[derive(Debug, Clone, Copy)]
struct DaySeal {
    attempt: i32,
    sealed_at: i64,
}

/// The names of rows with the same problem.
#[derive(Debug, Default)]
struct Found {
    wrong: Vec<(&'static str, Few)>,
    wrong_conflicts: Few,
    added: Few,
    added_conflicts: Few,
    seen_after_seal: Few,
}

impl DayCheck {
    /// Begins with the day `date` of `source`. `odd_date` is how a day without a date is written,
    /// such as `infinity`.
    pub fn new(source: String, date: Result<NaiveDate, String>, facts: DayFacts) -> Self {
        let is_day = |seal: &&Seal| seal.sealed.kind == SealKind::Day;
        let published = facts.seals.iter().filter(is_day).map(|seal| DaySeal {
            attempt: seal.sealed.attempt.unwrap_or_default(),
            sealed_at: seal.place.sealed_at.timestamp_micros(),
        });
        let published: Vec<DaySeal> = published.collect();
        Self {
            source,
            date: date.as_ref().ok().copied(),
            odd_date: date.err(),
            facts,
            published,
            events: Tally::default(),
            conflicts: Tally::default(),
            without_strays: None,
            strays: Few::default(),
            found: Found::default(),
            checked: CheckedDay::default(),
        }
    }

    /// Takes the next conflict, in the order of ids and hashes.
    pub fn conflict(&mut self, row: &ConflictRow<'_>) {
        let hash = super::seal::hash_of_bytes(row.bytes);
        if row.hash != hash || !row::has_id(row.bytes, row.id) {
            self.found.wrong_conflicts.add(row.id);
        }
        match self.seal_of(row.attempt) {
            Covered::By(seal) => {
                if row.seen_at > self.published[seal].sealed_at {
                    self.found.seen_after_seal.add(row.id);
                }
                self.conflicts.add(seal, &hash);
            }
            Covered::NotYet => self.checked.unsealed += 1,
            Covered::Never => self.found.added_conflicts.add(row.id),
        }
    }

    /// Takes the next event, in ascending byte order of the ids.
    pub fn event(&mut self, row: &EventRow<'_>) {
        self.checked.events += 1;
        let wrong = &mut self.found.wrong;
        let facts = row.compare(|column| {
            if let Some((_, ids)) = wrong.iter_mut().find(|(of, _)| *of == column) {
                ids.add(row.id);
            } else {
                let mut ids = Few::default();
                ids.add(row.id);
                wrong.push((column, ids));
            }
        });
        match self.seal_of(row.attempt) {
            Covered::By(seal) => {
                if row.first_seen_at > self.published[seal].sealed_at {
                    self.found.seen_after_seal.add(row.id);
                }
                self.count(seal, row.id, &facts);
            }
            Covered::NotYet => self.checked.unsealed += 1,
            Covered::Never => self.found.added.add(row.id),
        }
    }

    fn count(&mut self, seal: usize, id: &str, facts: &RowFacts) {
        if facts.own_day.is_some() && facts.own_day != self.date {
            self.strays.add(id);
            self.without_strays.get_or_insert_with(|| self.events.clone());
        } else if let Some(without) = &mut self.without_strays {
            without.add(seal, &facts.hash);
        }
        self.events.add(seal, &facts.hash);
    }

    /// Which seal covers the rows of an attempt.
    fn seal_of(&self, attempt: i32) -> Covered {
        if attempt < 1 {
            return Covered::Never;
        }
        let seal = self.published.iter().position(|seal| seal.attempt >= attempt);
        // A day that is SUCCESS without any seal is one problem, and its events are no others.
        let is_open = |ledger: &LedgerFacts| {
            let is_due = ledger.status != Status::Success;
            (is_due || self.published.is_empty()) && attempt <= ledger.attempt
        };
        match (seal, &self.facts.ledger) {
            (Some(seal), _) => Covered::By(seal),
            (None, Some(ledger)) if is_open(ledger) => Covered::NotYet,
            _ => Covered::Never,
        }
    }

    /// Compares the sums, after the last row.
    pub fn finish(mut self) -> CheckedDay {
        self.checked.is_sealed = !self.published.is_empty();
        let is_baseline = |seal: &Seal| seal.sealed.kind == SealKind::Baseline;
        self.checked.is_baseline =
            !self.checked.is_sealed && self.facts.seals.iter().any(is_baseline);
        self.report_rows();
        self.report_order();
        self.report_contents();
        // A row of the Python logger that names no day has no effect, and no seal.
        let is_ignored = self.odd_date.is_some()
            && self.facts.ledger.as_ref().is_some_and(|row| row.attempt == 0 && !row.is_read);
        if !is_ignored {
            let found = ledger::compare(&self.facts);
            for (kind, detail) in found {
                self.note(kind, detail);
            }
        }
        self.checked
    }

    fn note(&mut self, problem: ProblemKind, detail: String) {
        let detail = match &self.odd_date {
            Some(date) => format!("the day {date}: {detail}"),
            None => detail,
        };
        let source = Some(self.source.clone());
        self.checked.problems.push(Problem { source, date: self.date, problem, detail });
    }

    fn report_rows(&mut self) {
        let found = std::mem::take(&mut self.found);
        for (column, ids) in found.wrong {
            let many = events(ids.count());
            let detail = format!("the column {column} contradicts the bytes of {many}: {ids}");
            self.note(ProblemKind::Altered, detail);
        }
        let no_seal = "that no seal covers";
        let contradicts = "whose id or hash contradicts the bytes";
        let lists = [
            (ProblemKind::Altered, found.wrong_conflicts, "conflict", contradicts),
            (ProblemKind::Added, found.added, "event", no_seal),
            (ProblemKind::Added, found.added_conflicts, "conflict", no_seal),
            (
                ProblemKind::Altered,
                found.seen_after_seal,
                "row",
                "recorded as first seen after the covering seal",
            ),
        ];
        for (kind, ids, what, why) in lists {
            let count = ids.count();
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                self.note(kind, format!("{count} {what}{plural} {why}: {ids}"));
            }
        }
    }

    /// Each publication names the one before it, and has a later attempt.
    fn report_order(&mut self) {
        let mut before = 0;
        let mut odd = Vec::new();
        for seal in self.facts.seals.iter().filter(|seal| seal.sealed.kind == SealKind::Day) {
            let (seq, attempt) = (seal.place.seq, seal.sealed.attempt.unwrap_or_default());
            if attempt <= before {
                let detail = format!("seal {seq} is of attempt {attempt}, after attempt {before}");
                odd.push((ProblemKind::Moved, detail));
            } else if seal.sealed.prev_attempt != Some(before) {
                let named = seal.sealed.prev_attempt.unwrap_or_default();
                let detail = format!(
                    "seal {seq} follows attempt {named}, and the chain has attempt {before} there"
                );
                odd.push((ProblemKind::Missing, detail));
            }
            before = attempt;
        }
        for (kind, detail) in odd {
            self.note(kind, detail);
        }
    }

    /// Reports the first seal that what is stored contradicts, and how many later ones.
    fn report_contents(&mut self) {
        let mut differing: Vec<(usize, ProblemKind, String)> = Vec::new();
        let mut of_conflicts: Vec<(usize, ProblemKind, String)> = Vec::new();
        let day_seals = self.facts.seals.iter().filter(|seal| seal.sealed.kind == SealKind::Day);
        for (index, seal) in day_seals.enumerate() {
            let Some(sealed) = seal.sealed.contents else { continue };
            let seq = seal.place.seq;
            let sides = (self.events.of(index), (sealed.events, sealed.digest));
            differing.extend(differs(seq, "event", sides).map(|(kind, what)| (index, kind, what)));
            let sides = (self.conflicts.of(index), (sealed.conflicts, sealed.conflicts_digest));
            let found = differs(seq, "conflict", sides);
            of_conflicts.extend(found.map(|(kind, what)| (index, kind, what)));
        }
        for list in [differing, of_conflicts] {
            let more = list.len().saturating_sub(1);
            let Some((index, kind, what)) = list.into_iter().next() else { continue };
            let (kind, what) = self.explain_strays(index).unwrap_or((kind, what));
            let more = match more {
                0 => String::new(),
                1 => "; a later seal differs, too".to_owned(),
                more => format!("; {more} later seals differ, too"),
            };
            self.note(kind, format!("{what}{more}"));
        }
    }

    /// Whether the difference is exactly the events that are of another date.
    fn explain_strays(&self, index: usize) -> Option<(ProblemKind, String)> {
        let sealed = self.facts.seals.iter().filter(|seal| seal.sealed.kind == SealKind::Day);
        let sealed = sealed.map(|seal| (seal.place.seq, seal.sealed.contents)).nth(index)?;
        let (seq, Some(contents)) = sealed else { return None };
        let (count, digest) = self.without_strays.as_ref()?.of(index);
        let is_all = (count, digest) == (contents.events, contents.digest);
        let (many, ids) = (events(self.strays.count()), &self.strays);
        is_all.then(|| {
            let detail = format!("{many} of another date, which seal {seq} does not cover: {ids}");
            (ProblemKind::Moved, detail)
        })
    }
}

/// Which seal covers a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covered {
    /// The one with this index, among the seals of kind `day`.
    By(usize),
    /// None yet: its attempt did not publish, or has not yet.
    NotYet,
    /// None, and no attempt of ours can have stored it.
    Never,
}

type Sum = (i64, Hash);

/// How what is stored differs from what was sealed.
fn differs(seq: i64, what: &str, sides: (Sum, Sum)) -> Option<(ProblemKind, String)> {
    let ((stored, stored_digest), (sealed, sealed_digest)) = sides;
    let (kind, how) = match stored.cmp(&sealed) {
        std::cmp::Ordering::Less => (ProblemKind::Missing, format!("{stored} are left")),
        std::cmp::Ordering::Greater => (ProblemKind::Added, format!("{stored} are stored")),
        std::cmp::Ordering::Equal if stored_digest == sealed_digest => return None,
        std::cmp::Ordering::Equal => {
            (ProblemKind::Altered, "as many are stored, and they are others".to_owned())
        }
    };
    let plural = if sealed == 1 { "" } else { "s" };
    Some((kind, format!("seal {seq} covers {sealed} {what}{plural}: {how}")))
}

#[cfg(test)]
mod tests;
