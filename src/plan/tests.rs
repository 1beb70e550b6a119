use std::collections::HashSet;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::*;
use crate::config::Config;
use crate::day::DateRange;

const NOW: &str = "2024-09-29T10:00:00Z";
const LAST_OVER: &str = "2024-09-28";
const RECHECKS: [Duration; 2] = [Duration::from_hours(24), Duration::from_hours(72)];

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// A source called `a`, with `more` in its section.
fn config(more: &str) -> Config {
    let text =
        format!("[[source]]\nname = \"a\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n{more}\n");
    Config::parse(Path::new("audit.toml"), &text).expect("a right file")
}

fn row(day: &str, status: Status) -> LedgerRow {
    LedgerRow {
        source: "a".into(),
        date: date(day),
        status,
        attempt: 1,
        events: Some(7),
        locked_by: None,
        live: false,
        endless: false,
        error: None,
        updated_at: DateTime::<Utc>::UNIX_EPOCH,
        synced_at: None,
        settled: false,
        adopted: false,
        other_scope: false,
    }
}

fn planned(
    config: &Config,
    first: Option<&str>,
    rows: &[LedgerRow],
    selection: Selection,
) -> Vec<(String, Verdict)> {
    planned_with(config, first, rows, (selection, &RECHECKS))
}

/// The same with other ages at which a whole day is read again.
fn planned_with(
    config: &Config,
    first: Option<&str>,
    rows: &[LedgerRow],
    (selection, recheck_after): (Selection, &[Duration]),
) -> Vec<(String, Verdict)> {
    planned_from(config, first.map(|first| (first, &[][..])), rows, (selection, recheck_after))
}

/// The same where the source's days are known from a date on, and of these have settled.
fn planned_from(
    config: &Config,
    days: Option<(&str, &[&str])>,
    rows: &[LedgerRow],
    (selection, recheck_after): (Selection, &[Duration]),
) -> Vec<(String, Verdict)> {
    let sources: Vec<&Source> = config.sources.iter().collect();
    let days = days.map(|(first, settled)| {
        let settled = settled.iter().copied().map(date).collect();
        ("a".to_owned(), SourceDays { first: date(first), settled })
    });
    let days = days.into_iter().collect();
    let known = PlanInput {
        sources: &sources,
        rows,
        days: &days,
        now: NOW.parse().expect("a time"),
        catch_up_days: 7,
        recheck_after,
        next_recheck_after: recheck_after,
    };
    plan(&known, selection).into_iter().map(|day| (day.key.date.to_string(), day.verdict)).collect()
}

fn due(config: &Config, first: Option<&str>, rows: &[LedgerRow]) -> Vec<String> {
    let planned = planned(config, first, rows, Selection::Due).into_iter();
    planned
        .filter(|(_, verdict)| matches!(verdict, Verdict::Due(_)))
        .map(|(date, _)| date)
        .collect()
}

#[test]
fn a_first_run_takes_yesterday_alone_whatever_since_says() {
    assert_eq!(due(&config(""), None, &[]), [LAST_OVER]);
    assert_eq!(due(&config("since = \"2024-09-01\""), None, &[]), [LAST_OVER]);
}

#[test]
fn nothing_is_owed_before_since() {
    assert_eq!(due(&config("since = \"2024-09-29\""), None, &[]), [""; 0]);
    assert_eq!(
        due(&config("since = \"2024-09-27\""), Some("2024-09-20"), &[]),
        ["2024-09-27", LAST_OVER]
    );
}

#[test]
fn missed_days_are_caught_up_from_the_first_day_and_no_further_back_than_the_file_says() {
    assert_eq!(due(&config(""), Some("2024-09-26"), &[]), ["2024-09-26", "2024-09-27", LAST_OVER]);
    let long_ago = due(&config(""), Some("2020-01-01"), &[]);
    assert_eq!((long_ago.len(), long_ago[0].as_str()), (7, "2024-09-22"));
}

#[test]
fn whole_days_are_not_due_and_failed_stale_and_broken_off_ones_are() {
    let stale = LedgerRow { locked_by: Some("x".into()), ..row("2024-09-26", Status::Processing) };
    let rows = [
        row("2024-09-23", Status::Success),
        row("2024-09-24", Status::Failed),
        row("2024-09-25", Status::Error),
        stale,
        row("2024-09-27", Status::Pending),
        row(LAST_OVER, Status::Success),
    ];
    assert_eq!(
        due(&config(""), Some("2024-09-23"), &rows),
        ["2024-09-24", "2024-09-25", "2024-09-26", "2024-09-27"]
    );
}

#[test]
fn a_pending_day_is_due_at_any_age_and_a_failed_one_only_in_the_window() {
    let rows = [
        row("2019-01-01", Status::Pending),
        row("2019-01-02", Status::Failed),
        row(LAST_OVER, Status::Success),
    ];
    let due = due(&config(""), Some("2019-01-01"), &rows);
    assert_eq!(due[0], "2019-01-01");
    assert!(!due.contains(&"2019-01-02".to_owned()));
}

#[test]
fn a_day_with_a_live_holder_is_held_and_one_without_an_owner_is_nobody_s() {
    let held =
        LedgerRow { locked_by: Some("x".into()), live: true, ..row(LAST_OVER, Status::Processing) };
    let nobody_s = LedgerRow { live: true, ..row("2024-09-27", Status::Processing) };
    let planned = planned(&config(""), Some("2024-09-27"), &[held, nobody_s], Selection::Due);
    assert_eq!(planned[0].1, Verdict::Due(Reason::Stale));
    assert_eq!(planned[1].1, Verdict::Held { by: "x".into() });
}

#[test]
fn a_row_with_an_unknown_status_is_told_and_the_other_days_go_on() {
    let planned = planned(
        &config(""),
        Some("2024-09-27"),
        &[row("2024-09-27", Status::Unknown("DONE".into()))],
        Selection::Due,
    );
    assert!(matches!(&planned[0].1, Verdict::Broken { problem } if problem.contains("DONE")));
    assert_eq!(planned[1].1, Verdict::Due(Reason::New));
}

#[test]
fn a_lease_without_an_end_is_told_instead_of_waited_for() {
    let row = LedgerRow {
        locked_by: Some("x".into()),
        live: true,
        endless: true,
        ..row(LAST_OVER, Status::Processing)
    };
    let planned = planned(&config(""), Some(LAST_OVER), &[row], Selection::Due);
    assert!(matches!(&planned[0].1, Verdict::Broken { problem } if problem.contains("held by x")));
}

#[test]
fn yesterday_is_told_of_even_when_it_is_whole_and_older_whole_days_are_not() {
    let rows = [row("2024-09-27", Status::Success), row(LAST_OVER, Status::Success)];
    let planned = planned(&config(""), Some("2024-09-27"), &rows, Selection::Due);
    assert_eq!(planned, [(LAST_OVER.to_owned(), Verdict::Whole { events: 7, attempt: 1 })]);
}

/// A whole day, read at `read_at`.
fn whole(day: &str, read_at: &str) -> LedgerRow {
    LedgerRow { synced_at: Some(read_at.parse().expect("a time")), ..row(day, Status::Success) }
}

#[test]
fn a_whole_day_is_read_again_once_for_each_age_that_came_behind_its_last_reading() {
    for (day, read_at, is_due) in [
        // An age of one day comes at the end of the day behind it.
        ("2024-09-27", "2024-09-28T00:10:00Z", true),
        ("2024-09-27", "2024-09-28T23:59:59Z", true),
        ("2024-09-27", "2024-09-29T00:00:00Z", false),
        // Ten minutes short of a day old.
        (LAST_OVER, "2024-09-29T00:10:00Z", false),
        ("2024-09-25", "2024-09-27T00:10:00Z", true),
        ("2024-09-25", "2024-09-29T00:00:00Z", false),
        // Of any age, however long it was missed.
        ("2019-01-01", "2019-01-02T00:10:00Z", true),
    ] {
        let rows = [whole(day, read_at), row(LAST_OVER, Status::Success)];
        let rows = if day == LAST_OVER { &rows[..1] } else { &rows[..] };
        let due = due(&config(""), Some(day), rows);
        assert_eq!(due.contains(&day.to_owned()), is_due, "{day} read at {read_at}: {due:?}");
    }
}

#[test]
fn behind_the_last_age_a_day_is_read_until_it_settles_at_the_ages_last_distance() {
    // Two days lie between the ages.
    for (read_at, is_due) in [("2024-09-27T09:00:00Z", true), ("2024-09-27T11:00:00Z", false)] {
        let unsettled = whole("2024-09-20", read_at);
        let is_now =
            |row: LedgerRow| due(&config("since = \"2024-09-28\""), Some("2024-09-20"), &[row]);
        assert_eq!(
            is_now(unsettled.clone()).contains(&"2024-09-20".to_owned()),
            is_due,
            "{read_at}"
        );
        assert!(
            !is_now(LedgerRow { settled: true, ..unsettled }).contains(&"2024-09-20".to_owned())
        );
    }
}

#[test]
fn an_age_comes_at_its_very_moment_and_close_ages_bring_none_of_them_forward() {
    let day = "2024-09-27";
    let rows = [whole(day, "2024-09-28T00:10:00Z")];
    for (ages, is_due) in [
        // The day is 34 hours old.
        (&[34][..], true),
        (&[35], false),
        (&[34, 35], true),
        (&[35, 36], false),
    ] {
        let ages: Vec<_> = ages.iter().map(|hours| Duration::from_hours(*hours)).collect();
        let planned = planned_with(&config(""), Some(day), &rows, (Selection::Due, &ages));
        let is_planned =
            planned.iter().any(|(date, verdict)| date == day && matches!(verdict, Verdict::Due(_)));
        assert_eq!(is_planned, is_due, "{ages:?}");
    }
}

#[test]
fn a_recheck_that_failed_or_was_broken_off_is_due_at_any_age_and_one_of_another_scope_never() {
    let whole = whole("2019-01-01", "2019-01-02T00:10:00Z");
    for status in [Status::Failed, Status::Error, Status::Processing] {
        let rows = [LedgerRow { status, ..whole.clone() }];
        assert_eq!(due(&config(""), Some("2019-01-01"), &rows)[0], "2019-01-01");
    }
    let other = [LedgerRow { other_scope: true, ..whole }];
    assert!(!due(&config(""), Some("2019-01-01"), &other).contains(&"2019-01-01".to_owned()));
}

#[test]
fn a_settled_day_whose_repair_broke_off_is_counted_again_at_any_age() {
    let day = "2019-01-01";
    let row = |status| LedgerRow { status, settled: true, ..whole(day, "2019-02-01T00:00:00Z") };
    let verdict = |row: LedgerRow| {
        let planned = planned(&config(""), Some("2024-09-20"), &[row], Selection::Due);
        planned.into_iter().find(|(date, _)| date == day).map(|(_, verdict)| verdict)
    };
    for status in [Status::Pending, Status::Failed, Status::Error, Status::Processing] {
        assert_eq!(verdict(row(status.clone())), Some(Verdict::Due(Reason::Recount)), "{status}");
    }
    // Whoever still repairs it is let be.
    let live = LedgerRow { locked_by: Some("x".into()), live: true, ..row(Status::Processing) };
    assert_eq!(verdict(live), None);
    assert_eq!(verdict(row(Status::Success)), None);
}

#[test]
fn a_recheck_names_the_attempt_that_it_repeats() {
    let rows = [LedgerRow { attempt: 3, ..whole("2024-09-27", "2024-09-28T00:10:00Z") }];
    let planned = planned(&config(""), Some("2024-09-27"), &rows, Selection::Due);
    assert_eq!(planned[0].1, Verdict::Due(Reason::Recheck { attempt: 3 }));
}

#[test]
fn named_days_are_those_and_no_others_and_whole_ones_stay_whole() {
    let rows = [row("2024-01-02", Status::Success), row("2023-01-01", Status::Pending)];
    let selection = Selection::Named(DateRange::new(date("2024-01-01"), date("2024-01-02")));
    let planned = planned(&config("since = \"2024-09-01\""), None, &rows, selection);
    assert_eq!(
        planned,
        [
            ("2024-01-01".to_owned(), Verdict::Due(Reason::New)),
            ("2024-01-02".to_owned(), Verdict::Whole { events: 7, attempt: 1 }),
        ]
    );
}

#[test]
fn a_day_without_a_row_is_due_unless_it_is_known_to_have_settled() {
    let settled = ["2024-09-22", "2024-09-23", "2024-09-24", "2024-09-26", "2024-09-27"];
    let rows = [row(LAST_OVER, Status::Failed)];
    let planned = planned_from(
        &config(""),
        Some(("2024-09-22", &settled)),
        &rows,
        (Selection::Due, &RECHECKS),
    );
    let due = |day: &str, reason| (day.to_owned(), Verdict::Due(reason));
    assert_eq!(planned, [due("2024-09-25", Reason::New), due(LAST_OVER, Reason::Failed)]);
}

#[test]
fn days_come_oldest_first_across_sources() {
    let text = "[[source]]\nname = \"b\"\naccount = \"x\"\ntoken_env = \"T\"\n[[source]]\nname = \"a\"\naccount = \"y\"\ntoken_env = \"T\"\n";
    let config = Config::parse(Path::new("audit.toml"), text).expect("a right file");
    let selection = Selection::Named(DateRange::new(date("2024-01-01"), date("2024-01-02")));
    let sources: Vec<&Source> = config.sources.iter().collect();
    let known = PlanInput {
        sources: &sources,
        rows: &[],
        days: &HashMap::new(),
        now: NOW.parse().expect("a time"),
        catch_up_days: 7,
        recheck_after: &[],
        next_recheck_after: &[],
    };
    let order: Vec<_> = plan(&known, selection).iter().map(|day| day.key.to_string()).collect();
    assert_eq!(order, ["a 2024-01-01", "b 2024-01-01", "a 2024-01-02", "b 2024-01-02"]);
}

#[test]
fn an_adopted_day_is_due_in_the_window_and_where_it_is_named_and_nowhere_else() {
    let adopted = |day| LedgerRow { attempt: 0, adopted: true, ..row(day, Status::Success) };
    let rows = [adopted("2024-09-10"), adopted("2024-09-24"), row("2024-09-25", Status::Success)];
    let days =
        planned(&config("since = \"2024-09-24\""), Some("2024-09-10"), &rows, Selection::Due);
    let told: Vec<_> =
        days.iter().filter(|(_, verdict)| *verdict == Verdict::Due(Reason::Adopted)).collect();
    assert_eq!(told.iter().map(|(date, _)| date.as_str()).collect::<Vec<_>>(), ["2024-09-24"]);
    let named = planned(
        &config(""),
        Some("2024-09-10"),
        &rows,
        Selection::Named(DateRange::new(date("2024-09-10"), date("2024-09-10"))),
    );
    assert_eq!(named, [("2024-09-10".to_owned(), Verdict::Due(Reason::Adopted))]);
}

#[test]
fn no_day_before_the_audit_trail_is_due_whatever_its_row_says() {
    let early = |day| row(day, Status::Pending);
    let recheck = LedgerRow {
        synced_at: Some("2016-12-31T12:00:00Z".parse().expect("a time")),
        ..row("2016-12-30", Status::Success)
    };
    let rows = [early("1024-09-28"), early("2016-12-31"), early("2017-01-01"), recheck];
    assert_eq!(
        due(&config("since = \"2024-09-28\""), Some("1024-09-28"), &rows),
        ["2017-01-01", LAST_OVER]
    );
    let DateRange { from, to } = window(Selection::Due, date("2017-01-03"), 3650);
    assert_eq!((from, to), (date("2017-01-01"), date("2017-01-03")));
}

/// What the next run makes of each named day, if this one leaves it so.
fn next_runs(
    config: &Config,
    first: Option<&str>,
    rows: &[LedgerRow],
    days: &[(&str, Left)],
) -> Vec<NextRun> {
    let sources: Vec<&Source> = config.sources.iter().collect();
    let of_source =
        |first| ("a".to_owned(), SourceDays { first: date(first), settled: HashSet::new() });
    let known = PlanInput {
        sources: &sources,
        rows,
        days: &first.map(of_source).into_iter().collect(),
        now: NOW.parse().expect("a time"),
        catch_up_days: 7,
        recheck_after: &[],
        next_recheck_after: &RECHECKS,
    };
    let catch_up = CatchUp::of(&known);
    let next_run = |&(day, left): &(&str, Left)| {
        let planned = plan(&known, Selection::Named(DateRange::new(date(day), date(day))));
        catch_up.next_run(&planned[0], left)
    };
    days.iter().map(next_run).collect()
}

#[test]
fn the_next_run_reads_pending_days_of_any_age_and_others_while_they_are_in_its_window() {
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
    // Before `since`, or the first day, nothing is caught up; a source without a day begins with yesterday.
    let since = next_runs(&config("since = \"2024-09-23\""), Some("2020-01-01"), &[], &days);
    assert_eq!(since[3..], [NextRun::Leaves, until("2024-10-05")]);
    assert_eq!(
        next_runs(&config(""), None, &[], &days)[3..],
        [NextRun::Leaves, until("2024-10-05")]
    );
}

#[test]
fn the_next_run_reads_what_is_due_by_its_row_at_any_age() {
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
    // A recheck that has come is due until a reading satisfies it.
    assert_eq!(next(read(Status::Failed), Left::Untouched), NextRun::Reads);
    assert_eq!(next(read(Status::Pending), Left::Failed), NextRun::Reads);
    let adopted = LedgerRow { adopted: true, ..row("2024-01-01", Status::Success) };
    assert_eq!(next(adopted, Left::Untouched), NextRun::Leaves);
}
