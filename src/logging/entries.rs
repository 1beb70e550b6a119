//! The log entries that drains rely on: new events, days and runs.

use std::io::IsTerminal as _;
use std::sync::{LazyLock, Mutex, PoisonError};

use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::line::{EVENT, events_logged};
use super::start::Verbosity;
use crate::config::{EventLog, SourceName, Token};
use crate::day::DateRange;
use crate::event::Event;
use crate::evidence::Head;
use crate::plan::OlderDays;
use crate::report::backfill::PlanReport;
use crate::report::day::{DayReport, Outcome};
use crate::report::run::RunReport;
use crate::report::streams;
use crate::report::view::ViewReport;

/// Why an event is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// Its day was not complete yet.
    New,
    /// Its day was complete without it.
    Late,
}

/// Logs one line about a new event. `token` is redacted: Heroku may repeat it in an event.
pub(crate) fn new_event(
    mode: EventLog,
    novelty: Novelty,
    source: &SourceName,
    event: &Event,
    token: &Token,
) {
    if mode == EventLog::None {
        return;
    }
    let columns = &event.columns;
    let redact = |text: &str| token.redact(text).into_owned();
    let column = |text: &Option<String>| text.as_deref().map(redact);
    let bytes = || redact(&String::from_utf8_lossy(&event.bytes));
    info!(
        target: EVENT,
        %source,
        created_at = columns.created_at.map(|time| time.to_rfc3339()),
        actor_email = column(&columns.actor_email),
        r#type = column(&columns.kind),
        action = column(&columns.action),
        id = redact(&event.id),
        late = (novelty == Novelty::Late).then_some(true),
        event = (mode == EventLog::Full).then(bytes),
        "new event"
    );
}

/// Logs one line about a day that ended. Where a terminal shows the report, too, that says why a
/// day was not done, once for all days that are alike.
pub(crate) fn day(report: &DayReport) {
    let DayReport { source, date, outcome, events, new_events, late_events, .. } = report;
    let DayReport { conflicts, vanished_events, requests, retries, attempt, .. } = report;
    let DayReport { duration_ms, error, .. } = report;
    match outcome {
        // One line is enough for all days that did not begin for the same reason.
        Outcome::Failed if *attempt == 0 && is_repeated(error.as_deref()) => debug!(
            target: "auditsync", %source, %date, %outcome,
            "day not done, for the same reason as the one before"
        ),
        Outcome::Failed | Outcome::LostLock | Outcome::Interrupted if is_above_report() => info!(
            target: "auditsync", %source, %date, %outcome, requests, retries, attempt, duration_ms,
            error, "day not done"
        ),
        Outcome::Failed | Outcome::LostLock => error!(
            target: "auditsync", %source, %date, %outcome, requests, retries, attempt, duration_ms,
            error, "day not done"
        ),
        Outcome::Interrupted => warn!(
            target: "auditsync", %source, %date, %outcome, requests, retries, attempt, duration_ms,
            "day not done"
        ),
        _ => info!(
            target: "auditsync", %source, %date, %outcome, events, new_events, late_events,
            conflicts, vanished_events, requests, retries, attempt, duration_ms, "day done"
        ),
    }
}

/// Whether a terminal shows both this log and the report.
fn is_above_report() -> bool {
    static IS_ABOVE: LazyLock<bool> =
        LazyLock::new(|| std::io::stderr().is_terminal() && std::io::stdout().is_terminal());
    *IS_ABOVE
}

/// Whether `reason` is also the reason of the last day that did not begin.
fn is_repeated(reason: Option<&str>) -> bool {
    static LAST: Mutex<String> = Mutex::new(String::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let reason = reason.unwrap_or_default();
    let is_repeated = *last == reason && !reason.is_empty();
    reason.clone_into(&mut last);
    is_repeated
}

/// Logs the first line of a run, with the head of the chain of seals.
pub(crate) fn run_started(run_id: Uuid, head: Option<&Head>) {
    info!(
        target: "auditsync",
        %run_id,
        head_log = log_of(head),
        head_seq = head.map(|head| head.seq),
        head_seal = seal_of(head),
        "run started"
    );
}

/// Says what a long run is about to do: to a person in words, to a drain as an entry.
pub(crate) fn plan(plan: &PlanReport, verbosity: Verbosity) {
    if std::io::stderr().is_terminal() {
        if verbosity != Verbosity::Quiet {
            streams::print_to_stderr(&streams::wrapped_for_stderr(&format!("{}.", plan.summary())));
        }
        return;
    }
    info!(
        target: "auditsync",
        due_days = plan.due_days,
        archive_months = plan.archive_months,
        bytes = plan.bytes,
        requests = plan.requests,
        seconds = plan.seconds,
        "{}", plan.summary()
    );
}

/// Logs one line for each source whose very first run leaves older days to a backfill.
pub(crate) fn older_days(older: &[OlderDays]) {
    for days in older {
        let OlderDays { source, dates: DateRange { from, to } } = days;
        info!(
            target: "auditsync", %source, %from, %to, days = days.dates.len(),
            "older days are missing: a backfill reads them"
        );
    }
}

/// Logs the last line of a run, with the program that ran. Its count of event lines shows whether a
/// drain lost some.
pub(crate) fn run(report: &RunReport) {
    let totals = &report.totals;
    let head = report.head.as_ref();
    info!(
        target: "auditsync",
        run_id = %report.run_id,
        dry_run = report.dry_run,
        synced = totals.synced,
        already_synced = totals.already_synced,
        locked_elsewhere = totals.locked_elsewhere,
        failed = totals.failed,
        interrupted = totals.interrupted,
        lost_lock = totals.lost_lock,
        would_sync = totals.would_sync,
        events = totals.events,
        new_events = totals.new_events,
        events_logged = events_logged(),
        head_log = log_of(head),
        head_seq = head.map(|head| head.seq),
        head_seal = seal_of(head),
        version = report.program.version,
        commit = report.program.commit,
        release = report.program.release,
        "run finished"
    );
}

/// Logs the last line of another command that may have moved the head.
pub(crate) fn command_finished(command: &str, head: Option<&Head>) {
    info!(
        target: "auditsync",
        head_log = log_of(head),
        head_seq = head.map(|head| head.seq),
        head_seal = seal_of(head),
        "{command} finished"
    );
}

/// Logs the last line of an export. Scripts that poll go on from `last_seq`.
pub(crate) fn export_finished(report: &ViewReport) {
    let head = report.head.as_ref();
    info!(
        target: "auditsync",
        days = report.days_exported,
        days_incomplete = report.days_incomplete,
        days_due_again = report.days_due_again,
        seals = report.seals_exported,
        events = report.events_exported,
        bytes = report.bytes_written,
        last_seq = report.last_seq,
        head_log = log_of(head),
        head_seq = head.map(|head| head.seq),
        head_seal = seal_of(head),
        "export finished"
    );
}

fn log_of(head: Option<&Head>) -> Option<&str> {
    head.map(|head| head.log.as_str())
}

fn seal_of(head: Option<&Head>) -> Option<String> {
    head.map(|head| hex::encode(head.seal))
}
