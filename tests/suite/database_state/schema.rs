//! A schema that is incomplete, foreign, elsewhere or closed.

use super::{SYNC, assert_checked, assert_fine, assert_refused, role, synced_as_role, wrong};
use crate::support::{ACME, World};

#[test]
fn an_incomplete_schema_is_reported_with_what_it_lacks() {
    for (damage, lacking) in [
        ("ALTER TABLE audit_events_log DROP COLUMN digest", "the column audit_events_log.digest"),
        ("ALTER TABLE audit_events DROP COLUMN via", "the column audit_events.via"),
        ("ALTER TABLE audit_history RENAME COLUMN \"by\" TO who", "the column audit_history.by"),
        ("DROP TABLE audit_event_conflicts", "the table audit_event_conflicts"),
        (
            "ALTER TABLE audit_events_log DROP CONSTRAINT audit_events_log_source_process_date_key",
            "the unique constraint on audit_events_log (source, process_date)",
        ),
        (
            "ALTER TABLE audit_events DROP CONSTRAINT audit_events_pkey;
             CREATE UNIQUE INDEX part ON audit_events (source, process_date, event_id)
             WHERE via = 'api'",
            "the unique constraint on audit_events (source, process_date, event_id)",
        ),
    ] {
        let world = World::new(ACME);
        assert_fine(&world.run(SYNC));
        world.sql(damage);
        assert_checked(&world, &[lacking, "migrations/"]);
        assert_refused(&world, "sync --date 2024-09-27", &[&format!("the schema lacks {lacking}")]);
    }
    // Another key with the same columns works as well.
    let world = World::new(ACME);
    assert_fine(&world.run("migrate"));
    world.sql(
        "ALTER TABLE audit_events_log DROP CONSTRAINT audit_events_log_source_process_date_key;
         CREATE UNIQUE INDEX other ON audit_events_log (process_date, source) INCLUDE (status)",
    );
    assert_fine(&world.run(SYNC));
    assert_eq!(wrong(&world), [[""; 3]; 0]);
}

#[test]
fn foreign_tables_with_our_names_are_reported() {
    for (table, others) in [
        ("audit_events", "CREATE TABLE audit_events (id int)"),
        ("audit_history", "CREATE VIEW audit_history AS SELECT 1 AS id"),
        ("audit_events_log", "CREATE TABLE audit_events_log (source text, process_date date)"),
    ] {
        let world = World::new(ACME);
        world.sql(others);
        let relations = "SELECT relname, relnatts FROM pg_class \
            WHERE relnamespace = 'public'::regnamespace ORDER BY 1";
        let before = world.sql(relations);
        let words =
            [&*format!("the table {table} exists already, and another program made it"), "rename"];
        assert_checked(&world, &words);
        for command in ["migrate", SYNC] {
            assert_refused(&world, command, &words);
        }
        assert_eq!(world.sql(relations), before, "nothing was changed");
    }
}

#[test]
fn a_search_path_without_our_tables_is_reported_with_their_place() {
    let mut world = World::new(ACME);
    assert_fine(&world.run(SYNC));
    world.sql("CREATE SCHEMA other");
    let there = |path: &str| format!("{}&options=-c%20search_path%3D{path}", world.database.url());
    let (other, both, nowhere) = (there("other"), there("other,public"), there("nowhere"));
    world.set("DATABASE_URL", &both);
    assert_fine(&world.run("sync --date 2024-09-27"));
    world.set("DATABASE_URL", &other);
    let words = [
        "auditsync's tables are in the schema public",
        "its search_path is 'other'",
        "SET search_path = public",
    ];
    assert_checked(&world, &words);
    for command in ["status", SYNC, "history", "reset --source acme 2024-09-28"] {
        assert_refused(&world, command, &words);
    }
    assert_eq!(world.sql("SELECT count(*) FROM pg_class WHERE relname = 'audit_events'"), "1");
    world.set("DATABASE_URL", &nowhere);
    assert_refused(&world, SYNC, &["auditsync's tables are in the schema public"]);
    // A user who asks for a second ledger gets one.
    world.set("DATABASE_URL", &other);
    assert_fine(&world.run("migrate"));
    assert_fine(&world.run(SYNC));
    assert_eq!(world.sql("SELECT count(*) FROM other.audit_events_log"), "1");
}

#[test]
fn a_forbidden_or_absent_schema_is_reported() {
    let mut world = World::new(ACME);
    let role = role(&world);
    let url = world.database.url().replace("postgres@", &format!("{role}@"));
    world.sql("CREATE SCHEMA closed");
    world.set("DATABASE_URL", &format!("{url}&options=-c%20search_path%3Dclosed"));
    let words = [
        &*format!("the role {role} may not use the schema closed"),
        &*format!("GRANT USAGE ON SCHEMA closed TO {role}"),
    ];
    assert_checked(&world, &words);
    assert_refused(&world, SYNC, &words);
    for (path, shown) in [("nowhere", "'nowhere'"), ("%27%27", "'''")] {
        world.set("DATABASE_URL", &format!("{url}&options=-c%20search_path%3D{path}"));
        for command in ["migrate", SYNC] {
            let finished = world.run(command);
            assert_eq!(finished.status, 3, "{shown}: {finished:#?}");
            assert!(
                finished.stderr.contains("no schema of the search_path exists"),
                "{shown}: {finished:#?}"
            );
        }
    }
}

#[test]
fn a_missing_right_is_reported_with_where_to_find_all_rights() {
    let (world, role) = synced_as_role();
    for (table, command) in [
        ("auditsync_migrations", "status"),
        ("audit_events_log", SYNC),
        ("audit_history", "history"),
    ] {
        world.sql(&format!("REVOKE SELECT ON {table} FROM {role}"));
        let words = [
            &*format!("the role {role} lacks a right: permission denied for table {table}"),
            "sql/roles.sql",
        ];
        assert_refused(&world, command, &words);
        assert_checked(
            &world,
            &[&format!("{role} may not SELECT"), &format!("GRANT SELECT ON {table} TO {role}")],
        );
        world.sql(&format!("GRANT SELECT ON {table} TO {role}"));
    }
    world.sql(&format!("REVOKE USAGE ON SCHEMA public FROM PUBLIC, {role}"));
    let words = [
        &*format!("the role {role} may not use the schema public"),
        "GRANT USAGE ON SCHEMA public",
    ];
    assert_checked(&world, &words);
    assert_refused(&world, SYNC, &words);
}
