//! A settled day stays settled when a repair adds to it, however the repair ends.

use bytes::Bytes;
use fake_heroku::{Fault, Match, Month, pack};
use serde_json::Value;

use crate::support::{ACME, DAY, Running, World, date, day, fetches, source, truth, wait_for};

const SEPTEMBER: Month = Month { year: 2024, month: 9 };

/// The events that are in the archive of September and in no list.
const UNLISTED: [&str; 2] = [
    r#"{"id":"unlisted-1","created_at":"2024-09-28T01:00:00Z","type":"app","action":"create"}"#,
    r#"{"id":"unlisted-2","created_at":"2024-09-28T02:00:00Z","type":"app","action":"destroy"}"#,
];

/// A source with one settled day, whose archive has more events of it. From now on Heroku rejects
/// the day's list.
fn settled() -> World {
    let world = World::new(&format!("[sync]\ncatch_up_days = 1\n{ACME}since = \"{DAY}\"\n"));
    world.sync(&format!("--date {DAY}"), 0);
    world.sync("", 0);
    assert_eq!(row(&world), "SUCCESS|t|450|");
    put_archive(&world, &UNLISTED);
    reject_the_list(&world);
    world.heroku.forget_requests();
    world
}

fn put_archive(world: &World, more: &[&'static str]) {
    let mut events = world.heroku.day("acme", date(DAY));
    events.extend(more.iter().map(|text| Bytes::from_static(text.as_bytes())));
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
}

fn reject_the_list(world: &World) {
    let rejected = Fault::status(400, "bad_request", "No events that old");
    world.heroku.fault(Match::events("acme").day(date(DAY)).always(), rejected);
}

/// The day's row: status, settled, events, error.
fn row(world: &World) -> String {
    world.sql(&format!(
        "SELECT status, settled_at IS NOT NULL, events_count, error_message
         FROM audit_events_log WHERE source = 'acme' AND process_date = '{DAY}'"
    ))
}

/// The day's events after the repair, one by one.
fn assert_repaired(world: &World, more: &[&str]) {
    let mut expected = truth(world, "acme", DAY, |_| true);
    for text in more {
        let event: Value = serde_json::from_str(text).expect("an event");
        expected.insert(event["id"].as_str().expect("an id").to_owned(), text.as_bytes().to_vec());
    }
    world.assert_complete("acme", DAY, &expected);
}

/// Runs three syncs. None may request the list or fail. Returns the first one's report of the day,
/// if it has one.
fn three_syncs(world: &World) -> Option<Value> {
    let reports: Vec<Value> = (0..3).map(|_| world.sync("", 0)).collect();
    assert_eq!(fetches(world, "acme", DAY), 0, "the list is not requested");
    let of_day = |report: &Value| {
        report["days"].as_array().expect("days").iter().find(|row| row["date"] == DAY).cloned()
    };
    assert_eq!(
        reports[1..].iter().filter_map(of_day).count(),
        0,
        "nothing is left to do: {reports:#?}"
    );
    of_day(&reports[0])
}

fn repair(world: &World, status: i32) -> Value {
    let finished = world.run("reconcile --month 2024-09 --repair --output json");
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

/// Starts a repair that can read, and can't write until the session ends.
fn repair_that_is_held_up(world: &World) -> (Running, crate::support::Session) {
    let mut session = world.session(world.database.url());
    session.ask("BEGIN; LOCK TABLE audit_events IN SHARE MODE");
    let running = world.spawn("reconcile --month 2024-09 --repair --output json");
    wait_for("the repair's claim", || row(world).starts_with("PROCESSING"));
    (running, session)
}

/// The state after a killed repair: some events stored, the lease expired, nothing published.
fn repair_was_killed(world: &World) {
    let event = UNLISTED[0];
    world.sql(&format!(
        "UPDATE audit_events_log SET status = 'PROCESSING', attempt = 2, locked_by = 'gone',
                locked_until = clock_timestamp() - interval '1 s' WHERE process_date = '{DAY}';
         INSERT INTO audit_events (source, process_date, event_id, attempt, created_at, event,
         event_hash, via)
         VALUES ('acme', '{DAY}', 'unlisted-1', 2, '2024-09-28T01:00:00Z', '{event}',
         sha256('{event}'), 'archive')"
    ));
}

#[test]
fn a_repair_that_adds_to_a_settled_day_leaves_it_settled() {
    let world = settled();
    let when = "SELECT settled_at FROM audit_events_log WHERE process_date = '2024-09-28'";
    let before = world.sql(when);
    let report = repair(&world, 0);
    assert_eq!(report["months"][0]["days"][0]["repaired"], 2);
    assert_eq!((row(&world).as_str(), world.sql(when)), ("SUCCESS|t|452|", before));
    assert_repaired(&world, &UNLISTED);
    let history = "SELECT new_events, late_events FROM audit_history WHERE action = 'publish' \
        AND attempt = 2";
    assert_eq!(world.sql(history), "2|2");
    assert_eq!(three_syncs(&world), None);
}

#[test]
fn a_repair_that_keeps_a_conflict_leaves_a_settled_day_settled() {
    let world = settled();
    let mut changed: Value =
        serde_json::from_slice(&world.heroku.day("acme", date(DAY))[3]).expect("an event");
    changed["action"] = "changed".into();
    let mut events = world.heroku.day("acme", date(DAY));
    events[3] = Bytes::from(changed.to_string());
    world.heroku.put_archive("acme", SEPTEMBER, pack(&events));
    repair(&world, 0);
    assert_eq!(world.sql("SELECT count(*) FROM audit_event_conflicts"), "1");
    assert_eq!(row(&world), "SUCCESS|t|450|");
    assert_eq!(three_syncs(&world), None);
}

#[test]
fn an_old_day_settles_with_the_archive_that_repairs_it() {
    let world = settled();
    // Its rechecks never came: it was read ten minutes after its end.
    world.sql(&format!(
        "UPDATE audit_events_log SET synced_at = '2024-09-29T00:10:00Z', settled_at = NULL \
         WHERE process_date = '{DAY}'"
    ));
    repair(&world, 0);
    assert_eq!(row(&world), "SUCCESS|t|452|");
    assert_eq!(three_syncs(&world), None);
}

#[test]
fn a_settled_day_with_a_killed_repair_is_recounted_without_a_request() {
    let world = settled();
    repair_was_killed(&world);
    let dry = world.sync("--dry-run", 0);
    let found = day(&dry, "acme", DAY);
    assert_eq!(
        (&found["outcome"], &found["events"], &found["requests"]),
        (&"would_sync".into(), &451.into(), &0.into())
    );
    let found = three_syncs(&world).expect("the first sync counts it");
    assert_eq!(
        (&found["outcome"], &found["events"], &found["late_events"]),
        (&"synced".into(), &451.into(), &1.into())
    );
    assert_eq!((&found["new_events"], &found["requests"]), (&0.into(), &0.into()));
    assert_eq!(row(&world), "SUCCESS|t|451|");
    assert_repaired(&world, &UNLISTED[..1]);
    repair(&world, 0);
    assert_eq!(row(&world), "SUCCESS|t|452|");
    assert_repaired(&world, &UNLISTED);
}

#[test]
fn a_killed_repair_of_a_settled_day_is_finished_by_the_next_one() {
    let world = settled();
    let (running, mut session) = repair_that_is_held_up(&world);
    running.signal("KILL");
    running.wait();
    session.ask("ROLLBACK");
    // While its lease is live, no run touches it.
    assert_eq!(three_syncs(&world), None);
    world.expire_leases();
    let report = repair(&world, 0);
    assert_eq!(report["months"][0]["days"][0]["repaired"], 2);
    assert_eq!(row(&world), "SUCCESS|t|452|");
    assert_repaired(&world, &UNLISTED);
    assert_eq!(three_syncs(&world), None);
}

#[test]
fn a_settled_day_whose_repair_was_signalled_settles_in_the_next_run() {
    let world = settled();
    let (running, mut session) = repair_that_is_held_up(&world);
    running.signal("TERM");
    assert_eq!(running.wait().status, 143);
    session.ask("ROLLBACK");
    wait_for("the end of its statements", || {
        world.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%audit_events%' \
            AND pid <> pg_backend_pid()",
        ) == "0"
    });
    // A lease that could not be released in time runs out.
    world.expire_leases();
    three_syncs(&world).expect("the first sync counts it");
    assert_eq!(row(&world), "SUCCESS|t|450|");
    repair(&world, 0);
    assert_eq!(row(&world), "SUCCESS|t|452|");
}

#[test]
fn a_settled_day_whose_repair_failed_settles_in_the_next_run() {
    let world = settled();
    world.sql("ALTER TABLE audit_events ADD CONSTRAINT closed CHECK (via <> 'archive')");
    let report = repair(&world, 1);
    let error = report["months"][0]["days"][0]["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("closed"), "{error}");
    assert!(!row(&world).starts_with("SUCCESS"), "{}", row(&world));
    let found = three_syncs(&world).expect("the first sync counts it");
    assert_eq!((&found["outcome"], &found["events"]), (&"synced".into(), &450.into()));
    assert_eq!(row(&world), "SUCCESS|t|450|");
    assert_repaired(&world, &[]);
}

#[test]
fn status_shows_an_unfinished_repair_as_due_until_it_is_counted() {
    let world = settled();
    repair_was_killed(&world);
    let state = |world: &World| {
        let status = world.run("status --output json").json();
        ["settled", "due"].map(|state| status["sources"][0][state].as_u64().expect("a count"))
    };
    let [settled, due] = state(&world);
    assert_eq!(due, 1);
    // The same for a source that the file no longer names.
    let file = format!("[sync]\ncatch_up_days = 1\n{ACME}since = \"{DAY}\"\n");
    world.write_config(&file.replace("name = \"acme\"", "name = \"another\""));
    let gone = world.run("status --source acme --output json").json();
    assert_eq!(
        (&gone["sources"][0]["due"], &gone["sources"][0]["settled"]),
        (&1.into(), &settled.into())
    );
    world.write_config(&file);
    assert!(three_syncs(&world).is_some());
    assert_eq!(state(&world), [settled + 1, 0]);
}

#[test]
fn an_unfinished_repair_is_counted_after_cleanup_and_read_after_reset() {
    let world = settled();
    repair_was_killed(&world);
    assert_eq!(world.run("cleanup").status, 0);
    assert!(row(&world).starts_with("ERROR|"));
    assert!(three_syncs(&world).is_some());
    assert_eq!(row(&world), "SUCCESS|t|451|");

    // A reset means that the day is read again.
    assert_eq!(world.run(&format!("reset --source acme {DAY}")).status, 0);
    world.heroku.clear_faults();
    world.sync("", 0);
    assert_eq!(fetches(&world, "acme", DAY), 1);
    assert_eq!(row(&world), "SUCCESS|t|451|");
}

#[test]
fn an_unfinished_repair_of_a_day_that_lost_events_is_read_again() {
    let world = settled();
    repair_was_killed(&world);
    world.sql(&format!(
        "DELETE FROM audit_events
         WHERE event_id IN (SELECT event_id FROM audit_events WHERE process_date = '{DAY}'
         ORDER BY event_id LIMIT 2)"
    ));
    let report = world.sync("", 1);
    assert_eq!(day(&report, "acme", DAY)["outcome"], "failed");
    world.heroku.clear_faults();
    world.sync("", 0);
    assert_eq!(fetches(&world, "acme", DAY), 2);
    assert_repaired(&world, &UNLISTED[..1]);
}

#[test]
fn a_due_list_is_read_for_the_sources_without_an_unfinished_repair() {
    let team = source("team-a", "acme") + "team = \"team-a\"\n";
    let world = settled();
    repair_was_killed(&world);
    world.heroku.clear_faults();
    world.write_config(&format!("[sync]\ncatch_up_days = 1\n{ACME}{team}"));
    let report = world.sync(&format!("--date {DAY}"), 0);
    assert_eq!(
        day(&report, "team-a", DAY)["requests"].as_u64().map(|requests| requests > 0),
        Some(true)
    );
    assert_eq!(
        (&day(&report, "acme", DAY)["requests"], row(&world).as_str()),
        (&0.into(), "SUCCESS|t|451|")
    );
}

#[test]
fn an_unfinished_repair_is_counted_with_scope_and_time_of_its_reading() {
    let world = settled();
    repair_was_killed(&world);
    let read =
        format!("SELECT scope, synced_at FROM audit_events_log WHERE process_date = '{DAY}'");
    let before = world.sql(&read);
    world
        .write_config(&format!("[sync]\ncatch_up_days = 1\n{ACME}filter = {{ type = \"app\" }}\n"));
    assert!(three_syncs(&world).is_some());
    assert_eq!((row(&world).as_str(), world.sql(&read)), ("SUCCESS|t|451|", before));
}

#[test]
fn a_reset_after_a_signalled_repair_makes_the_day_read() {
    let world = settled();
    // The state after a signal in the middle of a repair.
    let interrupted =
        "UPDATE audit_events_log SET status = 'PENDING' WHERE process_date = '2024-09-28'";
    world.sql(interrupted);
    assert_eq!(world.run(&format!("reset --source acme {DAY}")).status, 0);
    world.heroku.clear_faults();
    world.sync("", 0);
    assert_eq!(fetches(&world, "acme", DAY), 1);
    // Without a reset it is only counted.
    world.sql(interrupted);
    assert!(world.sync("", 0)["totals"]["synced"] == 1 && fetches(&world, "acme", DAY) == 1);
}
