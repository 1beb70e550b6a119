//! Least privilege: the three roles of `sql/roles.sql`, with the real program as each of them.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fake_heroku::Fixtures;
use pg_cluster::{Cluster, Database};

use crate::queries::queries;
use crate::support::{DAY, Finished, THREE_ACCOUNTS_AND_A_TEAM, World, day, truth};

/// Roles belong to an entire server, so the chapter has one of its own.
fn cluster() -> &'static Arc<Cluster> {
    static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| Arc::new(Cluster::builder().start().expect("a cluster")))
}

/// Runs the file. Roles belong to the entire server, so one test at a time runs it.
fn give_roles(world: &World) {
    give_roles_as(world, "postgres");
}

/// The same as another role.
fn give_roles_as(world: &World, who: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/roles.sql");
    let file = std::fs::read_to_string(file).expect("the file");
    world.sql(&format!("SET SESSION AUTHORIZATION {who};\n{file}"));
}

/// A world with the roles, in a database without a schema.
fn world() -> World {
    let database = Database::on(cluster()).expect("a database");
    let world = World::on(database, Fixtures::committed(), THREE_ACCOUNTS_AND_A_TEAM);
    give_roles(&world);
    world
}

/// The same with a schema, made by the role that migrates.
fn migrated() -> World {
    let world = world();
    let finished = run_as(&world, "auditsync_migrate", "migrate");
    assert_eq!(finished.status, 0, "{finished:#?}");
    give_roles(&world);
    world
}

fn url(world: &World, role: &str) -> String {
    world.database.url().replace("postgres@", &format!("{role}@"))
}

fn run_as(world: &World, role: &str, arguments: &str) -> Finished {
    world.run(&format!("--database-url {} {arguments}", url(world, role)))
}

/// The server's message to a statement of this role, if it rejects it.
fn refusal(world: &World, role: &str, sql: &str) -> Option<String> {
    let as_role = format!("SET ROLE {role};\n{sql}");
    world.database.psql(&as_role).err().map(|error| error.to_string())
}

#[test]
fn the_syncing_role_can_do_everything_for_a_day() {
    let world = migrated();
    let run = |arguments: &str| run_as(&world, "auditsync_sync", arguments);
    let report = run("sync --date 2024-09-28 --output json");
    assert_eq!(report.status, 0, "{report:#?}");
    assert_eq!(day(&report.json(), "acme", DAY)["outcome"], "synced");
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));

    let reset = run("reset --source acme 2024-09-28 --reason drill");
    assert_eq!(reset.status, 0, "{reset:#?}");
    world.sql(
        "UPDATE audit_events_log \
        SET status = 'PROCESSING', locked_by = 'gone', locked_until = '2024-09-29' \
        WHERE source = 'globex'",
    );
    let cleanup = run("cleanup");
    assert!(cleanup.stdout.contains("globex"), "{cleanup:#?}");
    assert_eq!(run("status").status, 0);
    let again = run("sync --date 2024-09-28 --output json");
    assert_eq!(again.status, 0, "{again:#?}");
    assert_eq!(day(&again.json(), "acme", DAY)["attempt"], 2);
    world.assert_complete("globex", DAY, &truth(&world, "globex", DAY, |_| true));
    // With a current schema it needs no further rights.
    assert_eq!(run("migrate").stdout, "The schema is up to date.\n");
}

#[test]
fn the_syncing_role_updates_only_the_ledger_and_deletes_nothing() {
    let world = migrated();
    run_as(&world, "auditsync_sync", "sync --date 2024-09-28");
    let before = world.dump();
    let tables = world.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    assert!(tables.lines().count() >= 5, "{tables}");
    for table in tables.lines() {
        let mut refused = vec![
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("DROP TABLE {table}"),
        ];
        if table != "audit_events_log" {
            let first = format!(
                "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass \
                 AND attnum = 1"
            );
            let column = world.sql(&first);
            refused.push(format!("UPDATE {table} SET {column} = DEFAULT"));
        }
        for sql in refused {
            let said = refusal(&world, "auditsync_sync", &sql)
                .unwrap_or_else(|| panic!("{sql} was not refused"));
            assert!(
                said.contains("permission denied") || said.contains("must be owner"),
                "{sql}: {said}"
            );
        }
    }
    for sql in
        ["INSERT INTO auditsync_migrations VALUES (9, 'x', '')", "CREATE TABLE another (id int)"]
    {
        assert!(
            refusal(&world, "auditsync_sync", sql)
                .is_some_and(|said| said.contains("permission denied")),
            "{sql}"
        );
    }
    // Each rejection is for the missing right and for no other reason.
    assert_eq!(
        refusal(
            &world,
            "auditsync_sync",
            "BEGIN; UPDATE audit_events_log SET source = source; ROLLBACK"
        ),
        None
    );
    assert_eq!(world.dump(), before);
}

#[test]
fn the_syncing_role_learns_which_role_may_migrate() {
    let world = world();
    for command in ["migrate", "sync --date 2024-09-28"] {
        let finished = run_as(&world, "auditsync_sync", command);
        assert_eq!(finished.status, 3, "{command}: {finished:#?}");
        let said =
            "this database role may not bring it up to date: permission denied for schema public";
        assert!(finished.stderr.contains(said), "{command}: {finished:#?}");
        assert!(
            finished.stderr.contains("Run `auditsync migrate` as a role that may create tables"),
            "{finished:#?}"
        );
    }
    assert_eq!(world.heroku.requests().len(), 0);
    // It can still say what it would do.
    assert!(
        run_as(&world, "auditsync_sync", "migrate --dry-run")
            .stdout
            .starts_with("Would apply 0001")
    );
}

#[test]
fn the_role_for_dashboards_reads_everything_and_changes_nothing() {
    let world = migrated();
    run_as(&world, "auditsync_sync", "sync --date 2024-09-28");
    let before = world.dump();
    let status = run_as(&world, "auditsync_read", "status --output json");
    assert_eq!(status.status, 0, "{status:#?}");
    assert_eq!(status.json()["sources"][0]["last_complete_day"], DAY);
    for (question, sql) in queries() {
        assert_eq!(refusal(&world, "auditsync_read", &sql), None, "{question}");
    }
    for sql in [
        "INSERT INTO audit_events SELECT * FROM audit_events",
        "UPDATE audit_events_log SET status = 'PENDING'",
        "DELETE FROM audit_history",
        "SELECT * FROM audit_events_log FOR UPDATE",
        "CREATE TABLE another (id int)",
    ] {
        assert!(
            refusal(&world, "auditsync_read", sql)
                .is_some_and(|said| said.contains("permission denied")),
            "{sql}"
        );
    }
    let reset = run_as(&world, "auditsync_read", "reset --source acme 2024-09-28");
    assert_eq!(reset.status, 3, "{reset:#?}");
    let lacks = "the role auditsync_read lacks a right: permission denied for table \
                 audit_events_log. Use a role that has it, or GRANT it: `auditsync check` lists";
    assert!(reset.stderr.contains(lacks), "{reset:#?}");
    assert_eq!(world.dump(), before);
}

#[test]
fn a_day_that_a_role_may_not_claim_fails_with_the_role_and_the_right() {
    let world = migrated();
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status) \
        VALUES ('acme', '2024-09-28', 'PENDING')",
    );
    let run =
        run_as(&world, "auditsync_read", "sync --source acme --date 2024-09-28 --output json");
    assert_eq!(run.status, 1, "{run:#?}");
    let report = run.json();
    let row = day(&report, "acme", DAY);
    assert!(
        row["error"].as_str().is_some_and(|error| error.starts_with(
            "the role auditsync_read lacks a right: permission denied for table audit_events_log. \
             Use a role that has it, or GRANT it: `auditsync check`"
        )),
        "{row:#}"
    );
}

#[test]
fn the_roles_work_on_tables_of_another_owner_and_on_later_ones() {
    let world = world();
    assert_eq!(world.run("sync --date 2024-09-28").status, 0, "as the superuser");
    give_roles(&world);
    assert_eq!(run_as(&world, "auditsync_sync", "reset --source acme 2024-09-28").status, 0);
    assert_eq!(run_as(&world, "auditsync_sync", "sync --date 2024-09-28").status, 0);
    let owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(world.sql(owners), "auditsync_migrate");
    let functions = "SELECT proname, proowner::regrole,
                            has_function_privilege('auditsync_sync', oid, 'EXECUTE'),
                            has_function_privilege('auditsync_read', oid, 'EXECUTE')
                     FROM pg_proc WHERE proname LIKE 'auditsync%' ORDER BY proname";
    assert_eq!(
        world.sql(functions),
        "auditsync_reject|auditsync_migrate|f|f\nauditsync_seal|auditsync_migrate|t|f"
    );
    // The owner has every right and is stopped by the guards. The syncing role never has the right.
    let slip = "DELETE FROM audit_events";
    assert!(
        refusal(&world, "auditsync_migrate", slip)
            .is_some_and(|said| said.contains("is rejected, because"))
    );
    assert!(
        refusal(&world, "auditsync_sync", slip)
            .is_some_and(|said| said.contains("permission denied"))
    );
    // As a later migration would.
    world.sql("SET ROLE auditsync_migrate; CREATE TABLE later (id int)");
    assert_eq!(
        refusal(&world, "auditsync_sync", "INSERT INTO later SELECT count(*) FROM later"),
        None
    );
    assert!(refusal(&world, "auditsync_read", "INSERT INTO later VALUES (1)").is_some());
    assert_eq!(refusal(&world, "auditsync_read", "SELECT id FROM later"), None);
}

#[test]
fn a_database_owner_can_grant_the_roles_without_being_superuser() {
    let world = world();
    let (name, owner) = (world.database.name(), format!("owner_{}", world.database.name()));
    world.sql(&format!(
        "CREATE ROLE {owner} LOGIN CREATEROLE;
         ALTER DATABASE {name} OWNER TO {owner};
         ALTER SCHEMA public OWNER TO {owner};
         GRANT auditsync_migrate TO {owner} WITH ADMIN OPTION;"
    ));
    assert_eq!(run_as(&world, &owner, "sync --date 2024-09-28").status, 0);
    give_roles_as(&world, &owner);
    assert_eq!(run_as(&world, "auditsync_sync", "reset --source acme 2024-09-28").status, 0);
    let again = run_as(&world, "auditsync_sync", "sync --date 2024-09-28");
    assert_eq!(again.status, 0, "{again:#?}");
    assert!(refusal(&world, "auditsync_sync", "DELETE FROM audit_events").is_some());
    // Heroku's own DATABASE_URL still works.
    assert_eq!(run_as(&world, &owner, "migrate").stdout, "The schema is up to date.\n");
}

#[test]
fn a_preflight_lists_each_role_s_missing_rights_by_statement() {
    let world = world();
    let wrong = |role: &str| {
        let stdout = run_as(&world, role, "check").stdout;
        let wrong = stdout.lines().filter(|line| line.starts_with('✗')).map(str::to_owned);
        wrong.collect::<Vec<_>>()
    };
    let create = "✗ schema database: there is no schema yet. auditsync_sync may not create tables. \
                  Run `auditsync migrate` as a role that may";
    assert_eq!(wrong("auditsync_sync"), [create]);
    assert_eq!(run_as(&world, "auditsync_migrate", "migrate").status, 0);
    give_roles(&world);
    assert!(wrong("auditsync_sync").is_empty() && wrong("auditsync_migrate").is_empty());
    world.sql("REVOKE INSERT, UPDATE ON audit_events_log FROM auditsync_sync");
    let of_sync = wrong("auditsync_sync");
    let ledger = "✗ rights audit_events_log: auditsync_sync may not INSERT, \
                  UPDATE. A sync needs it. Run GRANT INSERT, UPDATE ON audit_events_log TO \
                  auditsync_sync, or see sql/roles.sql";
    assert_eq!(of_sync, [ledger]);
    world.sql("GRANT INSERT, UPDATE ON audit_events_log TO auditsync_sync");
    world.sql("REVOKE ALL ON auditsync_migrations FROM auditsync_sync");
    let of_sync = wrong("auditsync_sync");
    assert!(
        of_sync.len() == 1 && of_sync[0].starts_with("✗ rights auditsync_migrations:"),
        "{of_sync:#?}"
    );
}

#[test]
fn a_role_that_may_only_read_is_no_failure_of_the_preflight() {
    let world = migrated();
    let rights = |role: &str, status: i32| {
        let finished = run_as(&world, role, "check");
        assert_eq!(finished.status, status, "{finished:#?}");
        let lines = finished.stdout.lines().filter(|line| line.contains(" rights "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let only_reads = "! rights database: auditsync_read may only read. `status` and other commands \
                      that read can use it. A sync needs a role that may write: see sql/roles.sql";
    assert_eq!(rights("auditsync_read", 0), [only_reads]);
    world.sql("REVOKE SELECT ON audit_history FROM auditsync_read");
    let history = "✗ rights audit_history: auditsync_read may not SELECT. A reader needs it. Run \
                   GRANT SELECT ON audit_history TO auditsync_read, or see sql/roles.sql";
    assert_eq!(rights("auditsync_read", 1), [only_reads, history]);
    // A role without any right is not one that reads.
    let nobody = format!("nobody_{}", world.database.name());
    world.sql(&format!("CREATE ROLE {nobody} LOGIN"));
    let of_nobody = rights(&nobody, 1);
    assert!(of_nobody.len() > 6 && of_nobody.iter().all(|line| line.starts_with('✗')));
}

#[test]
fn the_reading_and_the_syncing_role_can_search_and_export() {
    let world = migrated();
    let sync = run_as(&world, "auditsync_sync", "sync --date 2024-09-28");
    assert_eq!(sync.status, 0, "{sync:#?}");
    for role in ["auditsync_read", "auditsync_sync"] {
        for command in
            ["events", "export --from 2024-09-28 --to 2024-09-28", "export --after 0 --format csv"]
        {
            let finished = run_as(&world, role, command);
            assert_eq!(finished.status, 0, "{role}: {finished:#?}");
            assert!(finished.stdout.lines().count() > 40, "{role}: {finished:#?}");
        }
    }
}
