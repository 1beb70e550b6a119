//! `sync`: plan → claim → fetch → store → publish → report.

mod day;
mod doubt;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::task::JoinSet;
use uuid::Uuid;

use doubt::Doubts;

use super::fetch::{Fetch, Teams, jobs};
use super::remaining::{ReadCommand, name_commands};
use super::view::{TIME_TO_RELEASE, Writing};
use super::{
    App, DONE, ExitStatus, FOUND_WRONG, Failure, Shutdown, bring_up_to_date, clock, dry_run,
    earlier, notify, now,
};
use crate::cli::SyncArgs;
use crate::config::{Source, Token};
use crate::day::{DateRange, DayKey, last_over};
use crate::heroku::Client;
use crate::logging;
use crate::plan::{CatchUp, PlanInput, Planned, Selection, Verdict, plan, window};
use crate::report::progress::Progress;
use crate::report::remaining::Remaining;
use crate::report::run::{DayReport, Outcome, RunReport};
use crate::store::{
    EveryDay, Holder, LedgerSnapshot, Reader, Rereads, Schema, SnapshotQuery, SnapshotResult, Store,
};

/// After a signal, how long a run has to report; only one that was held up before its first day needs it all.
const TIME_TO_END: Duration = Duration::from_millis(2800);

/// What the days in flight share.
#[derive(Debug)]
struct Context {
    client: Client,
    teams: Teams,
    doubts: Doubts,
    writing: Writing,
    progress: Arc<Progress>,
}

/// What a run is asked to do.
#[derive(Debug)]
pub(super) struct RunRequest<'a> {
    pub(super) sources: Vec<&'a Source>,
    pub(super) selection: Selection,
    /// Whether whole days are read again when their time has come.
    pub(super) rereads: Rereads,
    pub(super) mode: Mode,
    /// The command that gives this order.
    pub(super) command: ReadCommand,
}

/// Whether a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It does.
    Write,
    /// It only looks.
    DryRun,
}

/// What a run did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) run_id: Uuid,
    /// To be closed once all is done.
    pub(super) reader: Reader,
    pub(super) days: Vec<DayReport>,
    /// What reads those that were not finished.
    pub(super) remaining: Remaining,
}

pub(super) async fn run(app: &App<'_>, args: &SyncArgs) -> Result<ExitStatus, Failure> {
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Write };
    let ended = supervise(app, mode, async |shutdown| {
        let selection = selection(args)?;
        let (sources, rereads, command) =
            (app.sources(&args.sources)?, Rereads::Include, ReadCommand::Sync);
        let order = RunRequest { sources, selection, rereads, mode, command };
        by_list(app, &order, shutdown).await
    })
    .await;
    if mode == Mode::Write {
        notify::ping(
            &app.config.notify,
            ended.as_ref().map_or_else(Failure::exit_status, |status| *status),
        )
        .await;
    }
    ended
}

/// Runs `work` to its end, or to that of the time which a signal leaves; then reports.
/// A failure is the caller's to report.
pub(super) async fn supervise(
    app: &App<'_>,
    mode: Mode,
    work: impl AsyncFnOnce(&Shutdown) -> Result<Done, Failure>,
) -> Result<ExitStatus, Failure> {
    let (shutdown, started_at) = (Shutdown::listen().map_err(Failure::Process)?, clock());
    let done = tokio::select! {
        done = work(&shutdown) => done,
        () = shutdown.overdue(TIME_TO_END) => Err(Failure::Interrupted(shutdown.exit_status().unwrap_or(FOUND_WRONG))),
    };
    let Done { run_id, reader, days, remaining } = done?;
    let report = RunReport { remaining, ..RunReport::new(run_id, started_at, days) };
    let report = RunReport { dry_run: mode == Mode::DryRun, finished_at: clock(), ..report };
    logging::run(&report);
    let status = if report.is_good() { DONE } else { FOUND_WRONG };
    let printed = app.global.output.print(&report);
    // The result is out before anything else is waited for, and a signal leaves no time for a goodbye.
    if !shutdown.is_asked() {
        reader.close().await;
    }
    printed?;
    Ok(shutdown.exit_status().unwrap_or(status))
}

/// Reads the days that `order` asks for from Heroku's list of each.
pub(super) async fn by_list(
    app: &App<'_>,
    order: &RunRequest<'_>,
    shutdown: &Shutdown,
) -> Result<Done, Failure> {
    let sources = || order.sources.iter().copied();
    let tokens = app.config.tokens(sources(), &super::env)?;
    let client = || Client::new(&app.config.api, sources(), &tokens);
    let reader = app.connect().await?;
    let holder = App::holder();
    let run_id = holder.run_id;
    let progress = |jobs: &VecDeque<Fetch>| {
        Progress::new(jobs.iter().map(|job| job.days.len()).sum(), app.global.verbosity())
    };
    if order.mode == Mode::DryRun {
        let (plan, has_ledger) = plan_only(app, &reader, order).await?;
        let to_read: Vec<_> =
            plan.days.iter().filter(|day| !dry_run::is_recount(day)).cloned().collect();
        let (client, jobs, stored) =
            (client()?, jobs(&to_read, &tokens), has_ledger.then_some(&reader));
        let context = dry_run::Context::new(app, &client, stored, shutdown, progress(&jobs));
        let days =
            dry_run::read_days(&context, &plan.days, jobs, app.config.sync.concurrency).await;
        return Ok(Done { run_id, reader, days, remaining: Remaining::default() });
    }
    let (plan, store) = plan_to_write(app, &reader, &holder, order).await?;
    let jobs = jobs(&plan.days, &tokens);
    // Most runs of a day find nothing to do, and making ready for TLS is what would take them longest.
    let work = if jobs.is_empty() {
        Vec::new()
    } else {
        let writing = Writing::new(app, store, reader.clone(), shutdown.clone());
        let (client, progress) = (client()?, progress(&jobs));
        let context = Context {
            client,
            teams: Teams::default(),
            doubts: Doubts::default(),
            writing,
            progress,
        };
        work_off(Arc::new(context), jobs, app.config.sync.concurrency).await
    };
    let (days, remaining) = report_all(app, order.command, plan, work, shutdown);
    Ok(Done { run_id, reader, days, remaining })
}

/// The days that are asked for. Days that are not over are refused before anything else is done.
fn selection(args: &SyncArgs) -> Result<Selection, Failure> {
    let (from, to) = match (args.date, args.from, args.to) {
        (Some(date), _, _) => (date, date),
        (None, Some(from), Some(to)) => (from, to),
        _ => return Ok(Selection::Due),
    };
    named(from, to)
}

/// The days from `from` to `to`.
pub(super) fn named(from: NaiveDate, to: NaiveDate) -> Result<Selection, Failure> {
    if from > to {
        return Err(Failure::usage(format!("--from {from} lies after --to {to}")));
    }
    let selection = Selection::Named(DateRange::new(from, to));
    refuse_unfinished(selection, last_over(clock()))?;
    Ok(selection)
}

/// Refuses days that are not over.
fn refuse_unfinished(selection: Selection, last_over: NaiveDate) -> Result<(), Failure> {
    match selection {
        Selection::Named(DateRange { to, .. }) if to > last_over => Err(Failure::usage(format!(
            "{to} is not over in UTC: Heroku may still add events to it. The newest day that can be synced is {last_over}"
        ))),
        _ => Ok(()),
    }
}

/// What is to be done, and when that was found out.
#[derive(Debug)]
pub(super) struct Plan<'s> {
    pub(super) days: Vec<Planned<'s>>,
    pub(super) now: DateTime<Utc>,
    /// What the next run catches up.
    pub(super) catch_up: CatchUp,
}

/// Plans what is to be written. Brings the schema up to date first, if need be.
pub(super) async fn plan_to_write<'s>(
    app: &App<'_>,
    reader: &Reader,
    holder: &Holder,
    order: &'s RunRequest<'s>,
) -> Result<(Plan<'s>, Store), Failure> {
    let store = Store::new(reader, holder);
    let mut seen = look(app, reader, order).await?;
    if matches!(seen, SnapshotResult::NotReady(_)) {
        bring_up_to_date(&store).await?;
        seen = look(app, reader, order).await?;
    }
    match seen {
        SnapshotResult::Ready(snapshot) => {
            let plan = plan_days(app, order, &snapshot)?;
            // A run that finds nothing due writes nothing, and is spared the question.
            if plan.days.iter().any(|day| matches!(day.verdict, Verdict::Due(_))) {
                reader.must_take_writes().await?;
            }
            Ok((plan, store))
        }
        SnapshotResult::NotReady(schema) => Err(schema.into_error().into()),
    }
}

/// Plans without writing, and tells whether there is a ledger: where there is none yet, nothing is stored.
pub(super) async fn plan_only<'s>(
    app: &App<'_>,
    reader: &Reader,
    order: &'s RunRequest<'s>,
) -> Result<(Plan<'s>, bool), Failure> {
    let (snapshot, has_ledger) = match look(app, reader, order).await? {
        SnapshotResult::Ready(snapshot) => (snapshot, true),
        SnapshotResult::NotReady(Schema::Absent | Schema::Behind(_)) => (
            LedgerSnapshot { now: now(reader).await?, rows: Vec::new(), days: HashMap::new() },
            false,
        ),
        SnapshotResult::NotReady(other) => return Err(other.into_error().into()),
    };
    Ok((plan_days(app, order, &snapshot)?, has_ledger))
}

/// Looks at the ledger and the clocks; `now` is that of both that counts.
async fn look(
    app: &App<'_>,
    reader: &Reader,
    order: &RunRequest<'_>,
) -> Result<SnapshotResult, Failure> {
    let selection = order.selection;
    let (every_day, rereads) = match selection {
        Selection::Due if recheck_after(app, order).is_empty() => (EveryDay::Skip, Rereads::Skip),
        Selection::Due => (EveryDay::Skip, Rereads::Include),
        Selection::Named(_) => (EveryDay::Include, Rereads::Skip),
    };
    let window = |now| window(selection, last_over(now), app.config.sync.catch_up_days);
    let mut now = clock();
    loop {
        let sources =
            order.sources.iter().map(|source| (source.name.as_ref(), &source.scope)).collect();
        let look = reader
            .snapshot(&SnapshotQuery { sources, window: window(now), every_day, rereads })
            .await?;
        let SnapshotResult::Ready(snapshot) = look else { return Ok(look) };
        let (here, there) = (clock(), snapshot.now);
        // Where the database's date is another than ours, other days are due than were asked for.
        if window(here.min(there)) == window(now) {
            return Ok(SnapshotResult::Ready(LedgerSnapshot {
                now: earlier(here, there),
                ..snapshot
            }));
        }
        now = here.min(there);
    }
}

/// The ages at which this order reads whole days again.
fn recheck_after<'a>(app: &'a App<'_>, order: &RunRequest<'_>) -> &'a [Duration] {
    if order.rereads == Rereads::Include { &app.config.sync.recheck_after } else { &[] }
}

fn plan_days<'s>(
    app: &App<'_>,
    order: &'s RunRequest<'s>,
    snapshot: &LedgerSnapshot,
) -> Result<Plan<'s>, Failure> {
    let LedgerSnapshot { now, ref rows, ref days } = *snapshot;
    refuse_unfinished(order.selection, last_over(now))?;
    let (sources, catch_up_days) = (&*order.sources, app.config.sync.catch_up_days);
    let (recheck_after, next_recheck_after) =
        (recheck_after(app, order), &*app.config.sync.recheck_after);
    let known =
        PlanInput { sources, rows, days, now, catch_up_days, recheck_after, next_recheck_after };
    Ok(Plan { days: plan(&known, order.selection), now, catch_up: CatchUp::of(&known) })
}

/// Works the fetches off, as many at a time as allowed, until all are done or a signal came.
///
/// A fetch that waits for its token's budget leaves its place to one with another token, so that a slow or limited token
/// does not hold the others up; of each token, too, no more than `concurrency` are under way.
async fn work_off(
    context: Arc<Context>,
    mut jobs: VecDeque<Fetch>,
    concurrency: usize,
) -> Vec<DayReport> {
    let mut reports = Vec::new();
    let mut waiting = context.client.waiting();
    let mut under_way: HashMap<Token, usize> = HashMap::new();
    let mut running: JoinSet<(Token, Vec<DayReport>)> = JoinSet::new();
    loop {
        let at_work = running.len().saturating_sub(*waiting.borrow_and_update());
        // While the database is away, those that hold a lease wait for it, and nothing more is begun. Once none is left, the
        // rest fails at once.
        let is_away = context.writing.store.refuses_more().is_some() && !running.is_empty();
        for _ in if is_away { concurrency } else { at_work }..concurrency {
            let is_free = |job: &Fetch| {
                under_way.get(&job.asker.token).is_none_or(|count| *count < concurrency)
            };
            let next =
                jobs.iter().position(is_free).filter(|_| !context.writing.shutdown.is_asked());
            let Some(job) = next.and_then(|place| jobs.remove(place)) else { break };
            *under_way.entry(job.asker.token.clone()).or_default() += 1;
            let context = Arc::clone(&context);
            running.spawn(async move { (job.asker.token.clone(), day::work(context, job).await) });
        }
        tokio::select! {
            done = running.join_next() => match done {
                Some(Ok((token, days))) => {
                    under_way.entry(token).and_modify(|count| *count -= 1);
                    context.progress.done(days.len());
                    reports.extend(days);
                }
                Some(Err(fault)) => tracing::error!("a day's work ended unexpectedly: {fault}"),
                None => break,
            },
            _ = waiting.changed() => {}
            () = context.writing.shutdown.overdue(TIME_TO_RELEASE) => break,
        }
    }
    reports
}

/// A report for each planned day: what its work reported, or what the plan said, or that it was not begun. And what reads
/// the days that were not finished.
pub(super) fn report_all(
    app: &App<'_>,
    command: ReadCommand,
    plan: Plan<'_>,
    work: Vec<DayReport>,
    shutdown: &Shutdown,
) -> (Vec<DayReport>, Remaining) {
    let planned = &plan.days;
    let done: HashSet<DayKey> = work.iter().map(|day| DayKey::new(&day.source, day.date)).collect();
    let left = planned.iter().filter(|day| !done.contains(&day.key)).map(|day| {
        let report = report_unread(
            day,
            if shutdown.is_asked() { Unread::Interrupted } else { Unread::Unexplained },
        );
        logging::day(&report);
        report
    });
    let mut reports: Vec<DayReport> = left.collect::<Vec<_>>().into_iter().chain(work).collect();
    let remaining = name_commands(app, command, planned, plan.catch_up, &mut reports);
    (reports, remaining)
}

/// Why a day that is due was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// A signal ended the run before.
    Interrupted,
    /// Its work ended without a word.
    Unexplained,
}

/// The report of a day that was not read.
pub(super) fn report_unread(day: &Planned<'_>, why: Unread) -> DayReport {
    match &day.verdict {
        Verdict::Whole { events, attempt } => DayReport {
            events: u64::try_from(*events).unwrap_or(0),
            attempt: *attempt,
            ..DayReport::new(&day.key, Outcome::AlreadySynced)
        },
        Verdict::Held { by } => {
            DayReport::new(&day.key, Outcome::LockedElsewhere).because(format!("{by} is at it; nothing to do"))
        }
        Verdict::Broken { problem } => DayReport::new(&day.key, Outcome::Failed).because(format!(
            "its ledger row can't be used: {problem}. `auditsync reset --force --source {} {}` puts it right",
            day.key.source, day.key.date
        )),
        Verdict::Due(_) if why == Unread::Interrupted => {
            DayReport::new(&day.key, Outcome::Interrupted).because("not begun, because a signal ended the run")
        }
        Verdict::Due(_) => DayReport::new(&day.key, Outcome::Failed)
            .because("its work ended unexpectedly: see the log. If it holds a lease, that lease runs out"),
    }
}
