//! Reads days from Heroku's archives, month by month, and keeps the archives as files.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use tokio::sync::watch;
use tracing::info;

use super::super::clock;
use super::super::context::App;
use super::super::environment::env;
use super::super::failure::Failure;
use super::super::shutdown::Shutdown;
use super::archive_days::{ArchiveRun, OpenArchive, accounts, find_selectors, store_days};
use super::archive_plan::{Archives, PlannedArchive};
use super::attempt::ReadFrom;
use super::estimate::of_archives;
use super::fetches::FetchDay;
use super::leased::LedgerWriter;
use super::missing_tokens;
use super::obtain::{Obtained, obtain};
use super::plan::{RunRequest, plan_to_write};
use super::remaining::ArchiveOptions;
use super::schedule::{Job, Schedule};
use super::supervise::{Done, report_all};
use crate::config::Token;
use crate::day::{DayKey, last_over};
use crate::heroku::{Client, Dating, Session, Teams};
use crate::logging;
use crate::report::archives::ArchiveReport;
use crate::report::counted;
use crate::report::day::{DayReport, StopReason};

/// An archive to read or to keep.
#[derive(Debug)]
struct MonthJob {
    archive: PlannedArchive,
    session: Session,
}

/// What the jobs of a run share.
#[derive(Debug)]
struct MonthsRun {
    run: ArchiveRun,
    options: ArchiveOptions,
    newest: NaiveDate,
    found: Mutex<FoundArchives>,
}

/// What the jobs found so far.
#[derive(Debug, Default)]
struct FoundArchives {
    archives: Vec<ArchiveReport>,
    /// Days that the current month's archive does not cover yet.
    not_yet: HashSet<DayKey>,
}

impl Job for MonthJob {
    fn token(&self) -> &Token {
        &self.archive.account.token
    }

    fn days(&self) -> usize {
        self.archive.days.len()
    }

    fn name(&self) -> String {
        format!("{} {}", self.archive.month, self.archive.account.name)
    }

    fn activity(&self) -> impl Fn() -> String + Clone + Send + Sync + 'static {
        let (activity, days) = (self.session.activity().clone(), self.days() as u64);
        move || activity.waits_for().unwrap_or_else(|| counted(days, "day"))
    }
}

/// Reads the due days of `request` from the archives.
pub(super) async fn read_archives(
    app: &App<'_>,
    request: &RunRequest<'_>,
    options: &ArchiveOptions,
    shutdown: &Shutdown,
) -> Result<Done, Failure> {
    if let Some(folder) = &options.keep {
        folder.prepare()?;
    }
    let tokens = app.config.tokens(request.sources.iter().copied(), &env)?;
    let client = Client::new(&app.config.api, request.sources.iter().copied(), &tokens)?;
    let reader = app.connect().await?;
    let now = clock::now(&reader).await?;
    let newest = last_over(now);
    let accounts = accounts(&request.sources, &tokens);
    let archives = Archives::find(&client, accounts, request, options, now).await?;
    let request = &archives.select(request, options, newest);
    let holder = App::holder();
    let run_id = holder.run_id;
    let (mut plan, store) = plan_to_write(&reader, &holder, request).await?;
    plan.days.retain(|day| archives.reach(day, newest) || tokens.of(day.source).is_err());
    logging::run_started(run_id, plan.head.as_ref());
    let planned = archives.plan(&plan.days, options.keep.as_ref(), newest).await;
    let estimate = of_archives(request, &plan.days, &tokens, &archives, &planned);
    logging::plan(&estimate, app.global.verbosity());
    let writer = LedgerWriter::new(store, reader.clone(), shutdown.clone());
    let run = Arc::new(MonthsRun {
        run: ArchiveRun { teams: Teams::default(), writer },
        options: options.clone(),
        newest,
        found: Mutex::new(FoundArchives {
            archives: archives.problems,
            ..FoundArchives::default()
        }),
    });
    let mut unkept = Unkept::of(&planned, options);
    let mut read = missing_tokens::report(&request.sources, &plan.days, &tokens);
    read.extend(read_months(app, &client, &run, planned, shutdown).await);
    let FoundArchives { mut archives, not_yet } =
        std::mem::take(&mut *run.found.lock().unwrap_or_else(PoisonError::into_inner));
    plan.days.retain(|day| !not_yet.contains(&day.key));
    if shutdown.is_asked() {
        archives.extend(unkept.without(&archives));
    }
    let mut reported = report_all(app, request, plan, read, shutdown);
    reported.archives = Some(archives);
    Ok(Done { run_id, reader, reported })
}

/// The archives that a run is to keep as files.
struct Unkept(Vec<ArchiveReport>);

impl Unkept {
    fn of(planned: &[PlannedArchive], options: &ArchiveOptions) -> Self {
        let keeps = options.keep.is_some();
        Self(planned.iter().filter(|_| keeps).map(PlannedArchive::report).collect())
    }

    /// Those that a signal left out: none of `reported` is about them.
    fn without(&mut self, reported: &[ArchiveReport]) -> Vec<ArchiveReport> {
        let is_reported = |archive: &ArchiveReport| {
            reported.iter().any(|one| one.account == archive.account && one.month == archive.month)
        };
        self.0.retain(|archive| !is_reported(archive));
        let why = "it is not kept, because a signal ended the run. Run the command again";
        self.0.drain(..).map(|archive| archive.failed(why.to_owned())).collect()
    }
}

async fn read_months(
    app: &App<'_>,
    client: &Client,
    run: &Arc<MonthsRun>,
    planned: Vec<PlannedArchive>,
    shutdown: &Shutdown,
) -> Vec<DayReport> {
    // No archive leaves its place while it waits for its token's budget.
    let (_budget, waiting) = watch::channel(0);
    let schedule = Schedule {
        // One archive after the other: each fills a temporary file and memory of its own.
        concurrency: 1,
        waiting,
        live_lines: app.global.live_lines(),
        shutdown: shutdown.clone(),
    };
    let jobs: VecDeque<MonthJob> = planned
        .into_iter()
        .map(|archive| MonthJob { session: archive.account.session(client), archive })
        .collect();
    schedule
        .run(
            jobs,
            || false,
            |job| {
                let run = Arc::clone(run);
                async move { run.read_month(job).await }
            },
        )
        .await
}

impl MonthsRun {
    /// Reads some days of an account from a month's archive, keeps it, and reports on each day.
    async fn read_month(&self, job: MonthJob) -> Vec<DayReport> {
        let MonthJob { archive: mut planned, session } = job;
        let (account, mut days) = (planned.account.clone(), std::mem::take(&mut planned.days));
        let (selectors, mut reports) = match &days[..] {
            [] => (Vec::new(), Vec::new()),
            _ => find_selectors(&self.run, &account, &session, &mut days).await,
        };
        let keep = self.options.keep.as_ref();
        if days.is_empty() && keep.is_none() {
            return reports;
        }
        let obtained = obtain(&self.run.writer, &session, &planned, keep, &days).await;
        let Obtained { archive, kept_as } = match obtained {
            Ok((obtained, report)) => {
                self.note(report);
                obtained
            }
            Err(StopReason::Interrupted) => return reports,
            Err(reason) => {
                let message = reason.message(account.first(), planned.month.first());
                self.note(planned.report().failed(message));
                reports.extend(fail(&days, &reason));
                return reports;
            }
        };
        let Some(archive) = archive else { return reports };
        let month = planned.month;
        let to = archive.covers_to(self.newest);
        let is_covered = |day: &FetchDay| to.is_some_and(|to| day.key.date <= to);
        let (days, uncovered): (Vec<_>, Vec<_>) = days.into_iter().partition(is_covered);
        let dating = archive.dating(self.newest);
        reports.extend(self.leave(&uncovered, &StopReason::NotCovered { month, to, dating }));
        let read_from = ReadFrom::Archive { month, as_of: archive.as_of() };
        let open = OpenArchive { archive, selectors, read_from, kept_as, cost: session.cost() };
        reports.extend(store_days(&self.run, &account, &open, days).await);
        reports
    }

    fn note(&self, archive: ArchiveReport) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).archives.push(archive);
    }

    /// Reports the days that an archive does not cover. A run that takes what there is leaves those
    /// of the current month out: a later archive has them. An archive without a time promises no
    /// later one.
    fn leave(&self, days: &[FetchDay], reason: &StopReason) -> Vec<DayReport> {
        let StopReason::NotCovered { month, to, dating: Dating::Stated } = reason else {
            return fail(days, reason);
        };
        if !self.options.reads_listed() || month.last() <= self.newest || days.is_empty() {
            return fail(days, reason);
        }
        info!(%month, covered_to = to.map(|to| to.to_string()), days = days.len(),
            "the current month's archive does not cover these days yet");
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.not_yet.extend(days.iter().map(|day| day.key.clone()));
        Vec::new()
    }
}

/// Reports days that were never claimed.
fn fail(days: &[FetchDay], reason: &StopReason) -> Vec<DayReport> {
    let reports: Vec<DayReport> = days.iter().map(|day| day.failed(reason)).collect();
    reports.iter().for_each(logging::day);
    reports
}
