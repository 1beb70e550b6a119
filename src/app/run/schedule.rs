//! The one scheduler: runs jobs, as many at a time as allowed, until all are done or a signal came.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::shutdown::Shutdown;
use crate::config::Token;
use crate::report::day::DayReport;
use crate::report::progress::{LiveLines, Progress};

/// After a signal, how long the jobs in flight have to give their leases back. With the ping, a run
/// ends within five seconds.
pub(crate) const TIME_TO_RELEASE: Duration = Duration::from_millis(2500);

/// Work that one task does: a fetch, or a month's archive.
pub(super) trait Job: Send + 'static {
    /// The token that it uses.
    fn token(&self) -> &Token;

    /// How many days it serves.
    fn days(&self) -> usize;

    /// Its name in the progress.
    fn name(&self) -> String;

    /// What it is doing, each time it is called.
    fn activity(&self) -> impl Fn() -> String + Clone + Send + Sync + 'static;
}

/// How jobs are run.
pub(super) struct Schedule {
    /// The jobs that run at a time.
    pub(super) concurrency: usize,
    /// How many of them wait for their token's budget. Each leaves its place to another job.
    pub(super) waiting: watch::Receiver<usize>,
    pub(super) live_lines: LiveLines,
    pub(super) shutdown: Shutdown,
}

impl Schedule {
    /// Runs `jobs` in their order with `work`.
    ///
    /// A job that waits for its token's budget leaves its place to one with another token. So a
    /// slow token does not delay the others. At most `concurrency` jobs of one token run at a time.
    /// While `is_away` says that the database is away, nothing more begins until no job runs. Then
    /// the rest fails at once.
    pub(super) async fn run<J: Job, W>(
        self,
        mut jobs: VecDeque<J>,
        is_away: impl Fn() -> bool,
        work: impl Fn(J) -> W,
    ) -> Vec<DayReport>
    where
        W: Future<Output = Vec<DayReport>> + Send + 'static,
    {
        let Self { concurrency, mut waiting, live_lines, shutdown } = self;
        let progress = Progress::new(jobs.iter().map(Job::days).sum(), live_lines);
        let mut reports = Vec::new();
        let mut in_flight: HashMap<Token, usize> = HashMap::new();
        let mut running: JoinSet<(Token, Vec<DayReport>)> = JoinSet::new();
        loop {
            let busy = running.len().saturating_sub(*waiting.borrow_and_update());
            let held_up = is_away() && !running.is_empty();
            for _ in if held_up { concurrency } else { busy }..concurrency {
                let is_free =
                    |job: &J| in_flight.get(job.token()).is_none_or(|count| *count < concurrency);
                let next = jobs.iter().position(is_free).filter(|_| !shutdown.is_asked());
                let Some(job) = next.and_then(|place| jobs.remove(place)) else { break };
                let token = job.token().clone();
                *in_flight.entry(token.clone()).or_default() += 1;
                let line = progress.line(job.name(), job.activity());
                let work = work(job);
                running.spawn(async move {
                    let _line = line;
                    (token, work.await)
                });
            }
            tokio::select! {
                done = running.join_next() => match done {
                    Some(Ok((token, days))) => {
                        in_flight.entry(token).and_modify(|count| *count -= 1);
                        progress.done(days.len());
                        reports.extend(days);
                    }
                    Some(Err(fault)) => tracing::error!("a job ended unexpectedly: {fault}"),
                    None => break,
                },
                Ok(()) = waiting.changed() => {}
                () = shutdown.overdue(TIME_TO_RELEASE) => break,
            }
        }
        reports
    }
}
