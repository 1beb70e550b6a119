use std::collections::HashMap;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::*;
use crate::config::Config;
use crate::day::DateRange;
use crate::ledger::{SourceDays, Status};

pub(super) const NOW: &str = "2024-09-29T10:00:00Z";
pub(super) const LAST_OVER: &str = "2024-09-28";

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// A source called `a`, with `more` in its section.
pub(super) fn config(more: &str) -> Config {
    let text =
        format!("[[source]]\nname = \"a\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n{more}\n");
    Config::parse(Path::new("audit.toml"), &text).expect("a right file")
}

pub(super) fn row(day: &str, status: Status) -> LedgerRow {
    LedgerRow {
        source: "a".into(),
        stored_as: "a".into(),
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

/// A plan for the source `a`, with the defaults of most tests.
#[derive(Clone, Copy)]
struct Case<'c> {
    config: &'c Config,
    /// The source's first day in the ledger.
    first: Option<&'c str>,
    /// Its days that are known to have settled.
    settled: &'c [&'c str],
    rows: &'c [LedgerRow],
    selection: Selection,
    rereads: bool,
}

impl<'c> Case<'c> {
    fn new(config: &'c Config, first: Option<&'c str>, rows: &'c [LedgerRow]) -> Self {
        let selection = Selection::Due;
        Self { config, first, settled: &[], rows, selection, rereads: true }
    }

    fn plan(&self) -> Vec<(String, Verdict)> {
        let sources: Vec<&Source> = self.config.sources.iter().collect();
        let days = self.first.map(|first| {
            let settled = self.settled.iter().copied().map(date).collect();
            ("a".to_owned(), SourceDays { first: date(first), settled })
        });
        let input = PlanInput {
            sources: &sources,
            rows: self.rows,
            days: &days.into_iter().collect(),
            now: NOW.parse().expect("a time"),
            rereads: self.rereads,
        };
        let planned = plan(&input, self.selection).into_iter();
        planned.map(|day| (day.key.date.to_string(), day.verdict)).collect()
    }
}

/// The plan of the due days.
fn planned(config: &Config, first: Option<&str>, rows: &[LedgerRow]) -> Vec<(String, Verdict)> {
    Case::new(config, first, rows).plan()
}

/// The plan of the days from `from` to `to`, which the user names.
fn planned_range(
    config: &Config,
    rows: &[LedgerRow],
    [from, to]: [&str; 2],
) -> Vec<(String, Verdict)> {
    let selection = Selection::Named(DateRange::new(date(from), date(to)));
    Case { selection, ..Case::new(config, None, rows) }.plan()
}

fn due(config: &Config, first: Option<&str>, rows: &[LedgerRow]) -> Vec<String> {
    let planned = planned(config, first, rows);
    planned
        .into_iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Due(_)))
        .map(|(date, _)| date)
        .collect()
}

#[test]
fn a_first_run_reads_only_yesterday_whatever_since_says() {
    assert_eq!(due(&config(""), None, &[]), [LAST_OVER]);
    assert_eq!(due(&config("since = \"2024-09-01\""), None, &[]), [LAST_OVER]);
}

#[test]
fn no_day_before_since_is_due() {
    assert_eq!(due(&config("since = \"2024-09-29\""), None, &[]), [""; 0]);
    assert_eq!(
        due(&config("since = \"2024-09-27\""), Some("2024-09-20"), &[]),
        ["2024-09-27", LAST_OVER]
    );
}

#[test]
fn missed_days_are_caught_up_from_the_first_day_within_the_window() {
    assert_eq!(due(&config(""), Some("2024-09-26"), &[]), ["2024-09-26", "2024-09-27", LAST_OVER]);
    let long_ago = due(&config(""), Some("2020-01-01"), &[]);
    assert_eq!((long_ago.len(), long_ago[0].as_str()), (7, "2024-09-22"));
}

#[test]
fn complete_days_are_not_due_but_failed_stale_and_pending_ones_are() {
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
fn a_pending_day_is_due_at_any_age_a_failed_one_only_in_the_window() {
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
fn a_day_with_a_live_holder_is_held_and_one_without_an_owner_is_stale() {
    let held =
        LedgerRow { locked_by: Some("x".into()), live: true, ..row(LAST_OVER, Status::Processing) };
    let ownerless = LedgerRow { live: true, ..row("2024-09-27", Status::Processing) };
    let planned = planned(&config(""), Some("2024-09-27"), &[held, ownerless]);
    assert_eq!(planned[0].1, Verdict::Due(Reason::Stale));
    assert_eq!(planned[1].1, Verdict::Held { by: "x".into() });
}

#[test]
fn a_row_with_an_unknown_status_is_broken_and_stops_no_other_day() {
    let rows = [row("2024-09-27", Status::Unknown("DONE".into()))];
    let planned = planned(&config(""), Some("2024-09-27"), &rows);
    assert!(matches!(&planned[0].1, Verdict::Broken { problem } if problem.contains("DONE")));
    assert_eq!(planned[1].1, Verdict::Due(Reason::New));
}

#[test]
fn a_lease_without_an_end_is_reported_as_broken() {
    let row = LedgerRow {
        locked_by: Some("x".into()),
        live: true,
        endless: true,
        ..row(LAST_OVER, Status::Processing)
    };
    let planned = planned(&config(""), Some(LAST_OVER), &[row]);
    assert!(matches!(&planned[0].1, Verdict::Broken { problem } if problem.contains("held by x")));
}

#[test]
fn yesterday_is_in_the_plan_even_if_complete_and_older_days_are_not() {
    let rows = [row("2024-09-27", Status::Success), row(LAST_OVER, Status::Success)];
    let planned = planned(&config(""), Some("2024-09-27"), &rows);
    assert_eq!(planned, [(LAST_OVER.to_owned(), Verdict::Complete { events: 7, attempt: 1 })]);
}

/// A complete day, read at `read_at`.
fn complete(day: &str, read_at: &str) -> LedgerRow {
    LedgerRow { synced_at: Some(read_at.parse().expect("a time")), ..row(day, Status::Success) }
}

#[test]
fn a_complete_day_is_read_again_once_for_each_age_since_its_reading() {
    for (day, read_at, is_due) in [
        // The age of one day comes at the end of the following day.
        ("2024-09-27", "2024-09-28T00:10:00Z", true),
        ("2024-09-27", "2024-09-28T23:59:59Z", true),
        ("2024-09-27", "2024-09-29T00:00:00Z", false),
        // Ten minutes short of a day old.
        (LAST_OVER, "2024-09-29T00:10:00Z", false),
        ("2024-09-25", "2024-09-27T00:10:00Z", true),
        ("2024-09-25", "2024-09-29T00:00:00Z", false),
        // A missed recheck stays due at any age.
        ("2019-01-01", "2019-01-02T00:10:00Z", true),
    ] {
        let rows = [complete(day, read_at), row(LAST_OVER, Status::Success)];
        let rows = if day == LAST_OVER { &rows[..1] } else { &rows[..] };
        let due = due(&config(""), Some(day), rows);
        assert_eq!(due.contains(&day.to_owned()), is_due, "{day} read at {read_at}: {due:?}");
    }
}

#[test]
fn after_the_last_age_a_day_is_read_at_the_last_interval_until_settled() {
    // The last interval is two days.
    for (read_at, is_due) in [("2024-09-27T09:00:00Z", true), ("2024-09-27T11:00:00Z", false)] {
        let unsettled = complete("2024-09-20", read_at);
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
fn an_age_comes_at_its_exact_moment_even_if_another_is_close() {
    let day = "2024-09-27";
    let rows = [complete(day, "2024-09-28T00:10:00Z")];
    for (ages, is_due) in [
        // The day is 34 hours old.
        (&[34][..], true),
        (&[35], false),
        (&[34, 35], true),
        (&[35, 36], false),
    ] {
        let listed: Vec<_> = ages.iter().map(|hours| format!("\"{hours}h\"")).collect();
        let config = config(&format!("sync.recheck_after = [{}]", listed.join(", ")));
        let planned = Case::new(&config, Some(day), &rows).plan();
        let is_planned =
            planned.iter().any(|(date, verdict)| date == day && matches!(verdict, Verdict::Due(_)));
        assert_eq!(is_planned, is_due, "{ages:?}");
    }
}

#[test]
fn a_failed_recheck_is_due_at_any_age_and_one_of_another_scope_never() {
    let complete = complete("2019-01-01", "2019-01-02T00:10:00Z");
    for status in [Status::Failed, Status::Error, Status::Processing] {
        let rows = [LedgerRow { status, ..complete.clone() }];
        assert_eq!(due(&config(""), Some("2019-01-01"), &rows)[0], "2019-01-01");
    }
    let other = [LedgerRow { other_scope: true, ..complete }];
    assert!(!due(&config(""), Some("2019-01-01"), &other).contains(&"2019-01-01".to_owned()));
}

#[test]
fn a_settled_day_with_an_unfinished_repair_is_recounted_at_any_age() {
    let day = "2019-01-01";
    let row = |status| LedgerRow { status, settled: true, ..complete(day, "2019-02-01T00:00:00Z") };
    let verdict = |row: LedgerRow| {
        let planned = planned(&config(""), Some("2024-09-20"), &[row]);
        planned.into_iter().find(|(date, _)| date == day).map(|(_, verdict)| verdict)
    };
    for status in [Status::Pending, Status::Failed, Status::Error, Status::Processing] {
        assert_eq!(verdict(row(status.clone())), Some(Verdict::Due(Reason::Recount)), "{status}");
    }
    // A repair that still runs is left alone.
    let live = LedgerRow { locked_by: Some("x".into()), live: true, ..row(Status::Processing) };
    assert_eq!(verdict(live), None);
    assert_eq!(verdict(row(Status::Success)), None);
}

#[test]
fn a_recheck_names_the_attempt_that_it_rechecks() {
    let rows = [LedgerRow { attempt: 3, ..complete("2024-09-27", "2024-09-28T00:10:00Z") }];
    let planned = planned(&config(""), Some("2024-09-27"), &rows);
    assert_eq!(planned[0].1, Verdict::Due(Reason::Recheck { attempt: 3 }));
}

#[test]
fn only_named_days_are_planned_and_complete_ones_stay_complete() {
    let rows = [row("2024-01-02", Status::Success), row("2023-01-01", Status::Pending)];
    let config = config("since = \"2024-09-01\"");
    let planned = planned_range(&config, &rows, ["2024-01-01", "2024-01-02"]);
    assert_eq!(
        planned,
        [
            ("2024-01-01".to_owned(), Verdict::Due(Reason::New)),
            ("2024-01-02".to_owned(), Verdict::Complete { events: 7, attempt: 1 }),
        ]
    );
}

#[test]
fn a_day_without_a_row_is_due_unless_it_is_known_as_settled() {
    let settled = ["2024-09-22", "2024-09-23", "2024-09-24", "2024-09-26", "2024-09-27"];
    let rows = [row(LAST_OVER, Status::Failed)];
    let config = config("");
    let case = Case { settled: &settled, ..Case::new(&config, Some("2024-09-22"), &rows) };
    let planned = case.plan();
    let due = |day: &str, reason| (day.to_owned(), Verdict::Due(reason));
    assert_eq!(planned, [due("2024-09-25", Reason::New), due(LAST_OVER, Reason::Failed)]);
}

#[test]
fn days_come_oldest_first_across_sources() {
    let of = |name: &str| {
        format!("[[source]]\nname = \"{name}\"\naccount = \"{name}\"\ntoken_env = \"T\"\n")
    };
    let config =
        Config::parse(Path::new("audit.toml"), &(of("b") + &of("a"))).expect("a right file");
    let selection = Selection::Named(DateRange::new(date("2024-01-01"), date("2024-01-02")));
    let sources: Vec<&Source> = config.sources.iter().collect();
    let input = PlanInput {
        sources: &sources,
        rows: &[],
        days: &HashMap::new(),
        now: NOW.parse().expect("a time"),
        rereads: false,
    };
    let order: Vec<_> = plan(&input, selection).iter().map(|day| day.key.to_string()).collect();
    assert_eq!(order, ["a 2024-01-01", "b 2024-01-01", "a 2024-01-02", "b 2024-01-02"]);
}

/// The names under which the planned days are stored.
fn stored_as(config: &Config, rows: &[LedgerRow], settled: &[&str]) -> Vec<String> {
    let sources: Vec<&Source> = config.sources.iter().collect();
    let settled = settled.iter().copied().map(date).collect();
    let input = PlanInput {
        sources: &sources,
        rows,
        days: &[("a".to_owned(), SourceDays { first: date("2024-09-26"), settled })].into(),
        now: NOW.parse().expect("a time"),
        rereads: true,
    };
    plan(&input, Selection::Due).iter().map(|day| day.key.to_string()).collect()
}

#[test]
fn an_existing_day_keeps_its_stored_name_and_a_new_one_has_the_new_name() {
    let config = config("previous_names = [\"old\"]");
    let old = LedgerRow { stored_as: "old".into(), ..row("2024-09-26", Status::Failed) };
    let keys = stored_as(&config, std::slice::from_ref(&old), &[]);
    assert_eq!(keys, ["old 2024-09-26", "a 2024-09-27", "a 2024-09-28"]);
    // The same date may have settled under a former name. Beside a row that does not count.
    let own = LedgerRow { stored_as: "a".into(), ..old };
    let keys = stored_as(&config, &[own], &["2024-09-26", "2024-09-27"]);
    assert_eq!(keys, ["a 2024-09-26", "a 2024-09-28"]);
}

#[test]
fn each_source_looks_back_by_its_own_days() {
    let first = Some("2024-09-01");
    assert_eq!(due(&config("sync.catch_up_days = 2"), first, &[]), ["2024-09-27", LAST_OVER]);
    assert_eq!(due(&config("sync.catch_up_days = 8"), first, &[]).len(), 8);
    let rows = [complete("2024-09-27", "2024-09-28T00:10:00Z")];
    let never = due(&config("sync.recheck_after = []"), Some("2024-09-27"), &rows);
    assert_eq!(never, [LAST_OVER]);
}

#[test]
fn an_adopted_day_is_due_only_in_the_window_and_where_it_is_named() {
    let adopted = |day| LedgerRow { attempt: 0, adopted: true, ..row(day, Status::Success) };
    let rows = [adopted("2024-09-10"), adopted("2024-09-24"), row("2024-09-25", Status::Success)];
    let days = planned(&config("since = \"2024-09-24\""), Some("2024-09-10"), &rows);
    let adopted = days.iter().filter(|(_, verdict)| *verdict == Verdict::Due(Reason::Adopted));
    assert_eq!(adopted.map(|(date, _)| date.as_str()).collect::<Vec<_>>(), ["2024-09-24"]);
    let named = planned_range(&config(""), &rows, ["2024-09-10", "2024-09-10"]);
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
