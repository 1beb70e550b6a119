//! The database goes away during the work. The program waits if the lease allows it. Otherwise the
//! day stays due and the exit status says so.

use std::sync::Arc;

use fake_heroku::{Fixtures, Hold, Match, Paging};
use pg_cluster::{Cluster, Database, Shutdown};

use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{ACME, DAY, Finished, Running, Session, World, date, day, truth, wait_for};

const SYNC: &str = "sync --date 2024-09-28 --output json";
const ONE: &str = "[database]\nmax_connections = 1\n";
const SHORT: &str = "[lock]\nstale_after = \"3s\"\nheartbeat_every = \"500ms\"\n";

/// Cuts every other connection to this database, even where new ones may not write.
const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// A world with the schema, whose program uses one connection.
fn migrated(more: &str) -> World {
    prepared(World::new(&format!("{ONE}{more}{ACME}")))
}

/// The same on a cluster of its own, which may be stopped.
fn stoppable(more: &str) -> (World, Arc<Cluster>) {
    let cluster = Arc::new(Cluster::builder().start().expect("a cluster"));
    let database = Database::on(&cluster).expect("a database");
    (prepared(World::on(database, Fixtures::committed(), &format!("{ONE}{more}{ACME}"))), cluster)
}

fn prepared(world: World) -> World {
    assert_eq!(world.run("migrate").status, 0);
    world
}

/// A sync that waits for Heroku, with its day claimed.
fn waiting_for_heroku(world: &World) -> (Running, Hold) {
    let hold = world.heroku.hold(Match::events("acme"));
    let run = world.spawn(SYNC);
    wait_for("the day to be at work", || hold.waiting() > 0);
    (run, hold)
}

/// A sync whose insert of events waits for another session's lock.
fn in_the_middle_of_a_write(world: &World) -> (Running, Session) {
    let mut other = world.session(world.database.url());
    other.ask("BEGIN; LOCK TABLE audit_events IN SHARE MODE");
    let run = world.spawn(SYNC);
    wait_for("the write to wait", || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                       AND application_name = 'auditsync' AND wait_event_type = 'Lock'";
        world.sql(waiting) == "1"
    });
    (run, other)
}

/// The run itself did all of it, and says so.
fn assert_synced_at_once(world: &World, finished: &Finished) {
    assert_eq!(finished.status, 0, "{finished:#?}");
    let report = finished.json();
    let row = day(&report, "acme", DAY);
    let figures = (&row["outcome"], &row["events"], &row["new_events"], &row["attempt"]);
    assert_eq!(figures, (&"synced".into(), &450.into(), &450.into(), &1.into()), "{finished:#?}");
    world.assert_complete("acme", DAY, &truth(world, "acme", DAY, |_| true));
    assert_eq!(
        world.sql("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_history"),
        "claim publish"
    );
}

/// The run did not do it and says so. Once its lease has run out, the next one does.
fn assert_left_to_the_next(world: &World, finished: &Finished, outcome: &str) {
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], outcome, "{finished:#?}");
    assert_ne!(world.sql("SELECT status FROM audit_events_log"), "SUCCESS");
    wait_for("the lease to run out", || {
        world.sql("SELECT coalesce(locked_until < clock_timestamp(), true) FROM audit_events_log")
            == "t"
    });
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["attempt"], 2);
    world.assert_complete("acme", DAY, &truth(world, "acme", DAY, |_| true));
}

#[test]
fn a_restart_during_a_request_or_a_write_is_waited_out() {
    let (world, cluster) = stoppable("");
    let undo = "TRUNCATE audit_events_log, audit_events, audit_history;
                DELETE FROM audit_seals WHERE seq > 1";
    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        let (run, hold) = waiting_for_heroku(&world);
        cluster.restart(shutdown).expect("a restart");
        hold.release();
        assert_synced_at_once(&world, &run.wait());
        world.sql(undo);

        let (run, _other) = in_the_middle_of_a_write(&world);
        cluster.restart(shutdown).expect("a restart");
        assert_synced_at_once(&world, &run.wait());
        world.sql(undo);
    }
}

#[test]
fn a_database_away_for_longer_than_the_lease_leaves_the_day_due() {
    let (world, cluster) = stoppable(SHORT);
    let (run, hold) = waiting_for_heroku(&world);
    cluster.stop(Shutdown::Immediate).expect("a stop");
    let finished = run.wait();
    let at_the_start = world.run(SYNC);
    assert_eq!(at_the_start.status, 3, "{at_the_start:#?}");
    let why = "Check that the server runs, the address in DATABASE_URL, and the network";
    assert!(at_the_start.stderr.contains(why), "{at_the_start:#?}");
    cluster.start().expect("a start");
    hold.release();
    assert_left_to_the_next(&world, &finished, "lost_lock");
}

#[test]
fn a_terminated_connection_is_replaced_between_and_during_transactions() {
    let world = migrated("");
    let (run, hold) = waiting_for_heroku(&world);
    assert_eq!(world.sql(TERMINATE), "1");
    hold.release();
    assert_synced_at_once(&world, &run.wait());

    let world = migrated("");
    let (run, _other) = in_the_middle_of_a_write(&world);
    assert_eq!(world.sql(TERMINATE), "2", "ours, and the other that held it up");
    assert_synced_at_once(&world, &run.wait());
}

#[test]
fn a_commit_without_an_answer_is_recorded_as_neither_done_nor_failed() {
    let mut world = migrated(SHORT);
    let direct = world.database.url().to_owned();
    let proxy = Proxy::start(&direct);
    world.set("DATABASE_URL", proxy.url());
    // One event, one write.
    for day in ["2024-09-26", "2024-09-27"] {
        world.heroku.generate_day("acme", date(day), 1);
    }
    world.sync("--date 2024-09-28", 0);
    // The first run plans differently, because nothing was stored before. The second counts the
    // commits before the day becomes complete, and the third makes the same number.
    proxy.forget();
    world.sync("--date 2024-09-26", 0);
    let steps = proxy.steps();
    let published = steps
        .iter()
        .position(|step| step.contains("Makes a day complete"))
        .expect("it is published");
    let commits = steps[..published].iter().filter(|step| *step == "query COMMIT").count();

    proxy.forget();
    proxy.strike(commits + 1, "query COMMIT", When::After, Blow::Gone);
    // The program asks until the lease runs out whether the commit took place.
    let finished = world.run(&SYNC.replace(DAY, "2024-09-27"));
    assert!(proxy.has_struck(), "{finished:#?}");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let row = day(&report, "acme", "2024-09-27");
    assert_eq!(row["outcome"], "failed", "{row:#}");
    assert!(
        row["error"].as_str().is_some_and(|error| error.contains("`auditsync status` shows")),
        "{row:#}"
    );
    let history = "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_history \
        WHERE process_date = '2024-09-27'";
    assert_eq!(
        world.sql(history),
        "claim publish",
        "it did take place, and nothing was done about it"
    );

    world.set("DATABASE_URL", &direct);
    let next = world.sync("--date 2024-09-27", 0);
    assert_eq!(day(&next, "acme", "2024-09-27")["outcome"], "already_synced");
    world.assert_complete("acme", "2024-09-27", &truth(&world, "acme", "2024-09-27", |_| true));
}

/// Makes the server fail with a full disk for each row of `event`, and count how often.
fn fill_disk(world: &World, event: &str) {
    world.sql(&format!(
        "CREATE SEQUENCE IF NOT EXISTS refusals;
         CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM nextval('refusals');
             RAISE EXCEPTION 'could not extend file: No space left on device' USING
             ERRCODE = '53100';
         END $$;
         CREATE TRIGGER full_disk BEFORE {event} FOR EACH ROW EXECUTE FUNCTION refuse()"
    ));
}

#[test]
fn a_temporarily_full_disk_is_waited_out() {
    let world = migrated("");
    fill_disk(&world, "INSERT ON audit_events");
    let run = world.spawn(SYNC);
    wait_for("three refusals", || world.sql("SELECT last_value FROM refusals") == "3");
    world.sql("DROP TRIGGER full_disk ON audit_events");
    assert_synced_at_once(&world, &run.wait());
}

#[test]
fn a_disk_that_stays_full_fails_the_day_with_the_server_s_message() {
    let world = migrated(SHORT);
    fill_disk(&world, "INSERT ON audit_events");
    let finished = world.run(SYNC);
    world.sql("DROP TRIGGER full_disk ON audit_events");
    let error = day(&finished.json(), "acme", DAY)["error"].to_string();
    assert!(error.contains("No space left on device (SQLSTATE 53100)"), "{finished:#?}");
    assert_left_to_the_next(&world, &finished, "failed");
}

#[test]
fn a_disk_too_full_to_renew_a_lease_ends_the_work_before_the_lease() {
    let world = migrated(SHORT);
    let (run, hold) = waiting_for_heroku(&world);
    fill_disk(&world, "INSERT ON audit_events");
    fill_disk(&world, "UPDATE ON audit_events_log");
    hold.release();
    let finished = run.wait();
    world.sql("DROP TRIGGER full_disk ON audit_events; DROP TRIGGER full_disk ON audit_events_log");
    assert_left_to_the_next(&world, &finished, "lost_lock");
}

/// Sets whether new connections may write, and cuts the old ones, as a failover and a promotion do.
fn set_read_only(world: &World, read_only: bool) {
    world.sql(&format!(
        "SET default_transaction_read_only = off;
         ALTER DATABASE {} SET default_transaction_read_only = {read_only};
         {TERMINATE}",
        world.database.name()
    ));
}

#[test]
fn a_replica_promoted_within_the_lease_is_waited_for() {
    let mut world = migrated("");
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    let (run, hold) = waiting_for_heroku(&world);
    set_read_only(&world, true);
    let fences = || {
        proxy
            .steps()
            .iter()
            .filter(|step| step.starts_with("execute -- Locks the ledger row"))
            .count()
    };
    hold.release();
    wait_for("three refused writes", || fences() >= 3);
    assert_eq!(world.sql("SELECT count(*) FROM audit_events"), "0");
    set_read_only(&world, false);
    assert_synced_at_once(&world, &run.wait());
}

#[test]
fn a_replica_not_promoted_within_the_lease_leaves_the_day_due() {
    let world = migrated(SHORT);
    let (run, hold) = waiting_for_heroku(&world);
    set_read_only(&world, true);
    hold.release();
    let finished = run.wait();
    set_read_only(&world, false);
    assert_left_to_the_next(&world, &finished, "lost_lock");
}

#[test]
fn a_day_that_lost_stored_events_before_its_end_is_not_complete() {
    let world = migrated(SHORT);
    world.heroku.set_paging(Paging::Pages { default: 1000, max: 1000 });
    let hold = world.heroku.hold(Match::events("acme").page(3));
    let run = world.spawn("sync --date 2024-09-27 --output json");
    wait_for("the first batch", || world.sql("SELECT count(*) FROM audit_events") != "0");
    // Like a failover to a replica that had the claim but not yet the events.
    world.sql("DELETE FROM audit_events WHERE event_id > '8'");
    hold.release();
    let finished = run.wait();
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let row = day(&report, "acme", "2024-09-27");
    assert_eq!((&row["outcome"], &row["new_events"]), (&"failed".into(), &2500.into()));
    assert!(
        row["error"].as_str().is_some_and(|error| error.contains("lost the others")),
        "{row:#}"
    );
    wait_for("the lease to run out", || {
        world.sql("SELECT coalesce(locked_until < clock_timestamp(), true) FROM audit_events_log")
            == "t"
    });
    world.sync("--date 2024-09-27", 0);
    world.assert_complete("acme", "2024-09-27", &truth(&world, "acme", "2024-09-27", |_| true));
}

#[test]
fn a_silent_database_does_not_delay_a_user_who_ends_the_run() {
    // One connection falls silent while the ledger is planned from, and one in the middle of a
    // write.
    for statement in
        ["Reads everything that planning needs", "Stores events that are not stored yet"]
    {
        let mut world = migrated("");
        let proxy = Proxy::start(world.database.url());
        world.set("DATABASE_URL", proxy.url());
        proxy.strike(1, statement, When::Before, Blow::Silence);
        let run = world.spawn(SYNC);
        wait_for("the silence", || proxy.has_struck());
        let sent = std::time::Instant::now();
        run.signal("TERM");
        let finished = run.wait();
        assert_eq!(finished.status, 143, "{finished:#?}");
        assert!(sent.elapsed().as_secs() < 5, "{:?}: {finished:#?}", sent.elapsed());
        world.expire_leases();
        world.unset("DATABASE_URL");
        let next = world.run(&format!("{SYNC} --database-url {}", world.database.url()));
        assert_eq!(day(&next.json(), "acme", DAY)["outcome"], "synced", "{next:#?}");
    }
}
