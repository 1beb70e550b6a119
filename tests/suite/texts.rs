//! What people read on stdout: tables, advice, and what to do next.
//!
//! The texts are in `snapshots/`. `INSTA_UPDATE=always` rewrites them; read the difference before
//! you commit it. Values that differ between runs are masked: times, ids, and dates relative to
//! today, which keep their width.

use crate::coverage::with_holes;
use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, date, yesterday};
use fake_heroku::{Fault, Match, Month};

const SEPTEMBER: Month = Month { year: 2024, month: 9 };

/// Runs the program, whose exit status must be `status`, and compares its output with the snapshot
/// `name`.
fn assert_prints(world: &World, arguments: &str, status: i32, name: &str) {
    let finished = world.run(arguments);
    assert_eq!(finished.status, status, "{finished:#?}");
    let mut text = finished.stdout;
    let today = yesterday() + chrono::Days::new(1);
    for ago in 0..=60 {
        let then = (today - chrono::Days::new(ago)).to_string();
        text = text.replace(&then, &format!("-{ago:_>5}days"));
    }
    let filters = [
        (r"\d\d:\d\d:\d\dZ?", "HH:MM:SS"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r" \d+\.\ds", " N.Ns"),
        (r"  +\d+h\b", "   Nh"),
        (r" \d+h after", " Nh after"),
        (r"the last \d+h", "the last Nh"),
        (r"\d+ms", "Nms"),
        (r"\d+ bytes have the SHA-256 [0-9a-f]{64}", "N bytes have the SHA-256 <hex>"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"(?m)\bauditsync \d+\.\d+\.\d+\S*( \(.*\))?$", "auditsync <version>"),
        (r"Head: (\d+):[0-9a-f]{64} of log [0-9a-f]{32}", "Head: $1:<seal> of log <log>"),
    ];
    insta::with_settings!({
        filters => filters,
        omit_expression => true,
        description => format!("auditsync {arguments}"),
    }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn a_sync_shows_each_day_and_the_totals() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    assert_prints(&world, "--date 2024-09-28 --dry-run", 0, "sync_dry_run");
    assert_prints(&world, "--date 2024-09-28", 0, "sync");
    assert_prints(&world, "--date 2024-09-28 --source acme", 0, "sync_again");
    assert_prints(&World::new(&format!("{ACME}enabled = false\n")), "", 0, "sync_nothing");
}

#[test]
fn a_failed_sync_says_for_each_day_why_and_what_to_do() {
    let world = World::new(&format!("[sync]\nconcurrency = 1\n{THREE_ACCOUNTS_AND_A_TEAM}"));
    world.heroku.revoke("HRKU-demo-globex-0001-not-a-secret");
    for _ in 0..3 {
        world.heroku.fault(
            Match::events("initech"),
            Fault::status(503, "service_unavailable", "Try again later."),
        );
    }
    assert_prints(&world, "--date 2024-09-28", 1, "sync_failed");
    assert_prints(&world, "history --source globex --source initech", 0, "history_failed");
}

#[test]
fn status_shows_gaps_failures_and_how_to_begin() {
    assert_prints(&World::new(ACME), "status", 0, "status_empty");
    let sources = format!(
        "{ACME}since = \"{}\"\n{}",
        yesterday() - chrono::Days::new(41),
        ACME.replace("\"acme\"\naccount", "\"off\"\naccount")
            + "enabled = false\nfilter = { type = \"app\" }\n"
    );
    let world = World::new(&sources);
    with_holes(&world);
    assert_prints(&world, "status", 0, "status_holes");
    assert_prints(&world, "status --check", 1, "status_check_behind");
    world.sql(
        "UPDATE audit_events_log SET scope = '{\"account\": \"acme\", \"team\": \"team-a\"}'
         WHERE process_date < current_date - 30;
         UPDATE audit_events_log SET synced_at = NULL, settled_at = NULL
         WHERE process_date = current_date - 12;
         INSERT INTO audit_history (at, run_id, source, process_date, attempt, action, outcome,
         late_events, by)
         SELECT (current_date - age + 1)::timestamp AT TIME ZONE 'UTC' + interval '25 h',
         gen_random_uuid(), 'acme',
                current_date - age, 2, 'publish', 'synced', 3, 'x'
                FROM generate_series(20, 22) AS age",
    );
    assert_prints(&world, "status --source acme", 0, "status_notes");
}

#[test]
fn status_shows_a_complete_ledger_in_a_few_lines() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, events_count, attempt,
         scope, synced_at, settled_at)
         SELECT 'acme', current_date - age, 'SUCCESS', 5, 1, '{\"account\": \"acme\"}',
         clock_timestamp(), clock_timestamp()
         FROM generate_series(1, 40) AS age",
    );
    assert_prints(&world, "status --check", 0, "status_whole");
}

#[test]
fn an_operator_s_actions_are_reported_and_recorded() {
    let world = World::busy(&format!("[sync]\nconcurrency = 1\n{ACME}"));
    assert_eq!(world.run("--from 2024-09-25 --to 2024-09-28").status, 0);
    let days = "reset --source acme 2024-09-20..2024-09-26 2024-09-28 --reason drill --by ada";
    assert_prints(&world, days, 1, "reset");
    world.sql(
        "UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'gone',
         locked_until = '2024-09-29Z' WHERE process_date = '2024-09-27';
         UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'here',
         locked_until = clock_timestamp() + interval '1 h'
         WHERE process_date = '2024-09-25'",
    );
    assert_prints(&world, "reset --source acme 2024-09-25", 1, "reset_refused");
    assert_prints(&world, "cleanup --reason drill --by ada", 0, "cleanup");
    assert_prints(&world, "cleanup", 0, "cleanup_nothing");
    assert_prints(&world, "history", 0, "history");
}

#[test]
fn a_backfill_plan_and_a_migration_dry_run_say_what_they_would_do() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    assert_prints(&world, "backfill --from 2024-08-01 --to 2024-09-28 --plan", 0, "backfill_plan");
    assert_prints(&world, "migrate --dry-run", 0, "migrate_dry_run");
    assert_prints(&world, "migrate", 0, "migrate");
    assert_prints(&world, "migrate", 0, "migrate_nothing");
}

#[test]
fn a_comparison_says_what_is_missing_where_and_what_was_stored() {
    let world = World::new(&format!("{ACME}since = \"2024-09-25\"\n"));
    assert_prints(&world, "reconcile --month 2024-09", 1, "reconcile_nothing_stored");
    assert_eq!(world.run("--from 2024-09-25 --to 2024-09-28").status, 0);
    assert_prints(&world, "reconcile --month 2024-09", 0, "reconcile");
    let id = world.sql("SELECT min(event_id) FROM audit_events WHERE process_date = '2024-09-28'");
    assert_eq!(world.heroku.remove_event("acme", date("2024-09-27"), &id), 0);
    world.sql(&format!("DELETE FROM audit_events WHERE event_id = '{id}'"));
    assert_prints(&world, "reconcile --month 2024-09", 1, "reconcile_missing");
    assert_prints(&world, "reconcile --month 2024-09 --repair", 0, "reconcile_repaired");
    world.heroku.change_archive("acme", SEPTEMBER, |archive| archive.checksum = "0".repeat(64));
    assert_prints(&world, "reconcile --month 2024-09", 1, "reconcile_failed");
}
