//! `PgBouncer` in transaction mode: each transaction may get another connection, and the next
//! client inherits any state that a session leaves.

use std::sync::{Arc, OnceLock};

use fake_heroku::{Fixtures, Match};
use pg_cluster::{Cluster, Database};

use crate::support::pooler::Pooler;
use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{
    ACME, DAY, THREE_ACCOUNTS_AND_A_TEAM, World, day, fetches, is_of_team_a_and_filter, truth,
    wait_for,
};

const ON_DAY: &str = "--date 2024-09-28";

/// The chapter's own cluster: the pooler runs as its user, in its folder.
fn cluster() -> &'static Arc<Cluster> {
    static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| Arc::new(Cluster::builder().start().expect("a cluster")))
}

/// A world behind a pooler with this many connections to the server.
fn pooled(size: usize, sources: &str) -> (World, Pooler) {
    let pooler =
        Pooler::start(cluster(), &format!("host={}", cluster().socket_dir().display()), size);
    let mut world =
        World::on(Database::on(cluster()).expect("a database"), Fixtures::committed(), sources);
    world.set("DATABASE_URL", &pooler.url(world.database.name()));
    (world, pooler)
}

/// The state that earlier clients left in all of the pooler's connections at the same time:
/// settings, prepared statements, advisory locks, temporary tables and listeners.
fn leftovers(world: &World, pooler: &Pooler, size: usize) -> Vec<String> {
    let url = pooler.url(world.database.name());
    let mut sessions: Vec<_> = (0..size).map(|_| world.session(&url)).collect();
    let mut backends = std::collections::BTreeSet::new();
    let left = sessions.iter_mut().map(|session| {
        // The transaction keeps the connection, so the next session gets another.
        backends.insert(session.ask("BEGIN; SELECT pg_backend_pid()"));
        session.ask(
            "SELECT 'statement ' || name FROM pg_prepared_statements;
             SELECT 'lock ' || objid FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
             WHERE locktype = 'advisory' AND datname = current_database();
             SELECT 'table ' || relname FROM pg_class WHERE relpersistence = 't';
             SELECT 'channel ' || c FROM pg_listening_channels() AS c;
             SELECT name || ' = ' || setting FROM pg_settings WHERE source = 'session'
             AND name NOT IN ('application_name', 'client_encoding')",
        )
    });
    let left = left.collect();
    assert_eq!(backends.len(), size, "every connection was looked at");
    left
}

/// Everything that people and schedulers do, through a pooler with this many connections.
fn does_everything(size: usize) {
    let (world, pooler) = pooled(size, THREE_ACCOUNTS_AND_A_TEAM);
    let empty = world.dump();
    let planned = world.run("migrate --dry-run").stdout;
    assert_eq!(planned, "Would apply 0001 ledger and events.\n");
    assert_eq!(day(&world.sync(&format!("--dry-run {ON_DAY}"), 0), "acme", DAY)["new_events"], 450);
    assert_eq!(world.run("status").status, 0);
    assert_eq!(world.dump(), empty);

    world.heroku.forget_requests();
    let running: Vec<_> = (0..6).map(|_| world.spawn(ON_DAY)).collect();
    for run in running {
        let finished = run.wait();
        assert_eq!(finished.status, 0, "{finished:#?}");
    }
    let asked = fetches(&world, "acme", DAY);
    assert!((1..=2).contains(&asked), "one that serves account and team, or one for each: {asked}");
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    world.assert_complete("team-a", DAY, &truth(&world, "acme", DAY, is_of_team_a_and_filter));
    assert_eq!(world.run("migrate").stdout, "The schema is up to date.\n");
    assert_eq!(world.sync(&format!("--dry-run {ON_DAY}"), 0)["totals"]["already_synced"], 4);

    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let hold = world.heroku.hold(Match::events("acme"));
    let mut killed = world.spawn(ON_DAY);
    wait_for("the day to be at work", || hold.waiting() > 0);
    assert_eq!(day(&world.sync(ON_DAY, 0), "acme", DAY)["outcome"], "locked_elsewhere");
    killed.child.kill().and_then(|()| killed.child.wait()).expect("killed");
    assert_eq!(world.run("cleanup").stdout, "No stale days.\n");
    world.expire_leases();
    let cleanup = world.run("cleanup");
    assert!(cleanup.stdout.ends_with("1 stale day marked ERROR.\n"), "{cleanup:#?}");

    let interrupted = world.spawn(ON_DAY);
    wait_for("the day to be at work again", || hold.waiting() > 0);
    interrupted.signal("TERM");
    assert_eq!(interrupted.wait().status, 143);
    hold.release();
    let report = world.sync(ON_DAY, 0);
    assert_eq!(
        (&day(&report, "acme", DAY)["attempt"], &report["totals"]["failed"]),
        (&4.into(), &0.into())
    );
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    assert_eq!(leftovers(&world, &pooler, size), vec![""; size]);
}

#[test]
fn all_works_through_a_pool_of_one_connection_and_leaves_no_state_in_it() {
    does_everything(1);
}

#[test]
fn all_works_through_a_pool_of_two_connections_and_leaves_no_state() {
    does_everything(2);
}

#[test]
fn state_that_a_client_leaves_in_a_connection_is_detected() {
    let (world, pooler) = pooled(1, ACME);
    let mut session = world.session(&pooler.url(world.database.name()));
    session.ask(
        "PREPARE mine AS SELECT 1; SELECT pg_advisory_lock(7); SET lock_timeout = '7s'; LISTEN me",
    );
    assert_eq!(
        leftovers(&world, &pooler, 1),
        ["statement mine\nlock 7\nchannel me\nlock_timeout = 7000"]
    );
}

#[test]
fn a_lost_commit_answer_behind_the_pooler_is_not_repeated_or_misreported() {
    let mut lost = Vec::new();
    for n in 1.. {
        let world =
            World::on(Database::on(cluster()).expect("a database"), Fixtures::committed(), ACME);
        assert_eq!(world.run("migrate").status, 0);
        // The pooler's own connection breaks, not the client's.
        let proxy = Proxy::start(world.database.url());
        let pooler = Pooler::start(cluster(), &format!("host=127.0.0.1 port={}", proxy.port()), 1);
        proxy.strike(n, "query COMMIT", When::After, Blow::Cut);
        let through =
            format!("{ON_DAY} --output json --database-url {}", pooler.url(world.database.name()));
        let finished = world.run(&through);
        assert_eq!(finished.status, 0, "COMMIT {n}: {finished:#?}");
        let report = finished.json();
        let row = day(&report, "acme", DAY);
        let figures = (&row["outcome"], &row["new_events"], &row["attempt"]);
        assert_eq!(
            figures,
            (&"synced".into(), &450.into(), &1.into()),
            "COMMIT {n}: {finished:#?}"
        );
        world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
        let history = "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_history";
        assert_eq!(world.sql(history), "claim publish");
        assert_eq!(leftovers(&world, &pooler, 1), [""]);
        if !proxy.has_struck() {
            break;
        }
        lost.push(n);
    }
    assert_eq!(lost, [1, 2, 3], "the claim, the events, and the day");
}
