//! The same with archives: backfill, reconcile and its repairs.

use std::process::Command;

use bytes::Bytes;
use fake_heroku::{Month, pack};
use serde_json::Value;

use super::{days_of, figures, reread, sync};
use crate::support::{ACME, World, date, day};

const SEPTEMBER: Month = Month { year: 2024, month: 9 };
const OCTOBER: Month = Month { year: 2024, month: 10 };
const LAST: &str = "2024-09-30";
const NEXT: &str = "2024-10-01";

/// A source that owes the days from the 29th on. Only what a test adds is listed or archived.
fn world() -> World {
    World::new(&format!("[sync]\ncatch_up_days = 1\n{ACME}since = \"2024-09-29\"\n"))
}

fn event(id: &str, time: &str) -> Bytes {
    Bytes::from(format!(r#"{{"id":"{id}","created_at":"{time}","type":"app","action":"create"}}"#))
}

/// The same value in other bytes.
fn respelled(id: &str, time: &str) -> Bytes {
    Bytes::from(format!(
        r#"{{ "action": "create", "type": "app", "created_at": "{time}", "id": "{id}" }}"#
    ))
}

fn backfill(world: &World, day_of: &str) -> Value {
    let finished =
        world.run(&format!("backfill --via archive --from {day_of} --to {day_of} --output json"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    day(&finished.json(), "acme", day_of).clone()
}

fn reconcile(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("reconcile --output json --month {arguments}"));
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

/// The results for a day, by kind.
fn found(report: &Value, day_of: &str) -> [Value; 3] {
    let days = report["months"][0]["days"].as_array().expect("days");
    let row = days
        .iter()
        .find(|row| row["date"] == day_of)
        .unwrap_or_else(|| panic!("no {day_of} in {report:#}"));
    ["missing_here", "missing_there", "differing"].map(|kind| row[kind].clone())
}

fn none() -> [Value; 3] {
    [(); 3].map(|()| serde_json::json!([]))
}

const NO_CHANGE: [u64; 4] = [0; 4];
const CHANGES: [&str; 4] = ["new_events", "late_events", "conflicts", "vanished_events"];

/// Lists an event under the day after its own, and reads that day.
fn listed_a_day_late(world: &World, id: &str) {
    world.heroku.put_day(
        "acme",
        date(NEXT),
        vec![event(id, "2024-09-30T23:59:59Z"), event("next", "2024-10-01T12:00:00Z")],
    );
    sync(world, NEXT);
    assert_eq!(days_of(world, id), NEXT);
}

#[test]
fn an_archive_does_not_store_again_what_the_next_day_s_list_brought() {
    for archived in [event as fn(&str, &str) -> Bytes, respelled] {
        let world = world();
        listed_a_day_late(&world, "at-midnight");
        let archive = pack(&[
            archived("at-midnight", "2024-09-30T23:59:59Z"),
            event("last", "2024-09-30T12:00:00Z"),
        ]);
        world.heroku.put_archive("acme", SEPTEMBER, archive);
        let row = backfill(&world, LAST);
        assert_eq!(
            figures(&row, ["events", "new_events", "conflicts", "late_events"]),
            [1, 1, 0, 0]
        );
        assert_eq!(days_of(&world, "at-midnight"), NEXT);
        assert_eq!(figures(&reread(&world, NEXT), CHANGES), NO_CHANGE);
    }
}

#[test]
fn a_list_does_not_store_again_what_an_archive_brought_as_a_stray() {
    for time in ["2024-10-01T00:00:05Z", "2024-10-02T00:00:00Z", "2019-12-31T23:00:00Z"] {
        let world = world();
        world.heroku.put_archive(
            "acme",
            SEPTEMBER,
            pack(&[event("stray", time), event("last", "2024-09-30T12:00:00Z")]),
        );
        backfill(&world, LAST);
        assert_eq!(days_of(&world, "stray"), LAST, "{time}");
        // Heroku lists it under its own day, and under another one too.
        for day_of in [&time[..10], "2024-10-03"] {
            world.heroku.put_day(
                "acme",
                date(day_of),
                vec![event("stray", time), event(day_of, time)],
            );
            let row = sync(&world, day_of);
            assert_eq!(
                figures(&row, ["events", "new_events", "conflicts", "late_events"]),
                [1, 1, 0, 0],
                "{time}"
            );
        }
        // The day under which it is stored no longer lists it.
        world.heroku.put_day("acme", date(LAST), vec![event("last", "2024-09-30T12:00:00Z")]);
        assert_eq!(figures(&reread(&world, LAST), CHANGES), NO_CHANGE, "{time}");
        assert_eq!(days_of(&world, "stray"), LAST);
    }
}

#[test]
fn an_archive_s_undated_event_is_not_missed_by_the_list_of_its_day() {
    let world = world();
    let undated = Bytes::from_static(br#"{"id":"undated","created_at":null}"#);
    let days = [
        ("2024-09-29", event("first", "2024-09-29T12:00:00Z")),
        (LAST, event("last", "2024-09-30T12:00:00Z")),
    ];
    for (day_of, event) in &days {
        world.heroku.put_day("acme", date(day_of), vec![event.clone()]);
        sync(&world, day_of);
    }
    world.heroku.put_archive(
        "acme",
        SEPTEMBER,
        pack(&[undated, days[0].1.clone(), days[1].1.clone()]),
    );
    reconcile(&world, "2024-09 --repair", 0);
    let day_of = days_of(&world, "undated");
    assert_eq!(figures(&reread(&world, &day_of), CHANGES), NO_CHANGE, "{day_of}");
    let report = reconcile(&world, "2024-09", 0);
    for (day_of, _) in &days {
        assert_eq!(found(&report, day_of), none());
    }
}

#[test]
fn a_stray_is_stored_once_however_many_archives_hold_it() {
    let world = world();
    let stray = event("stray", "2024-10-01T00:00:01Z");
    world.heroku.put_archive(
        "acme",
        SEPTEMBER,
        pack(&[stray.clone(), event("last", "2024-09-30T12:00:00Z")]),
    );
    world.heroku.put_archive(
        "acme",
        OCTOBER,
        pack(&[stray, event("next", "2024-10-01T12:00:00Z")]),
    );
    for (one, other) in [(LAST, NEXT), (NEXT, LAST)] {
        world.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        backfill(&world, one);
        let row = backfill(&world, other);
        assert_eq!(
            figures(&row, ["events", "new_events", "conflicts", "late_events"]),
            [1, 1, 0, 0]
        );
        assert_eq!(days_of(&world, "stray"), one);
        for month in ["2024-09", "2024-10"] {
            let report = reconcile(&world, month, 0);
            let day_of = if month == "2024-09" { LAST } else { NEXT };
            assert_eq!(found(&report, day_of), none(), "{month}, {one} first");
        }
    }
}

#[test]
fn an_event_under_another_day_is_missing_neither_here_nor_there() {
    let world = world();
    listed_a_day_late(&world, "at-midnight");
    world.heroku.put_day("acme", date(LAST), vec![event("last", "2024-09-30T12:00:00Z")]);
    for day_of in ["2024-09-29", LAST] {
        sync(&world, day_of);
    }
    let september = |changed: Bytes| pack(&[changed, event("last", "2024-09-30T12:00:00Z")]);
    let kinds = [event as fn(&str, &str) -> Bytes, respelled];
    for archived in kinds {
        world.heroku.put_archive(
            "acme",
            SEPTEMBER,
            september(archived("at-midnight", "2024-09-30T23:59:59Z")),
        );
        world.heroku.put_archive("acme", OCTOBER, pack(&[event("next", "2024-10-01T12:00:00Z")]));
        let report = reconcile(&world, "2024-09", 0);
        assert_eq!(found(&report, LAST), none());
        // The archive of its own month has it, so October's archive does not lack it.
        let report = reconcile(&world, "2024-10", 0);
        assert_eq!(found(&report, NEXT), none());
    }
    // Another value is reported on its own day. A repair keeps it as a conflict of that day and
    // stores nothing.
    let other = Bytes::from_static(
        br#"{"id":"at-midnight","created_at":"2024-09-30T23:59:59Z","type":"other"}"#,
    );
    world.heroku.put_archive("acme", SEPTEMBER, september(other));
    let report = reconcile(&world, "2024-09 --repair", 0);
    assert_eq!(found(&report, LAST)[2], serde_json::json!(["at-midnight"]));
    let row = report["months"][0]["days"].as_array().expect("days").last().expect("a day").clone();
    assert_eq!(row["repaired"], 0, "{row:#}");
    assert_eq!(days_of(&world, "at-midnight"), NEXT);
    assert_eq!(
        world.sql("SELECT process_date, event_id FROM audit_event_conflicts"),
        format!("{LAST}|at-midnight")
    );
}

#[test]
fn an_event_missing_in_the_archive_is_reported_despite_another_day() {
    let world = world();
    let here = event("listed-late", "2024-09-29T23:59:59Z");
    world.heroku.put_day("acme", date(LAST), vec![here, event("last", "2024-09-30T12:00:00Z")]);
    for day_of in [LAST, "2024-09-29"] {
        sync(&world, day_of);
    }
    world.heroku.put_archive("acme", SEPTEMBER, pack(&[event("last", "2024-09-30T12:00:00Z")]));
    let report = reconcile(&world, "2024-09", 0);
    assert_eq!(found(&report, LAST)[1], serde_json::json!(["listed-late"]));
    assert_eq!(found(&report, "2024-09-29"), none());
}

#[test]
fn a_repair_counts_no_event_that_another_day_holds() {
    let world = world();
    listed_a_day_late(&world, "at-midnight");
    world.heroku.put_day("acme", date(LAST), vec![event("last", "2024-09-30T12:00:00Z")]);
    for day_of in ["2024-09-29", LAST] {
        sync(&world, day_of);
    }
    let archive = [
        event("at-midnight", "2024-09-30T23:59:59Z"),
        event("last", "2024-09-30T12:00:00Z"),
        event("unlisted", "2024-09-30T13:00:00Z"),
    ];
    world.heroku.put_archive("acme", SEPTEMBER, pack(&archive));
    let report = reconcile(&world, "2024-09 --repair", 0);
    let row = report["months"][0]["days"].as_array().expect("days").last().expect("a day").clone();
    assert_eq!(
        (&row["missing_here"], &row["repaired"]),
        (&serde_json::json!(["unlisted"]), &1.into()),
        "{row:#}"
    );
    assert_eq!(days_of(&world, "at-midnight"), NEXT);
    assert_eq!(
        world.sql(&format!(
            "SELECT events_count FROM audit_events_log WHERE process_date = '{LAST}'"
        )),
        "2"
    );
}

#[test]
fn reconcile_names_every_missing_id_once_and_in_order_however_many() {
    let world = world();
    assert_eq!(world.run("migrate").status, 0);
    let id = |number: usize| format!("{:06}-{}", number * 7919 % 30_000, "x".repeat(40));
    let events: Vec<Bytes> =
        (0..30_000).map(|number| event(&id(number), "2024-09-30T12:00:00Z")).collect();
    // Some are in the archive twice, also with other bytes.
    let again = (0..3000).map(|number| respelled(&id(number * 10), "2024-09-30T12:00:00Z"));
    world.heroku.put_archive(
        "acme",
        SEPTEMBER,
        pack(&events.iter().cloned().chain(again).collect::<Vec<_>>()),
    );
    let report = reconcile(&world, "2024-09", 1);
    let mut expected: Vec<String> = (0..30_000).map(id).collect();
    expected.sort();
    assert!(
        found(&report, LAST)[0] == serde_json::json!(expected),
        "not every id once and in order"
    );
    let text = world.run("reconcile --month 2024-09").stdout;
    assert!(
        text.contains("acme 2024-09-30: 30000 events in the archive but not here:\n"),
        "{text}"
    );
    assert!(
        text.lines().count() < 30 && text.contains(&expected[9]) && !text.contains(&expected[10]),
        "{text}"
    );

    let finished = world.run("backfill --via archive --from 2024-09-30 --to 2024-09-30");
    assert_eq!(finished.status, 0, "{finished:#?}");
    world.heroku.put_archive("acme", SEPTEMBER, pack(&[]));
    let report = reconcile(&world, "2024-09", 0);
    assert!(
        found(&report, LAST)[1] == serde_json::json!(expected),
        "not every id once and in order"
    );
}

#[test]
fn reconcile_without_room_for_ids_says_so_and_confirms_nothing() {
    let world = world();
    assert_eq!(world.run("migrate").status, 0);
    let events: Vec<Bytes> =
        (0..30_000).map(|number| event(&format!("{number:060}"), "2024-09-30T12:00:00Z")).collect();
    let archive = pack(&events);
    // The size limit for files is just above the archive's size.
    let limit = archive.len() / 1024 + 16;
    world.heroku.put_archive("acme", SEPTEMBER, archive);
    let program = world.command("reconcile --month 2024-09 --output json");
    let mut shell = Command::new("bash");
    let limited = format!("ulimit -f {limit}; trap '' XFSZ; exec \"$0\" \"$@\"");
    shell.args(["-c", &limited]).arg(program.get_program()).args(program.get_args());
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output =
        shell.current_dir(program.get_current_dir().expect("a folder")).output().expect("bash");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let error = report["months"][0]["error"]
        .as_str()
        .unwrap_or_else(|| panic!("no error in {report:#}"))
        .to_owned();
    assert!(
        error.contains("temporary folder (TMPDIR)") && error.contains("Free some space"),
        "{error}"
    );
}
