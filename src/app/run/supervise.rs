//! The frame of a run: listens for signals, bounds the time that is left after one, and reports.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

use super::super::anchoring;
use super::super::clock;
use super::super::context::App;
use super::super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::super::head;
use super::super::program::this_program;
use super::super::shutdown::Shutdown;
use super::plan::{Mode, Plan, RunRequest};
use super::remaining::name_commands;
use crate::day::DayKey;
use crate::evidence::Head;
use crate::logging;
use crate::plan::OlderDays;
use crate::report::archives::ArchiveReport;
use crate::report::day::{DayReport, Outcome, Unread};
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
    pub(super) reported: Reported,
}

/// The days of a run, and the chain of seals.
#[derive(Debug)]
pub(super) struct Reported {
    days: Vec<DayReport>,
    /// The archives, if the days were read from them.
    pub(super) archives: Option<Vec<ArchiveReport>>,
    /// What reads the days that were not finished.
    remaining: Remaining,
    /// What the very first run of a source leaves to a backfill.
    older: Vec<OlderDays>,
    /// The head when the run was planned.
    head: Option<Head>,
    /// Whether the run published a day, which moved the head.
    published: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The head of the chain of seals.
    pub(crate) head: Option<Head>,
}

/// Runs `work`, prints the report, and returns how the run ended. The caller reports a failure.
pub(super) async fn supervise(
    app: &App<'_>,
    mode: Mode,
    work: impl AsyncFnOnce(&Shutdown) -> Result<Done, Failure>,
) -> Result<Ended, Failure> {
    let (shutdown, started_at) = (Shutdown::listen().map_err(Failure::Process)?, clock::here());
    let Done { run_id, reader, reported } = within(&shutdown, TIME_TO_END, work(&shutdown)).await?;
    let before = reported.head.clone();
    let head = reported.head_at_end(app, &reader, &shutdown).await;
    let report = RunReport::new(run_id, started_at, reported.days);
    let report = RunReport {
        archives: reported.archives,
        remaining: reported.remaining,
        older: reported.older,
        head: head.clone(),
        dry_run: mode == Mode::DryRun,
        finished_at: clock::here(),
        program: this_program(),
        ..report
    };
    logging::older_days(&report.older);
    logging::run(&report);
    let status = if report.is_good() { DONE } else { FOUND_WRONG };
    let printed = app.global.output.print(&report);
    anchoring::stamp(app, &reader, (before.as_ref(), head.as_ref()), &shutdown).await;
    close(reader, &shutdown).await;
    printed?;
    Ok(Ended { status: shutdown.exit_status().unwrap_or(status), head })
}

impl Reported {
    /// The head after the run, which is recorded if it moved. A run that found nothing to do does
    /// not ask for it again.
    async fn head_at_end(
        &self,
        app: &App<'_>,
        reader: &Reader,
        shutdown: &Shutdown,
    ) -> Option<Head> {
        if !self.published {
            return self.head.clone();
        }
        anchoring::sign(app, reader, self.head.as_ref(), shutdown).await;
        tokio::select! {
            head = head::read(reader) => head,
            () = shutdown.overdue(TIME_TO_END) => None,
        }
    }
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

/// Closes the connections. A signal leaves no time for that.
pub(crate) async fn close(reader: Reader, shutdown: &Shutdown) {
    if !shutdown.is_asked() {
        reader.close().await;
    }
}

/// A report for each planned day, from its job or from the plan's verdict; or the report that it
/// was not begun. It also names the commands that read the unfinished days.
pub(super) fn report_all(
    app: &App<'_>,
    request: &RunRequest<'_>,
    plan: Plan<'_>,
    read: Vec<DayReport>,
    shutdown: &Shutdown,
) -> Reported {
    let done: HashSet<DayKey> = read.iter().map(|day| DayKey::new(&day.source, day.date)).collect();
    let why = if shutdown.is_asked() { Unread::Interrupted } else { Unread::Unexplained };
    let published = read.iter().any(|day| day.outcome == Outcome::Synced);
    let mut days = Vec::with_capacity(plan.days.len());
    for day in plan.days.iter().filter(|day| !done.contains(&day.shown())) {
        let report = DayReport::unread(day, why);
        logging::day(&report);
        days.push(report);
    }
    days.extend(read);
    let remaining = match request.mode {
        Mode::DryRun => Remaining::default(),
        Mode::Write => name_commands(app, &request.command, &plan.days, plan.catch_up, &mut days),
    };
    let (older, head) = (plan.older, plan.head);
    Reported { days, archives: None, remaining, older, head, published }
}
