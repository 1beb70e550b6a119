use chrono::DateTime;

use super::super::head::LogId;
use super::super::seal::{Contents, Place, Sealed, hash_of_bytes};
use super::*;

const LOG: u128 = 0xabc;
/// When the seal with the number 0 was made, in microseconds since 1970.
const BEGIN: i64 = 1_727_000_000_000_000;
const SCOPE: &str = r#"{"account":"acme"}"#;

/// A stored event or conflict of a test: the id, the attempt and the bytes.
#[derive(Debug, Clone)]
struct Stored {
    id: &'static str,
    attempt: i32,
    bytes: String,
}

/// A day as it is stored, with its seals.
#[derive(Debug, Clone)]
struct StoredDay {
    ledger: Option<LedgerFacts>,
    other_rows: u32,
    seals: Vec<Seal>,
    events: Vec<Stored>,
    conflicts: Vec<Stored>,
}

fn day() -> NaiveDate {
    "2024-09-28".parse().expect("a date")
}

fn event(id: &'static str, attempt: i32) -> Stored {
    let bytes = format!(r#"{{"id":"{id}","created_at":"2024-09-28T10:00:00Z","type":"app"}}"#);
    Stored { id, attempt, bytes }
}

fn conflict(id: &'static str, attempt: i32) -> Stored {
    Stored { id, attempt, bytes: format!(r#"{{"id":"{id}","other":{attempt}}}"#) }
}

fn sum(rows: &[Stored], attempt: i32) -> (i64, Hash) {
    let mut tally = Tally::default();
    let covered = rows.iter().filter(|row| row.attempt <= attempt);
    covered.for_each(|row| tally.add(0, &hash_of_bytes(row.bytes.as_bytes())));
    tally.of(0)
}

fn seal(seq: i64, sealed: Sealed) -> Seal {
    let at = DateTime::from_timestamp_micros(BEGIN + seq).expect("a time");
    let place =
        Place { log: LogId::from_bits(LOG), seq, prev: Some([seq as u8; 32]), sealed_at: at };
    Seal { place, sealed }
}

fn of_kind(kind: SealKind, attempt: i32) -> Sealed {
    Sealed::of_day(kind, "acme", day(), attempt)
}

impl StoredDay {
    /// A day that was published by each of `attempts`, with these rows.
    fn published(attempts: &[i32], events: Vec<Stored>, conflicts: Vec<Stored>) -> Self {
        let mut seals = Vec::new();
        let mut before = 0;
        for (index, attempt) in attempts.iter().enumerate() {
            let ((count, digest), of_conflicts) =
                (sum(&events, *attempt), sum(&conflicts, *attempt));
            let contents = Contents {
                events: count,
                digest,
                conflicts: of_conflicts.0,
                conflicts_digest: of_conflicts.1,
            };
            let sealed = Sealed {
                prev_attempt: Some(before),
                contents: Some(contents),
                scope: SCOPE.to_owned(),
                ..of_kind(SealKind::Day, *attempt)
            };
            seals.push(seal(index as i64 + 2, sealed));
            before = *attempt;
        }
        let (count, digest) = sum(&events, before);
        let ledger = LedgerFacts {
            status: Status::Success,
            attempt: before,
            events: Some(count as i32),
            digest: Some(digest.to_vec()),
            scope: Some(r#"{"account": "acme"}"#.to_owned()),
            is_read: true,
        };
        Self { ledger: Some(ledger), other_rows: 0, seals, events, conflicts }
    }

    /// Two events and a conflict, published at once.
    fn simple() -> Self {
        Self::published(&[1], vec![event("e1", 1), event("e2", 1)], vec![conflict("e1", 1)])
    }

    /// Three publications. The second added an event and a conflict, the third nothing.
    fn with_late_events() -> Self {
        let events = vec![event("e1", 1), event("e2", 3), event("e3", 1)];
        Self::published(&[1, 3, 4], events, vec![conflict("e1", 1), conflict("e1", 3)])
    }

    /// A day that the Python logger called complete.
    fn adopted() -> Self {
        let body = r#"{"status":"SUCCESS","events_count":7}"#.to_owned();
        let baseline = seal(2, Sealed { body, ..of_kind(SealKind::Baseline, 0) });
        let ledger = LedgerFacts {
            status: Status::Success,
            attempt: 0,
            events: Some(7),
            digest: None,
            scope: None,
            is_read: false,
        };
        Self {
            ledger: Some(ledger),
            other_rows: 0,
            seals: vec![baseline],
            events: vec![],
            conflicts: vec![],
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn with_ledger(mut self, change: impl FnOnce(&mut LedgerFacts)) -> Self {
        change(self.ledger.as_mut().expect("a row"));
        self
    }

    fn row(&self) -> LedgerFacts {
        self.ledger.clone().expect("a row")
    }

    /// The check of the day, after all rows. `see` changes each event's row.
    fn check_seeing(
        &self,
        date: Result<NaiveDate, String>,
        see: fn(&mut EventRow<'_>),
    ) -> CheckedDay {
        let facts = DayFacts {
            ledger: self.ledger.clone(),
            other_rows: self.other_rows,
            seals: self.seals.clone(),
        };
        let mut check = DayCheck::new("acme".to_owned(), date, facts);
        for Stored { id, attempt, bytes } in &self.conflicts {
            let (bytes, hash) = (bytes.as_bytes(), hash_of_bytes(bytes.as_bytes()));
            let row = ConflictRow { id, attempt: *attempt, bytes, hash: &hash, seen_at: 0 };
            check.conflict(&row);
        }
        for Stored { id, attempt, bytes } in &self.events {
            let hash = hash_of_bytes(bytes.as_bytes());
            let read = crate::event::Event::from_bytes(bytes.clone().into()).expect("an event");
            let columns = &read.columns;
            let mut texts = [None; 9];
            texts[0] = columns.kind.as_deref();
            let mut row = EventRow {
                id,
                attempt: *attempt,
                bytes: bytes.as_bytes(),
                hash: &hash,
                created_at: columns.created_at.map(|time| time.timestamp_micros()),
                texts,
                ip_address: Some(None),
                via: "api",
                first_seen_at: 0,
                derived: crate::evidence::DerivedParts::Known,
            };
            see(&mut row);
            check.event(&row);
        }
        check.finish()
    }

    fn check(&self) -> CheckedDay {
        self.check_seeing(Ok(day()), |_| ())
    }

    /// What the check finds: codes and details.
    fn found(&self) -> Vec<String> {
        said(&self.check())
    }
}

fn said(checked: &CheckedDay) -> Vec<String> {
    checked.problems.iter().map(|found| format!("{}: {}", found.problem, found.detail)).collect()
}

fn nothing() -> Vec<String> {
    Vec::new()
}

mod ledger;
mod rows;
