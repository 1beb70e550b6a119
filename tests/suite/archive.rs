//! Heroku's archives: days are taken from them completely or not at all, and compared with the
//! stored events.

mod faults;
mod reconcile;

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::Days;
use fake_heroku::{Month, gzip, pack};
use serde_json::Value;

use crate::support::{ACME, DAY, World, date, day, fetches, truth, yesterday};

const ACME_AND_TEAM_A: &str = r#"
[[source]]
name = "acme"
account = "acme"
token_env = "HEROKU_API_TOKEN"
since = "2024-09-25"

[[source]]
name = "team-a"
account = "acme"
team = "team-a"
token_env = "HEROKU_API_TOKEN"
since = "2024-09-25"
"#;

const SEPTEMBER: Month = Month { year: 2024, month: 9 };
const DAYS: [&str; 4] = ["2024-09-25", "2024-09-26", "2024-09-27", "2024-09-28"];
const FIXTURE_DAYS: &str = "--from 2024-09-25 --to 2024-09-28";

fn backfill(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("backfill --output json {arguments}"));
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

fn reconcile(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("reconcile --month 2024-09 --output json {arguments}"));
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

/// The result for a source's day.
fn found<'r>(report: &'r Value, source: &str, day: &str) -> &'r Value {
    let months = report["months"].as_array().expect("months");
    let month = months.iter().find(|month| month["source"] == source).expect("the source's month");
    let days = month["days"].as_array().expect("days");
    days.iter().find(|row| row["date"] == day).unwrap_or_else(|| panic!("no {day} in {report:#}"))
}

fn is_of_team_a(event: &Value) -> bool {
    event["team"]["name"] == "team-a"
}

fn assert_all_complete(world: &World) {
    for day in DAYS {
        world.assert_complete("acme", day, &truth(world, "acme", day, |_| true));
        world.assert_complete("team-a", day, &truth(world, "acme", day, is_of_team_a));
    }
}

/// The downloads that the archive host saw.
fn downloads(world: &World) -> usize {
    world
        .heroku
        .requests()
        .iter()
        .filter(|request| request.host == fake_heroku::Host::Archive)
        .count()
}

#[test]
fn one_download_fills_a_month_by_utc_day_and_team_without_the_token() {
    let world = World::new(ACME_AND_TEAM_A);
    let report = backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 0);
    assert_eq!(report["totals"]["synced"], 8);
    assert_all_complete(&world);
    assert_eq!(world.sql("SELECT DISTINCT via FROM audit_events"), "archive");
    assert_eq!((downloads(&world), fetches(&world, "acme", DAY)), (1, 0));
    assert_eq!(world.heroku.violations(), [""; 0], "above all no token at the archive's host");
    let notes = world.sql("SELECT DISTINCT message FROM audit_history WHERE action = 'publish'");
    let mut facts = String::new();
    world.heroku.change_archive("acme", SEPTEMBER, |archive| {
        facts = format!("sha256 {}, {} bytes", archive.checksum, archive.file.len());
    });
    assert_eq!(notes, format!("from the archive of 2024-09, {facts}"));

    let again = backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 0);
    assert_eq!((&again["totals"]["already_synced"], downloads(&world)), (&8.into(), 1));
}

#[test]
fn an_archive_may_be_a_bare_list_and_need_not_be_compressed() {
    let world = World::new(ACME);
    let events: Vec<Bytes> =
        DAYS.iter().flat_map(|day| world.heroku.day("acme", date(day))).collect();
    let list = [b"[".as_slice(), &events.join(&b","[..]), b"]"].concat();
    for file in [gzip(&list), Bytes::from(list)] {
        world.heroku.put_archive("acme", SEPTEMBER, file);
        world.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 0);
        for day in DAYS {
            world.assert_complete("acme", day, &truth(&world, "acme", day, |_| true));
        }
    }
}

#[test]
fn only_days_that_the_archive_covers_completely_are_published() {
    let world = World::new(ACME);
    world.heroku.change_archive("acme", SEPTEMBER, |archive| {
        archive.created_at = "2024-09-28T15:00:00Z".into();
    });
    let report = backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 1);
    assert_eq!(report["totals"]["synced"], 3);
    let error = day(&report, "acme", DAY)["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("covers complete days up to 2024-09-27 only"), "{error}");
    assert_eq!(
        world.sql(&format!("SELECT count(*) FROM audit_events WHERE process_date = '{DAY}'")),
        "0"
    );

    let months = reconcile(&world, "", 0);
    assert_eq!(months["months"][0]["covers_month"], false);
    assert_eq!(months["months"][0]["days"].as_array().expect("days").len(), 3);
}

#[test]
fn days_too_close_to_the_archive_s_making_are_read_again_unless_old() {
    let world = World::new(&format!("[sync]\ncatch_up_days = 1\n{ACME}"));
    world.heroku.change_archive("acme", SEPTEMBER, |archive| {
        archive.created_at = "2024-09-29T00:02:24.870Z".into();
    });
    backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 0);
    let settled = "SELECT count(*) FROM audit_events_log WHERE settled_at IS NOT NULL";
    assert_eq!(world.sql(settled), "4", "how far back Heroku's list reaches is not known");

    // Three days ago, in an archive that was made two minutes after that day ended.
    let young = yesterday() - Days::new(2);
    let month = Month::of(young);
    world.heroku.generate_day("acme", young, 5);
    world.heroku.make_archive("acme", month);
    world.heroku.change_archive("acme", month, |archive| {
        archive.created_at = format!("{}T00:02:00Z", young + Days::new(1));
    });
    backfill(&world, &format!("--via archive --from {young} --to {young}"), 0);
    assert_eq!(world.sql(settled), "4");
    world.sync(&format!("--date {young}"), 0);
    assert_eq!(fetches(&world, "acme", &young.to_string()), 1);
    assert_eq!(world.sql("SELECT count(*) FROM audit_event_conflicts"), "0");
}

#[test]
fn events_outside_the_month_are_kept_with_the_nearest_day_and_warned_once() {
    let world = World::new(ACME);
    let mut events = listed(&world, &DAYS);
    events
        .push(Bytes::from_static(br#"{"id":"from-october","created_at":"2024-10-02T00:00:00Z"}"#));
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
    let finished = world.run("backfill --via archive --from 2024-09-25 --to 2024-09-27");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(
        finished.stderr.contains("from-october") && finished.stderr.contains("not of its month"),
        "{finished:#?}"
    );
    let kept = "SELECT process_date FROM audit_events WHERE event_id = 'from-october'";
    assert_eq!(world.sql(kept), "2024-09-27");
    backfill(&world, "--via archive --from 2024-09-28 --to 2024-09-28", 0);
    assert_eq!(world.sql(kept), "2024-09-27", "it is not kept twice");
    let report = reconcile(&world, "", 0);
    for day in DAYS {
        assert_eq!(found(&report, "acme", day)["missing_here"], serde_json::json!([]), "{day}");
    }
}

#[test]
fn an_archive_with_undated_events_keeps_them_and_completes_no_day() {
    let world = World::new(ACME);
    let mut events = listed(&world, &DAYS);
    events.push(Bytes::from_static(br#"{"id":"undated","created_at":"2024-09-26 12:00:00"}"#));
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
    let report = backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 1);
    for day_of in DAYS {
        let error = day(&report, "acme", day_of)["error"].as_str().expect("an error").to_owned();
        assert!(error.contains("holds 1 events of this source without a date"), "{error}");
    }
    assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "FAILED");
    assert_eq!(world.sql("SELECT count(*) FROM audit_events WHERE event_id = 'undated'"), "1");
    // Heroku's list of each day holds it under that day.
    world.heroku.add_event(
        "acme",
        date("2024-09-26"),
        &br#"{"id":"undated","created_at":"2024-09-26 12:00:00"}"#[..],
    );
    assert_eq!(world.run(&format!("backfill {FIXTURE_DAYS}")).status, 0);
    assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "SUCCESS");
}

#[test]
fn a_repair_adds_undated_events_to_a_day_that_stays_complete() {
    let world = World::new(&format!("{ACME}since = \"2024-09-25\"\n"));
    world.sync("--from 2024-09-25 --to 2024-09-28", 0);
    let mut events = listed(&world, &DAYS);
    events.push(Bytes::from_static(br#"{"id":"undated","created_at":null}"#));
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
    let report = reconcile(&world, "", 1);
    assert_eq!(
        found(&report, "acme", "2024-09-25")["missing_here"],
        serde_json::json!(["undated"])
    );
    reconcile(&world, "--repair", 0);
    assert_eq!(
        world.sql("SELECT process_date FROM audit_events WHERE event_id = 'undated'"),
        "2024-09-25"
    );
    assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "SUCCESS");
    reconcile(&world, "", 0);
}

#[test]
fn a_team_that_is_not_found_gets_no_event_from_any_archive() {
    let world = World::new(ACME_AND_TEAM_A);
    world.sync("--date 2024-09-28 --source team-a", 0);
    let mut events = listed(&world, &DAYS);
    events.push(Bytes::from_static(br#"{"id":"stray","created_at":"2024-10-02T00:00:00Z"}"#));
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
    world.write_config(&ACME_AND_TEAM_A.replace("team = \"team-a\"", "team = \"team-x\""));
    let before = world.stored("team-a", DAY);
    let report = backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 1);
    let error =
        day(&report, "team-a", "2024-09-26")["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("has no team `team-x`"), "{error}");
    assert_eq!(
        world.sql("SELECT count(*) FROM audit_events WHERE source = 'team-a'"),
        before.len().to_string()
    );
    world.assert_complete("acme", "2024-09-26", &truth(&world, "acme", "2024-09-26", |_| true));
}

#[test]
fn other_json_spelling_in_list_and_archive_is_no_new_event_or_conflict() {
    let world = World::new(ACME);
    put_respelled(&world);
    backfill(&world, "--via archive --from 2024-09-28 --to 2024-09-28", 0);
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let report = world.sync("--date 2024-09-28", 0);
    let again = day(&report, "acme", DAY);
    assert_eq!((&again["outcome"], &again["events"]), (&"synced".into(), &450.into()));
    for figure in ["new_events", "late_events", "conflicts", "vanished_events"] {
        assert_eq!(again[figure], 0, "{figure}");
    }
}

/// What acme's lists hold of these days.
fn listed(world: &World, days: &[&str]) -> Vec<Bytes> {
    days.iter().flat_map(|day| world.heroku.day("acme", date(day))).collect()
}

/// Makes an archive of September with each listed event in another spelling.
fn put_respelled(world: &World) {
    let events: Vec<Bytes> = listed(world, &DAYS).iter().map(respelled).collect();
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
}

/// The same value in another spelling: other white space, and keys in reverse order.
fn respelled(event: &Bytes) -> Bytes {
    let value: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_slice(event).expect("an event");
    let members =
        value.iter().rev().map(|(key, value)| format!("{} : {value}", Value::from(key.as_str())));
    Bytes::from(format!("{{ {} }}", members.collect::<Vec<_>>().join(" ,\n")))
}

#[test]
fn months_without_possible_archive_and_reversed_ranges_are_rejected() {
    let world = World::new(ACME);
    for (arguments, expected) in [
        ("reconcile --month 2016-12", "before 2017-01-01"),
        ("reconcile --month 2999-01", "no day of 2999-01 is over"),
        ("reconcile --month 2024-13", "months are 01 to 12"),
        ("backfill --from 2024-09-28 --to 2024-09-27", "is after"),
        ("backfill --from 2016-12-31 --to 2017-01-01", "is before 2017-01-01"),
        ("backfill --from 2024-09-28 --to 2999-01-01", "is not over in UTC"),
        ("backfill --from 2024-09-28 --to 2024-09-28 --source acmee", "acme"),
    ] {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 2, "{arguments}: {finished:#?}");
        assert!(finished.stderr.contains(expected), "{arguments}: {}", finished.stderr);
    }
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn a_download_that_serves_several_days_counts_once_and_its_time_is_shared() {
    let world = World::new(ACME_AND_TEAM_A);
    world.heroku.make_archive("acme", SEPTEMBER);
    let arguments = format!("--via archive {FIXTURE_DAYS}");
    let plan = backfill(&world, &format!("{arguments} --plan"), 0);
    let report = backfill(&world, &arguments, 0);
    let days = report["days"].as_array().expect("days");
    let sum = |key: &str| days.iter().map(|day| day[key].as_u64().expect("a number")).sum::<u64>();
    assert_eq!((days.len(), sum("requests")), (8, plan["requests"].as_u64().expect("a number")));
    let time = |key: &str| {
        let text = report[key].as_str().expect("a time");
        text.parse::<chrono::DateTime<chrono::Utc>>().expect("a time")
    };
    let took = (time("finished_at") - time("started_at")).num_milliseconds();
    assert!(sum("duration_ms") <= took as u64, "{took} ms: {report:#}");
    let history = world.sql("SELECT sum(requests) FROM audit_history WHERE action = 'publish'");
    assert_eq!(history, sum("requests").to_string());
}

#[test]
fn an_empty_day_from_an_archive_is_confirmed_by_it() {
    let world = World::new(ACME_AND_TEAM_A);
    world.heroku.put_day("acme", date("2024-09-26"), Vec::new());
    world.heroku.make_archive("acme", SEPTEMBER);
    backfill(&world, &format!("--via archive {FIXTURE_DAYS}"), 0);
    let confirmed = world.sql(
        "SELECT string_agg(source || ' ' || process_date, ', ' ORDER BY source)
         FROM audit_history WHERE action = 'confirm' AND outcome = 'confirmed'
         AND message LIKE 'the archive of 2024-09 (sha256 %) holds no event of it'",
    );
    assert_eq!(confirmed, "acme 2024-09-26, team-a 2024-09-26");
    let status = world.run("status --output json").json();
    for source in status["sources"].as_array().expect("sources") {
        assert_eq!(source["empty_unconfirmed"], 0, "{source:#}");
    }
    let text = world.run("status").stdout;
    assert!(!text.contains("only Heroku's list says so"), "{text}");
}
