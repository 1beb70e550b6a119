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
        was_whole: state.is_whole(),
        other_scope: false,
        is_superseded: false,
        events: 0,
        dates: DateRange::new(date(from), date(to)),
        last_success: None,
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
        range(DayState::Whole, "2024-09-26", "2024-09-26"),
        range(DayState::Settled, "2024-09-10", "2024-09-20"),
    ];
    let coverage = of("since = \"2024-09-08\"", rows);
    assert_eq!(
        ranges(&coverage),
        [
            "missing 2024-09-08..2024-09-09",
            "settled 2024-09-10..2024-09-20",
            "missing 2024-09-21..2024-09-25",
            "whole 2024-09-26..2024-09-26",
            "missing 2024-09-27..2024-09-28",
        ]
    );
    assert_eq!((coverage.settled, coverage.whole, coverage.missing), (11, 1, 9));
    assert_eq!(coverage.oldest_gap, Some(date("2024-09-08")));
    assert_eq!(coverage.last_whole_day, Some(date("2024-09-26")));
}

#[test]
fn no_day_before_since_or_before_the_first_day_is_owed() {
    let rows = || {
        vec![
            range(DayState::Whole, "2024-09-20", "2024-09-22"),
            range(DayState::Whole, "2024-09-25", "2024-09-28"),
        ]
    };
    let without = of("", rows());
    assert_eq!((without.covered_from, without.missing), (Some(date("2024-09-20")), 2));
    let later = of("since = \"2024-09-24\"", rows());
    assert_eq!((later.missing, later.oldest_gap), (1, Some(date("2024-09-24"))));
    let future = of("since = \"2030-01-01\"", rows());
    assert_eq!((future.missing, future.oldest_gap, future.whole), (0, None, 7));
}

#[test]
fn the_lag_counts_from_the_beginning_of_the_oldest_gap_or_of_today() {
    let hours = |coverage: &Coverage| coverage.lag.map(|lag| lag.as_secs() / 3600);
    let whole = of("", vec![range(DayState::Whole, "2024-09-20", "2024-09-28")]);
    assert_eq!(hours(&whole), Some(10));
    let yesterday_missing = of("", vec![range(DayState::Whole, "2024-09-20", "2024-09-27")]);
    assert_eq!(hours(&yesterday_missing), Some(34));
    let never = of("", vec![]);
    assert_eq!((hours(&never), never.covered_from), (None, None));

    let lag = |hours: u64| Duration::from_hours(hours);
    assert_eq!(yesterday_missing.behind(lag(34), AdoptedPolicy::Rejected, now()), [""; 0]);
    let behind =
        |coverage: &Coverage, max_lag| coverage.behind(max_lag, AdoptedPolicy::Rejected, now());
    assert_eq!(
        behind(&yesterday_missing, lag(33)),
        ["2024-09-28 is not complete, 34h after it began"]
    );
    assert_eq!(behind(&never, lag(1000)), ["it was never synced"]);
}

#[test]
fn a_complete_day_becomes_a_gap_only_if_its_next_reading_fails() {
    let with = |state, was_whole| {
        let again = LedgerRange { was_whole, ..range(state, "2024-09-25", "2024-09-25") };
        of(
            "",
            vec![
                range(DayState::Whole, "2024-09-20", "2024-09-24"),
                again,
                range(DayState::Whole, "2024-09-26", "2024-09-28"),
            ],
        )
    };
    for (state, was_whole, is_gap) in [
        (DayState::AtWork, true, false),
        (DayState::Due, true, false),
        (DayState::Failed, true, true),
        (DayState::AtWork, false, true),
        (DayState::Due, false, true),
        (DayState::Failed, false, true),
    ] {
        assert_eq!(with(state, was_whole).oldest_gap.is_some(), is_gap, "{state} {was_whole}");
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
    assert_eq!(disabled.behind(Duration::ZERO, AdoptedPolicy::Rejected, now()), [""; 0]);
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
    let whole = |from, to| range(DayState::Whole, from, to);
    let unsettled = vec![
        whole("2024-09-01", "2024-09-02"),
        range(DayState::Failed, "2024-09-10", "2024-09-10"),
        whole("2024-09-26", "2024-09-28"),
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
            "whole 01..02",
            "settled 03..09",
            "failed 10..10",
            "settled 11..14",
            "settled 17..25",
            "whole 26..28"
        ]
    );
    assert_eq!(with_settled(&count, vec![], [].iter()).len(), 1);
}

#[test]
fn a_count_shows_holes() {
    let count = counted(&[range(DayState::Whole, "2024-09-01", "2024-09-04")]).expect("days");
    assert!(!count.has_holes());
    assert!(SourceCount { days: 3, ..count }.has_holes());
}

#[test]
fn adopted_days_are_not_complete_and_fail_a_check_unless_accepted() {
    let rows = || {
        vec![
            range(DayState::Adopted, "2024-09-01", "2024-09-10"),
            range(DayState::Whole, "2024-09-11", "2024-09-28"),
        ]
    };
    let behind =
        |coverage: &Coverage, adopted| coverage.behind(Duration::from_hours(36), adopted, now());
    let coverage = of("", rows());
    assert_eq!((coverage.adopted, coverage.whole, coverage.settled), (10, 18, 0));
    assert_eq!(coverage.oldest_gap, Some(date("2024-09-01")));
    let reasons = behind(&coverage, AdoptedPolicy::Rejected);
    assert!(
        reasons.len() == 1 && reasons[0].contains("adopted days (2024-09-01..2024-09-10)"),
        "{reasons:?}"
    );
    assert!(
        reasons[0].contains("`auditsync backfill --from 2024-09-01 --to 2024-09-10 --source a`"),
        "{reasons:?}"
    );
    assert_eq!(behind(&coverage, AdoptedPolicy::Accepted), [""; 0]);
    // Adopted days that are not owed do not matter.
    assert_eq!(behind(&of("since = \"2024-09-11\"", rows()), AdoptedPolicy::Rejected), [""; 0]);
    // A gap counts even if adopted days are accepted.
    let mut rows = rows();
    rows[1] = range(DayState::Failed, "2024-09-11", "2024-09-28");
    let both = of("", rows);
    assert_eq!(
        behind(&both, AdoptedPolicy::Accepted),
        ["2024-09-11 is not complete, 442h after it began"]
    );
    assert_eq!(behind(&both, AdoptedPolicy::Rejected).len(), 2);
}
