//! Compares the row of the ledger with the day's seals.

use std::cmp::Ordering;

use super::super::problem::ProblemKind;
use super::super::seal::{Seal, SealKind};
use crate::event::same_value;
use crate::ledger::Status;

/// The columns of the ledger that seals cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFacts {
    /// `status`.
    pub status: Status,
    /// `attempt`.
    pub attempt: i32,
    /// `events_count`.
    pub events: Option<i32>,
    /// `digest`.
    pub digest: Option<Vec<u8>>,
    /// `scope`, as text.
    pub scope: Option<String>,
    /// Whether the day was read by us.
    pub is_read: bool,
}

/// What the ledger and the chain say of a day. Its conflicts and events follow.
#[derive(Debug, Clone, Default)]
pub struct DayFacts {
    /// Its row in the ledger.
    pub ledger: Option<LedgerFacts>,
    /// Further rows of the day in the ledger, which its key excludes.
    pub other_rows: u32,
    /// Its seals, in their order.
    pub seals: Vec<Seal>,
}

const UNSEALED: &str = "the day is SUCCESS, and no seal says so";

type Differences = Vec<(ProblemKind, String)>;

/// How the ledger contradicts the seals.
pub(super) fn compare(facts: &DayFacts) -> Differences {
    let Some(row) = &facts.ledger else {
        let is_sealed = facts.seals.iter().any(|seal| seal.sealed.kind != SealKind::Reset);
        let gone = "the ledger has no row of this day, and the chain has a seal of it";
        return is_sealed.then(|| (ProblemKind::Missing, gone.to_owned())).into_iter().collect();
    };
    let mut found = Vec::new();
    if facts.other_rows > 0 {
        let rows = format!("the ledger has {} rows of this day", facts.other_rows + 1);
        found.push((ProblemKind::Added, rows));
    }
    match facts.seals.last() {
        Some(last) => compare_state(row, last, &mut found),
        None if row.status == Status::Success => {
            found.push((
                ProblemKind::Unsealed,
                "the day is SUCCESS, and no seal says so".to_owned(),
            ));
        }
        None => {}
    }
    let is_of = |kind| move |seal: &&Seal| seal.sealed.kind == kind;
    if let Some(published) = facts.seals.iter().rfind(is_of(SealKind::Day)) {
        compare_contents(row, published, &mut found);
    } else if let Some(baseline) = facts.seals.iter().find(is_of(SealKind::Baseline)) {
        compare_adopted(row, baseline, &mut found);
    }
    found
}

/// Status and attempt. Attempts are counted upwards, and each begins with a claim, so a row of the
/// last seal's attempt has the status that this seal left. A later attempt has published nothing.
fn compare_state(row: &LedgerFacts, last: &Seal, found: &mut Differences) {
    let (seq, sealed) = (last.place.seq, last.sealed.attempt.unwrap_or_default());
    let LedgerFacts { status, attempt, .. } = row;
    let (kind, what) = match attempt.cmp(&sealed) {
        Ordering::Less => {
            let what = format!("the ledger has attempt {attempt}, and {sealed} was sealed");
            (ProblemKind::Altered, what)
        }
        Ordering::Equal if *status == status_behind(last) => return,
        Ordering::Equal => {
            let why = match last.sealed.kind {
                SealKind::Day => "and nobody reset it",
                SealKind::Reset => "after the reset of the day",
                _ => "which the adoption did not leave",
            };
            (ProblemKind::Altered, format!("the status is {status} {why}"))
        }
        Ordering::Greater if *status == Status::Success => {
            let what = format!(
                "the ledger says SUCCESS for attempt {attempt}, and the last seal is of attempt \
                 {sealed}"
            );
            (ProblemKind::Unsealed, what)
        }
        Ordering::Greater => match status {
            Status::Unknown(status) => (ProblemKind::Altered, format!("the status is `{status}`")),
            _ => return,
        },
    };
    found.push((kind, format!("{what} (seal {seq})")));
}

/// The status that the transaction of a seal left.
fn status_behind(seal: &Seal) -> Status {
    match seal.sealed.kind {
        SealKind::Day => Status::Success,
        SealKind::Baseline => match Status::from(adopted(seal).0) {
            // An adoption makes these days due.
            Status::Processing | Status::Failed => Status::Pending,
            status => status,
        },
        _ => Status::Pending,
    }
}

/// The status and the count of an adopted row, as the Python logger left it.
fn adopted(baseline: &Seal) -> (String, Option<i64>) {
    let body: serde_json::Value = serde_json::from_str(&baseline.sealed.body).unwrap_or_default();
    let status = body["status"].as_str().unwrap_or_default().to_owned();
    (status, body["events_count"].as_i64())
}

/// Count, digest and scope of the last publication. They stay until the next one.
fn compare_contents(row: &LedgerFacts, seal: &Seal, found: &mut Differences) {
    let sealed = &seal.sealed;
    let mut altered = |what: String| {
        found.push((ProblemKind::Altered, format!("{what} (seal {})", seal.place.seq)));
    };
    let Some(contents) = &sealed.contents else { return };
    if row.events.map(i64::from) != Some(contents.events) {
        let counted = row.events.map_or("no".to_owned(), |events| events.to_string());
        altered(format!("the ledger counts {counted} events, not {}", contents.events));
    }
    if row.digest.as_deref() != Some(contents.digest.as_slice()) {
        altered("the ledger has another digest than was sealed".to_owned());
    }
    let scope = row.scope.as_deref().unwrap_or_default();
    if !same_value(scope.as_bytes(), sealed.scope.as_bytes()) {
        altered("the ledger has another scope than was sealed".to_owned());
    }
}

/// A day that only the Python logger called complete. An adoption drops the counts of other days.
fn compare_adopted(row: &LedgerFacts, baseline: &Seal, found: &mut Differences) {
    let (status, count) = adopted(baseline);
    let count = count.filter(|_| status == Status::Success.as_str());
    if row.status == Status::Success && row.is_read {
        found.push((ProblemKind::Unsealed, UNSEALED.to_owned()));
    } else if row.events.map(i64::from) != count || row.digest.is_some() || row.scope.is_some() {
        let seq = baseline.place.seq;
        let detail = format!("the row is not the one that was adopted (seal {seq})");
        found.push((ProblemKind::Altered, detail));
    }
}
