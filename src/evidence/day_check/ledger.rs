//! Compares the row of the ledger with the day's seals.

use super::super::problem::ProblemKind;
use super::super::seal::{Seal, SealKind};
use super::DayFacts;
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
    match last_day {
        Some(last) => of_published(row, &facts.seals[last], &facts.seals[last + 1..], &mut found),
        None => of_unpublished(row, &facts.seals, &mut found),
    }
    found
}

/// A day whose last publication is `seal`. `later` are its resets since then.
fn of_published(row: &LedgerFacts, seal: &Seal, later: &[Seal], found: &mut Differences) {
    let (seq, sealed) = (seal.place.seq, &seal.sealed);
    let attempt = sealed.attempt.unwrap_or_default();
    let altered = |what: String| (ProblemKind::Altered, format!("{what} (seal {seq})"));
    let was_reset = later.iter().any(|seal| seal.sealed.kind == SealKind::Reset);
    let is_complete = row.status == Status::Success;
    if row.attempt < attempt {
        let what = format!("the ledger has attempt {}, and {attempt} was sealed", row.attempt);
        found.push(altered(what));
    } else if is_complete && row.attempt > attempt {
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
    if row.status != Status::Success {
        return;
    }
    let baseline = seals.iter().find(|seal| seal.sealed.kind == SealKind::Baseline);
    let was_reset = seals.iter().any(|seal| seal.sealed.kind == SealKind::Reset);
    let Some(baseline) = baseline.filter(|_| !row.is_read) else {
        found.push((ProblemKind::Unsealed, "the day is SUCCESS, and no seal says so".to_owned()));
        return;
    };
    let seq = baseline.place.seq;
    let body: serde_json::Value = serde_json::from_str(&baseline.sealed.body).unwrap_or_default();
    let was = (body["status"].as_str(), body["events_count"].as_i64());
    if was_reset || was != (Some("SUCCESS"), row.events.map(i64::from)) {
        let detail = format!("the row is not the one that was adopted (seal {seq})");
        found.push((ProblemKind::Altered, detail));
    }
}
