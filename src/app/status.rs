//! `status`: shows the state of each source.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::clock;
use super::context::{App, has_ledger};
use super::days_over::{NamedRange, named_range};
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use crate::cli::StatusArgs;
use crate::config::Source;
use crate::coverage::{
    AdoptedPolicy, Coverage, LagRule, SourceBehind, Standings, coverage, good_news,
};
use crate::day::DateRange;
use crate::ledger::LedgerRow;
use crate::report::status::{DayStatus, SourceStatus, StatusReport};
use crate::store::StatusSnapshot;

pub(super) async fn run(app: &App<'_>, args: &StatusArgs) -> Result<ExitStatus, Failure> {
    let reader = app.connect().await?;
    let has_ledger = has_ledger(&reader).await?;
    let now = clock::now(&reader).await?;
    let asked = NamedRange { month: args.month, from: args.from, to: args.to };
    let window = named_range(asked, now, args.days)?;
    let names: Vec<&str> = args.sources.iter().map(String::as_str).collect();
    let only = (!names.is_empty()).then_some(&*names);
    let StatusSnapshot { standings, rows, head } = if has_ledger {
        reader.status(&app.config.sources, only, window).await?
    } else {
        StatusSnapshot::default()
    };
    let sources = wanted(app, &args.sources, &standings)?;
    let covered = coverage(&sources, standings, now);
    let rule = LagRule {
        max_lag: args.max_lag(),
        adopted: if args.accept_adopted {
            AdoptedPolicy::Accepted
        } else {
            AdoptedPolicy::Rejected
        },
        catch_up_days: app.config.sync.catch_up_days,
    };
    let behind = behind(&covered, &rule, now);
    let ok = behind.is_empty();
    app.global.output.print(&StatusReport {
        checked_at: now,
        window,
        ok,
        max_lag_seconds: rule.max_lag,
        head,
        behind,
        summary: good_news(&covered, &rule),
        days: days(&covered, &rows, window),
        sources: covered
            .into_iter()
            .map(|coverage| SourceStatus { in_window: coverage.in_window(window), coverage })
            .collect(),
    })?;
    reader.close().await;
    Ok(if ok || !args.checks() { DONE } else { FOUND_WRONG })
}

/// The named sources of the file. A name that only the ledger knows is valid too.
fn wanted<'a>(
    app: &'a App<'_>,
    names: &[String],
    standings: &Standings,
) -> Result<Vec<&'a Source>, Failure> {
    if names.is_empty() {
        return Ok(app.config.sources.iter().collect());
    }
    let in_ledger = |name: &String| standings.counts.iter().any(|count| count.source == *name);
    let mut of_file: Vec<String> = names.to_vec();
    of_file.retain(|name| app.config.source(name).is_ok() || !in_ledger(name));
    if of_file.is_empty() { Ok(Vec::new()) } else { app.sources(&of_file) }
}

/// The sources that are behind: the oldest gap first, and those that were never synced last.
fn behind(covered: &[Coverage], rule: &LagRule, now: DateTime<Utc>) -> Vec<SourceBehind> {
    let mut behind: Vec<(Option<NaiveDate>, SourceBehind)> = covered
        .iter()
        .filter_map(|source| Some((source.oldest_gap, source.behind(rule, now)?)))
        .collect();
    behind.sort_by(|(a_gap, a), (b_gap, b)| {
        (a_gap.is_none(), a_gap, &a.reason).cmp(&(b_gap.is_none(), b_gap, &b.reason))
    });
    behind.into_iter().map(|(_, behind)| behind).collect()
}

/// The days of the window that have a state, newest first.
fn days(covered: &[Coverage], rows: &[LedgerRow], window: DateRange) -> Vec<DayStatus> {
    let rows: HashMap<(&str, NaiveDate), &LedgerRow> =
        rows.iter().map(|row| ((&*row.source, row.date), row)).collect();
    let mut days: Vec<DayStatus> = Vec::new();
    for source in covered {
        let name = &*source.source;
        days.extend(source.states(window).map(|(date, state)| {
            DayStatus::of(name, date, (state, rows.get(&(name, date)).copied()))
        }));
    }
    days.sort_by(|a, b| (b.date, &a.source).cmp(&(a.date, &b.source)));
    days
}
