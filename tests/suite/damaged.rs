//! Tables, rights and rows that people changed by hand: a clear error names the problem, and the
//! other days continue.

use crate::support::{DAY, THREE_ACCOUNTS_AND_A_TEAM, World, day, truth};

const ON_DAY: &str = "--date 2024-09-28";
const OTHERS: [&str; 3] = ["globex", "initech", "team-a"];

fn migrated() -> World {
    let world =
        World::new(&format!("[database]\nmax_connections = 1\n{THREE_ACCOUNTS_AND_A_TEAM}"));
    assert_eq!(world.run("migrate").status, 0);
    world
}

/// Inserts a row for acme's day with these further `columns` and `values`.
fn put_row(world: &World, columns: &str, values: &str) {
    world.sql(&format!(
        "INSERT INTO audit_events_log (source, process_date, {columns}) \
         VALUES ('acme', '{DAY}', {values})"
    ));
}

#[test]
fn an_impossible_row_is_named_and_left_alone_and_other_days_continue() {
    for (columns, values, named) in [
        ("status", "'DONE'", "its status is `DONE`"),
        ("status", "'success'", "its status is `success`"),
        ("status", "''", "its status is ``"),
        (
            "status, attempt, locked_by, locked_until",
            "'PROCESSING', 3, 'ada', '9999-01-01'",
            "held by ada, ends more than",
        ),
        (
            "status, attempt, locked_by, locked_until",
            "'PROCESSING', 3, 'ada', 'infinity'",
            "held by ada, ends more than",
        ),
    ] {
        let world = migrated();
        put_row(&world, columns, values);
        let row = "SELECT * FROM audit_events_log WHERE source = 'acme'";
        let before = world.sql(row);
        let report = world.sync(ON_DAY, 1);
        let acme = day(&report, "acme", DAY);
        assert_eq!(acme["outcome"], "failed");
        let error = acme["error"].as_str().expect("an error");
        assert!(
            error.contains(named)
                && error.contains("auditsync reset --force --source acme 2024-09-28"),
            "{error}"
        );
        for source in OTHERS {
            assert_eq!(day(&report, source, DAY)["outcome"], "synced");
        }
        assert_eq!(world.sql(row), before, "it may be the only trace of what was done");

        assert_eq!(world.run("status").status, 0);
        let reset = world.run("reset --force --source acme 2024-09-28");
        assert_eq!(reset.status, 0, "{reset:#?}");
        world.sync(ON_DAY, 0);
        world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    }
}

#[test]
fn a_leased_row_without_a_holder_or_an_end_is_taken_over() {
    for (holder, end) in [
        ("NULL", "NULL"),
        ("NULL", "'infinity'"),
        ("NULL", "'9999-01-01'"),
        ("'ada'", "NULL"),
        ("'ada'", "'-infinity'"),
    ] {
        let world = migrated();
        put_row(
            &world,
            "status, attempt, locked_by, locked_until",
            &format!("'PROCESSING', 3, {holder}, {end}"),
        );
        let report = world.sync(ON_DAY, 0);
        assert_eq!(day(&report, "acme", DAY)["attempt"], 4, "{holder} until {end}");
        world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
        let who = "SELECT message FROM audit_history WHERE action = 'takeover'";
        let loser = holder.trim_matches('\'').replace("NULL", "nobody");
        assert_eq!(world.sql(who), format!("the lease of {loser} on attempt 3 had run out"));

        let world = migrated();
        put_row(
            &world,
            "status, attempt, locked_by, locked_until",
            &format!("'PROCESSING', 3, {holder}, {end}"),
        );
        let cleanup = world.run("cleanup");
        assert!(cleanup.stdout.ends_with("1 stale day marked ERROR.\n"), "{cleanup:#?}");
    }
}

#[test]
fn infinite_times_and_an_attempt_at_its_limit_stop_only_their_day() {
    for (columns, values) in [
        ("status, updated_at", "'PENDING', 'infinity'"),
        ("status, synced_at, updated_at", "'FAILED', '-infinity', '-infinity'"),
        ("status, attempt", "'PENDING', 2147483647"),
    ] {
        let world = migrated();
        world.sql(
            "INSERT INTO audit_events_log (source, process_date, status)
             VALUES ('acme', '-infinity', 'PENDING'), ('acme', 'infinity', 'SUCCESS'),
             ('globex', 'infinity', 'PENDING')",
        );
        put_row(&world, columns, values);
        let finished = world.run(&format!("{ON_DAY} --output json"));
        assert!(!finished.stderr.contains("panicked"), "{columns}: {finished:#?}");
        let report = finished.json();
        for source in OTHERS {
            assert_eq!(day(&report, source, DAY)["outcome"], "synced", "{columns}: {finished:#?}");
        }
        let status = world.run("status --days 3000 --output json");
        assert_eq!(status.status, 0, "{columns}: {status:#?}");
    }
}

#[test]
fn a_missing_column_is_reported_before_any_request() {
    for (table, column) in [
        ("audit_events", "ip_address"),
        ("audit_event_conflicts", "event_raw_reason"),
        ("audit_history", "requests"),
        ("audit_events_log", "digest"),
    ] {
        let world = migrated();
        world.sql(&format!("ALTER TABLE {table} DROP COLUMN {column}"));
        let finished = world.run(ON_DAY);
        assert_eq!(finished.status, 3, "{table}: {finished:#?}");
        let named = format!("the schema lacks the column {table}.{column}");
        assert!(finished.stderr.contains(&named), "{table}: {finished:#?}");
        assert_eq!(world.heroku.requests().len(), 0, "{table}");
        assert_eq!(world.sql("SELECT count(*) FROM audit_events_log"), "0", "{table}");
    }
}

#[test]
fn a_ledger_without_a_column_that_planning_needs_exits_3_and_names_it() {
    let world = migrated();
    world.sql("ALTER TABLE audit_events_log DROP COLUMN synced_at");
    for command in [ON_DAY, "status"] {
        let finished = world.run(command);
        assert_eq!(finished.status, 3, "{finished:#?}");
        let words = &finished.stderr;
        assert!(
            words.contains("the schema lacks the column audit_events_log.synced_at"),
            "{finished:#?}"
        );
    }
    assert_eq!(world.heroku.requests().len(), 0);
}

/// A role with the rights that the contract requires, and its URL.
fn role(world: &World) -> (String, String) {
    let role = format!("syncs_{}", world.database.name());
    world.sql(&format!(
        "CREATE ROLE {role} LOGIN;
         GRANT SELECT, INSERT ON audit_events_log, audit_events, audit_event_conflicts,
         audit_history, audit_seals, audit_anchors TO {role};
         GRANT UPDATE ON audit_events_log TO {role};
         GRANT SELECT ON auditsync_migrations TO {role}"
    ));
    let url = world.database.url().replacen("postgres@", &format!("{role}@"), 1);
    (role, url)
}

#[test]
fn the_rights_that_the_contract_names_are_enough() {
    let world = migrated();
    let (_, url) = role(&world);
    for command in [
        "migrate",
        "sync --date 2024-09-28",
        "status",
        "reset --source acme 2024-09-28",
        "",
        "cleanup",
    ] {
        let finished = world.run(&format!("{command} --database-url {url}"));
        assert_eq!(finished.status, 0, "{command}: {finished:#?}");
    }
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn a_missing_right_is_reported_with_its_table_and_completes_nothing() {
    for (right, table, status) in [
        ("SELECT", "auditsync_migrations", 3),
        ("SELECT", "audit_events_log", 3),
        ("UPDATE", "audit_events_log", 1),
        ("INSERT", "audit_events_log", 1),
        ("INSERT", "audit_history", 1),
        ("INSERT", "audit_events", 1),
        ("SELECT", "audit_events", 1),
        ("INSERT", "audit_seals", 1),
        ("SELECT", "audit_seals", 3),
    ] {
        let world = migrated();
        let (role, url) = role(&world);
        world.sql(&format!("REVOKE {right} ON {table} FROM {role}"));
        let finished = world.run(&format!("{ON_DAY} --output json --database-url {url}"));
        assert_eq!(finished.status, status, "{right} on {table}: {finished:#?}");
        let named = format!("permission denied for table {table}");
        let message = if status == 3 {
            finished.stderr.clone()
        } else {
            day(&finished.json(), "acme", DAY)["error"].to_string()
        };
        assert!(message.contains(&named), "{right} on {table}: {finished:#?}");
        assert_eq!(
            world.sql(
                "SELECT count(*) FROM audit_events_log WHERE source = 'acme' AND status = 'SUCCESS'"
            ),
            "0"
        );

        world.sql(&format!("GRANT {right} ON {table} TO {role}"));
        world.expire_leases();
        let next = world.run(&format!("{ON_DAY} --database-url {url}"));
        assert_eq!(next.status, 0, "{right} on {table}: {next:#?}");
    }
}
