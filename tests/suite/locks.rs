//! Locks that other sessions hold: a wait for one ends, the report names table and holder, and
//! nothing else suffers.

use std::time::{Duration, Instant};

use crate::support::{ACME, DAY, Finished, Session, World, date, day, source, truth, wait_for};

const SYNC: &str = "sync --date 2024-09-28 --output json";
/// The program waits 15 s for a lock; the rest is for a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
const TWO: &str = "
[[source]]
name = \"acme\"
account = \"acme\"
token_env = \"HEROKU_API_TOKEN\"

[[source]]
name = \"globex\"
account = \"globex\"
token_env = \"GLOBEX_TOKEN\"
";

fn migrated(sources: &str) -> World {
    let world = World::new(sources);
    assert_eq!(world.run("migrate").status, 0);
    world
}

/// A session that holds the locks of `sql`, and its process id.
fn holding(world: &World, sql: &str) -> (Session, String) {
    let mut session = world.session(world.database.url());
    let pid = session.ask("SELECT pg_backend_pid()");
    session.ask(&format!("BEGIN; {sql}"));
    (session, pid)
}

/// Runs a command that must end in time.
fn timed(world: &World, command: &str) -> Finished {
    let begun = Instant::now();
    let finished = world.run(command);
    assert!(begun.elapsed() < LIMIT, "{command}: {:?} {finished:#?}", begun.elapsed());
    finished
}

/// Whether a process of the program waits for a lock.
fn is_waiting(world: &World) -> bool {
    let waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'auditsync' AND wait_event_type = 'Lock'";
    world.sql(waiting) == "t"
}

#[test]
fn a_locked_table_is_not_reported_as_another_sync() {
    for (table, mode) in [
        ("audit_events_log", "SHARE"),
        ("audit_events_log", "SHARE ROW EXCLUSIVE"),
        ("audit_events", "SHARE"),
        ("audit_events", "ACCESS EXCLUSIVE"),
        ("audit_history", "EXCLUSIVE"),
    ] {
        let world = migrated(ACME);
        let (_session, pid) = holding(&world, &format!("LOCK TABLE {table} IN {mode} MODE"));
        let finished = timed(&world, SYNC);
        assert_eq!(finished.status, 1, "{table} {mode}: {finished:#?}");
        let report = finished.json();
        let row = day(&report, "acme", DAY);
        assert_eq!(row["outcome"], "failed", "{table} {mode}: {row:#}");
        let error = row["error"].as_str().unwrap_or_default();
        assert!(error.contains(&format!("the table {table} is locked")), "{table} {mode}: {error}");
        assert!(error.contains(&format!("process {pid}")), "{table} {mode}: {error}");
    }
}

#[test]
fn a_wait_for_the_chain_of_seals_names_the_session_that_seals() {
    let world = migrated(ACME);
    let (_session, pid) = holding(&world, "SELECT pg_advisory_xact_lock(7022629598042219873)");
    let finished = timed(&world, SYNC);
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let error = day(&report, "acme", DAY)["error"].as_str().unwrap_or_default();
    let sealing =
        "another auditsync is sealing a day: the chain of seals is locked by the database";
    assert!(error.contains(sealing) && error.contains(&format!("process {pid}")), "{error}");
    assert_eq!(world.sql("SELECT status FROM audit_events_log"), "ERROR");
}

#[test]
fn a_lock_that_blocks_reading_ends_each_command_with_3() {
    let world = migrated(ACME);
    let (_session, pid) = holding(&world, "LOCK TABLE audit_events_log IN ACCESS EXCLUSIVE MODE");
    let commands = [
        "",
        "--dry-run",
        "status",
        "reset --source acme 2024-09-28",
        "cleanup",
        "reconcile --month 2024-09",
    ];
    std::thread::scope(|threads| {
        for command in commands {
            let (world, pid) = (&world, &pid);
            threads.spawn(move || {
                let finished = timed(world, command);
                assert_eq!(finished.status, 3, "{command}: {finished:#?}");
                let named = finished
                    .stderr
                    .contains("the table audit_events_log is locked (AccessExclusiveLock)");
                assert!(
                    named && finished.stderr.contains(&format!("process {pid}")),
                    "{command}: {finished:#?}"
                );
            });
        }
    });
}

#[test]
fn a_lock_that_is_released_in_time_is_waited_out() {
    for table in ["audit_events_log", "audit_events", "audit_history"] {
        let world =
            migrated(&format!("[lock]\nstale_after = \"9s\"\nheartbeat_every = \"2s\"\n{ACME}"));
        let (session, _) = holding(&world, &format!("LOCK TABLE {table} IN SHARE MODE"));
        let run = world.spawn(SYNC);
        wait_for("the run to wait", || is_waiting(&world));
        drop(session);
        let finished = run.wait();
        assert_eq!(finished.status, 0, "{table}: {finished:#?}");
        assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "synced", "{table}");
        world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    }
}

#[test]
fn a_lock_on_the_events_costs_no_lease_and_delays_no_signal() {
    let world =
        migrated(&format!("[lock]\nstale_after = \"6s\"\nheartbeat_every = \"1s\"\n{ACME}"));
    let (session, _) = holding(&world, "LOCK TABLE audit_events IN SHARE MODE");
    let run = world.spawn(SYNC);
    wait_for("the write to wait", || is_waiting(&world));
    let until = || world.sql("SELECT locked_until FROM audit_events_log");
    let first = until();
    wait_for("a renewal after the write", || until() != first);
    let sent = Instant::now();
    run.signal("TERM");
    let finished = run.wait();
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    assert_eq!(finished.status, 143, "{finished:#?}");
    assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "interrupted", "{finished:#?}");
    assert_eq!(world.sql("SELECT status FROM audit_events_log"), "PENDING");
    drop(session);
    world.sync("--date 2024-09-28", 0);
}

#[test]
fn a_manual_row_lock_fails_only_its_day() {
    let world = migrated(TWO);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status) \
        VALUES ('acme', '2024-09-28', 'PENDING')",
    );
    let (_session, pid) =
        holding(&world, "SELECT FROM audit_events_log WHERE source = 'acme' FOR UPDATE");
    let finished = timed(&world, SYNC);
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    assert_eq!(day(&report, "globex", DAY)["outcome"], "synced");
    let row = day(&report, "acme", DAY);
    let error = row["error"].as_str().unwrap_or_default();
    assert_eq!(row["outcome"], "failed");
    assert!(error.contains("a row of the table audit_events_log is locked"), "{error}");
    assert!(error.contains(&format!("process {pid}")), "{error}");
}

#[test]
fn only_a_live_lease_means_that_another_process_syncs_the_day() {
    let world = migrated(ACME);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, attempt, locked_by,
         locked_until)
         VALUES ('acme', '2024-09-28', 'PROCESSING', 1, 'another',
         clock_timestamp() + interval '1 h')",
    );
    let (_session, _) = holding(&world, "SELECT FROM audit_events_log FOR UPDATE");
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(
        day(&report, "acme", DAY)["outcome"],
        "locked_elsewhere",
        "its lease is live, whatever session holds the row lock"
    );
}

#[test]
fn a_table_that_stays_locked_costs_one_wait_and_not_one_a_day() {
    let sources: String = (0..24)
        .map(|n| source(&format!("s{n}"), "acme") + &format!("filter = {{ type = \"t{n}\" }}\n"))
        .collect();
    let world = migrated(&sources);
    let (_session, _) = holding(&world, "LOCK TABLE audit_events_log IN SHARE MODE");
    let begun = Instant::now();
    let finished = world.run("sync --date 2024-09-28");
    assert_eq!(finished.status, 1, "{finished:#?}");
    // 15 s for the first four, and one attempt of 3 s for every four of the others.
    assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
    let count = finished.stdout.matches("the table audit_events_log is locked").count();
    assert!(
        (1..=3).contains(&count),
        "the same reason is reported once, except for the time that it is held: {finished:#?}"
    );
}

#[test]
fn a_migration_lets_others_through_while_it_waits_for_a_reader() {
    let world = World::new(ACME);
    world.sql(
        "CREATE TABLE audit_events_log (
            id SERIAL PRIMARY KEY, process_date DATE NOT NULL UNIQUE,
            status VARCHAR(20) NOT NULL, events_count INTEGER,
            error_message TEXT, created_at TIMESTAMP, updated_at TIMESTAMP)",
    );
    let (session, pid) = holding(&world, "SELECT count(*) FROM audit_events_log");
    let run = world.spawn("migrate");
    wait_for("the migration to wait", || is_waiting(&world));
    // A session behind the migration gets its turn soon, because the migration releases its place
    // and retries.
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(world.sql("SELECT count(*) FROM audit_events_log"), "0");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    let finished = run.wait();
    assert_eq!(finished.status, 3, "{finished:#?}");
    assert!(
        finished.stderr.contains("the table audit_events_log is locked (AccessShareLock)"),
        "{finished:#?}"
    );
    assert!(finished.stderr.contains(&format!("process {pid}")), "{finished:#?}");
    drop(session);
    assert_eq!(world.run("migrate").status, 0);
}

#[test]
fn a_reader_does_not_delay_a_sync() {
    let world = migrated(ACME);
    let reading = "SELECT count(*) FROM audit_events_log; SELECT count(*) FROM audit_events";
    let (_session, _) = holding(&world, reading);
    world.sync("--date 2024-09-28", 0);
    assert_eq!(
        world.heroku.day("acme", date(DAY)).len().to_string(),
        world.sql("SELECT count(*) FROM audit_events")
    );
}
