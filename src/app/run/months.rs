//! Reads days from Heroku's archives, month by month.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{Months, NaiveDate};
use tokio::sync::watch;

use super::super::context::App;
use super::super::environment::env;
use super::super::failure::Failure;
use super::super::shutdown::Shutdown;
use super::archive_days::{Account, ArchiveRun, OpenArchive, accounts, find_selectors, store_days};
use super::attempt::ReadFrom;
use super::fetches::FetchDay;
use super::leased::LedgerWriter;
use super::missing_tokens;
use super::plan::{RunRequest, plan_to_write};
use super::schedule::{Job, Schedule};
use super::supervise::{Done, report_all};
use crate::config::Token;
use crate::day::{DateRange, Month, last_over};
use crate::heroku::{Client, Session, Teams};
use crate::logging;
use crate::plan::{Planned, Selection};
use crate::report::counted;
use crate::report::day::{DayReport, StopReason};

/// The due days of an account in one month.
#[derive(Debug)]
struct MonthJob {
    month: Month,
    account: Account,
    session: Session,
    days: Vec<FetchDay>,
}

impl Job for MonthJob {
    fn token(&self) -> &Token {
        &self.account.token
    }

    fn days(&self) -> usize {
        self.days.len()
    }

    fn name(&self) -> String {
        format!("{} {}", self.month, self.account.name)
    }

    fn activity(&self) -> impl Fn() -> String + Clone + Send + Sync + 'static {
        let (activity, days) = (self.session.activity().clone(), self.days.len() as u64);
        move || activity.waits_for().unwrap_or_else(|| counted(days, "day"))
    }
}

/// Reads the due days of `request` from the archives.
pub(super) async fn read_archives(
    app: &App<'_>,
    request: &RunRequest<'_>,
    shutdown: &Shutdown,
) -> Result<Done, Failure> {
    let tokens = app.config.tokens(request.sources.iter().copied(), &env)?;
    let client = Client::new(&app.config.api, request.sources.iter().copied(), &tokens)?;
    let reader = app.connect().await?;
    let holder = App::holder();
    let run_id = holder.run_id;
    let (plan, store) = plan_to_write(&reader, &holder, request).await?;
    logging::run_started(run_id, plan.head.as_ref());
    let newest = last_over(plan.now);
    let accounts = accounts(&request.sources, &tokens);
    let jobs = jobs(&client, &accounts, plan.selection, &plan.days);
    // No archive leaves its place while it waits for its token's budget.
    let (_budget, waiting) = watch::channel(0);
    let schedule = Schedule {
        // One archive after the other: each fills a temporary file and memory of its own.
        concurrency: 1,
        waiting,
        live_lines: app.global.live_lines(),
        shutdown: shutdown.clone(),
    };
    let writer = LedgerWriter::new(store, reader.clone(), shutdown.clone());
    let run = Arc::new(ArchiveRun { teams: Teams::default(), writer });
    let read = schedule.run(
        jobs,
        || false,
        |job| {
            let run = Arc::clone(&run);
            async move { read_month(&run, job, newest).await }
        },
    );
    let mut reports = missing_tokens::report(&request.sources, &plan.days, &tokens);
    reports.extend(read.await);
    let reported = report_all(app, request, plan, reports, shutdown);
    Ok(Done { run_id, reader, reported })
}

/// One job for each month and account that has due days, oldest first.
fn jobs(
    client: &Client,
    accounts: &[Account],
    selection: Selection,
    planned: &[Planned<'_>],
) -> VecDeque<MonthJob> {
    let mut jobs = VecDeque::new();
    for month in months(selection) {
        for account in accounts {
            let days: Vec<FetchDay> = planned
                .iter()
                .filter(|day| Month::of(day.key.date) == month)
                .filter_map(FetchDay::of)
                .filter(|day| account.slot(day).is_some())
                .collect();
            if !days.is_empty() {
                let (session, account) = (account.session(client), account.clone());
                jobs.push_back(MonthJob { month, account, session, days });
            }
        }
    }
    jobs
}

/// The months that a selection touches, oldest first.
fn months(selection: Selection) -> Vec<Month> {
    let Selection::Named(DateRange { from, to }) = selection else { return Vec::new() };
    let after = |month: &Month| Some(Month::of(month.first() + Months::new(1)));
    std::iter::successors(Some(Month::of(from)), after)
        .take_while(|month| month.first() <= to)
        .collect()
}

/// Reads some days of an account from a month's archive, and reports on each.
async fn read_month(run: &ArchiveRun, job: MonthJob, newest: NaiveDate) -> Vec<DayReport> {
    let MonthJob { month, account, session, mut days } = job;
    let (selectors, mut reports) = find_selectors(run, &account, &session, &mut days).await;
    if days.is_empty() {
        return reports;
    }
    let archive = tokio::select! {
        () = run.writer.shutdown.asked() => return reports,
        archive = session.archive(&account.name, month) => archive,
    };
    let archive = match archive {
        Ok(archive) => archive,
        Err(error) => {
            let reason = StopReason::NoArchive(Arc::new(error));
            reports.extend(fail(&days, &reason));
            return reports;
        }
    };
    let to = archive.covers_to(newest);
    let is_covered = |day: &FetchDay| to.is_some_and(|to| day.key.date <= to);
    let (days, uncovered): (Vec<_>, Vec<_>) = days.into_iter().partition(is_covered);
    reports.extend(fail(&uncovered, &StopReason::NotCovered { month, to }));
    let read_from = ReadFrom::Archive { month, as_of: archive.as_of(newest) };
    let open = OpenArchive { archive, selectors, read_from, cost: session.cost() };
    reports.extend(store_days(run, &account, &open, days).await);
    reports
}

/// Reports days that were never claimed.
fn fail(days: &[FetchDay], reason: &StopReason) -> Vec<DayReport> {
    let reports: Vec<DayReport> = days.iter().map(|day| day.failed(reason)).collect();
    reports.iter().for_each(logging::day);
    reports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_days_touches_each_of_its_months_once() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let months = |from, to| -> Vec<String> {
            let selection = Selection::Named(DateRange::new(date(from), date(to)));
            months(selection).iter().map(ToString::to_string).collect()
        };
        assert_eq!(months("2024-09-30", "2024-10-01"), ["2024-09", "2024-10"]);
        assert_eq!(months("2024-09-01", "2024-09-30"), ["2024-09"]);
        assert_eq!(
            months("2023-11-15", "2024-02-01"),
            ["2023-11", "2023-12", "2024-01", "2024-02"]
        );
    }
}
