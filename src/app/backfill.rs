//! `backfill`: a range of days, from Heroku's list of each or from its monthly archives.

use std::collections::{HashMap, HashSet};

use chrono::{Months, NaiveDate};

use super::archive::{Account, Context, Found, accounts, store_days};
use super::fetch::{FetchDay, Selector, Teams, advice, claimable, jobs};
use super::remaining::ReadCommand;
use super::sync::{self, Done, Mode, RunRequest};
use super::view::{ReadFrom, Writing};
use super::{App, DONE, ExitStatus, Failure};
use crate::cli::{BackfillArgs, Route};
use crate::config::{Source, Token, Tokens};
use crate::day::{DateRange, Month, last_over};
use crate::heroku::{ArchiveError, Client, Cost, HostFault};
use crate::plan::{Planned, Selection, Verdict};
use crate::report::backfill::{PlanReport, SourcePlan};
use crate::report::progress::Progress;
use crate::report::run::{DayReport, Outcome, counted};
use crate::store::Rereads;

pub(super) async fn run(app: &App<'_>, args: &BackfillArgs) -> Result<ExitStatus, Failure> {
    if args.plan {
        return tell_plan(app, &order(app, args)?, args.via).await;
    }
    sync::supervise(app, Mode::Write, async |shutdown| {
        let order = order(app, args)?;
        match args.via {
            Route::Api => sync::by_list(app, &order, shutdown).await,
            Route::Archive => by_archive(app, &order, shutdown).await,
        }
    })
    .await
}

fn order<'a>(app: &'a App<'_>, args: &BackfillArgs) -> Result<RunRequest<'a>, Failure> {
    let selection = sync::named(args.from, args.to)?;
    // The archive of a month that is over says the same however often it is read.
    let rereads = if args.via == Route::Api { Rereads::Include } else { Rereads::Skip };
    let command = match args.via {
        Route::Api => ReadCommand::Backfill,
        Route::Archive => ReadCommand::Archive,
    };
    Ok(RunRequest {
        sources: app.sources(&args.sources)?,
        selection,
        rereads,
        mode: Mode::Write,
        command,
    })
}

/// Prints what a backfill would take, and does nothing.
async fn tell_plan(
    app: &App<'_>,
    order: &RunRequest<'_>,
    route: Route,
) -> Result<ExitStatus, Failure> {
    let tokens = app.config.tokens(order.sources.iter().copied(), &super::env)?;
    let reader = app.connect().await?;
    let (plan, _) = sync::plan_only(app, &reader, order).await?;
    let planned = plan.days;
    let requests = match route {
        Route::Api => api_requests(&planned, &tokens),
        Route::Archive => archive_requests(&planned, &tokens),
    };
    app.global.output.print(&estimate(order, &planned, &tokens, &requests))?;
    reader.close().await;
    Ok(DONE)
}

/// The requests that each source's due days take at least. Those of a shared fetch are counted for the first of its
/// sources.
type Requests = HashMap<String, u64>;

/// One request a fetch, and one for the teams of each account that has team sources. Whether Heroku parts a day into pages
/// is not known before it is asked.
fn api_requests(planned: &[Planned<'_>], tokens: &Tokens) -> Requests {
    let mut requests = Requests::new();
    let mut teams_known: HashSet<(String, Token)> = HashSet::new();
    for job in jobs(planned, tokens) {
        let wants_teams = job.days.iter().any(|day| day.source.scope.team.is_some());
        let teams = u64::from(
            wants_teams && teams_known.insert((job.query.account.clone(), job.asker.token.clone())),
        );
        *requests.entry(job.days[0].key.source.to_string()).or_default() += 1 + teams;
    }
    requests
}

/// One for where each month's file lies, and one for the file, which lies elsewhere and costs no quota.
fn archive_requests(planned: &[Planned<'_>], tokens: &Tokens) -> Requests {
    let mut requests = Requests::new();
    let mut months: HashSet<(String, Token, Month)> = HashSet::new();
    for Planned { key, source, .. } in planned.iter().filter(|day| is_due(day)) {
        let month = (source.scope.account.clone(), tokens.of(source).clone(), Month::of(key.date));
        if months.insert(month) {
            *requests.entry(key.source.to_string()).or_default() += 2;
        }
    }
    requests
}

fn is_due(day: &Planned<'_>) -> bool {
    matches!(day.verdict, Verdict::Due(_))
}

/// The time that requests take at their tokens' pace; what bursts save is left out.
fn estimate(
    order: &RunRequest<'_>,
    planned: &[Planned<'_>],
    tokens: &Tokens,
    requests: &Requests,
) -> PlanReport {
    let mut by_token: HashMap<Token, (u64, &Source)> = HashMap::new();
    let per_source = order.sources.iter().map(|&source| {
        let days = planned.iter().filter(|day| day.key.source == source.name && is_due(day)).count()
            as u64;
        let requests = requests.get(source.name.as_ref()).copied().unwrap_or_default();
        by_token.entry(tokens.of(source).clone()).or_insert((0, source)).0 += requests;
        SourcePlan {
            source: source.name.clone(),
            days,
            requests,
            seconds: seconds(requests, source),
        }
    });
    let per_source: Vec<SourcePlan> = per_source.collect();
    let at_pace = by_token.values().map(|&(requests, source)| seconds(requests, source));
    PlanReport {
        days: per_source.iter().map(|source| source.days).sum(),
        requests: per_source.iter().map(|source| source.requests).sum(),
        seconds: at_pace.max().unwrap_or_default(),
        per_source,
    }
}

fn seconds(requests: u64, source: &Source) -> u64 {
    (requests * 3600).div_ceil(u64::from(source.rate_limit.requests_per_hour.get()))
}

/// Takes the due days of `order` out of the archives, month by month.
async fn by_archive(
    app: &App<'_>,
    order: &RunRequest<'_>,
    shutdown: &super::Shutdown,
) -> Result<Done, Failure> {
    let tokens = app.config.tokens(order.sources.iter().copied(), &super::env)?;
    let client = Client::new(&app.config.api, order.sources.iter().copied(), &tokens)?;
    let reader = app.connect().await?;
    let holder = App::holder();
    let run_id = holder.run_id;
    let (plan, store) = sync::plan_to_write(app, &reader, &holder, order).await?;
    let (planned, newest) = (&plan.days, last_over(plan.now));
    let writing = Writing::new(app, store, reader.clone(), shutdown.clone());
    let context = Context { client, teams: Teams::default(), writing };
    let progress =
        Progress::new(planned.iter().filter(|day| is_due(day)).count(), app.global.verbosity());

    let accounts = accounts(&order.sources, &tokens);
    let mut work = Vec::new();
    for month in months(order.selection) {
        for account in &accounts {
            if shutdown.is_asked() {
                break;
            }
            let days = due_days(planned, account, month);
            if days.is_empty() {
                continue;
            }
            let count = days.len();
            let activity = account.asker.activity.clone();
            let tell = move || activity.waits_for().unwrap_or_else(|| counted(count as u64, "day"));
            let line = progress.line(format!("{month} {}", account.name), tell);
            work.extend(take_month(&context, account, month, days, newest).await);
            drop(line);
            progress.done(count);
        }
    }
    let (days, remaining) = sync::report_all(app, order.command, plan, work, shutdown);
    Ok(Done { run_id, reader, days, remaining })
}

/// The months that days are asked for of, oldest first.
fn months(selection: Selection) -> Vec<Month> {
    let Selection::Named(DateRange { from, to }) = selection else { return Vec::new() };
    let mut months = vec![Month::of(from)];
    while let Some(next) = months
        .last()
        .map(|month| Month::of(month.first() + Months::new(1)))
        .filter(|month| month.first() <= to)
    {
        months.push(next);
    }
    months
}

/// The due days of an account's sources in a month.
fn due_days(planned: &[Planned<'_>], account: &Account<'_>, month: Month) -> Vec<FetchDay> {
    let is_its = |day: &&Planned<'_>| {
        Month::of(day.key.date) == month
            && account.sources.iter().any(|source| source.name == day.key.source)
    };
    let job_day = |day: &Planned<'_>| {
        let wanted = claimable(&day.verdict)?;
        Some(FetchDay { key: day.key.clone(), source: day.source.clone(), wanted })
    };
    planned.iter().filter(is_its).filter_map(job_day).collect()
}

/// Takes some days of an account out of a month's archive, and reports on each.
async fn take_month(
    context: &Context,
    account: &Account<'_>,
    month: Month,
    days: Vec<FetchDay>,
    newest: NaiveDate,
) -> Vec<DayReport> {
    let mut cost = Cost::default();
    let fail = |days: &[FetchDay], why: &str| -> Vec<DayReport> {
        let reports: Vec<_> = days
            .iter()
            .map(|day| DayReport::new(&day.key, Outcome::Failed).because(why.to_owned()))
            .collect();
        reports.iter().for_each(crate::logging::day);
        reports
    };
    let mut reports = Vec::new();
    let (selectors, days) = selectors(context, account, days, &mut cost, &mut reports).await;
    if days.is_empty() {
        return reports;
    }
    let archive = tokio::select! {
        () = context.writing.shutdown.asked() => return reports,
        found = context.client.archive(&account.name, month, &account.asker, &mut cost) => match found {
            Ok(archive) => archive,
            Err(error) => return [reports, fail(&days, &told(&error, account, month))].concat(),
        },
    };
    let covered = archive.covers_to(newest);
    let (days, uncovered): (Vec<_>, Vec<_>) =
        days.into_iter().partition(|day| covered.is_some_and(|to| day.key.date <= to));
    if !uncovered.is_empty() {
        let to = covered
            .map_or_else(|| "no whole day".to_owned(), |to| format!("whole days up to {to} only"));
        let why = format!(
            "the archive of {month} covers {to}; Heroku's list may have the day: `auditsync backfill --via api`"
        );
        reports.extend(fail(&uncovered, &why));
    }
    let read_from = ReadFrom::Archive { month, as_of: archive.as_of(newest) };
    let found = Found { archive, selectors, read_from, cost };
    reports.extend(store_days(context, account, &found, days).await);
    reports
}

/// Which events are each source's own; the days of a source of which that can't be said are reported, and left out.
pub(super) async fn selectors(
    context: &Context,
    account: &Account<'_>,
    mut days: Vec<FetchDay>,
    cost: &mut Cost,
    reports: &mut Vec<DayReport>,
) -> (Vec<Option<Selector>>, Vec<FetchDay>) {
    let mut selectors = Vec::new();
    for source in &account.sources {
        let filter = source.scope.filter.clone();
        match context.teams.team(&context.client, source, &account.asker, cost).await {
            Ok(team) => selectors.push(Some(Selector { team, filter })),
            Err(none) => {
                let (its, others): (Vec<_>, Vec<_>) =
                    days.into_iter().partition(|day| day.key.source == source.name);
                days = others;
                let failed = |day: &FetchDay| {
                    DayReport::new(&day.key, Outcome::Failed).because(none.told(source))
                };
                reports.extend(its.iter().map(failed));
                selectors.push(None);
            }
        }
    }
    reports.iter().for_each(crate::logging::day);
    (selectors, days)
}

/// Why an archive can't be had, for a person.
pub(super) fn told(error: &ArchiveError, account: &Account<'_>, month: Month) -> String {
    match error {
        ArchiveError::Heroku(error) if error.fault.status().is_some_and(|status| status == 404) => {
            format!(
                "{error}. Heroku has no archive of {month} for {}, or the token's user may not see it",
                account.name
            )
        }
        ArchiveError::Heroku(error) => {
            format!("{error}. {}", advice(&error.fault, account.sources[0]))
        }
        ArchiveError::File(error) => {
            let advice = host_advice(&error.fault, account.sources[0]);
            format!("{error}. {advice}")
        }
        ArchiveError::Disk(_) => {
            format!("{error}. Make room, or set TMPDIR to a folder that has it")
        }
    }
}

/// What a person can do about a failure at an archive's host. Heroku signed the address, so no permission is missing, and
/// the host knows nothing of the API's limits.
fn host_advice(fault: &HostFault, source: &Source) -> String {
    let advice = match fault {
        HostFault::Passing(fault)
            if fault.status().is_none_or(|status| status.is_server_error()) =>
        {
            return advice(fault, source);
        }
        HostFault::Passing(_) => "Run the command again later",
        HostFault::Refused { code: Some(code), .. } if code == "RequestTimeTooSkewed" => {
            "The token's permissions are not the reason: Heroku signed the address. See that this machine's clock is right, \
             and run the command again"
        }
        HostFault::Refused { .. } => {
            "The token's permissions are not the reason: Heroku signed the address. Run the command again later; if this goes \
             on, see that no proxy answers for the host, and show these words to Heroku's support"
        }
        HostFault::Astray { .. } => {
            "Nothing was downloaded from there. See that no proxy answers for the host, and show these words to Heroku's support"
        }
    };
    advice.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_days_lies_in_each_month_that_it_touches() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let months = |from, to| -> Vec<String> {
            months(Selection::Named(DateRange::new(date(from), date(to))))
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(months("2024-09-30", "2024-10-01"), ["2024-09", "2024-10"]);
        assert_eq!(months("2024-09-01", "2024-09-30"), ["2024-09"]);
        assert_eq!(
            months("2023-11-15", "2024-02-01"),
            ["2023-11", "2023-12", "2024-01", "2024-02"]
        );
    }
}
