//! `events`: what the options select, and the three forms in which events are printed.

mod plan;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::screen::Screen;
use crate::support::{ACME, Finished, THREE_ACCOUNTS_AND_A_TEAM, World, date, steers};

const HOSTILE: &str = "\u{1b}]0;pwn\u{7}\u{202e}\r\u{9b}31m\nFAKE all is well\u{2028}\u{e0041}";

fn events(world: &World, arguments: &str) -> Finished {
    let finished = world.run(&format!("events {arguments}"));
    assert_eq!(finished.status, 0, "{arguments}: {finished:#?}");
    finished
}

/// The ids that the options select, newest first.
fn found(world: &World, arguments: &[&str]) -> Vec<String> {
    let mut command = world.command("events --output ndjson");
    let finished = Finished::of(command.args(arguments));
    assert_eq!(finished.status, 0, "{arguments:?}: {finished:#?}");
    let id = |line: &str| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        event["id"].as_str().expect("an id").to_owned()
    };
    finished.stdout.lines().map(id).collect()
}

/// Some people and apps: `a` is the oldest.
fn world() -> World {
    let world = World::new(ACME);
    let event = |id: &str, hour: u32, more: Value| {
        let mut event = json!({ "id": id, "created_at": format!("2024-09-28T{hour:02}:00:00Z") });
        event.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        Bytes::from(event.to_string())
    };
    let events = vec![
        event(
            "a",
            1,
            json!({ "type": "app", "action": "create",
            "actor": { "email": "Ada@Example.com", "id": "U-1" },
            "app": { "name": "shop-eu", "id": "P-1" }, "team": { "name": "team-a", "id": "T-1" },
            "request": { "ip_address": "10.1.2.3" } }),
        ),
        event(
            "b",
            2,
            json!({ "type": "app", "action": "destroy",
            "actor": { "email": "bob@example.com", "id": "U-2" },
            "app": { "name": "shop_us", "id": "P-2" }, "team": { "name": "team-b", "id": "T-2" },
            "request": { "ip_address": "10.9.9.9" } }),
        ),
        event(
            "c",
            3,
            json!({ "type": "addon", "action": "destroy",
            "actor": { "email": "bob@example.com.evil.org", "id": "U-3" },
            "app": { "name": "my-shop-eu", "id": "P-3" },
            "request": { "ip_address": "2001:db8::1" } }),
        ),
        event("d", 4, json!({})),
        Bytes::from_static(b"{\"id\":\"e\"}"),
    ];
    world.heroku.put_day("acme", date("2024-09-28"), events);
    world.sync("--date 2024-09-28", 0);
    world
}

#[test]
fn each_option_selects_without_regard_to_case_and_all_of_them_must_match() {
    let world = world();
    assert_eq!(found(&world, &[]), ["d", "c", "b", "a", "e"]);
    let cases: [(&[&str], &[&str]); 24] = [
        (&["--app", "shop-eu"], &["a"]),
        (&["--app", "SHOP-EU"], &["a"]),
        (&["--app", "p-2"], &["b"]),
        (&["--app", "shop"], &[]),
        (&["--app", "shop-*"], &["a"]),
        (&["--app", "*shop*"], &["c", "b", "a"]),
        // Only an asterisk stands for other text.
        (&["--app", "shop_eu"], &[]),
        (&["--app", "%"], &[]),
        (&["--app", "shop-eu", "--app", "P-3"], &["c", "a"]),
        (&["--actor", "ada@example.com"], &["a"]),
        (&["--actor", "bob@example.com"], &["b"]),
        (&["--actor", "u-3"], &["c"]),
        (&["--actor", "*@example.com"], &["b", "a"]),
        (&["--type", "app"], &["b", "a"]),
        (&["--type", "App", "--action", "Destroy"], &["b"]),
        (&["--action", "destroy"], &["c", "b"]),
        (&["--team", "TEAM-A"], &["a"]),
        (&["--team", "t-2"], &["b"]),
        (&["--ip", "10.1.2.3"], &["a"]),
        (&["--ip", "10.0.0.0/8"], &["b", "a"]),
        (&["--ip", "10.1.255.255/16", "--ip", "2001:db8::/32"], &["c", "a"]),
        (&["--action", "destroy", "--ip", "10.0.0.0/8"], &["b"]),
        (&["--source", "acme", "--limit", "2"], &["d", "c"]),
        (&["--limit", "1", "--app", "*"], &["c"]),
    ];
    for (arguments, expected) in cases {
        assert_eq!(found(&world, arguments), expected, "{arguments:?}");
    }
}

#[test]
fn both_ends_are_included_and_an_event_without_a_time_counts_by_its_day() {
    let world = world();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--since", "2024-09-28"], &["d", "c", "b", "a", "e"]),
        (&["--since", "2024-09-29"], &[]),
        (&["--until", "2024-09-27"], &[]),
        (&["--until", "2024-09-28"], &["d", "c", "b", "a", "e"]),
        (&["--since", "2024-09-28T02:00:00Z"], &["d", "c", "b"]),
        (&["--until", "2024-09-28T02:00:00Z"], &["b", "a", "e"]),
        (&["--since", "2024-09-28T04:00:00+02:00", "--until", "2024-09-28T03:00:00Z"], &["c", "b"]),
        (&["--since", "2024-09-28T03:00:00.000001Z"], &["d"]),
        (&["--until", "2030-01-01"], &["d", "c", "b", "a", "e"]),
    ];
    for (arguments, expected) in cases {
        assert_eq!(found(&world, arguments), expected, "{arguments:?}");
    }
}

#[test]
fn relative_times_count_back_from_the_database_s_clock() {
    let world = world();
    world.sql(
        "UPDATE audit_events SET created_at = CASE event_id
             WHEN 'a' THEN clock_timestamp() - interval '37 hours'
             WHEN 'b' THEN clock_timestamp() - interval '35 hours'
             WHEN 'c' THEN date_trunc('day', clock_timestamp(), 'UTC') - interval '7 days'
             ELSE date_trunc('day', clock_timestamp(), 'UTC') END
         WHERE event_id <> 'e'",
    );
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--since", "-36h"], &["d", "b"]),
        (&["--since", "today"], &["d"]),
        (&["--since", "-7d"], &["d", "b", "a", "c"]),
        (&["--since", "-6d"], &["d", "b", "a"]),
        (&["--since", "-7d", "--until", "-7d"], &["c"]),
    ];
    for (arguments, expected) in cases {
        assert_eq!(found(&world, arguments), expected, "{arguments:?}");
    }
}

#[test]
fn what_can_not_be_searched_for_exits_2_with_the_reason() {
    let world = world();
    for (arguments, said) in [
        ("--since soon", "write a time as"),
        ("--since -9999d", "Heroku's audit trail begins on 2017-01-01"),
        ("--until 2016-12-31", "Heroku's audit trail begins on 2017-01-01"),
        ("--since 2024-09-28 --until 2024-09-27", "--since is after --until"),
        ("--ip localhost", "write an address such as"),
        ("--ip 10.0.0.0/33", "write an address such as"),
        ("--limit 0", "--limit must be 1 to"),
        ("--source nobody", "nobody"),
    ] {
        let finished = world.run(&format!("events {arguments}"));
        assert_eq!(finished.status, 2, "{arguments}: {finished:#?}");
        assert!(finished.stderr.contains(said), "{arguments}: {finished:#?}");
    }
    for command in ["", "status", "export --after 0", "verify", "check --config-only"] {
        let finished = world.run(&format!("{command} --output ndjson"));
        assert_eq!((finished.status, &*finished.stdout), (2, ""), "{command}: {finished:#?}");
        assert!(finished.stderr.contains("only `events` prints"), "{command}: {finished:#?}");
    }
}

#[test]
fn a_table_says_what_it_omits_and_how_to_see_it() {
    let world = World::new(ACME);
    world.heroku.generate_day("acme", date("2024-09-28"), 60);
    world.sync("--date 2024-09-28", 0);
    let table = events(&world, "").stdout;
    let rows = |table: &str| table.lines().filter(|line| line.starts_with("2024-")).count();
    assert_eq!(rows(&table), 50);
    assert!(table.starts_with("TIME (UTC)  "), "{table}");
    assert!(table.contains("\nOlder events match, too: --limit N shows more"), "{table}");
    let all = events(&world, "--limit 60").stdout;
    assert_eq!((rows(&all), all.contains("Older events")), (60, false));
    assert_eq!(events(&world, "--output ndjson").stdout.lines().count(), 60);
    let none = events(&world, "--app nothing").stdout;
    let matches_nothing = |why: &str| {
        format!("No event matches{why}. `auditsync status` shows which days are complete.\n")
    };
    assert_eq!(none, matches_nothing(": no stored event has the app `nothing`"));
    // Values that are stored, but not together, have no such reason.
    let typos = "--type app --type ap --action destory --actor * --until 2024-09-01";
    assert_eq!(
        events(&world, typos).stdout,
        matches_nothing(": no stored event has the type `ap`, or the action `destory`")
    );
    let none = matches_nothing("");
    assert_eq!(events(&world, "--type APP --until 2024-09-01").stdout, none);
    let before = world.dump();
    let empty = World::new(ACME);
    for command in ["events", "history", "events --output json"] {
        let finished = empty.run(command);
        assert_eq!(finished.status, 3, "{finished:#?}");
        assert!(finished.stderr.contains("no schema of auditsync yet"), "{finished:#?}");
    }
    assert_eq!(empty.run("migrate").status, 0);
    assert_eq!((empty.run("events").status, empty.run("events").stdout), (0, none));
    assert_eq!(world.dump(), before);
}

#[test]
fn a_document_has_the_columns_and_the_event_itself() {
    let world = world();
    let document = events(&world, "--app shop-eu --output json").json();
    assert_eq!((&document["limit"], &document["more"]), (&Value::Null, &false.into()));
    let event = &document["matches"][0];
    let hash = world.sql("SELECT encode(event_hash, 'hex') FROM audit_events WHERE event_id = 'a'");
    let seen = event["first_seen_at"].clone();
    assert_eq!(
        *event,
        json!({ "source": "acme", "date": "2024-09-28", "event_id": "a",
            "created_at": "2024-09-28T01:00:00.000000Z", "type": "app", "action": "create",
            "actor_email": "Ada@Example.com", "actor_id": "U-1", "app_name": "shop-eu",
            "app_id": "P-1", "team_name": "team-a", "team_id": "T-1", "owner_email": null,
            "ip_address": "10.1.2.3", "attempt": 1, "via": "api", "first_seen_at": seen,
            "sha256": hash, "event": event["event"], "raw_base64": null })
    );
    assert_eq!(event["event"]["app"]["name"], "shop-eu");
    let some = events(&world, "--limit 2 --output json").json();
    assert_eq!(some["matches"].as_array().map(Vec::len), Some(2));
    assert_eq!((&some["limit"], &some["more"]), (&2.into(), &true.into()));
    let none = events(&world, "--app nothing --output json").json();
    assert_eq!(none, json!({ "matches": [], "limit": null, "more": false }));
}

#[test]
fn hostile_names_steer_no_terminal_and_each_row_fits_80_columns() {
    let world = World::new(ACME);
    let token = "HRKU-demo-acme-0001-not-a-secret";
    let names = [HOSTILE.to_owned(), "x".repeat(500), "李雷🙂".repeat(90), format!("a {token}")];
    let event = |(place, name): (usize, &String)| {
        let party = json!({ "name": name, "id": name, "email": name });
        Bytes::from(
            json!({ "id": format!("{place}{name}"), "type": name, "action": name, "actor": party,
                "app": party, "team": party, "created_at": "2024-09-28T10:00:00Z" })
            .to_string(),
        )
    };
    let mut all: Vec<Bytes> = names.iter().enumerate().map(event).collect();
    all.push(Bytes::from_static(b"{\"id\":\"latin\",\"data\":\"caf\xe9\"}"));
    world.heroku.put_day("acme", date("2024-09-28"), all);
    world.sync("--date 2024-09-28", 0);
    for arguments in ["events", "events --output json", "events --output ndjson"] {
        let finished = world.run(arguments);
        assert_eq!(finished.status, 0, "{finished:#?}");
        assert_eq!(finished.stdout.chars().find(|c| steers(*c)), None, "{arguments}");
        assert!(!finished.stdout.lines().any(|line| line.starts_with("FAKE")), "{finished:#?}");
        assert!(finished.stdout.contains("pwn") && !finished.stdout.contains(token), "{arguments}");
    }
    assert!(events(&world, "").stdout.contains(&"x".repeat(500)), "a pipe gets all of it");
    let json = events(&world, "--output json").json();
    let latin =
        json["matches"].as_array().expect("events").iter().find(|e| e["event_id"] == "latin");
    let latin = latin.expect("it is among them");
    assert_eq!(
        (&latin["event"], &latin["raw_base64"]),
        (&Value::Null, &"eyJpZCI6ImxhdGluIiwiZGF0YSI6ImNhZukifQ==".into())
    );
    let shown = Screen::start(&world.command("events"), (40, 80)).end();
    assert_eq!(shown.status, Some(0), "{shown:#?}");
    assert_eq!(shown.lines.len(), 6, "one line for each event, and the headings: {shown:#?}");
    assert!(shown.lines[1].contains('…'), "{shown:#?}");
    assert!(!shown.raw.contains(token) && !shown.raw.contains('\u{1b}'), "{:?}", shown.raw);
}

#[test]
fn a_reader_that_closes_the_pipe_ends_a_search_quietly() {
    let world = World::new(ACME);
    world.heroku.generate_day("acme", date("2024-09-28"), 5_000);
    world.sync("--date 2024-09-28", 0);
    for form in ["text --limit 4000", "json", "ndjson"] {
        let mut child =
            world.command(&format!("events --output {form}")).spawn().expect("a program");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the end");
        assert!(output.status.success(), "{form}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{form}");
    }
}

#[test]
fn a_source_that_left_the_file_is_found_and_sources_are_told_apart() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--date 2024-09-28", 0);
    world.write_config(ACME);
    let count = |arguments: &[&str]| found(&world, arguments).len().to_string();
    let of_team = world.sql("SELECT count(*) FROM audit_events WHERE source = 'team-a'");
    assert_eq!(count(&["--source", "team-a"]), of_team);
    let of_two = world.sql("SELECT count(*) FROM audit_events WHERE source IN ('acme', 'team-a')");
    assert_eq!(count(&["--source", "team-a", "--source", "acme"]), of_two);
    assert_eq!(count(&[]), world.sql("SELECT count(*) FROM audit_events"));
}
