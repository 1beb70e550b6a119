//! The frame of a run: listens for signals, bounds the time that is left after one, and reports.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

use super::super::clock;
use super::super::context::App;
use super::super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::super::shutdown::Shutdown;
use super::plan::{Mode, Plan, RunRequest};
use super::remaining::name_commands;
use crate::day::DayKey;
use crate::logging;
use crate::report::Report;
use crate::report::day::{DayReport, Unread};
use crate::report::remaining::Remaining;
use crate::report::run::RunReport;
use crate::store::Reader;

/// After a signal, how long a run has to report. A run that was held up before its first day needs
/// all of it.
const TIME_TO_END: Duration = Duration::from_millis(2800);

/// What a run did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) run_id: Uuid,
    /// The connections, to be closed after the report.
    pub(super) reader: Reader,
    pub(super) days: Vec<DayReport>,
    /// What reads the days that were not finished.
    pub(super) remaining: Remaining,
}

/// Runs `work`, prints the report, and gives the exit status. The caller reports a failure.
pub(super) async fn supervise(
    app: &App<'_>,
    mode: Mode,
    work: impl AsyncFnOnce(&Shutdown) -> Result<Done, Failure>,
) -> Result<ExitStatus, Failure> {
    let (shutdown, started_at) = (Shutdown::listen().map_err(Failure::Process)?, clock::here());
    let done = within(&shutdown, TIME_TO_END, work(&shutdown)).await?;
    let report = RunReport::new(done.run_id, started_at, done.days);
    let report = RunReport {
        remaining: done.remaining,
        dry_run: mode == Mode::DryRun,
        finished_at: clock::here(),
        ..report
    };
    logging::run(&report);
    let status = if report.is_good() { DONE } else { FOUND_WRONG };
    print_and_close(app, &report, done.reader, &shutdown).await?;
    Ok(shutdown.exit_status().unwrap_or(status))
}

/// Runs `work`, but after a signal no longer than `time`.
pub(crate) async fn within<T>(
    shutdown: &Shutdown,
    time: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = shutdown.overdue(time) => {
            Err(Failure::Interrupted(shutdown.exit_status().unwrap_or(FOUND_WRONG)))
        }
    }
}

/// Prints a report before it waits for anything else. A signal leaves no time to close the
/// connections.
pub(crate) async fn print_and_close(
    app: &App<'_>,
    report: &impl Report,
    reader: Reader,
    shutdown: &Shutdown,
) -> Result<(), Failure> {
    let printed = app.global.output.print(report);
    if !shutdown.is_asked() {
        reader.close().await;
    }
    Ok(printed?)
}

/// A report for each planned day, from its job or from the plan's verdict; or the report that it
/// was not begun. It also names the commands that read the unfinished days.
pub(super) fn report_all(
    app: &App<'_>,
    request: &RunRequest<'_>,
    plan: Plan<'_>,
    read: Vec<DayReport>,
    shutdown: &Shutdown,
) -> (Vec<DayReport>, Remaining) {
    let done: HashSet<DayKey> = read.iter().map(|day| DayKey::new(&day.source, day.date)).collect();
    let why = if shutdown.is_asked() { Unread::Interrupted } else { Unread::Unexplained };
    let mut reports = Vec::with_capacity(plan.days.len());
    for day in plan.days.iter().filter(|day| !done.contains(&day.key)) {
        let report = DayReport::unread(day, why);
        logging::day(&report);
        reports.push(report);
    }
    reports.extend(read);
    if request.mode == Mode::DryRun {
        return (reports, Remaining::default());
    }
    let remaining = name_commands(app, request.command, &plan.days, plan.catch_up, &mut reports);
    (reports, remaining)
}
