//! Complete days are read again until they settle: late events are found, and vanished or changed
//! ones are reported.

use fake_heroku::{Fault, Match, Paging};

use crate::support::{DAY, World, date, day, fetches, truth, wait_for};

/// One source, whose runs process only days that are complete and not settled.
const ONLY_RECHECKS: &str = r#"
[sync]
catch_up_days = 1
[[source]]
name = "acme"
account = "acme"
token_env = "HEROKU_API_TOKEN"
since = "2024-01-01"
"#;

const LATE: &str =
    r#"{"id":"late","created_at":"2024-09-28T12:00:00Z","type":"app","action":"destroy"}"#;

/// A world whose day was read completely ten minutes after its end.
fn read_early() -> World {
    let world = World::new(ONLY_RECHECKS);
    world.sync("--date 2024-09-28", 0);
    world.sync("", 0);
    as_if_read_at(&world, "2024-09-29T00:10:00Z");
    world
}

fn as_if_read_at(world: &World, time: &str) {
    world.sql(&format!(
        "UPDATE audit_events_log SET synced_at = '{time}', settled_at = NULL \
         WHERE process_date = '{DAY}'"
    ));
}

fn settled(world: &World) -> bool {
    world.sql(&format!(
        "SELECT settled_at IS NOT NULL FROM audit_events_log WHERE process_date = '{DAY}'"
    )) == "t"
}

#[test]
fn a_recheck_finds_a_late_event_and_a_later_one_settles_the_day() {
    let world = read_early();
    let first_seen = "SELECT count(DISTINCT date_trunc('hour', first_seen_at)) FROM audit_events";
    assert_eq!(world.sql(first_seen), "1");
    world.heroku.add_event("acme", date(DAY), LATE);
    let finished = world.run("--output json --log-format logfmt");
    assert_eq!(finished.status, 0, "{finished:#?}");
    let report = finished.json();
    let found = day(&report, "acme", DAY);
    assert_eq!((&found["outcome"], &found["late_events"]), (&"synced".into(), &1.into()));
    assert_eq!(
        (&found["events"], &found["new_events"], &found["attempt"]),
        (&451.into(), &1.into(), &2.into())
    );
    let line =
        finished.stderr.lines().find(|line| line.contains("id=late")).expect("a line of the event");
    assert!(line.contains("late=true") && line.contains("action=destroy"), "{line}");
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    assert!(!settled(&world), "it brought something, so another reading follows");
    let history = "SELECT late_events, new_events FROM audit_history WHERE action = 'publish' \
        AND attempt = 2";
    assert_eq!(world.sql(history), "1|1");

    // Two days later, the distance of the last two ages.
    let asked = fetches(&world, "acme", DAY);
    world.sync("", 0);
    assert_eq!(fetches(&world, "acme", DAY), asked, "its time has not come yet");
    as_if_read_at(&world, "2024-10-02T00:00:00Z");
    let report = world.sync("", 0);
    assert_eq!(day(&report, "acme", DAY)["late_events"], 0);
    assert!(settled(&world));
    world.sync("", 0);
    assert_eq!(fetches(&world, "acme", DAY), asked + 1, "a settled day is not requested");
}

#[test]
fn a_day_first_read_after_the_last_age_settles_at_once() {
    let world = World::new(ONLY_RECHECKS);
    world.sync("--date 2024-09-28", 0);
    assert!(settled(&world));

    let never = World::new(
        &ONLY_RECHECKS.replace("catch_up_days = 1", "catch_up_days = 1\nrecheck_after = []"),
    );
    let yesterday = crate::support::yesterday();
    never.sync(&format!("--date {yesterday}"), 0);
    assert_eq!(never.sql("SELECT settled_at IS NOT NULL FROM audit_events_log"), "t");
    as_if_read_at(&never, "2024-09-29T00:10:00Z");
    never.sync("", 0);
    assert_eq!(fetches(&never, "acme", &yesterday.to_string()), 1);
}

#[test]
fn of_two_runs_that_want_to_reread_a_day_one_does() {
    let world = read_early();
    let hold = world.heroku.hold(Match::events("acme").day(date(DAY)));
    let first = world.spawn("--output json");
    wait_for("the recheck", || hold.waiting() > 0);
    let second = world.sync("", 0);
    assert_eq!(day(&second, "acme", DAY)["outcome"], "locked_elsewhere");
    hold.release();
    assert_eq!(day(&first.wait().json(), "acme", DAY)["attempt"], 2);
    assert_eq!(fetches(&world, "acme", DAY), 2);
}

#[test]
fn a_vanished_event_stays_and_is_reported_with_its_id() {
    let world = read_early();
    let gone =
        world.sql(&format!("SELECT min(event_id) FROM audit_events WHERE process_date = '{DAY}'"));
    let before = truth(&world, "acme", DAY, |_| true);
    assert_eq!(world.heroku.remove_event("acme", date(DAY), &gone), 1);
    let finished = world.run("--output json");
    let report = finished.json();
    let found = day(&report, "acme", DAY);
    assert_eq!(
        (&found["outcome"], &found["vanished_events"], &found["events"]),
        (&"synced".into(), &1.into(), &450.into())
    );
    assert!(finished.stderr.contains(&gone), "{}", finished.stderr);
    world.assert_complete("acme", DAY, &before);
    let note =
        world.sql("SELECT message FROM audit_history WHERE action = 'publish' AND attempt = 2");
    assert_eq!(note, format!("1 stored events are no longer listed: {gone}"));
}

#[test]
fn events_in_another_order_are_not_new() {
    let world = read_early();
    let mut events = world.heroku.day("acme", date(DAY));
    events.reverse();
    world.heroku.put_day("acme", date(DAY), events);
    let report = world.sync("", 0);
    let found = day(&report, "acme", DAY);
    for figure in ["new_events", "late_events", "vanished_events", "conflicts"] {
        assert_eq!(found[figure], 0, "{figure}");
    }
    assert!(settled(&world));
}

/// Changes one event of the day at Heroku.
fn change_an_event(world: &World) {
    let mut events = world.heroku.day("acme", date(DAY));
    let mut changed: serde_json::Value = serde_json::from_slice(&events[7]).expect("an event");
    changed["action"] = "changed".into();
    events[7] = changed.to_string().into();
    world.heroku.put_day("acme", date(DAY), events);
}

#[test]
fn a_changed_event_is_kept_beside_the_first_and_prevents_settling() {
    let world = read_early();
    change_an_event(&world);
    let report = world.sync("", 0);
    let found = day(&report, "acme", DAY);
    assert_eq!(
        (&found["conflicts"], &found["new_events"], &found["vanished_events"]),
        (&1.into(), &0.into(), &0.into())
    );
    assert!(!settled(&world));
}

#[test]
fn a_failed_recheck_leaves_the_day_due_at_any_age_and_loses_nothing() {
    let world = read_early();
    world.heroku.fault(Match::events("acme").day(date(DAY)), Fault::status(403, "forbidden", "No"));
    let report = world.sync("", 1);
    assert_eq!(day(&report, "acme", DAY)["outcome"], "failed");
    let row = format!(
        "SELECT status, events_count, synced_at IS NOT NULL FROM audit_events_log \
         WHERE process_date = '{DAY}'"
    );
    assert_eq!(world.sql(&row), "FAILED|450|t");
    let report = world.sync("", 0);
    assert_eq!(day(&report, "acme", DAY)["outcome"], "synced");
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn late_events_of_a_killed_attempt_still_count_as_late() {
    let world = read_early();
    world.heroku.add_event("acme", date(DAY), LATE);
    // The state after a killed recheck: the event stored, the day not published, the lease expired.
    world.sql(&format!(
        "UPDATE audit_events_log SET status = 'PROCESSING', attempt = 2, locked_by = 'gone',
                locked_until = clock_timestamp() - interval '1 s' WHERE process_date = '{DAY}';
         INSERT INTO audit_events (source, process_date, event_id, attempt, event, event_hash, via)
         VALUES ('acme', '{DAY}', 'late', 2, '{LATE}', sha256('{LATE}'), 'api')"
    ));
    let report = world.sync("", 0);
    let found = day(&report, "acme", DAY);
    assert_eq!((&found["late_events"], &found["new_events"]), (&1.into(), &0.into()));
    assert!(!settled(&world), "it has more events than at its last complete reading");
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn a_day_of_another_filter_is_reread_only_after_a_reset() {
    let world = read_early();
    let narrower = format!("{ONLY_RECHECKS}filter = {{ type = \"app\" }}\n");
    world.write_config(&narrower);
    world.sync("", 0);
    assert_eq!(
        fetches(&world, "acme", DAY),
        1,
        "a day that was read without a filter stays as it is"
    );
    let status = world.run("status --output json").json();
    assert_eq!(status["sources"][0]["other_scope"], 2, "{status:#}");

    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let finished = world.run("--output json");
    let report = finished.json();
    let found = day(&report, "acme", DAY);
    assert_eq!(
        (&found["outcome"], &found["events"], &found["vanished_events"]),
        (&"synced".into(), &450.into(), &0.into())
    );
    assert!(finished.stderr.contains("read with another scope before"), "{}", finished.stderr);
    let note =
        world.sql("SELECT message FROM audit_history WHERE action = 'publish' AND attempt = 2");
    assert_eq!(note, r#"read with another scope before: {"account": "acme"}"#);
    let scope =
        world.sql(&format!("SELECT scope FROM audit_events_log WHERE process_date = '{DAY}'"));
    assert_eq!(scope, r#"{"filter": {"type": "app"}, "account": "acme"}"#);

    // Later readings do not miss events that the narrower filter excludes either.
    as_if_read_at(&world, "2024-09-29T00:10:00Z");
    let report = world.sync("", 0);
    let found = day(&report, "acme", DAY);
    assert_eq!((&found["outcome"], &found["vanished_events"]), (&"synced".into(), &0.into()));
}

#[test]
fn leftovers_of_another_filter_in_an_unfinished_day_are_reported() {
    let world = World::new(ONLY_RECHECKS);
    world.heroku.set_paging(Paging::Pages { default: 100, max: 100 });
    world
        .heroku
        .fault(Match::events("acme").page(23).always(), Fault::status(503, "unavailable", "Later"));
    world.sync("--date 2024-09-27", 1);
    world.heroku.clear_faults();
    world.write_config(&format!("{ONLY_RECHECKS}filter = {{ type = \"app\" }}\n"));
    let finished = world.run("--date 2024-09-27 --output json");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stderr.contains("read with another scope before"), "{}", finished.stderr);
    assert_eq!(day(&finished.json(), "acme", "2024-09-27")["vanished_events"], 0);
}

#[test]
fn a_conflict_at_the_last_recheck_requires_one_more_reading() {
    let world = read_early();
    change_an_event(&world);
    world.sync("", 0);
    assert!(!settled(&world), "the reading brought a conflict");
    as_if_read_at(&world, "2024-10-02T00:00:00Z");
    let report = world.sync("", 0);
    assert_eq!(day(&report, "acme", DAY)["conflicts"], 0);
    assert!(settled(&world), "the next one brought nothing");
    world.sync("", 0);
    assert_eq!(fetches(&world, "acme", DAY), 3);
}

#[test]
fn events_that_another_scope_brings_are_not_late_in_report_history_or_log() {
    let world = read_early();
    let narrower = format!("{ONLY_RECHECKS}filter = {{ type = \"app\" }}\n");
    world.write_config(&narrower);
    world.heroku.add_event("acme", date(DAY), LATE);
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let finished = world.run("--output json --log-format logfmt");
    let found = day(&finished.json(), "acme", DAY).clone();
    assert_eq!((&found["new_events"], &found["late_events"]), (&1.into(), &0.into()));
    let history = "SELECT new_events, late_events FROM audit_history WHERE action = 'publish' \
        AND attempt = 2";
    assert_eq!(world.sql(history), "1|0");
    let line =
        finished.stderr.lines().find(|line| line.contains("id=late")).expect("a line of the event");
    assert!(!line.contains("late=true"), "{line}");
}
