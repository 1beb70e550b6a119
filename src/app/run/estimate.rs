//! What a backfill takes: days, requests, bytes and time.

use std::collections::{HashMap, HashSet};

use super::archive_plan::{Archives, PlannedArchive};
use super::fetches::fetches;
use super::plan::RunRequest;
use super::remaining::ReadCommand;
use crate::config::{Source, SourceName, Token, Tokens};
use crate::plan::{Planned, Verdict};
use crate::report::backfill::{PlanReport, SourcePlan};

/// What the due days of each source need. What sources share counts for the first of them.
type Needs = HashMap<SourceName, Need>;

/// What some days need.
#[derive(Debug, Clone, Copy)]
struct Need {
    requests: u64,
    archives: u64,
    /// `None` if the size of an archive is not known.
    bytes: Option<u64>,
}

impl Default for Need {
    fn default() -> Self {
        Self { requests: 0, archives: 0, bytes: Some(0) }
    }
}

/// What Heroku's lists of these days take: one request for each fetch, and one for the teams of
/// each account that has team sources. Only Heroku's answer shows whether a day has several pages.
pub(crate) fn of_lists(
    request: &RunRequest<'_>,
    planned: &[Planned<'_>],
    tokens: &Tokens,
) -> PlanReport {
    let mut needs = Needs::new();
    let mut teams_known: HashSet<(String, Token)> = HashSet::new();
    for fetch in fetches(planned, tokens) {
        let wants_teams = fetch.days.iter().any(|day| day.source.scope.team.is_some());
        let teams = u64::from(
            wants_teams && teams_known.insert((fetch.query.account.clone(), fetch.token.clone())),
        );
        needs.entry(fetch.days[0].source.name.clone()).or_default().requests += 1 + teams;
    }
    report(request, planned, tokens, &needs)
}

/// What these archives take: one request for the address of each file, and one for the file, which
/// costs no quota; one for the teams of each account that has team sources; and one for the list of
/// each account, if all months are read.
pub(crate) fn of_archives(
    request: &RunRequest<'_>,
    planned: &[Planned<'_>],
    tokens: &Tokens,
    archives: &Archives,
    downloads: &[PlannedArchive],
) -> PlanReport {
    let mut needs = Needs::new();
    if reads_listed(request) {
        for account in archives.accounts() {
            needs.entry(account.first().name.clone()).or_default().requests += 1;
        }
    }
    let mut teams_known: HashSet<(&str, &Token)> = HashSet::new();
    for archive in downloads.iter().filter(|archive| archive.is_download()) {
        let first =
            archive.days.first().map_or(&archive.account.first().name, |day| &day.source.name);
        let need = needs.entry(first.clone()).or_default();
        let wants_teams = archive.days.iter().any(|day| day.source.scope.team.is_some());
        let account = (archive.account.name.as_str(), &archive.account.token);
        need.requests += 2 + u64::from(wants_teams && teams_known.insert(account));
        need.archives += 1;
        let bytes = archive.listed.as_ref().and_then(|listed| listed.bytes);
        need.bytes = need.bytes.zip(bytes).map(|(sum, bytes)| sum + bytes);
    }
    let mut report = report(request, planned, tokens, &needs);
    for problem in &archives.problems {
        for plan in &mut report.per_source {
            if problem.sources.contains(&plan.source) {
                plan.error.clone_from(&problem.error);
            }
        }
    }
    report
}

fn reads_listed(request: &RunRequest<'_>) -> bool {
    matches!(&request.command, ReadCommand::Archive(options) if options.reads_listed())
}

fn is_due(day: &Planned<'_>) -> bool {
    matches!(day.verdict, Verdict::Due(_))
}

/// The time that requests take at the rate limit of their tokens, without the bursts.
fn report(
    request: &RunRequest<'_>,
    planned: &[Planned<'_>],
    tokens: &Tokens,
    needs: &Needs,
) -> PlanReport {
    let is_of_archives = matches!(request.command, ReadCommand::Archive(_));
    let mut by_token: HashMap<Token, (u64, &Source)> = HashMap::new();
    let per_source = request.sources.iter().map(|&source| {
        let days = planned.iter().filter(|day| day.source.name == source.name && is_due(day));
        let need = needs.get(&source.name).copied().unwrap_or_default();
        if let Ok(token) = tokens.of(source) {
            by_token.entry(token.clone()).or_insert((0, source)).0 += need.requests;
        }
        SourcePlan {
            source: source.name.clone(),
            due_days: days.count() as u64,
            requests: need.requests,
            seconds: seconds(need.requests, source),
            archive_months: is_of_archives.then_some(need.archives),
            bytes: need.bytes.filter(|_| is_of_archives),
            error: None,
        }
    });
    let per_source: Vec<SourcePlan> = per_source.collect();
    let at_pace = by_token.values().map(|&(requests, source)| seconds(requests, source));
    PlanReport {
        due_days: per_source.iter().map(|source| source.due_days).sum(),
        requests: per_source.iter().map(|source| source.requests).sum(),
        // A list may have several pages. An archive is one file.
        requests_at_least: !is_of_archives,
        seconds: at_pace.max().unwrap_or_default(),
        archive_months: per_source.iter().map(|source| source.archive_months).sum(),
        bytes: per_source.iter().map(|source| source.bytes).sum(),
        was_listed: reads_listed(request),
        per_source,
    }
}

fn seconds(requests: u64, source: &Source) -> u64 {
    (requests * 3600).div_ceil(u64::from(source.rate_limit.requests_per_hour.get()))
}
