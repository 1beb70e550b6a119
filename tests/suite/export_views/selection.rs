//! Which days an export is about, and which of them are gaps.

use super::{export, ids};
use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, yesterday};

/// The gaps that the log names.
fn gaps(world: &World, arguments: &str) -> Vec<String> {
    let finished = world.run(&format!("export --log-format text {arguments}"));
    let gaps = finished.stderr.lines().filter_map(|line| line.split("not complete: ").nth(1));
    let gaps: Vec<String> = gaps.map(str::to_owned).collect();
    let status = i32::from(!gaps.is_empty() && !arguments.contains("--allow-gaps"));
    assert_eq!(finished.status, status, "{arguments}: {finished:#?}");
    gaps
}

#[test]
fn an_export_names_its_gaps_and_what_reads_them_and_exits_1() {
    let world = World::busy(ACME);
    for day in ["2024-05-20", "2024-05-22", "2024-05-26"] {
        world.sync(&format!("--date {day}"), 0);
    }
    let range = "--from 2024-05-20 --to 2024-05-27";
    let finished = export(&world, range, 1);
    assert_eq!(finished.stdout.lines().count(), 3, "the export is written: {finished:#?}");
    for said in [
        "\"not complete: acme 2024-05-21\"",
        "\"not complete: acme 2024-05-23..2024-05-25\"",
        "\"not complete: acme 2024-05-27\"",
        "`auditsync backfill --source acme --from 2024-05-21 --to 2024-05-27` reads these days",
        "level=ERROR",
        "days_incomplete=5",
    ] {
        assert!(finished.stderr.contains(said), "{said}: {finished:#?}");
    }
    let accepted = export(&world, &format!("{range} --allow-gaps"), 0);
    assert_eq!(accepted.stdout, finished.stdout);
    assert!(!accepted.stderr.contains("level=ERROR"), "{accepted:#?}");
    assert_eq!(world.run("backfill --from 2024-05-21 --to 2024-05-27").status, 0);
    assert_eq!(export(&world, range, 0).stdout.lines().count(), 8);
}

#[test]
fn a_complete_day_is_no_gap_until_its_next_reading_fails() {
    let world = World::busy(ACME);
    world.sync("--date 2024-09-28", 0);
    let range = "--from 2024-09-28 --to 2024-09-28";
    let complete = "status = 'SUCCESS', synced_at = now(), locked_by = NULL";
    for (row, is_gap) in [
        (complete, false),
        ("status = 'PENDING'", false),
        ("status = 'PROCESSING', locked_by = 'x', locked_until = '9999-01-01'", false),
        ("status = 'PROCESSING', locked_by = 'x', locked_until = '2020-01-01'", false),
        ("status = 'FAILED'", true),
        ("status = 'ERROR'", true),
        ("status = 'ODD'", true),
        // Adopted, or never read to the end.
        ("status = 'SUCCESS', synced_at = NULL", true),
        ("status = 'PENDING', synced_at = NULL", true),
        ("status = 'PROCESSING', synced_at = NULL", true),
    ] {
        world.sql(&format!(
            "UPDATE audit_events_log SET {complete}; \
            UPDATE audit_events_log SET {row}"
        ));
        let expected: &[&str] = if is_gap { &["acme 2024-09-28"] } else { &[] };
        assert_eq!(gaps(&world, range), expected, "{row}");
    }
}

#[test]
fn a_day_that_is_due_again_is_no_gap_and_no_complete_day() {
    let world = World::busy(ACME);
    for day in ["2024-09-26", "2024-09-27", "2024-09-28"] {
        world.sync(&format!("--date {day}"), 0);
    }
    assert_eq!(world.run("reset --source acme 2024-09-27").status, 0);
    let range = "--from 2024-09-26 --to 2024-09-28";
    let finished = export(&world, &format!("{range} --out all.csv"), 0);
    assert!(finished.stdout.contains("of 2 complete days, 1 due again to"), "{finished:#?}");
    let report = export(&world, &format!("{range} --out all.csv --output json"), 0).json();
    let days = ["days_exported", "days_incomplete", "days_due_again"].map(|key| &report[key]);
    assert_eq!(days, [2, 0, 1], "{report:#}");
    let bag = export(&world, &format!("{range} --out bag"), 0);
    assert!(bag.stdout.contains(": 2 complete days, 1 due again of acme, "), "{bag:#?}");
    let report = export(&world, &format!("{range} --out again --output json"), 0).json();
    let days = ["days_exported", "days_due_again"].map(|key| &report[key]);
    assert_eq!((days, &report["gaps"]), ([&2.into(), &1.into()], &serde_json::json!([])));
    let page = world.run("report --from 2024-09-26 --to 2024-09-28 --out -").stdout;
    assert!(page.contains("; not complete: 2024-09-27"), "the report agrees");
    assert!(page.contains("The next sync reads what is due again: 1 day."), "the report agrees");
}

#[test]
fn an_enabled_source_owes_the_range_from_since_on_others_what_they_have() {
    let world = World::busy(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--from 2024-09-25 --to 2024-09-26", 0);
    world.sync("--source globex --date 2024-09-23", 0);
    world.sync("--source initech --date 2024-09-20", 0);
    world.sync("--source team-a --date 2024-09-01", 0);
    // globex is disabled, initech has left the file, and team-a was added later.
    let sources = THREE_ACCOUNTS_AND_A_TEAM
        .replace("account = \"globex\"", "account = \"globex\"\nenabled = false");
    let sources = sources.replace("name = \"initech\"", "name = \"other\"\nsince = \"2024-09-27\"");
    world.write_config(
        &sources.replace("team = \"team-a\"", "team = \"team-a\"\nsince = \"2024-09-26\""),
    );
    let range = "--from 2024-09-22 --to 2024-09-27";
    assert_eq!(
        gaps(&world, range),
        [
            "acme 2024-09-22..2024-09-24",
            "acme 2024-09-27",
            "globex 2024-09-24",
            "other 2024-09-27",
            "team-a 2024-09-27"
        ]
    );
    let finished = export(&world, "--from 2024-09-22 --to 2024-09-25 --source initech", 0);
    assert!(!ids(&finished.stdout).is_empty(), "{finished:#?}");
    assert_eq!(
        gaps(&world, "--from 2024-09-20 --to 2024-09-25 --source initech"),
        ["initech 2024-09-21..2024-09-24"]
    );
    let left = world.run("export --from 2024-09-20 --to 2024-09-25 --source initech");
    assert!(left.stderr.contains("initech is not in the file"), "{left:#?}");
    assert_eq!(gaps(&world, "--from 2024-09-27 --to 2024-09-27 --source globex"), [""; 0]);
    assert_eq!(
        gaps(&world, "--from 2024-09-26 --to 2024-09-26 --source other --source team-a"),
        [""; 0]
    );
    assert_eq!(gaps(&world, &format!("{range} --allow-gaps")).len(), 5);
}

#[test]
fn what_can_not_be_exported_exits_2_with_the_reason() {
    let world = World::busy(ACME);
    world.sync("--date 2024-09-28", 0);
    let today = (yesterday() + chrono::Days::new(1)).to_string();
    for (arguments, said) in [
        (format!("--from {today}"), "is not over in UTC"),
        (format!("--from 2024-09-28 --to {today}"), "is not over in UTC"),
        ("--from today".to_owned(), "is not over in UTC"),
        ("--from 2024-09-28 --to 2024-09-27".to_owned(), "--from 2024-09-28 is after --to"),
        ("--from -9999d".to_owned(), "Heroku's audit trail begins on 2017-01-01"),
        ("--from 2016-12-31".to_owned(), "Heroku's audit trail begins on 2017-01-01"),
        ("--from -7h".to_owned(), "write a day as YYYY-MM-DD"),
        ("--from 2024-09-28 --source nobody".to_owned(), "nobody"),
        ("--after 0 --source nobody".to_owned(), "nobody"),
        ("--after -1".to_owned(), "-1"),
        ("--after=-1".to_owned(), "-1 is not in 0.."),
        ("--after 3".to_owned(), "the last seal of this database is 2"),
        ("--after 0 --format bag".to_owned(), "a bag holds complete days"),
        ("--after 0 --out x.tar.gz".to_owned(), "a bag holds complete days"),
        ("--after 0 --from 2024-09-28".to_owned(), "cannot be used with"),
        (String::new(), "--from"),
        ("--from 2024-09-28 --out nowhere/x.csv".to_owned(), "there is no folder nowhere"),
        ("--from 2024-09-28 --out . --format csv".to_owned(), "is a folder"),
        ("--from 2024-09-28 --out nothing.csv/".to_owned(), "names a folder"),
        ("--from 2024-09-28 --output ndjson".to_owned(), "only `events`"),
    ] {
        let finished = export(&world, &arguments, 2);
        assert!(finished.stderr.contains(said), "{arguments}: {finished:#?}");
        assert_eq!(finished.stdout, "", "{arguments}");
    }
}

#[test]
fn days_may_be_named_relative_to_now() {
    let world = World::busy(ACME);
    let first = yesterday() - chrono::Days::new(1);
    world.sync(&format!("--from {first} --to {}", yesterday()), 0);
    assert_eq!(export(&world, "--from -2d", 0).stdout.lines().count(), 2);
    assert_eq!(export(&world, "--from yesterday", 0).stdout.lines().count(), 1);
    assert_eq!(export(&world, "--from -2d --to -2d", 0).stdout.lines().count(), 1);
}
