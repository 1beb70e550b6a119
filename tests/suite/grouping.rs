//! Days that are alike are one line, in every command that lists days. The documents list each day.

use fake_heroku::{Fault, Match};

use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, wait_for, yesterday};

const RANGE: &str = "--from 2024-09-20 --to 2024-09-28";

/// The words of the rows of the table in a text.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().skip_while(|line| !line.starts_with("SOURCE")).skip(1);
    let rows = lines.take_while(|line| !line.is_empty());
    rows.map(|row| row.split_whitespace().collect()).collect()
}

#[test]
fn a_run_prints_consecutive_days_with_the_same_outcome_as_one_line() {
    let world = World::busy(ACME);
    let dry = world.run(&format!("--dry-run {RANGE}")).stdout;
    let run = world.run(&format!("backfill {RANGE}")).stdout;
    let again = world.run(&format!("sync {RANGE}")).stdout;
    let events = world.sql("SELECT count(*) FROM audit_events");
    for (text, outcome, new) in
        [(&dry, "would_sync", &*events), (&run, "synced", &events), (&again, "already_synced", "0")]
    {
        let rows = rows(text);
        assert_eq!(rows.len(), 1, "{text}");
        assert_eq!(
            rows[0][..5],
            ["acme", "2024-09-20..2024-09-28", outcome, &events, new],
            "{text}"
        );
    }
    let report = world.sync(RANGE, 0);
    assert_eq!(report["days"].as_array().map(Vec::len), Some(9));
}

#[test]
fn sources_and_outcomes_make_lines_of_their_own() {
    let world = World::busy(THREE_ACCOUNTS_AND_A_TEAM);
    assert_eq!(world.run("--date 2024-09-24 --source acme").status, 0);
    world.heroku.revoke("HRKU-demo-globex-0001-not-a-secret");
    let text = world.run(RANGE).stdout;
    let shown: Vec<String> = rows(&text).iter().map(|row| row[..3].join(" ")).collect();
    assert_eq!(
        shown,
        [
            "acme 2024-09-20..2024-09-23 synced",
            "globex 2024-09-20..2024-09-28 failed",
            "initech 2024-09-20..2024-09-28 synced",
            "team-a 2024-09-20..2024-09-28 synced",
            "acme 2024-09-24 already_synced",
            "acme 2024-09-25..2024-09-28 synced",
        ],
        "{text}"
    );
}

#[test]
fn a_reason_that_differs_only_in_a_request_id_or_time_is_said_once() {
    let world = World::new(&format!("[sync]\nconcurrency = 1\n{ACME}"));
    for _ in 0..9 {
        world.heroku.fault(Match::events("acme"), Fault::status(403, "forbidden", "No."));
    }
    let text = world.run(&format!("backfill {RANGE}")).stdout;
    let reasons: Vec<&str> = text.lines().filter(|line| line.contains("No.")).collect();
    assert_eq!(reasons.len(), 1, "{text}");
    assert!(reasons[0].starts_with("acme 2024-09-20..2024-09-28 (9 days): "), "{text}");
    let with_id = world.sql(
        "SELECT count(*), count(DISTINCT error_message) FROM audit_events_log
         WHERE status = 'FAILED' AND error_message LIKE '%request %'",
    );
    assert_eq!(with_id, "9|9", "each day has an id of its own");
    // One example is shown.
    assert_eq!(text.matches("request ").count(), 1, "{text}");
}

#[test]
fn days_that_another_process_syncs_are_one_line() {
    let world = World::busy(ACME);
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, attempt, locked_by,
                                       locked_until)
         SELECT 'acme', '2024-09-20'::date + n, 'PROCESSING', 1, 'run.7',
                clock_timestamp() + interval '1 h'
         FROM generate_series(0, 8) AS n",
    );
    let locked = world.run(RANGE);
    assert_eq!(locked.status, 0, "{locked:#?}");
    let shown = rows(&locked.stdout);
    assert_eq!(shown.len(), 1, "{locked:#?}");
    assert_eq!(shown[0][..3], ["acme", "2024-09-20..2024-09-28", "locked_elsewhere"]);
    let reason = "acme 2024-09-20..2024-09-28 (9 days): run.7 is already syncing these days\n";
    assert!(locked.stdout.contains(reason), "{locked:#?}");
    // Stale leases of one process are one line of `cleanup`, whatever their ends.
    world.sql(
        "UPDATE audit_events_log SET locked_until = clock_timestamp() - interval '1 s' *
         extract(day FROM process_date)",
    );
    let cleaned = world.run("cleanup --by ada").stdout;
    assert!(
        cleaned.starts_with("acme 2024-09-20..2024-09-28 (9 days): the lease of run.7 went stale"),
        "{cleaned}"
    );
    assert_eq!(cleaned.matches("run.7").count(), 1, "{cleaned}");
}

#[test]
fn days_that_a_signal_left_unread_are_one_line_with_one_command() {
    let world = World::busy(&format!("[sync]\nconcurrency = 1\n{ACME}"));
    let (from, to) = (yesterday() - chrono::Days::new(9), yesterday());
    let hold = world.heroku.hold(Match::events("acme").day(from));
    let run = world.spawn(&format!("backfill --from {from} --to {to}"));
    wait_for("the day to be read", || hold.waiting() > 0);
    run.signal("TERM");
    let finished = run.wait();
    hold.release();
    assert_eq!(finished.status, 143, "{finished:#?}");
    let shown: Vec<String> = rows(&finished.stdout).iter().map(|row| row[..3].join(" ")).collect();
    let second = from + chrono::Days::new(1);
    assert_eq!(
        shown,
        [format!("acme {from} interrupted"), format!("acme {second}..{to} interrupted")]
    );
    assert_eq!(finished.stdout.matches("because a signal").count(), 2, "{finished:#?}");
    assert_eq!(finished.stdout.matches("`auditsync backfill").count(), 1, "{finished:#?}");
}
