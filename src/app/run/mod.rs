//! A run: plan → fetches → schedule → read → write → report.
//!
//! The same engine serves `sync`, its dry run, and `backfill` from either source. A dry run plans
//! without writing, and its [`Writer`] counts and can't write.

pub(super) mod archive;
pub(super) mod archive_days;
pub(super) mod archive_plan;
pub(super) mod attempt;
mod counting;
mod empty_day;
pub(super) mod estimate;
pub(super) mod fetches;
mod finish;
pub(super) mod keep;
pub(super) mod leased;
mod missing_tokens;
mod months;
mod obtain;
pub(super) mod plan;
mod read;
pub(super) mod remaining;
pub(super) mod schedule;
pub(super) mod selector;
mod storing;
pub(super) mod supervise;
mod vanished;

use std::sync::Arc;

use attempt::Writer;
use counting::CountingWriter;
use empty_day::EmptyDays;
use fetches::fetches;
use leased::LedgerWriter;
use plan::{Mode, Plan, RunRequest, plan_only, plan_to_write};
use read::{FetchJob, Reading, read_fetch};
use remaining::ReadCommand;
use schedule::Schedule;
use supervise::{Done, Ended, report_all};

use super::context::App;
use super::environment::env;
use super::failure::Failure;
use super::shutdown::Shutdown;
use crate::config::Tokens;
use crate::heroku::{Client, Teams};
use crate::logging;
use crate::report::day::DayReport;

/// Does what `request` asks for, prints the report and returns how the run ended.
pub(super) async fn run(app: &App<'_>, request: &RunRequest<'_>) -> Result<Ended, Failure> {
    supervise::supervise(app, request.mode, async |shutdown| match &request.command {
        ReadCommand::Archive(options) => {
            months::read_archives(app, request, options, shutdown).await
        }
        ReadCommand::Sync | ReadCommand::Backfill => read_lists(app, request, shutdown).await,
    })
    .await
}

/// Reads the days of `request` from Heroku's list of each.
async fn read_lists(
    app: &App<'_>,
    request: &RunRequest<'_>,
    shutdown: &Shutdown,
) -> Result<Done, Failure> {
    let tokens = app.config.tokens(request.sources.iter().copied(), &env)?;
    let reader = app.connect().await?;
    let holder = App::holder();
    let run_id = holder.run_id;
    let (plan, read) = match request.mode {
        Mode::Write => {
            let (plan, store) = plan_to_write(&reader, &holder, request).await?;
            logging::run_started(run_id, plan.head.as_ref());
            let writer = LedgerWriter::new(store, reader.clone(), shutdown.clone());
            let read = read_days(app, request, &tokens, &plan, writer).await?;
            (plan, read)
        }
        Mode::DryRun => {
            let (plan, has_ledger) = plan_only(&reader, request).await?;
            logging::run_started(run_id, plan.head.as_ref());
            let writer = CountingWriter {
                reader: has_ledger.then(|| reader.clone()),
                now: plan.now,
                shutdown: shutdown.clone(),
            };
            let read = read_days(app, request, &tokens, &plan, writer).await?;
            (plan, read)
        }
    };
    let reported = report_all(app, request, plan, read, shutdown);
    Ok(Done { run_id, reader, reported })
}

/// Reads the due days of `plan`, and hands their events to `writer`.
async fn read_days<W: Writer>(
    app: &App<'_>,
    request: &RunRequest<'_>,
    tokens: &Tokens,
    plan: &Plan<'_>,
    writer: W,
) -> Result<Vec<DayReport>, Failure> {
    let mut reports = missing_tokens::report(&request.sources, &plan.days, tokens);
    let fetches = fetches(&plan.days, tokens);
    // Most runs of a day find nothing due. Setting up TLS would take them longest.
    if fetches.is_empty() {
        return Ok(reports);
    }
    let client = Client::new(&app.config.api, request.sources.iter().copied(), tokens)?;
    let schedule = Schedule {
        concurrency: app.config.sync.concurrency,
        waiting: client.waiting(),
        live_lines: app.global.live_lines(),
        shutdown: writer.shutdown().clone(),
    };
    let jobs = fetches.into_iter().map(|fetch| FetchJob::new(fetch, &client)).collect();
    let (teams, empty_days) = (Teams::default(), EmptyDays::default());
    let reading = Arc::new(Reading { teams, empty_days, writer });
    let is_away = || reading.writer.is_away();
    let read = schedule.run(jobs, is_away, |job| read_fetch(Arc::clone(&reading), job)).await;
    reports.extend(read);
    Ok(reports)
}
