//! What a backfill would take: days, requests and time. It changes nothing.

use std::collections::{HashMap, HashSet};

use tracing::warn;

use super::context::App;
use super::environment::env;
use super::failure::{DONE, ExitStatus, Failure};
use super::run::fetches::fetches;
use super::run::plan::{RunRequest, plan_only};
use super::run::remaining::ReadCommand;
use crate::config::{Source, Token, Tokens};
use crate::day::Month;
use crate::plan::{Planned, Verdict};
use crate::report::backfill::{PlanReport, SourcePlan};

/// Prints what a backfill would take.
pub(super) async fn run(app: &App<'_>, request: &RunRequest<'_>) -> Result<ExitStatus, Failure> {
    let tokens = app.config.tokens(request.sources.iter().copied(), &env)?;
    let reader = app.connect().await?;
    let (plan, _) = plan_only(&reader, request).await?;
    let planned = plan.days;
    for source in &request.sources {
        if let Err(missing) = tokens.of(source) {
            warn!(target: "auditsync", "{}: {missing}. Its days would fail", source.name);
        }
    }
    let requests = if request.command == ReadCommand::Archive {
        archive_requests(&planned, &tokens)
    } else {
        api_requests(&planned, &tokens)
    };
    app.global.output.print(&estimate(request, &planned, &tokens, &requests))?;
    reader.close().await;
    Ok(DONE)
}

/// The least number of requests that the due days of each source need. A shared fetch counts for
/// the first of its sources.
type Requests = HashMap<String, u64>;

/// One request for each fetch, and one for the teams of each account that has team sources. Only
/// Heroku's answer shows whether a day has several pages.
fn api_requests(planned: &[Planned<'_>], tokens: &Tokens) -> Requests {
    let mut requests = Requests::new();
    let mut teams_known: HashSet<(String, Token)> = HashSet::new();
    for fetch in fetches(planned, tokens) {
        let wants_teams = fetch.days.iter().any(|day| day.source.scope.team.is_some());
        let teams = u64::from(
            wants_teams && teams_known.insert((fetch.query.account.clone(), fetch.token.clone())),
        );
        *requests.entry(fetch.days[0].source.name.to_string()).or_default() += 1 + teams;
    }
    requests
}

/// One request for the address of each month's file, and one for the file. The second costs no
/// quota.
fn archive_requests(planned: &[Planned<'_>], tokens: &Tokens) -> Requests {
    let mut requests = Requests::new();
    let mut months: HashSet<(String, Token, Month)> = HashSet::new();
    for Planned { key, source, .. } in planned.iter().filter(|day| is_due(day)) {
        let Ok(token) = tokens.of(source) else { continue };
        let month = (source.scope.account.clone(), token.clone(), Month::of(key.date));
        if months.insert(month) {
            *requests.entry(source.name.to_string()).or_default() += 2;
        }
    }
    requests
}

fn is_due(day: &Planned<'_>) -> bool {
    matches!(day.verdict, Verdict::Due(_))
}

/// The time that requests take at the rate limit of their tokens, without the bursts.
fn estimate(
    request: &RunRequest<'_>,
    planned: &[Planned<'_>],
    tokens: &Tokens,
    requests: &Requests,
) -> PlanReport {
    let mut by_token: HashMap<Token, (u64, &Source)> = HashMap::new();
    let per_source = request.sources.iter().map(|&source| {
        let days =
            planned.iter().filter(|day| day.source.name == source.name && is_due(day)).count()
                as u64;
        let requests = requests.get(source.name.as_ref()).copied().unwrap_or_default();
        if let Ok(token) = tokens.of(source) {
            by_token.entry(token.clone()).or_insert((0, source)).0 += requests;
        }
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
