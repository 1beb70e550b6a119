//! The options of `status` that select the listed days.

use serde_json::Value;

use super::{status, with_holes};
use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, yesterday};

fn dates(report: &Value) -> (String, String, usize) {
    let text = |value: &Value| value.as_str().expect("a date").to_owned();
    (text(&report["from"]), text(&report["to"]), report["days"].as_array().expect("days").len())
}

#[test]
fn days_month_or_range_select_the_listed_days_and_no_count_changes() {
    let world = World::new(ACME);
    with_holes(&world);
    let ago = |days: u64| (yesterday() - chrono::Days::new(days - 1)).to_string();
    let all = status(&world, "", 0);
    assert_eq!(dates(&all), (ago(30), ago(1), 30));
    for (arguments, expected) in [
        ("--days 5".to_owned(), (ago(5), ago(1), 5)),
        (format!("--from {}", ago(12)), (ago(12), ago(1), 12)),
        ("--from -12d --to -10d".to_owned(), (ago(12), ago(10), 3)),
        ("--to yesterday".to_owned(), (ago(30), ago(1), 30)),
        ("--from -60d --to -39d".to_owned(), (ago(60), ago(39), 2)),
    ] {
        let report = status(&world, &arguments, 0);
        assert_eq!(dates(&report), expected, "{arguments}");
        assert_eq!(report["sources"][0]["complete"], all["sources"][0]["complete"], "{arguments}");
        assert_eq!(report["sources"][0]["ranges"], all["sources"][0]["ranges"], "{arguments}");
    }
    let month = yesterday().format("%Y-%m").to_string();
    let report = status(&world, &format!("--month {month}"), 0);
    assert_eq!(dates(&report).0, format!("{month}-01"));
    assert_eq!(dates(&report).1, ago(1));
}

#[test]
fn the_figures_of_a_named_window_stand_below_the_verdict() {
    let world = World::new(ACME);
    with_holes(&world);
    let (from, to) = (yesterday() - chrono::Days::new(39), yesterday() - chrono::Days::new(9));
    let figures = format!("From {from} to {to}:\n  acme: 31 of 31 days complete\n\nSOURCE");
    let text = world.run(&format!("status --from {from} --to {to}")).stdout;
    let (verdict, rest) = text.split_once("\n\n").expect("the verdict");
    assert!(verdict.starts_with("BEHIND  acme: ") && rest.starts_with(&figures), "{text}");
    assert_eq!(text.matches("31 of 31 days complete").count(), 1, "{text}");
    let none = world.run("status --from 2020-01-01 --to 2020-01-31").stdout;
    let said = "\n\nFrom 2020-01-01 to 2020-01-31: no source must cover a day.\n\nSOURCE";
    assert!(none.contains(said), "{none}");
}

#[test]
fn a_range_that_can_not_be_listed_exits_2() {
    let world = World::new(ACME);
    for arguments in [
        "--month 2124-01",
        "--month 2016-12",
        "--from today",
        "--to 2124-01-01",
        "--from -3d --to -5d",
        "--from 2016-12-31",
        "--month 2024-09 --days 3",
        "--month 2024-09 --to yesterday",
        "--days 3 --from yesterday",
        "--days 0",
    ] {
        let refused = world.run(&format!("status {arguments}"));
        assert_eq!(refused.status, 2, "{arguments}: {refused:#?}");
    }
}

#[test]
fn days_that_are_alike_are_one_line_with_one_reason() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, attempt, error_message)
         SELECT 'acme', current_date - age, 'FAILED', age,
                'Heroku refused: 403 (GET /x?day=' || current_date - age || ', request r-' || age
                || ', 2 attempts in ' || age || 'ms). Fix it'
         FROM generate_series(1, 20) AS age",
    );
    let text = world.run("status").stdout;
    let (first, last) = (yesterday() - chrono::Days::new(19), yesterday());
    let row = format!("acme    {first}..{last}  failed  FAILED    1..20  ");
    assert_eq!(text.matches(&row).count(), 1, "{text}");
    let reason = format!("acme {first}..{last}: Heroku refused: 403 (GET /x?day={first}, request ");
    assert!(text.contains(&reason) && text.matches("Fix it").count() == 1, "{text}");
}

#[test]
fn a_syncing_day_is_shown_until_when_its_lease_lasts() {
    let world = World::new(ACME);
    with_holes(&world);
    world.sql(
        "UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'run.1',
         locked_until = '2124-01-01 10:15:00Z', synced_at = NULL, settled_at = NULL
         WHERE process_date = current_date - 5",
    );
    let report = status(&world, "", 0);
    let acme = &report["sources"][0];
    assert_eq!(
        (&acme["syncing"], acme["syncing_until"].as_str()),
        (&1.into(), Some("2124-01-01T10:15:00.000Z"))
    );
    let text = world.run("status").stdout;
    assert!(text.contains("  syncing until 2124-01-01 10:15:00Z, 1 day\n"), "{text}");
}

#[test]
fn the_verdict_fits_sources_that_are_disabled_gone_or_not_covered_yet() {
    let world = World::new(&format!("{ACME}enabled = false\n"));
    with_holes(&world);
    let first = |world: &World| {
        let text = world.run("status --check");
        (text.status, text.stdout.lines().next().unwrap_or_default().to_owned())
    };
    let (status, off) = first(&world);
    assert_eq!(status, 0);
    assert!(off.starts_with("OK  acme is disabled, so no day is due; acme: "), "{off}");
    assert!(off.ends_with(", and no run reads them"), "{off}");
    // Only the ledger knows `acme` now.
    world.write_config(&ACME.replace("\"acme\"", "\"other\""));
    assert_eq!(first(&world), (1, "BEHIND  other: never synced".to_owned()));
    let gone = world.run("status --source acme --check");
    assert_eq!(gone.status, 0, "{gone:#?}");
    let verdict = "OK  acme is not in the file, so no day is due; acme: ";
    assert!(gone.stdout.starts_with(verdict), "{gone:#?}");
    let several = ["b", "c", "d", "e"].map(|name| ACME.replace("\"acme\"", &format!("\"{name}\"")));
    world.write_config(&several.concat());
    assert_eq!(first(&world), (1, "BEHIND  b, c, d and 1 more: never synced".to_owned()));
}

#[test]
fn sources_that_are_behind_alike_are_one_line_with_one_command_that_helps() {
    let world = World::busy(THREE_ACCOUNTS_AND_A_TEAM);
    let first = yesterday() - chrono::Days::new(20);
    world.sync(&format!("--date {first}"), 0);
    let text = world.run("status --check").stdout;
    let command = text.lines().nth(1).and_then(|line| line.split('`').nth(1)).expect("a command");
    assert!(text.starts_with("BEHIND  acme, globex, initech and 1 more: 20 days missing since "));
    let rest = command.strip_prefix("auditsync ").expect("our program");
    assert_eq!(world.run(rest).status, 0, "{command}");
    let after = world.run("status --check");
    assert_eq!(after.status, 0, "{after:#?}");
    let good = format!("OK  4 sources, complete through {}\n", yesterday());
    assert!(after.stdout.starts_with(&good), "{after:#?}");
}
