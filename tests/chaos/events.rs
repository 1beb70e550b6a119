//! Whether a complete day really is complete: its events, byte for byte, its count and its digest.

use std::collections::BTreeMap;

use crate::database::{Entry, LedgerRow, StoredEvent};
use crate::truth::{Hash, Source, Truth, digest};

/// Returns the problems of a day's stored events, given its row at the same instant.
///
/// A complete day has every event that Heroku had when its reading began. In any state, a day has
/// no event that Heroku does not have.
pub(crate) fn check(
    truth: &Truth,
    source: &Source,
    row: &LedgerRow,
    stored: &[StoredEvent],
    history: &[&Entry],
) -> Vec<String> {
    let mut problems = Vec::new();
    let expected = truth.of(source, row.date, row.synced_at.unwrap_or(0));
    let found: BTreeMap<&str, &StoredEvent> =
        stored.iter().map(|event| (event.id.as_str(), event)).collect();
    for (id, event) in &found {
        match expected.get(id) {
            None => {
                problems.push(format!("the event {id} is stored, and Heroku has no such event"));
            }
            Some((hash, _)) if hex::encode(hash) != event.hash => {
                problems.push(format!("the bytes of {id} differ"));
            }
            Some(_) => {}
        }
        if event.recorded_hash != event.hash {
            problems.push(format!("event_hash of {id} is not the hash of its bytes"));
        }
        if !event.as_json {
            problems.push(format!("the event {id} is stored as bytes although it is good JSON"));
        }
        if !was_held(history, event.seen) {
            problems.push(format!(
                "the event {id} was stored at {}, when no attempt held the day",
                event.seen
            ));
        }
    }
    if row.status == "SUCCESS" {
        problems.extend(check_complete(row, &expected, &found, history));
    }
    problems
}

type Expected<'t> = BTreeMap<&'t str, (Hash, bool)>;

/// Returns the further problems of a complete day.
fn check_complete(
    row: &LedgerRow,
    expected: &Expected<'_>,
    found: &BTreeMap<&str, &StoredEvent>,
    history: &[&Entry],
) -> Vec<String> {
    let mut problems = Vec::new();
    let missing: Vec<_> = expected
        .iter()
        .filter(|(id, (_, due))| *due && !found.contains_key(*id))
        .map(|(id, _)| *id)
        .collect();
    if !missing.is_empty() {
        problems.push(format!("it is complete and lacks {} events: {missing:?}", missing.len()));
    }
    if row.events_count != Some(found.len() as i64) {
        problems.push(format!(
            "it has {} events and its row says {:?}",
            found.len(),
            row.events_count
        ));
    }
    let stored_hashes: Option<Vec<_>> =
        found.keys().map(|id| expected.get(id).map(|(hash, _)| hash)).collect();
    let recomputed = stored_hashes.map(|hashes| digest(hashes.into_iter()));
    if recomputed != row.digest {
        problems.push(format!("its digest is {:?}, recomputed {recomputed:?}", row.digest));
    }
    let published = history.iter().rev().find(|entry| entry.action == "publish");
    if published
        .is_none_or(|entry| entry.events != row.events_count || entry.attempt != row.attempt)
    {
        problems.push("its last publish in the history has another count or attempt".to_owned());
    }
    problems
}

/// Whether, according to the history, an attempt held the day at this time.
fn was_held(history: &[&Entry], at: i64) -> bool {
    let last = history.iter().rfind(|entry| entry.at <= at);
    last.is_some_and(|entry| matches!(entry.action.as_str(), "claim" | "takeover"))
}
