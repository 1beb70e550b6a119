mod news;

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};

use super::lateness::lateness;
use super::*;
use crate::config::Config;
use crate::day::{DateRange, end};
use crate::ledger::LateEvents;

const NOW: &str = "2024-09-29T10:00:00Z";

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn now() -> DateTime<Utc> {
    NOW.parse().expect("a time")
}

fn range(state: DayState, from: &str, to: &str) -> LedgerRange {
    LedgerRange {
        source: "a".into(),
        state,
        was_complete: state.is_complete(),
        other_scope: false,
        is_superseded: false,
        events: 0,
        dates: DateRange::new(date(from), date(to)),
        last_success: None,
        syncing_until: None,
    }
}

/// The coverage of a source called `a`, with `more` in its section.
fn of(more: &str, rows: Vec<LedgerRange>) -> Coverage {
    let text =
        format!("[[source]]\nname = \"a\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n{more}\n");
    let config = Config::parse(Path::new("audit.toml"), &text).expect("a right file");
    let sources: Vec<&Source> = config.sources.iter().collect();
    covered(&sources, rows)
}

/// The coverage of a source called `a`, whose ranges are all there.
fn covered(sources: &[&Source], rows: Vec<LedgerRange>) -> Coverage {
    let in_detail = HashSet::from(["a".to_owned()]);
    let counts = counted(&rows).into_iter().collect();
    let standings = Standings { counts, ranges: rows, in_detail, ..Standings::default() };
    coverage(sources, standings, now()).swap_remove(0)
}

fn counted(rows: &[LedgerRange]) -> Option<SourceCount> {
    let first = rows.iter().map(|range| range.dates.from).min()?;
    let last = rows.iter().map(|range| range.dates.to).max()?;
    Some(SourceCount {
        source: "a".into(),
        days: rows.iter().map(|range| range.dates.len()).sum(),
        dates: DateRange::new(first, last),
        events: 10,
        last_success: None,
    })
}

fn ranges(coverage: &Coverage) -> Vec<String> {
    coverage
        .ranges
        .iter()
        .map(|range| format!("{} {}..{}", range.state, range.dates.from, range.dates.to))
        .collect()
}

#[test]
fn an_owed_day_without_a_row_is_missing_wherever_it_is() {
    let rows = vec![
        range(DayState::Complete, "2024-09-26", "2024-09-26"),
        range(DayState::Settled, "2024-09-10", "2024-09-20"),
    ];
    let coverage = of("since = \"2024-09-08\"", rows);
    assert_eq!(
        ranges(&coverage),
        [
            "missing 2024-09-08..2024-09-09",
            "settled 2024-09-10..2024-09-20",
            "missing 2024-09-21..2024-09-25",
            "complete 2024-09-26..2024-09-26",
            "missing 2024-09-27..2024-09-28",
        ]
    );
    assert_eq!((coverage.settled, coverage.complete, coverage.missing), (11, 12, 9));
    assert_eq!(coverage.oldest_gap, Some(date("2024-09-08")));
    assert_eq!(coverage.last_complete_day, Some(date("2024-09-26")));
}

#[test]
fn no_day_before_since_or_before_the_first_day_is_owed() {
    let rows = || {
        vec![
            range(DayState::Complete, "2024-09-20", "2024-09-22"),
            range(DayState::Complete, "2024-09-25", "2024-09-28"),
        ]
    };
    let without = of("", rows());
    assert_eq!((without.covered_from, without.missing), (Some(date("2024-09-20")), 2));
    let later = of("since = \"2024-09-24\"", rows());
    assert_eq!((later.missing, later.oldest_gap), (1, Some(date("2024-09-24"))));
    let future = of("since = \"2030-01-01\"", rows());
    assert_eq!((future.missing, future.oldest_gap, future.complete), (0, None, 7));
}

/// The rule that a source is behind after so many hours.
fn after(hours: u64) -> LagRule {
    LagRule { max_lag: Duration::from_hours(hours), adopted: AdoptedPolicy::Rejected }
}

/// The reason and the command, if the source is behind.
fn behind(coverage: &Coverage, rule: LagRule) -> Option<(String, String)> {
    let behind = coverage.behind(&rule, now())?;
    Some((behind.reason, behind.command.unwrap_or_default()))
}

#[test]
fn the_lag_counts_from_the_beginning_of_the_oldest_gap_and_needs_one() {
    let hours = |coverage: &Coverage| coverage.lag.map(|lag| lag.as_secs() / 3600);
    let complete = of("", vec![range(DayState::Complete, "2024-09-20", "2024-09-28")]);
    assert_eq!((hours(&complete), complete.lag_days), (None, None));
    assert_eq!(behind(&complete, after(0)), None);
    let yesterday_missing = of("", vec![range(DayState::Complete, "2024-09-20", "2024-09-27")]);
    assert_eq!((hours(&yesterday_missing), yesterday_missing.lag_days), (Some(34), Some(1)));
    let never = of("", vec![]);
    assert_eq!((hours(&never), never.covered_from), (None, None));

    assert_eq!(behind(&yesterday_missing, after(34)), None);
    let reason = "1 day missing since 2024-09-28".to_owned();
    assert_eq!(
        behind(&yesterday_missing, after(33)),
        Some((reason, "auditsync sync --source a".to_owned()))
    );
    assert_eq!(
        behind(&never, after(1000)),
        Some(("never synced".to_owned(), "auditsync".to_owned()))
    );
}

#[test]
fn a_reason_counts_each_state_and_the_command_reads_all_of_them() {
    let rows = |first| {
        vec![
            range(DayState::Complete, "2024-09-01", first),
            range(DayState::Failed, "2024-09-23", "2024-09-24"),
            range(DayState::Due, "2024-09-25", "2024-09-25"),
            range(DayState::Complete, "2024-09-26", "2024-09-28"),
        ]
    };
    // The next run looks back to 2024-09-22.
    let (reason, command) = behind(&of("", rows("2024-09-21")), after(36)).expect("a lag");
    assert_eq!(reason, "1 day missing, 2 days failed, 1 day due since 2024-09-22");
    assert_eq!(command, "auditsync sync --source a");
    let (reason, command) = behind(&of("", rows("2024-09-20")), after(36)).expect("a lag");
    assert_eq!(reason, "2 days missing, 2 days failed, 1 day due since 2024-09-21");
    assert_eq!(command, "auditsync backfill --source a --from 2024-09-21 --to 2024-09-25");
}

#[test]
fn syncing_days_need_no_command_unless_their_lease_never_ends() {
    let syncing = |until: &str| {
        let until = Some(until.parse().expect("a time"));
        let day = range(DayState::Syncing, "2024-09-25", "2024-09-25");
        let day = LedgerRange { syncing_until: until, ..day };
        of("", vec![day, range(DayState::Complete, "2024-09-26", "2024-09-28")])
    };
    let coverage = syncing("2024-09-29T10:15:00Z");
    assert_eq!((coverage.syncing, coverage.syncing_until.is_some()), (1, true));
    let soon = coverage.behind(&after(36), now()).expect("a lag");
    assert_eq!((&*soon.reason, soon.command), ("1 day syncing since 2024-09-25", None));
    let never = behind(&syncing("2124-09-29T10:15:00Z"), after(36)).expect("a lag");
    assert_eq!(never.1, "auditsync reset --force --source a 2024-09-25");
}

#[test]
fn each_day_is_counted_once_and_complete_days_partly_again() {
    let rows = vec![
        range(DayState::Settled, "2024-09-01", "2024-09-05"),
        range(DayState::Pruned, "2024-09-06", "2024-09-07"),
        LedgerRange { other_scope: true, ..range(DayState::Complete, "2024-09-08", "2024-09-10") },
        LedgerRange { other_scope: true, ..range(DayState::Failed, "2024-09-11", "2024-09-11") },
        range(DayState::Due, "2024-09-12", "2024-09-13"),
        range(DayState::Syncing, "2024-09-14", "2024-09-14"),
        range(DayState::Adopted, "2024-09-15", "2024-09-20"),
    ];
    let all = of("", rows);
    let once =
        [all.complete, all.pruned, all.failed, all.due, all.syncing, all.adopted, all.missing];
    assert_eq!(once, [8, 2, 1, 2, 1, 6, 8]);
    assert_eq!(once.iter().sum::<u64>(), 28);
    assert_eq!((all.settled, all.other_scope), (5, 3));
    // A pruned day was complete, so it is no gap.
    assert_eq!(all.oldest_gap, Some(date("2024-09-11")));
    assert_eq!(all.complete_through, Some(date("2024-09-10")));
    let window = DateRange::new(date("2024-09-05"), date("2024-09-08"));
    assert_eq!(all.in_window(window), WindowDays { days: 4, complete: 2 });
}

#[test]
fn a_complete_day_becomes_a_gap_only_if_its_next_reading_fails() {
    let with = |state, was_complete| {
        let again = LedgerRange { was_complete, ..range(state, "2024-09-25", "2024-09-25") };
        of(
            "",
            vec![
                range(DayState::Complete, "2024-09-20", "2024-09-24"),
                again,
                range(DayState::Complete, "2024-09-26", "2024-09-28"),
            ],
        )
    };
    for (state, was_complete, is_gap) in [
        (DayState::Syncing, true, false),
        (DayState::Due, true, false),
        (DayState::Failed, true, true),
        (DayState::Syncing, false, true),
        (DayState::Due, false, true),
        (DayState::Failed, false, true),
    ] {
        assert_eq!(
            with(state, was_complete).oldest_gap.is_some(),
            is_gap,
            "{state} {was_complete}"
        );
    }
}

#[test]
fn a_disabled_or_removed_source_owes_only_the_days_up_to_its_last() {
    let rows = || {
        vec![
            range(DayState::Settled, "2024-01-01", "2024-01-05"),
            range(DayState::Settled, "2024-01-08", "2024-01-09"),
        ]
    };
    let disabled = of("enabled = false", rows());
    assert_eq!((disabled.missing, disabled.lag), (2, None));
    assert_eq!(behind(&disabled, after(0)), None);
    let gone = covered(&[], rows());
    assert_eq!((gone.in_file, gone.missing, gone.covered_to), (false, 2, Some(date("2024-01-09"))));
}

#[test]
fn another_scope_makes_another_range_and_adjacent_ranges_join() {
    let other =
        LedgerRange { other_scope: true, ..range(DayState::Settled, "2024-09-10", "2024-09-19") };
    let rows = vec![
        range(DayState::Settled, "2024-09-24", "2024-09-28"),
        range(DayState::Settled, "2024-09-20", "2024-09-23"),
        other,
    ];
    let coverage = of("", rows);
    assert_eq!(
        ranges(&coverage),
        ["settled 2024-09-10..2024-09-19", "settled 2024-09-20..2024-09-28"]
    );
    assert_eq!((coverage.other_scope, coverage.ranges[0].other_scope), (10, true));
}

#[test]
fn lateness_counts_events_and_not_days() {
    let late = |day: &str, events, hours| LateEvents {
        source: "a".into(),
        date: date(day),
        events,
        found_at: end(date(day)) + TimeDelta::hours(hours),
    };
    let late = [late("2024-09-01", 1, 72), late("2024-09-02", 8, 24), late("2024-09-03", 1, 48)];
    let found = lateness(late.iter(), 1000).expect("something came late");
    let hours = |time: Duration| time.as_secs() / 3600;
    assert_eq!((found.late_events, hours(found.median), hours(found.max)), (10, 24, 72));
    assert!((found.share - 0.01).abs() < 1e-9);
    assert_eq!(lateness([].iter(), 1000), None);
}

#[test]
fn the_days_between_unsettled_ranges_and_gaps_have_settled() {
    let count = SourceCount {
        dates: DateRange::new(date("2024-09-01"), date("2024-09-28")),
        ..counted(&[range(DayState::Settled, "2024-09-01", "2024-09-01")]).expect("a day")
    };
    let complete = |from, to| range(DayState::Complete, from, to);
    let unsettled = vec![
        complete("2024-09-01", "2024-09-02"),
        range(DayState::Failed, "2024-09-10", "2024-09-10"),
        complete("2024-09-26", "2024-09-28"),
    ];
    let dates = DateRange::new(date("2024-09-15"), date("2024-09-16"));
    let gap = Gap { source: "a".into(), dates };
    let all = with_settled(&count, unsettled, [gap].iter());
    let shown = |range: &LedgerRange| {
        let DateRange { from, to } = range.dates;
        format!("{} {}..{}", range.state, from.format("%d"), to.format("%d"))
    };
    assert_eq!(
        all.iter().map(shown).collect::<Vec<_>>(),
        [
            "complete 01..02",
            "settled 03..09",
            "failed 10..10",
            "settled 11..14",
            "settled 17..25",
            "complete 26..28"
        ]
    );
    assert_eq!(with_settled(&count, vec![], [].iter()).len(), 1);
}

#[test]
fn a_count_shows_holes() {
    let count = counted(&[range(DayState::Complete, "2024-09-01", "2024-09-04")]).expect("days");
    assert!(!count.has_holes());
    assert!(SourceCount { days: 3, ..count }.has_holes());
}

#[test]
fn adopted_days_are_not_complete_and_fail_a_check_unless_accepted() {
    let rows = || {
        vec![
            range(DayState::Adopted, "2024-09-01", "2024-09-10"),
            range(DayState::Complete, "2024-09-11", "2024-09-28"),
        ]
    };
    let accepted = LagRule { adopted: AdoptedPolicy::Accepted, ..after(36) };
    let coverage = of("", rows());
    assert_eq!((coverage.adopted, coverage.complete, coverage.settled), (10, 18, 0));
    assert_eq!(coverage.oldest_gap, Some(date("2024-09-01")));
    let command = "auditsync backfill --source a --from 2024-09-01 --to 2024-09-10".to_owned();
    let reason = "10 days adopted since 2024-09-01".to_owned();
    assert_eq!(behind(&coverage, after(90_000)), Some((reason, command)));
    assert_eq!(behind(&coverage, accepted), None);
    let news = good_news(std::slice::from_ref(&coverage), &accepted, now());
    assert_eq!(news.summary, "1 source, complete through 2024-09-28");
    // Adopted days that are not owed do not matter.
    assert_eq!(behind(&of("since = \"2024-09-11\"", rows()), after(36)), None);
    // A gap counts even if adopted days are accepted.
    let mut rows = rows();
    rows[1] = range(DayState::Failed, "2024-09-11", "2024-09-28");
    let both = of("", rows);
    assert_eq!(behind(&both, accepted).expect("a lag").0, "18 days failed since 2024-09-11");
    assert_eq!(
        behind(&both, after(36)).expect("a lag").0,
        "18 days failed, 10 days adopted since 2024-09-01"
    );
}
