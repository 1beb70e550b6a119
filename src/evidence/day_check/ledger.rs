//! Compares the row of the ledger with the day's seals.

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
    /// Its seals, in their order.
    pub seals: Vec<Seal>,
}

type Differences = Vec<(ProblemKind, String)>;

/// How the ledger contradicts the seals.
pub(super) fn compare(facts: &DayFacts) -> Differences {
    let last_day = facts.seals.iter().rposition(|seal| seal.sealed.kind == SealKind::Day);
    let Some(row) = &facts.ledger else {
        let is_sealed = facts.seals.iter().any(|seal| seal.sealed.kind != SealKind::Reset);
        let gone = "the ledger has no row of this day, and the chain has a seal of it";
        return is_sealed.then(|| (ProblemKind::Missing, gone.to_owned())).into_iter().collect();
    };
    let mut found = Vec::new();
    if let Status::Unknown(status) = &row.status {
        found.push((ProblemKind::Altered, format!("the status is `{status}`")));
    }
    report_attempt(row, &facts.seals, &mut found);
    match last_day {
        Some(last) => of_published(row, &facts.seals[last], &facts.seals[last + 1..], &mut found),
        None => of_unpublished(row, &facts.seals, &mut found),
    }
    found
}

/// Attempts are counted upwards, so the row's is at least that of every seal.
fn report_attempt(row: &LedgerFacts, seals: &[Seal], found: &mut Differences) {
    let sealed = seals.iter().filter_map(|seal| Some((seal.sealed.attempt?, seal.place.seq)));
    if let Some((attempt, seq)) = sealed.max().filter(|(attempt, _)| row.attempt < *attempt) {
        let what = format!(
            "the ledger has attempt {}, and {attempt} was sealed (seal {seq})",
            row.attempt
        );
        found.push((ProblemKind::Altered, what));
    }
}

/// A day whose last publication is `seal`. `later` are its resets since then.
fn of_published(row: &LedgerFacts, seal: &Seal, later: &[Seal], found: &mut Differences) {
    let (seq, sealed) = (seal.place.seq, &seal.sealed);
    let attempt = sealed.attempt.unwrap_or_default();
    let altered = |what: String| (ProblemKind::Altered, format!("{what} (seal {seq})"));
    let was_reset = later.iter().any(|seal| seal.sealed.kind == SealKind::Reset);
    let is_complete = row.status == Status::Success;
    if is_complete && row.attempt > attempt {
        let what = format!(
            "the ledger says SUCCESS for attempt {}, and the last seal is of attempt {attempt}",
            row.attempt
        );
        found.push((ProblemKind::Unsealed, what));
    } else if row.attempt == attempt && is_complete == was_reset {
        let what = if was_reset { "after the reset of the day" } else { "and nobody reset it" };
        found.push(altered(format!("the status is {} {what}", row.status)));
    }
    let Some(contents) = &sealed.contents else { return };
    if row.events.map(i64::from) != Some(contents.events) {
        let counted = row.events.map_or("no".to_owned(), |events| events.to_string());
        let what = format!("the ledger counts {counted} events, not {}", contents.events);
        found.push(altered(what));
    }
    if row.digest.as_deref() != Some(contents.digest.as_slice()) {
        found.push(altered("the ledger has another digest than was sealed".to_owned()));
    }
    let scope = row.scope.as_deref().unwrap_or_default();
    if !same_value(scope.as_bytes(), sealed.scope.as_bytes()) {
        found.push(altered("the ledger has another scope than was sealed".to_owned()));
    }
}

/// A day that was never published. The Python logger may have called it complete.
fn of_unpublished(row: &LedgerFacts, seals: &[Seal], found: &mut Differences) {
    let baseline = seals.iter().find(|seal| seal.sealed.kind == SealKind::Baseline);
    let is_complete = row.status == Status::Success;
    let Some(baseline) = baseline.filter(|_| !(is_complete && row.is_read)) else {
        if is_complete {
            let what = "the day is SUCCESS, and no seal says so";
            found.push((ProblemKind::Unsealed, what.to_owned()));
        }
        return;
    };
    let was_reset = seals.iter().any(|seal| seal.sealed.kind == SealKind::Reset);
    if !is_as_adopted(row, baseline, was_reset) {
        let detail =
            format!("the row is not the one that was adopted (seal {})", baseline.place.seq);
        found.push((ProblemKind::Altered, detail));
    }
}

/// Whether the row can come from the adopted one without a publication: by attempts, and by resets
/// if `was_reset`. An adoption makes days due that were not complete, and drops their counts.
fn is_as_adopted(row: &LedgerFacts, baseline: &Seal, was_reset: bool) -> bool {
    let body: serde_json::Value = serde_json::from_str(&baseline.sealed.body).unwrap_or_default();
    let was_complete = body["status"] == "SUCCESS";
    let was_tried = Some(row.attempt) != baseline.sealed.attempt;
    let is_complete = row.status == Status::Success;
    let may_be_complete = was_complete && !was_reset && !was_tried;
    let count = body["events_count"].as_i64().filter(|_| was_complete);
    let is_status_explained = is_complete == may_be_complete;
    is_status_explained && row.events.map(i64::from) == count && row.digest.is_none()
}
