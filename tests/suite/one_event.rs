//! An id is one event across all days of a source, whatever path it comes by.

mod archives;
mod lookup;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::support::{ACME, World, date, day, truth};

const FIRST: &str = "2024-09-27";
const SECOND: &str = "2024-09-28";

/// A file with these sources and only named days.
fn world() -> World {
    World::new(&format!("[sync]\ncatch_up_days = 1\n{ACME}"))
}

fn sync(world: &World, day_of: &str) -> Value {
    let report = world.sync(&format!("--date {day_of}"), 0);
    day(&report, "acme", day_of).clone()
}

/// Makes a day due and reads it again.
fn reread(world: &World, day_of: &str) -> Value {
    assert_eq!(world.run(&format!("reset --source acme {day_of}")).status, 0);
    sync(world, day_of)
}

fn figures(row: &Value, names: [&str; 4]) -> [u64; 4] {
    assert_eq!(row["outcome"], "synced", "{row:#}");
    names.map(|name| row[name].as_u64().unwrap_or_else(|| panic!("{name} of {row:#}")))
}

/// The days under which an id is stored.
fn days_of(world: &World, id: &str) -> String {
    let sql = format!(
        "SELECT string_agg(process_date::text, ' ') FROM audit_events WHERE event_id = '{id}'"
    );
    world.sql(&sql)
}

/// Checks a day for which Heroku lists one event more than belongs to it.
fn assert_whole_without(world: &World, day_of: &str, id: &str) {
    let mut expected = truth(world, "acme", day_of, |_| true);
    expected.remove(id);
    world.assert_complete("acme", day_of, &expected);
}

/// Times that an event listed under two days may have: none, or one outside of either day.
const TIMES: [&str; 9] = [
    r#""2024-09-27T23:59:59.999999Z""#,
    r#""2024-09-28T00:00:00Z""#,
    r#""2024-09-28T01:30:00+02:00""#,
    // A leap second: for PostgreSQL it belongs to the next day.
    r#""2024-09-27T23:59:60Z""#,
    r#""2024-09-27T23:59:60.7Z""#,
    r#""2019-02-28T12:00:00Z""#,
    r#""2024-09-27 23:59:59""#,
    "null",
    "7",
];

/// One event for each of them, and their ids.
fn events_of_times(more: &str) -> Vec<(String, Bytes)> {
    let events = TIMES.iter().enumerate().map(|(number, time)| {
        let id = format!("time-{number}");
        let event = format!(r#"{{"id":"{id}","created_at":{time}{more}}}"#);
        (id, Bytes::from(event))
    });
    events.collect()
}

#[test]
fn an_event_that_two_days_list_is_stored_once_in_either_order() {
    for (one, other) in [(FIRST, SECOND), (SECOND, FIRST)] {
        let world = world();
        let events: Vec<Bytes> = events_of_times("").into_iter().map(|(_, event)| event).collect();
        for day_of in [one, other] {
            world.heroku.put_day("acme", date(day_of), events.clone());
        }
        sync(&world, one);
        let again = sync(&world, other);
        assert_eq!(
            figures(&again, ["new_events", "events", "conflicts", "late_events"]),
            [0; 4],
            "{one} first"
        );
        for (id, event) in events_of_times("") {
            assert_eq!(days_of(&world, &id), one, "{event:?}");
        }
        // A third reading of either changes nothing.
        for day_of in [one, other] {
            let row = reread(&world, day_of);
            assert_eq!(
                figures(&row, ["new_events", "vanished_events", "conflicts", "late_events"]),
                [0; 4]
            );
        }
        world.assert_complete("acme", one, &truth(&world, "acme", one, |_| true));
        world.assert_complete("acme", other, &BTreeMap::new());
    }
}

#[test]
fn an_event_listed_a_day_late_first_leaves_both_days_true_for_good() {
    let world = world();
    let event = r#"{"id":"late-listed","created_at":"2024-09-27T23:59:59Z"}"#;
    world.heroku.add_event("acme", date(SECOND), event);
    sync(&world, SECOND);
    world.heroku.add_event("acme", date(FIRST), event);
    let first = sync(&world, FIRST);
    let own = world.heroku.day("acme", date(FIRST)).len() as u64 - 1;
    assert_eq!(
        figures(&first, ["events", "new_events", "late_events", "vanished_events"]),
        [own, own, 0, 0]
    );
    let history =
        "SELECT events, new_events FROM audit_history WHERE action = 'publish' AND process_date = ";
    assert_eq!(world.sql(&format!("{history}'{FIRST}'")), format!("{own}|{own}"));

    // Heroku moves it to its own day: the second day no longer lists it, and has not lost it.
    let before = truth(&world, "acme", SECOND, |_| true);
    world.heroku.remove_event("acme", date(SECOND), "late-listed");
    let finished = world.run(&format!("reset --source acme {SECOND}"));
    assert_eq!(finished.status, 0);
    let finished = world.run(&format!("--date {SECOND} --output json"));
    let row = day(&finished.json(), "acme", SECOND).clone();
    let kept = before.len() as u64;
    assert_eq!(
        figures(&row, ["events", "new_events", "late_events", "vanished_events"]),
        [kept, 0, 0, 0]
    );
    assert!(!finished.stderr.contains("any more"), "{}", finished.stderr);
    world.assert_complete("acme", SECOND, &before);
    assert_eq!(days_of(&world, "late-listed"), SECOND);
}

#[test]
fn an_event_of_another_day_does_not_hide_a_vanished_one() {
    let world = world();
    for day_of in [FIRST, SECOND] {
        sync(&world, day_of);
    }
    let events = world.heroku.day("acme", date(FIRST));
    // The list is as long as before, but one of its events is stored under the first day.
    world.heroku.add_event("acme", date(SECOND), events[3].clone());
    let gone = world
        .sql(&format!("SELECT max(event_id) FROM audit_events WHERE process_date = '{SECOND}'"));
    world.heroku.remove_event("acme", date(SECOND), &gone);
    let row = reread(&world, SECOND);
    assert_eq!(
        figures(&row, ["vanished_events", "new_events", "conflicts", "late_events"]),
        [1, 0, 0, 0]
    );
    let note = world
        .sql("SELECT message FROM audit_history WHERE action = 'publish' ORDER BY id DESC LIMIT 1");
    assert_eq!(note, format!("1 stored events are no longer listed: {gone}"));
}

#[test]
fn an_undated_event_that_its_list_lost_is_reported_as_vanished() {
    let world = world();
    world.heroku.add_event("acme", date(SECOND), r#"{"id":"undated"}"#);
    sync(&world, SECOND);
    world.heroku.remove_event("acme", date(SECOND), "undated");
    assert_eq!(
        figures(
            &reread(&world, SECOND),
            ["vanished_events", "new_events", "conflicts", "late_events"]
        ),
        [1, 0, 0, 0]
    );
}

#[test]
fn other_bytes_of_another_day_s_event_are_a_conflict_of_this_day() {
    let world = world();
    let count = TIMES.len() as u64;
    let list = |events: Vec<(String, Bytes)>| events.into_iter().map(|(_, event)| event).collect();
    world.heroku.put_day("acme", date(FIRST), list(events_of_times("")));
    sync(&world, FIRST);
    world.heroku.put_day("acme", date(SECOND), list(events_of_times(r#","action":"other""#)));
    world.heroku.add_event(
        "acme",
        date(SECOND),
        r#"{"id":"own","created_at":"2024-09-28T10:00:00Z"}"#,
    );
    let finished = world.run(&format!("--date {SECOND} --output json"));
    let row = day(&finished.json(), "acme", SECOND).clone();
    assert_eq!(
        figures(&row, ["conflicts", "events", "new_events", "vanished_events"]),
        [count, 1, 1, 0]
    );
    for (id, event) in events_of_times("") {
        let warned =
            |line: &str| line.contains("differs from the stored one") && line.contains(&id);
        assert!(finished.stderr.lines().any(warned), "{event:?}: {}", finished.stderr);
        assert_eq!(days_of(&world, &id), FIRST, "{event:?}");
    }
    let kept = "SELECT process_date, event::json ->> 'action', count(*) \
        FROM audit_event_conflicts GROUP BY 1, 2";
    assert_eq!(world.sql(kept), format!("{SECOND}|other|{count}"));
    let again = reread(&world, SECOND);
    assert_eq!(
        figures(&again, ["conflicts", "new_events", "vanished_events", "late_events"]),
        [0; 4],
        "kept once"
    );
}

#[test]
fn one_list_may_hold_an_event_twice_and_in_other_bytes() {
    let world = world();
    let event =
        |more: &str| format!(r#"{{"id":"twice","created_at":"2024-09-27T10:00:00Z"{more}}}"#);
    world.heroku.put_day("acme", date(FIRST), vec![Bytes::from(event(""))]);
    sync(&world, FIRST);
    let list = [event(""), event(r#","x":1"#), event(""), event(r#","x":2"#), event(r#","x":1"#)];
    let own = r#"{"id":"own","created_at":"2024-09-28T10:00:00Z"}"#.to_owned();
    let list = list.into_iter().chain([own]).map(Bytes::from).collect();
    world.heroku.put_day("acme", date(SECOND), list);
    let row = sync(&world, SECOND);
    assert_eq!(
        figures(&row, ["events", "new_events", "conflicts", "vanished_events"]),
        [1, 1, 2, 0]
    );
    assert_eq!(days_of(&world, "twice"), FIRST);
}

#[test]
fn ids_are_compared_byte_by_byte() {
    let world = world();
    let ids =
        ["a-Straße", "A-Straße", "a-strasse", "é", "e\u{301}", "x", "x ", "ⅰ", "i", "\u{200b}x"];
    for (position, id) in ids.iter().enumerate() {
        let time = if position % 2 == 0 { "2019-01-01T00:00:00Z" } else { "2024-09-27T00:00:00Z" };
        let event = serde_json::json!({ "id": id, "created_at": time }).to_string();
        let day_of = if position % 3 == 0 { FIRST } else { SECOND };
        world.heroku.add_event("acme", date(day_of), event);
    }
    for day_of in [SECOND, FIRST] {
        sync(&world, day_of);
        assert_whole_without(&world, day_of, "");
    }
}

#[test]
fn the_same_id_of_two_sources_is_two_events() {
    let team = r#"
[[source]]
name = "team-a"
account = "acme"
team = "team-a"
token_env = "HEROKU_API_TOKEN"
"#;
    let world = World::new(&format!("{ACME}{team}"));
    let event = r#"{"id":"shared","created_at":"2024-09-27T23:00:00Z","team":{"name":"team-a"}}"#;
    world.heroku.add_event("acme", date(SECOND), event);
    world.sync(&format!("--date {SECOND} --source acme"), 0);
    world.sync(&format!("--date {SECOND}"), 0);
    let stored = "SELECT string_agg(source, ' ' ORDER BY source) FROM audit_events \
        WHERE event_id = 'shared'";
    assert_eq!(world.sql(stored), "acme team-a");
}

#[test]
fn a_dry_run_counts_another_day_s_event_as_a_sync_would() {
    let world = world();
    let event = |id: &str, more: &str| {
        format!(r#"{{"id":"{id}","created_at":"2024-09-27T23:59:59Z"{more}}}"#)
    };
    for id in ["same", "changed"] {
        world.heroku.add_event("acme", date(FIRST), event(id, ""));
    }
    sync(&world, FIRST);
    world.heroku.add_event("acme", date(SECOND), event("same", ""));
    world.heroku.add_event("acme", date(SECOND), event("changed", r#","x":1"#));
    let dry = world.sync(&format!("--dry-run --date {SECOND}"), 0);
    let dry = day(&dry, "acme", SECOND).clone();
    let wet = sync(&world, SECOND);
    for figure in ["events", "new_events", "conflicts"] {
        assert_eq!(dry[figure], wet[figure], "{figure}");
    }
    assert_eq!(wet["conflicts"], 1);
}
