//! The main job under settings that limit or order waits: isolation, time limits, and limits on
//! connections.

use std::sync::Arc;

use fake_heroku::Fixtures;
use pg_cluster::{Cluster, Database};

use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, truth, wait_for};

const DAYS: [&str; 3] = ["2024-09-26", "2024-09-27", "2024-09-28"];
const SYNC: &str = "sync --from 2024-09-26 --to 2024-09-28";

/// The main job: a first sync, which migrates, a second one, and what people run.
fn assert_works(world: &World, setting: &str) {
    for command in [
        SYNC,
        SYNC,
        "status",
        "history --days 1000",
        "reset --source acme 2024-09-28 --reason again",
        SYNC,
    ] {
        let finished = world.run(command);
        assert_eq!(finished.status, 0, "{setting}, {command}: {finished:#?}");
        assert!(!finished.stderr.contains("retrying"), "{setting}, {command}: {finished:#?}");
    }
    for date in DAYS {
        world.assert_complete("acme", date, &truth(world, "acme", date, |_| true));
    }
}

fn with_database_settings(settings: &[(&str, &str)]) {
    for (name, value) in settings {
        let world = World::new(ACME);
        world.sql(&format!("ALTER DATABASE {} SET {name} = {value}", world.database.name()));
        assert_works(&world, &format!("{name} = {value}"));
    }
}

#[test]
fn every_default_of_isolation_works() {
    with_database_settings(&[
        ("default_transaction_isolation", "'read uncommitted'"),
        ("default_transaction_isolation", "'repeatable read'"),
        ("default_transaction_isolation", "'serializable'"),
    ]);
}

#[test]
fn racing_first_runs_agree_under_every_default_of_isolation() {
    for isolation in ["repeatable read", "serializable"] {
        let world = World::new(ACME);
        world.sql(&format!(
            "ALTER DATABASE {} SET default_transaction_isolation = '{isolation}'",
            world.database.name()
        ));
        let runs: Vec<_> = (0..8).map(|_| world.spawn(SYNC)).collect();
        for run in runs {
            let finished = run.wait();
            assert_eq!(finished.status, 0, "{isolation}: {finished:#?}");
            assert!(
                !finished.stderr.contains("another program made it"),
                "{isolation}: {finished:#?}"
            );
        }
        for date in DAYS {
            world.assert_complete("acme", date, &truth(&world, "acme", date, |_| true));
        }
    }
}

#[test]
fn short_time_limits_of_the_database_do_not_end_quick_work() {
    with_database_settings(&[
        ("statement_timeout", "'2s'"),
        ("lock_timeout", "'1ms'"),
        ("idle_in_transaction_session_timeout", "'1s'"),
        ("deadlock_timeout", "'10ms'"),
    ]);
}

#[test]
fn an_idle_connection_that_the_server_ends_is_replaced() {
    let world = World::new(ACME);
    if world.sql("SELECT count(*) FROM pg_settings WHERE name = 'idle_session_timeout'") == "0" {
        return crate::support::note(
            "before PostgreSQL 14 a server never ends an idle connection by itself",
        );
    }
    world.sql(&format!(
        "ALTER DATABASE {} SET idle_session_timeout = '100ms'",
        world.database.name()
    ));
    let hold = world.heroku.hold(fake_heroku::Match::events("acme"));
    let run = world.spawn(SYNC);
    wait_for("a request", || hold.waiting() > 0);
    wait_for("the end of idle connections", || {
        world.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'auditsync' \
             AND datname = current_database()",
        ) == "0"
    });
    hold.release();
    let finished = run.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
}

#[test]
fn a_role_with_fewer_connections_than_the_file_allows_works() {
    for limit in [1, 2] {
        let mut world =
            World::new(&format!("[database]\nmax_connections = 4\n{THREE_ACCOUNTS_AND_A_TEAM}"));
        let role = format!("few_{}_{limit}", world.database.name());
        world.sql(&format!(
            "CREATE ROLE {role} LOGIN CONNECTION LIMIT {limit}; \
            GRANT ALL ON SCHEMA public TO {role}"
        ));
        let url = world.database.url().replace("postgres@", &format!("{role}@"));
        world.set("DATABASE_URL", &url);
        let begun = std::time::Instant::now();
        assert_works(&world, &format!("CONNECTION LIMIT {limit}"));
        assert!(
            begun.elapsed().as_secs() < 15,
            "nothing waits for a connection while others are idle"
        );
    }
}

#[test]
fn a_full_server_is_reported_in_its_own_words() {
    let cluster = Arc::new(
        Cluster::builder()
            .setting("max_connections", "3")
            .setting("superuser_reserved_connections", "0")
            .setting("max_wal_senders", "0")
            .start()
            .expect("a cluster"),
    );
    let world = World::on(Database::on(&cluster).expect("a database"), Fixtures::committed(), ACME);
    let holders: Vec<_> = (0..3)
        .map_while(|_| {
            let mut session = world.database.session().ok()?;
            session.ask("SELECT 1").ok().map(|_| session)
        })
        .collect();
    let finished = world.run("status");
    assert_eq!(finished.status, 3, "{finished:#?}");
    assert!(finished.stderr.contains("too many clients"), "{finished:#?}");
    drop(holders);
    wait_for("a free connection", || world.run("status").status == 0);
}
