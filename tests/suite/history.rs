//! `history`: what happened to the days, according to the append-only record.

use serde_json::Value;

use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World};

/// The entries that a filter selects, each as source, date and action.
fn entries(world: &World, arguments: &str) -> Vec<String> {
    let finished = world.run(&format!("history --output json {arguments}"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    let report = finished.json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let entries = report["entries"].as_array().expect("entries").iter();
    entries
        .map(|entry| ["source", "date", "action"].map(|key| text(&entry[key])).join(" "))
        .collect()
}

#[test]
fn history_shows_every_action_on_a_day_newest_last_and_changes_nothing() {
    let world = World::new(ACME);
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(world.run("reset --source acme 2024-09-28 --reason drill --by ada").status, 0);
    world.sql(
        "UPDATE audit_events_log \
        SET status = 'PROCESSING', locked_by = 'gone', locked_until = '2024-09-29Z'",
    );
    assert_eq!(world.run("cleanup --by ada").status, 0);
    let before = world.dump();
    let expected =
        ["claim", "publish", "reset", "cleanup"].map(|action| format!("acme 2024-09-28 {action}"));
    assert_eq!(entries(&world, "--all"), expected);
    // Claims are hidden unless they are asked for.
    assert_eq!(entries(&world, ""), expected[1..]);

    let entries = world.run("history --all --output json").json();
    let publish = &entries["entries"][1];
    let keys: Vec<_> = publish.as_object().expect("an entry").keys().map(String::as_str).collect();
    let mut known = [
        "at",
        "run_id",
        "source",
        "date",
        "attempt",
        "action",
        "outcome",
        "events",
        "new_events",
        "late_events",
        "requests",
        "retries",
        "duration_ms",
        "message",
        "by",
    ];
    known.sort_unstable();
    assert_eq!(keys, known);
    assert_eq!((&publish["run_id"], &publish["attempt"]), (&report["run_id"], &1.into()));
    assert_eq!(
        (&publish["events"], &publish["new_events"], &publish["outcome"]),
        (&450.into(), &450.into(), &"synced".into())
    );
    let reset = &entries["entries"][2];
    assert_eq!(
        (&reset["by"], &reset["message"], &reset["events"]),
        (&"ada".into(), &"was SUCCESS: drill".into(), &Value::Null)
    );
    assert_eq!(world.dump(), before);
}

#[test]
fn history_filters_by_source_date_and_age() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--source acme --from 2024-09-27 --to 2024-09-28", 0);
    world.sync("--source team-a --date 2024-09-28", 0);
    assert_eq!((entries(&world, "").len(), entries(&world, "--all").len()), (3, 6));
    assert_eq!(
        entries(&world, "--all --source team-a"),
        ["team-a 2024-09-28 claim", "team-a 2024-09-28 publish"]
    );
    assert_eq!(entries(&world, "--source acme --source team-a --date 2024-09-28").len(), 2);
    // Entries older than a week are shown on request, or if a date is given.
    world.sql(
        "UPDATE audit_history SET at = clock_timestamp() - interval '8 days' WHERE source = 'acme'",
    );
    assert_eq!(entries(&world, "").len(), 1);
    assert_eq!(entries(&world, "--days 9").len(), 3);
    assert_eq!(entries(&world, "--date 2024-09-27 --all").len(), 2);
    assert_eq!(entries(&world, "--date 2024-09-27 --days 7").len(), 0);
}

#[test]
fn history_accepts_a_removed_source_and_exits_2_for_an_unknown_one() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.write_config(&ACME.replace("name = \"acme\"", "name = \"acme-prod\""));
    assert_eq!(entries(&world, "--source acme").len(), 1);
    let unknown = world.run("history --source acme-prd");
    assert_eq!(unknown.status, 2, "{unknown:#?}");
    assert!(unknown.stderr.contains("acme-prod"), "{unknown:#?}");
    assert_eq!(
        world.run("history --source acme-prod").stdout,
        "No entries of acme-prod in the last 7 days.\nTo look further back, use `--days N`.\n"
    );
}

#[test]
fn an_empty_database_has_no_history_and_stays_empty() {
    let world = World::new(ACME);
    let before = world.dump();
    let finished = world.run("history");
    assert_eq!(finished.status, 3, "{finished:#?}");
    assert!(finished.stderr.contains("no schema of auditsync yet"), "{finished:#?}");
    assert_eq!(world.dump(), before);
    assert_eq!(world.run("migrate").status, 0);
    assert_eq!(entries(&world, ""), Vec::<String>::new());
}

#[test]
fn foreign_text_in_the_history_can_not_steer_a_terminal() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.sql(
        "UPDATE audit_history \
        SET message = E'one\\x1b[31m\\ntwo', at = 'infinity', process_date = 'infinity'",
    );
    let text = world.run("history --days 30").stdout;
    assert!(text.contains("  one\\u{1b}[31m\\u{a}two\n"), "{text}");
}

#[test]
fn entries_of_one_run_about_days_that_are_alike_are_one_line() {
    let world = World::busy(&format!("[sync]\nconcurrency = 4\n{ACME}"));
    world.sync("--from 2024-09-20 --to 2024-09-28", 0);
    let reset = "reset --source acme 2024-09-20..2024-09-22 2024-09-25 --reason drill --by ada";
    assert_eq!(world.run(reset).status, 0);
    let text = world.run("history").stdout;
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().skip(2).collect()).collect();
    let events = world.sql("SELECT count(*) FROM audit_events");
    assert_eq!(
        lines[1..],
        [
            vec!["acme", "2024-09-20..2024-09-28", "1", "publish", "synced", &events, &events],
            vec!["acme", "2024-09-20..2024-09-22", "1", "reset", "pending", "-", "-"],
            vec!["drill;", "by", "ada"],
            vec!["acme", "2024-09-25", "1", "reset", "pending", "-", "-"],
            vec!["drill;", "by", "ada"],
        ],
        "{text}"
    );
    // The document has each entry.
    assert_eq!(entries(&world, "").len(), 9 + 4);
}

#[test]
fn a_day_that_was_only_claimed_is_not_called_untouched() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.sql("DELETE FROM audit_history WHERE action <> 'claim'");
    assert_eq!(
        world.run("history --date 2024-09-28").stdout,
        "No entries about 2024-09-28.\nTo see 1 claim too, use `--all`.\n"
    );
    assert_eq!(world.run("history --date 2024-09-27").stdout, "No run ever touched 2024-09-27.\n");
}

#[test]
fn the_days_that_one_run_compared_with_an_archive_are_one_line() {
    let world = World::new(&format!("{ACME}since = \"2024-09-25\"\n"));
    world.heroku.make_archive("acme", fake_heroku::Month { year: 2024, month: 9 });
    world.sync("--from 2024-09-25 --to 2024-09-28", 0);
    let reconcile = |status| {
        let finished = world.run("reconcile --month 2024-09");
        assert_eq!(finished.status, status, "{finished:#?}");
    };
    reconcile(0);
    world.sql("DELETE FROM audit_events WHERE event_id = (SELECT min(event_id) FROM audit_events)");
    reconcile(1);
    let text = world.run("history").stdout;
    let compared: Vec<&str> =
        text.lines().skip_while(|line| !line.contains(" reconcile ")).collect();
    assert_eq!(compared.len(), 4, "{text}");
    assert!(compared[0].contains("2024-09-25..2024-09-30  0..1  reconcile  agrees "), "{text}");
    assert!(compared[1].starts_with("  archive 2"), "{text}");
    assert!(compared[2].contains("2024-09-25..2024-09-30  0..1  reconcile  differs "), "{text}");
    let differ = ", missing here 1, missing there 0, differing 0; 5 days agree, not 2024-09-";
    assert!(compared[3].contains(differ), "{text}");
    assert_eq!(text.matches("archive sha256").count(), 2, "{text}");
}
