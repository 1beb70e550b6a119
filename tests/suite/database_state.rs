//! A database that can't be used as it is: `check` and the first command that meets it report the
//! reason.

mod schema;

use std::sync::Arc;

use fake_heroku::Fixtures;
use pg_cluster::{Cluster, Database};
use serde_json::Value;

use crate::support::{ACME, Finished, World};

const SYNC: &str = "sync --date 2024-09-28";

/// The problems that `check` finds, as kind, detail and advice.
fn wrong(world: &World) -> Vec<[String; 3]> {
    let finished = world.run("check --output json");
    let report: Value = finished.json();
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{finished:#?}"));
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let wrong = checks.iter().filter(|check| check["ok"] == false);
    let wrong: Vec<_> =
        wrong.map(|check| ["check", "detail", "advice"].map(|key| text(check, key))).collect();
    assert_eq!(finished.status, i32::from(!wrong.is_empty()), "{finished:#?}");
    wrong
}

/// Exit status 3 with this message, in every form of the output, and without a request to Heroku.
fn assert_refused(world: &World, arguments: &str, words: &[&str]) {
    let before = world.heroku.requests().len();
    for output in ["text", "json"] {
        let finished = world.run(&format!("{arguments} --output {output}"));
        assert_eq!(finished.status, 3, "{arguments}: {finished:#?}");
        for word in words {
            assert!(
                finished.stderr.contains(word),
                "{arguments}: {word:?} is not in {finished:#?}"
            );
            assert!(
                output == "text"
                    || finished.json()["error"].as_str().is_some_and(|text| text.contains(word))
            );
        }
        assert!(
            !finished.stderr.contains("retrying"),
            "it is found before anything fails: {finished:#?}"
        );
    }
    assert_eq!(world.heroku.requests().len(), before, "{arguments}");
}

/// `check` finds only this problem, with this message.
fn assert_checked(world: &World, words: &[&str]) {
    let wrong = wrong(world);
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    for word in words {
        assert!(wrong[0].iter().any(|text| text.contains(word)), "{word:?} is not in {wrong:#?}");
    }
}

fn assert_fine(finished: &Finished) {
    assert_eq!(finished.status, 0, "{finished:#?}");
}

/// A role for the test, which may connect and has every right on the existing tables.
fn role(world: &World) -> String {
    let role = format!("role_{}", world.database.name());
    world.sql(&format!(
        "CREATE ROLE {role} LOGIN;
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE ON SCHEMA public TO {role};"
    ));
    role
}

/// A world with a synced day, whose program connects as a role of its own; and the role.
fn synced_as_role() -> (World, String) {
    let mut world = World::new(ACME);
    assert_fine(&world.run(SYNC));
    let role = role(&world);
    connect_as(&mut world, &role);
    (world, role)
}

fn connect_as(world: &mut World, role: &str) {
    let url = world.database.url().replace("postgres@", &format!("{role}@"));
    world.set("DATABASE_URL", &url);
}

#[test]
fn a_read_only_database_is_reported_with_the_setting_that_causes_it() {
    let mut world = World::new(ACME);
    assert_fine(&world.run(SYNC));
    let name = world.database.name().to_owned();
    let role = role(&world);
    connect_as(&mut world, &role);
    for (set, set_by, advice) in [
        (format!("DATABASE {name}"), "(set by: database)", format!("ALTER DATABASE {name} RESET")),
        (format!("ROLE {role}"), "(set by: user)", format!("ALTER ROLE {role} RESET")),
        (
            format!("ROLE {role} IN DATABASE {name}"),
            "(set by: database user)",
            format!("ALTER ROLE {role} IN DATABASE {name} RESET"),
        ),
    ] {
        world.sql(&format!(
            "SET default_transaction_read_only = off; \
             ALTER {set} SET default_transaction_read_only = on"
        ));
        let words =
            ["the database accepts no writes", "default_transaction_read_only", set_by, &advice];
        assert_checked(&world, &words);
        for command in [
            "sync --date 2024-09-27",
            "reset --source acme 2024-09-28",
            "cleanup",
            "backfill --from 2024-09-26 --to 2024-09-27",
        ] {
            assert_refused(&world, command, &words);
        }
        // Commands that write nothing work.
        for command in ["status", "history", "sync --dry-run --date 2024-09-27"] {
            assert_fine(&world.run(command));
        }
        world.sql(&format!(
            "SET default_transaction_read_only = off; \
            ALTER {set} RESET default_transaction_read_only"
        ));
    }
    let url = format!("{}&options=-c%20default_transaction_read_only%3Don", world.database.url());
    world.set("DATABASE_URL", &url);
    assert_refused(
        &world,
        "sync --date 2024-09-27",
        &["(set by: client)", "from the address's `options`"],
    );
    connect_as(&mut world, "postgres");
    assert_fine(&world.run("sync --date 2024-09-27"));
}

#[test]
fn a_read_only_database_without_a_schema_is_reported() {
    let world = World::new(ACME);
    let name = world.database.name();
    world.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    for command in ["migrate", SYNC] {
        assert_refused(
            &world,
            command,
            &["the database accepts no writes", &format!("ALTER DATABASE {name} RESET")],
        );
    }
    assert_checked(&world, &["the database accepts no writes"]);
}

#[test]
fn a_standby_is_reported_and_status_still_works() {
    let cluster = Arc::new(Cluster::builder().start().expect("a cluster"));
    let world = World::on(Database::on(&cluster).expect("a database"), Fixtures::committed(), ACME);
    assert_fine(&world.run(SYNC));
    let folder = cluster.psql("postgres", "SHOW data_directory").expect("the folder");
    let touched = cluster
        .command("/bin/sh")
        .args(["-c", ": > \"$0/standby.signal\"", &folder])
        .status()
        .expect("a shell");
    assert!(touched.success());
    cluster.restart(pg_cluster::Shutdown::Fast).expect("a restart");
    let words = ["the server is a standby", "Give the address of the primary server"];
    assert_checked(&world, &words);
    for command in ["sync --date 2024-09-27", "reset --source acme 2024-09-28"] {
        assert_refused(&world, command, &words);
    }
    assert_fine(&world.run("status"));
    // A run with nothing to write reports no problem.
    assert_fine(&world.run(SYNC));
}

#[test]
fn a_database_that_is_not_in_utf8_is_rejected_before_any_write() {
    for encoding in ["SQL_ASCII", "LATIN1", "EUC_JP"] {
        let mut world = World::new(ACME);
        let name = format!("{}_{}", world.database.name(), encoding.to_lowercase());
        world.sql(&format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        ));
        let url = world.database.url().replace(world.database.name(), &name);
        world.set("DATABASE_URL", &url);
        let words = [&*format!("the database's encoding is {encoding}"), "ENCODING 'UTF8'"];
        assert_checked(&world, &words);
        for command in [SYNC, "migrate", "status", "sync --dry-run --date 2024-09-28"] {
            assert_refused(&world, command, &words);
        }
        let mut session = world.session(&url);
        assert_eq!(session.ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'audit%'"), "0");
        drop(session);
        world.sql(&format!("DROP DATABASE {name}"));
    }
}

#[test]
fn row_level_security_that_hides_rows_is_reported_with_its_tables() {
    let (world, role) = synced_as_role();
    for table in ["audit_events_log", "audit_events", "auditsync_migrations", "audit_history"] {
        world.sql(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
        let words = [
            &*format!("row-level security on {table} hides or refuses rows for the role {role}"),
            &*format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
        ];
        assert_checked(&world, &words);
        for command in ["status", "sync --date 2024-09-27", "reset --source acme 2024-09-28"] {
            assert_refused(&world, command, &words);
        }
        // A policy that shows only some rows hides the others. One that shows all of them to this
        // role does no harm.
        world.sql(&format!("CREATE POLICY part ON {table} USING (current_date > '2000-01-01')"));
        assert_refused(&world, "status", &words);
        world.sql(&format!(
            "CREATE POLICY every ON {table} TO {role} USING (true) WITH CHECK (true)"
        ));
        assert_eq!(wrong(&world), [[""; 3]; 0]);
        assert_fine(&world.run("status --check --max-lag 3600d"));
        world.sql(&format!(
            "CREATE POLICY narrow ON {table} AS RESTRICTIVE USING (current_date > '2000-01-01')"
        ));
        assert_refused(&world, "status", &words);
        world.sql(&format!("ALTER ROLE {role} SET row_security = off"));
        assert_refused(&world, "status", &words);
        world.sql(&format!(
            "ALTER ROLE {role} RESET row_security; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
        ));
    }
    assert_fine(&world.run("sync --date 2024-09-27"));
}

#[test]
fn a_run_with_nothing_due_notices_hidden_rows() {
    let (world, _) = synced_as_role();
    world.sql(
        "ALTER TABLE audit_events_log ENABLE ROW LEVEL SECURITY;
         CREATE POLICY settled ON audit_events_log USING (status = 'SUCCESS')",
    );
    assert_refused(&world, SYNC, &["row-level security on audit_events_log"]);
}

#[test]
fn a_machine_without_ca_certificates_does_what_needs_none() {
    let mut world = World::new(ACME);
    let empty = world.place("empty.pem", "");
    for (variable, place) in [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("SSL_CERT_FILE", &empty),
        ("SSL_CERT_DIR", "/nowhere"),
    ] {
        world.set(variable, place);
        world.set("AUDITSYNC_PING_URL", &format!("{}/ping", world.heroku.url()));
        let finished = world.run(SYNC);
        assert_eq!(finished.status, 0, "{finished:#?}");
        assert!(!finished.stderr.contains("certificate"), "{finished:#?}");
        assert_eq!(wrong(&world), [[""; 3]; 0]);
        // Heroku itself must be verified; nothing else fails.
        world.write_file(&format!("[api]\nbase_url = \"https://heroku.invalid\"\n{ACME}"));
        for command in ["status", SYNC, "reset --source acme 2024-09-28", "history"] {
            assert_fine(&world.run(command));
        }
        let wrong = wrong(&world);
        assert_eq!(wrong.len(), 1, "{wrong:#?}");
        assert!(
            wrong[0][0] == "certificates" && wrong[0][2].contains("SSL_CERT_FILE"),
            "{wrong:#?}"
        );
        let sync = world.run("sync --date 2024-09-27");
        assert_eq!(sync.status, 1, "{sync:#?}");
        assert!(
            sync.stderr.contains("no CA certificates") && sync.stderr.contains("SSL_CERT_FILE"),
            "{sync:#?}"
        );
        world.write_config(ACME);
        world.unset(variable);
        world.run("sync --date 2024-09-28");
    }
}
