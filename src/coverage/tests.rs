use std::path::Path;

use super::*;
use crate::config::Config;

const NOW: &str = "2024-09-29T10:00:00Z";

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn now() -> DateTime<Utc> {
    NOW.parse().expect("a time")
}

fn group(state: State, from: &str, to: &str) -> Group {
    let (first, last) = (date(from), date(to));
    Group {
        source: "a".into(),
        state,
        was_whole: state.is_whole(),
        other_scope: false,
        first,
        last,
        last_success: None,
    }
}

/// The coverage of a source called `a`, with `more` in its section.
fn of(more: &str, groups: Vec<Group>) -> Coverage {
    let text =
        format!("[[source]]\nname = \"a\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n{more}\n");
    let config = Config::parse(Path::new("audit.toml"), &text).expect("a right file");
    let sources: Vec<&Source> = config.sources.iter().collect();
    covered(&sources, groups)
}

/// The coverage of a source called `a`, whose ranges are all there.
fn covered(sources: &[&Source], groups: Vec<Group>) -> Coverage {
    let in_detail = HashSet::from(["a".to_owned()]);
    let counts = counted(&groups).into_iter().collect();
    let standings = Standings { counts, groups, in_detail, ..Standings::default() };
    coverage(sources, standings, now()).swap_remove(0)
}

fn counted(groups: &[Group]) -> Option<Count> {
    Some(Count {
        source: "a".into(),
        days: groups.iter().map(|group| span(group.first, group.last)).sum(),
        first: groups.iter().map(|group| group.first).min()?,
        last: groups.iter().map(|group| group.last).max()?,
        events: 10,
        last_success: None,
    })
}

fn ranges(coverage: &Coverage) -> Vec<String> {
    coverage
        .ranges
        .iter()
        .map(|range| format!("{} {}..{}", range.state, range.from, range.to))
        .collect()
}

#[test]
fn every_owed_day_without_a_row_is_missing_before_between_and_behind_the_others() {
    let groups = vec![
        group(State::Whole, "2024-09-26", "2024-09-26"),
        group(State::Settled, "2024-09-10", "2024-09-20"),
    ];
    let coverage = of("since = \"2024-09-08\"", groups);
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
fn nothing_is_owed_before_since_or_without_it_before_the_first_day() {
    let groups = || {
        vec![
            group(State::Whole, "2024-09-20", "2024-09-22"),
            group(State::Whole, "2024-09-25", "2024-09-28"),
        ]
    };
    let without = of("", groups());
    assert_eq!((without.covered_from, without.missing), (Some(date("2024-09-20")), 2));
    let later = of("since = \"2024-09-24\"", groups());
    assert_eq!((later.missing, later.oldest_gap), (1, Some(date("2024-09-24"))));
    let future = of("since = \"2030-01-01\"", groups());
    assert_eq!((future.missing, future.oldest_gap, future.whole), (0, None, 7));
}

#[test]
fn the_lag_counts_from_the_begin_of_the_oldest_gap_or_of_today() {
    let hours = |coverage: &Coverage| coverage.lag.map(|lag| lag.as_secs() / 3600);
    let whole = of("", vec![group(State::Whole, "2024-09-20", "2024-09-28")]);
    assert_eq!(hours(&whole), Some(10));
    let yesterday_missing = of("", vec![group(State::Whole, "2024-09-20", "2024-09-27")]);
    assert_eq!(hours(&yesterday_missing), Some(34));
    let never = of("", vec![]);
    assert_eq!((hours(&never), never.covered_from), (None, None));

    let lag = |hours: u64| Duration::from_hours(hours);
    assert_eq!(yesterday_missing.behind(lag(34), Adopted::Rejected, now()), [""; 0]);
    let behind = |coverage: &Coverage, max_lag| coverage.behind(max_lag, Adopted::Rejected, now());
    assert_eq!(
        behind(&yesterday_missing, lag(33)),
        ["2024-09-28 is not whole, 34h after it began"]
    );
    assert_eq!(behind(&never, lag(1000)), ["it was never synced"]);
}

#[test]
fn a_day_that_was_whole_is_no_gap_while_it_is_read_again_but_is_one_when_that_failed() {
    let with = |state, was_whole| {
        let again = Group { was_whole, ..group(state, "2024-09-25", "2024-09-25") };
        of(
            "",
            vec![
                group(State::Whole, "2024-09-20", "2024-09-24"),
                again,
                group(State::Whole, "2024-09-26", "2024-09-28"),
            ],
        )
    };
    for (state, was_whole, is_gap) in [
        (State::AtWork, true, false),
        (State::Due, true, false),
        (State::Failed, true, true),
        (State::AtWork, false, true),
        (State::Due, false, true),
        (State::Failed, false, true),
    ] {
        assert_eq!(with(state, was_whole).oldest_gap.is_some(), is_gap, "{state} {was_whole}");
    }
}

#[test]
fn a_source_that_is_disabled_or_left_the_file_owes_nothing_behind_its_last_day_but_shows_its_holes()
{
    let groups = || {
        vec![
            group(State::Settled, "2024-01-01", "2024-01-05"),
            group(State::Settled, "2024-01-08", "2024-01-09"),
        ]
    };
    let disabled = of("enabled = false", groups());
    assert_eq!((disabled.missing, disabled.lag), (2, None));
    assert_eq!(disabled.behind(Duration::ZERO, Adopted::Rejected, now()), [""; 0]);
    let gone = covered(&[], groups());
    assert_eq!((gone.in_file, gone.missing, gone.covered_to), (false, 2, Some(date("2024-01-09"))));
}

#[test]
fn days_of_another_scope_are_told_apart_and_ranges_that_touch_are_one() {
    let other = Group { other_scope: true, ..group(State::Settled, "2024-09-10", "2024-09-19") };
    let groups = vec![
        group(State::Settled, "2024-09-24", "2024-09-28"),
        group(State::Settled, "2024-09-20", "2024-09-23"),
        other,
    ];
    let coverage = of("", groups);
    assert_eq!(
        ranges(&coverage),
        ["settled 2024-09-10..2024-09-19", "settled 2024-09-20..2024-09-28"]
    );
    assert_eq!((coverage.other_scope, coverage.ranges[0].other_scope), (10, true));
}

#[test]
fn lateness_is_the_share_the_median_and_the_maximum_over_events_not_over_days() {
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
fn the_settled_days_of_a_source_are_those_between_the_others_and_the_gaps() {
    let count = Count {
        last: date("2024-09-28"),
        ..counted(&[group(State::Settled, "2024-09-01", "2024-09-01")]).expect("a day")
    };
    let whole = |from, to| group(State::Whole, from, to);
    let unsettled = vec![
        whole("2024-09-01", "2024-09-02"),
        group(State::Failed, "2024-09-10", "2024-09-10"),
        whole("2024-09-26", "2024-09-28"),
    ];
    let gap = Gap { source: "a".into(), first: date("2024-09-15"), last: date("2024-09-16") };
    let all = with_settled(&count, unsettled, [gap].iter());
    let told: Vec<_> = all
        .iter()
        .map(|group| {
            format!("{} {}..{}", group.state, group.first.format("%d"), group.last.format("%d"))
        })
        .collect();
    assert_eq!(
        told,
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
fn holes_show_in_the_count() {
    let count = counted(&[group(State::Whole, "2024-09-01", "2024-09-04")]).expect("days");
    assert!(!count.has_holes());
    assert!(Count { days: 3, ..count }.has_holes());
}

#[test]
fn adopted_days_are_not_complete_and_a_check_fails_on_them_unless_it_accepts_them() {
    let groups = || {
        vec![
            group(State::Adopted, "2024-09-01", "2024-09-10"),
            group(State::Whole, "2024-09-11", "2024-09-28"),
        ]
    };
    let behind =
        |coverage: &Coverage, adopted| coverage.behind(Duration::from_hours(36), adopted, now());
    let coverage = of("", groups());
    assert_eq!((coverage.adopted, coverage.whole, coverage.settled), (10, 18, 0));
    assert_eq!(coverage.oldest_gap, Some(date("2024-09-01")));
    let reasons = behind(&coverage, Adopted::Rejected);
    assert!(
        reasons.len() == 1 && reasons[0].contains("adopted days (2024-09-01 .. 2024-09-10)"),
        "{reasons:?}"
    );
    assert!(
        reasons[0].contains("`auditsync backfill --from 2024-09-01 --to 2024-09-10 --source a`"),
        "{reasons:?}"
    );
    assert_eq!(behind(&coverage, Adopted::Accepted), [""; 0]);
    // What is not owed is not asked for.
    assert_eq!(behind(&of("since = \"2024-09-11\"", groups()), Adopted::Rejected), [""; 0]);
    // A gap is one, whatever is accepted.
    let mut groups = groups();
    groups[1] = group(State::Failed, "2024-09-11", "2024-09-28");
    let both = of("", groups);
    assert_eq!(behind(&both, Adopted::Accepted), ["2024-09-11 is not whole, 442h after it began"]);
    assert_eq!(behind(&both, Adopted::Rejected).len(), 2);
}
