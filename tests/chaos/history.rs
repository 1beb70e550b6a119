//! What ledger and history may say at any instant. The history is replayed against the rules of the
//! states, and both are compared with earlier observations of the same round.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::database::{Entry, LedgerRow, Snapshot};

type Day = (String, NaiveDate);

/// What was observed in a round so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    attempts: BTreeMap<Day, i32>,
    /// The latest end of each attempt's lease.
    leases: BTreeMap<(Day, i32), i64>,
    /// The history of each day, as last observed.
    history: BTreeMap<Day, Vec<(i64, String)>>,
}

/// The state that results from a day's history.
#[derive(Debug, Default)]
struct State {
    status: &'static str,
    attempt: i32,
    holder: Option<String>,
}

impl Snapshot {
    pub(crate) fn row(&self, source: &str, date: NaiveDate) -> Option<&LedgerRow> {
        self.rows.iter().find(|row| row.source == source && row.date == date)
    }

    pub(crate) fn of_day(&self, source: &str, date: NaiveDate) -> Vec<&Entry> {
        self.history.iter().filter(|entry| entry.source == source && entry.date == date).collect()
    }
}

impl Seen {
    /// Records a snapshot and returns its problems.
    pub(crate) fn check(&mut self, snapshot: &Snapshot, problems: &mut Vec<String>) {
        for day in
            self.attempts.keys().filter(|(source, date)| snapshot.row(source, *date).is_none())
        {
            problems.push(format!("{} {}: its row is gone", day.0, day.1));
        }
        for row in &snapshot.rows {
            let mut report =
                |problem: String| problems.push(format!("{} {}: {problem}", row.source, row.date));
            let day = (row.source.clone(), row.date);
            let entries = snapshot.of_day(&row.source, row.date);
            coherent(row).into_iter().for_each(&mut report);

            let before = self.attempts.insert(day.clone(), row.attempt).unwrap_or(0);
            if row.attempt < before {
                report(format!("its attempt fell from {before} to {}", row.attempt));
            }
            if let Some(until) = row.locked_until {
                let end = self.leases.entry((day.clone(), row.attempt)).or_insert(until);
                *end = until.max(*end);
            }
            let now: Vec<_> = entries
                .iter()
                .map(|entry| (entry.at, format!("{} {}", entry.action, entry.attempt)))
                .collect();
            let earlier = self.history.insert(day.clone(), now.clone()).unwrap_or_default();
            if !now.starts_with(&earlier) {
                report(format!("its history was {earlier:?} and is now {now:?}"));
            }

            let mut state = State::default();
            for entry in entries {
                let lease_end = self.leases.get(&(day.clone(), state.attempt)).copied();
                if let Err(problem) = state.advance(entry, lease_end) {
                    report(format!(
                        "{problem}, at `{} {}` of its history",
                        entry.action, entry.attempt
                    ));
                }
            }
            let explained = match (row.status.as_str(), state.status) {
                // `fail` is recorded for both statuses, depending on whose fault it was.
                ("FAILED" | "ERROR", "FAILED") => true,
                (state, status) => state == status,
            };
            if !explained || row.attempt != state.attempt || row.locked_by != state.holder {
                report(format!("its history leads to {state:?}, its row says otherwise"));
            }
        }
    }
}

/// The problems of a single row.
fn coherent(row: &LedgerRow) -> Vec<String> {
    let mut problems = Vec::new();
    let held = row.status == "PROCESSING";
    if held != row.locked_by.is_some() || held != row.locked_until.is_some() {
        problems.push(format!(
            "{} with the holder {:?} until {:?}",
            row.status, row.locked_by, row.locked_until
        ));
    }
    if row.attempt < 1 {
        problems.push(format!("it has a row without an attempt: {}", row.attempt));
    }
    let read = [row.events_count.is_some(), row.digest.is_some(), row.synced_at.is_some()];
    if read.contains(&true) && read.contains(&false)
        || row.status == "SUCCESS" && read.contains(&false)
    {
        problems.push(format!(
            "count, digest and time of the last complete reading do not match: {read:?}"
        ));
    }
    problems
}

impl State {
    /// Applies one row of the history, if its transition is allowed. `lease_end` is the latest
    /// observed end of the present attempt's lease.
    fn advance(&mut self, entry: &Entry, lease_end: Option<i64>) -> Result<(), String> {
        let Self { status, attempt, holder } = &*self;
        let (status, attempt, is_next) = (*status, *attempt, entry.attempt == attempt + 1);
        let ran_out = lease_end.is_none_or(|end| end <= entry.at);
        let by_holder = entry.attempt == attempt
            && status == "PROCESSING"
            && holder.as_ref() == Some(&entry.by);
        let forced = entry.message.as_deref().is_some_and(|message| message.contains("by force"));
        let right = match entry.action.as_str() {
            "claim" => is_next && matches!(status, "" | "PENDING" | "FAILED" | "ERROR"),
            "takeover" => {
                let message = entry.message.as_deref().unwrap_or_default();
                let names = holder.as_ref().is_some_and(|loser| message.contains(loser.as_str()));
                is_next
                    && status == "PROCESSING"
                    && ran_out
                    && names
                    && message.contains(&format!("attempt {attempt} "))
            }
            "publish" | "fail" | "release" => by_holder,
            "reset" => {
                entry.attempt == attempt
                    && !matches!(status, "" | "PENDING")
                    && (status != "PROCESSING" || ran_out || forced)
            }
            "cleanup" => entry.attempt == attempt && status == "PROCESSING" && ran_out,
            _ => false,
        };
        let was = format!(
            "{self:?}, whose lease was seen to last until {lease_end:?}, does not lead there"
        );
        let status = match entry.action.as_str() {
            "claim" | "takeover" => "PROCESSING",
            "publish" => "SUCCESS",
            "fail" => "FAILED",
            "cleanup" => "ERROR",
            _ => "PENDING",
        };
        let holder = (status == "PROCESSING").then(|| entry.by.clone());
        *self = Self { status, attempt: entry.attempt, holder };
        if right { Ok(()) } else { Err(was) }
    }
}
