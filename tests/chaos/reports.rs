//! Whether exit statuses and reports agree with the history.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::database::{Entry, Snapshot};
use crate::plan::Kind;
use crate::process::{End, Process};

const TIME_TO_END: Duration = Duration::from_secs(5);
/// The time from the end of a run to the end of its process, in microseconds.
const TIME_TO_LEAVE: i64 = 250_000;
/// The least time that a day in progress has to release its lease after a signal, in microseconds.
const TIME_TO_RELEASE: i64 = 2_000_000;

/// What happened to the environment of a round's processes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Weather {
    /// Connections were cut, or the database was restarted.
    pub(crate) database_failed: bool,
    /// A process was stopped, perhaps while it held a row lock.
    pub(crate) somebody_stopped: bool,
}

/// The report of a sync, a reset or a cleanup.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Report {
    run_id: Option<String>,
    finished_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) days: Vec<ReportedDay>,
    error: Option<String>,
    exit_status: Option<i32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ReportedDay {
    source: String,
    date: NaiveDate,
    #[serde(default)]
    pub(crate) outcome: String,
    #[serde(default)]
    attempt: i32,
    error: Option<String>,
}

/// The problems of how a process ended and what it reported.
pub(crate) fn check(
    process: &Process,
    snapshot: &Snapshot,
    weather: Weather,
) -> (Option<Report>, Vec<String>) {
    let mut problems = Vec::new();
    if process.stderr().contains("panicked") {
        problems.push("it panicked".to_owned());
    }
    let end = match process.end {
        None => return (None, vec!["it did not end".to_owned()]),
        Some(_) if process.killed => return (None, problems),
        Some(end) => end,
    };
    if let Some(took) = end.after_term.filter(|took| *took > TIME_TO_END) {
        problems.push(format!("it ended {:.1}s after SIGTERM", took.as_secs_f64()));
    }
    if end.by_signal {
        // Only a sync handles the signal itself, once it is running.
        if process.terminated.is_none() || end.code != 143 {
            problems.push(format!("it ended by signal {}", end.code - 128));
        }
        return (None, problems);
    }
    let stdout = process.stdout();
    if process.hurried && end.code == 143 && stdout.is_empty() {
        return (None, problems);
    }
    let Ok(report) = serde_json::from_str::<Report>(&stdout) else {
        problems
            .push(format!("it exited with {} and printed no JSON document: {stdout:?}", end.code));
        return (None, problems);
    };
    if report.error.is_some() {
        check_failure(&report, end, process.terminated.is_some(), weather, &mut problems);
    } else {
        match process.kind {
            Kind::Sync | Kind::SyncNamed | Kind::Final => {
                check_status(process, &report, end, &mut problems);
                check_days(process, &report, snapshot, weather, &mut problems);
            }
            Kind::Reset { .. } => {
                check_operator(process, "reset", &report, snapshot, &mut problems);
            }
            Kind::Cleanup => check_operator(process, "cleanup", &report, snapshot, &mut problems),
        }
    }
    (Some(report), problems)
}

/// A run that could not begin its work: the database was away, or a signal came first.
fn check_failure(
    report: &Report,
    end: End,
    terminated: bool,
    weather: Weather,
    problems: &mut Vec<String>,
) {
    if end.code == 143 && terminated && report.exit_status == Some(143) {
        // The signal came before it had done anything.
    } else if end.code != 3 || report.exit_status != Some(3) {
        problems.push(format!("it exited with {} and reported {report:?}", end.code));
    } else if !weather.database_failed && !weather.somebody_stopped {
        problems.push(format!("it exited with 3 although nothing was wrong: {:?}", report.error));
    }
}

fn check_status(process: &Process, report: &Report, end: End, problems: &mut Vec<String>) {
    let good = ["synced", "already_synced", "locked_elsewhere"];
    let bad = report.days.iter().find(|day| !good.contains(&day.outcome.as_str()));
    let finished = report.finished_at.map_or(0, |at| at.timestamp_micros());
    let right = match (end.code, process.terminated) {
        (143, Some(_)) => true,
        // It had finished when the signal came.
        (0 | 1, Some((signalled, _))) if finished > signalled + TIME_TO_LEAVE => false,
        (0, _) => bad.is_none(),
        (1, _) => bad.is_some(),
        _ => false,
    };
    if !right {
        problems.push(format!(
            "it exited with {}, was signalled at {:?}, and reported {report:?}",
            end.code, process.terminated
        ));
    }
}

/// Compares each day's outcome with what the history records for this run.
fn check_days(
    process: &Process,
    report: &Report,
    snapshot: &Snapshot,
    weather: Weather,
    problems: &mut Vec<String>,
) {
    let run_id = report.run_id.as_deref().unwrap_or_default();
    // If a signal comes and the run can't end, it drops the days in progress without waiting for
    // their results.
    let finished = report.finished_at.map_or(0, |at| at.timestamp_micros());
    let let_go = process
        .terminated
        .is_some_and(|(at, _)| finished > at + TIME_TO_RELEASE || weather.somebody_stopped);
    let own: Vec<&Entry> = snapshot.history.iter().filter(|entry| entry.run_id == run_id).collect();
    for day in &report.days {
        let ReportedDay { source, date, outcome, attempt, error } = day;
        let did: Vec<&Entry> = own
            .iter()
            .copied()
            .filter(|entry| entry.source == *source && entry.date == *date)
            .collect();
        let (claims, ends): (Vec<&Entry>, Vec<&Entry>) = did
            .into_iter()
            .partition(|entry| matches!(entry.action.as_str(), "claim" | "takeover"));
        let claimed = claims_agree(day, &claims, weather, let_go);
        if !claimed || !ends_agree(day, &claims, &ends, weather) {
            let did: Vec<_> =
                claims.iter().chain(&ends).map(|e| format!("{} {}", e.action, e.attempt)).collect();
            problems.push(format!(
                "{source} {date}: reported {outcome} (attempt {attempt}, {error:?}); \
                    its history: {did:?}"
            ));
        }
    }
    let unreported = own.iter().find(|entry| {
        !report.days.iter().any(|d| d.source == entry.source && d.date == entry.date)
    });
    if let Some(entry) = unreported {
        problems.push(format!(
            "{} {}: `{}` was done and not reported",
            entry.source, entry.date, entry.action
        ));
    }
}

impl ReportedDay {
    fn was_held(&self) -> bool {
        self.attempt > 0 && self.outcome != "already_synced"
    }
}

/// Whether the history has the claims of a reported day.
fn claims_agree(day: &ReportedDay, claims: &[&Entry], weather: Weather, let_go: bool) -> bool {
    let (held, outcome) = (day.was_held(), day.outcome.as_str());
    claims.iter().map(|claim| claim.attempt).eq(held.then_some(day.attempt))
        || let_go && outcome == "interrupted" && !held && claims.len() == 1
        // If the answer to a claim never came, it is unknown whether the claim took place.
        || weather.database_failed && outcome == "failed" && !held && claims.len() == 1
}

/// Whether the history has the end of a reported day.
fn ends_agree(day: &ReportedDay, claims: &[&Entry], ends: &[&Entry], weather: Weather) -> bool {
    let (held, end) = (day.was_held(), ends.first().map(|entry| entry.action.as_str()));
    ends.len() <= 1
        && ends.iter().all(|end| claims.iter().any(|claim| claim.attempt == end.attempt))
        && match day.outcome.as_str() {
            "synced" => end == Some("publish"),
            // A lease that could not be released runs out.
            "interrupted" => {
                let is_hindered = weather.database_failed || weather.somebody_stopped;
                end == Some("release") || end.is_none() && (!held || is_hindered)
            }
            "failed" => end == Some("fail") || end.is_none() && weather.database_failed,
            "lost_lock" | "already_synced" | "locked_elsewhere" => end.is_none(),
            _ => false,
        }
}

/// What a reset or a cleanup reports is what the history records.
fn check_operator(
    process: &Process,
    action: &str,
    report: &Report,
    snapshot: &Snapshot,
    problems: &mut Vec<String>,
) {
    let did = snapshot
        .history
        .iter()
        .filter(|entry| entry.action == action && entry.by == operator(&process.name));
    let mut did: Vec<_> = did.map(|entry| (entry.date, entry.source.as_str())).collect();
    let reported = report.days.iter().filter(|day| action != "reset" || day.outcome == "reset");
    let mut reported: Vec<_> = reported.map(|day| (day.date, day.source.as_str())).collect();
    did.sort_unstable();
    reported.sort_unstable();
    let refused =
        report.days.iter().any(|day| matches!(day.outcome.as_str(), "refused" | "no_row"));
    let code = process.end.map(|end| end.code);
    if did != reported || code != Some(i32::from(refused)) {
        problems.push(format!("it exited with {code:?}, reported {report:?} and did {did:?}"));
    }
}

/// The name under which the history records the manual actions of a process.
pub(crate) fn operator(process: &str) -> String {
    process.to_owned()
}
