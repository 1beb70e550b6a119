//! `status`: shows the state of each source.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::clock;
use super::context::{App, has_ledger};
use super::days_over::{MonthOrRange, month_or_range};
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use crate::cli::StatusArgs;
use crate::config::Source;
use crate::coverage::{AdoptedPolicy, Coverage, LagRule, SourceGaps, coverage, good_news};
use crate::day::DateRange;
use crate::ledger::LedgerRow;
use crate::report::status::{DayStatus, SourceStatus, StatusReport};
use crate::store::StatusSnapshot;

pub(super) async fn run(app: &App<'_>, args: &StatusArgs) -> Result<ExitStatus, Failure> {
    let reader = app.connect().await?;
    let has_ledger = has_ledger(&reader).await?;
    let now = clock::now(&reader).await?;
    let asked = MonthOrRange { month: args.month, from: args.from, to: args.to };
    let window = month_or_range(asked, now, args.days)?;
    let selected = app.split(&args.sources)?;
    let StatusSnapshot { standings, rows, head } = if has_ledger {
        reader.status(&app.config.sources, selected.stored_names(), window).await?
    } else {
        StatusSnapshot::default()
    };
    let is_recorded = |name: &&str| standings.counts.iter().any(|count| count.source == **name);
    if let Some(unknown) = selected.others.iter().find(|name| !is_recorded(name)) {
        return Err(app.unknown(unknown));
    }
    let sources: Vec<&Source> = if args.sources.is_empty() {
        app.config.sources.iter().collect()
    } else {
        selected.sources
    };
    let covered = coverage(&sources, standings, now);
    let rule = LagRule {
        max_lag: args.max_lag(),
        adopted: if args.accept_adopted {
            AdoptedPolicy::Accepted
        } else {
            AdoptedPolicy::Rejected
        },
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
        is_window_named: args.month.is_some() || args.from.is_some() || args.to.is_some(),
        news: good_news(&covered, &rule, now),
        days: days(&covered, &rows, window),
        sources: covered
            .into_iter()
            .map(|coverage| SourceStatus { in_window: coverage.in_window(window), coverage })
            .collect(),
    })?;
    reader.close().await;
    Ok(if ok || !args.checks() { DONE } else { FOUND_WRONG })
}

/// The sources that are behind: the oldest gap first, and those that were never synced last.
fn behind(covered: &[Coverage], rule: &LagRule, now: DateTime<Utc>) -> Vec<SourceGaps> {
    let mut behind: Vec<(Option<NaiveDate>, SourceGaps)> = covered
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
