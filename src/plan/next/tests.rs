use std::collections::HashSet;

use super::super::plan;
use super::super::tests::{LAST_OVER, NOW, config, date, row};
use super::*;
use crate::config::Config;
use crate::day::DateRange;
use crate::ledger::{LedgerRow, SourceDays, Status};

/// What the next run does with each named day, if this run leaves it in this way.
fn next_runs(
    config: &Config,
    first: Option<&str>,
    rows: &[LedgerRow],
    days: &[(&str, Left)],
) -> Vec<NextRun> {
    let sources: Vec<&Source> = config.sources.iter().collect();
    let of_source =
        |first| ("a".to_owned(), SourceDays { first: date(first), settled: HashSet::new() });
    let input = PlanInput {
        sources: &sources,
        rows,
        days: &first.map(of_source).into_iter().collect(),
        now: NOW.parse().expect("a time"),
        rereads: false,
    };
    let catch_up = CatchUp::of(&input);
    let next_run = |&(day, left): &(&str, Left)| {
        let planned = plan(&input, Selection::Named(DateRange::of(date(day))));
        catch_up.next_run(&planned[0], left)
    };
    days.iter().map(next_run).collect()
}

#[test]
fn the_next_run_reads_pending_days_and_the_days_in_its_window() {
    let until = |day| NextRun::ReadsUntil(date(day));
    let days = [
        ("2024-09-21", Left::Untouched),
        ("2024-09-21", Left::Failed),
        ("2024-09-21", Left::Pending),
        ("2024-09-22", Left::Untouched),
        (LAST_OVER, Left::Failed),
    ];
    let expected = [
        NextRun::Leaves,
        NextRun::Leaves,
        NextRun::Reads,
        until("2024-09-29"),
        until("2024-10-05"),
    ];
    assert_eq!(next_runs(&config(""), Some("2020-01-01"), &[], &days), expected);
    let disabled = next_runs(&config("enabled = false"), Some("2020-01-01"), &[], &days);
    assert_eq!(disabled, [NextRun::Leaves; 5]);
    // No day before `since` or before the first day is caught up. A new source begins with
    // yesterday.
    let since = next_runs(&config("since = \"2024-09-23\""), Some("2020-01-01"), &[], &days);
    assert_eq!(since[3..], [NextRun::Leaves, until("2024-10-05")]);
    assert_eq!(
        next_runs(&config(""), None, &[], &days)[3..],
        [NextRun::Leaves, until("2024-10-05")]
    );
}

#[test]
fn the_next_run_reads_days_that_are_due_at_any_age_by_their_row() {
    let read = |status| LedgerRow {
        synced_at: Some("2024-01-02T00:10:00Z".parse().expect("a time")),
        ..row("2024-01-01", status)
    };
    let next = |row: LedgerRow, left| {
        next_runs(&config(""), Some("2020-01-01"), &[row], &[("2024-01-01", left)])[0]
    };
    assert_eq!(next(row("2024-01-01", Status::Pending), Left::Untouched), NextRun::Reads);
    assert_eq!(next(row("2024-01-01", Status::Pending), Left::Failed), NextRun::Leaves);
    assert_eq!(next(row("2024-01-01", Status::Failed), Left::Untouched), NextRun::Leaves);
    // A recheck is due until a complete reading satisfies it.
    assert_eq!(next(read(Status::Failed), Left::Untouched), NextRun::Reads);
    assert_eq!(next(read(Status::Pending), Left::Failed), NextRun::Reads);
    let adopted = LedgerRow { adopted: true, ..row("2024-01-01", Status::Success) };
    assert_eq!(next(adopted, Left::Untouched), NextRun::Leaves);
}
