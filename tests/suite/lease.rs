//! The lease: a live holder is never taken over, a dead one is, and one that was wrongly thought
//! dead changes nothing.

use fake_heroku::{Fault, Match, Model, Paging};

use crate::support::{ACME, DAY, Running, World, date, day, fetches, source, truth, wait_for};

const ON_DAY: &str = "--date 2024-09-28 --output json";
const SHORT: &str = "[lock]\nstale_after = \"2s\"\nheartbeat_every = \"250ms\"\n";

/// A world with a lease of two seconds.
fn short_lease() -> World {
    let world = World::new(&format!("{SHORT}{ACME}"));
    assert_eq!(world.run("migrate").status, 0);
    world
}

/// Starts a sync that waits for Heroku, and returns it with the hold.
fn held_run(world: &World) -> (Running, fake_heroku::Hold) {
    let hold = world.heroku.hold(Match::events("acme"));
    let run = world.spawn(ON_DAY);
    wait_for("the day to be at work", || hold.waiting() > 0);
    (run, hold)
}

/// Whether the database's clock is this many seconds past the day's claim.
fn is_past_claim(world: &World, seconds: u32) -> bool {
    let sql = format!(
        "SELECT max(at) < clock_timestamp() - interval '{seconds} s' FROM audit_history \
         WHERE action = 'claim'"
    );
    world.sql(&sql) == "t"
}

#[test]
fn a_live_holder_is_never_taken_over_however_long_it_works() {
    let world = short_lease();
    let (run, hold) = held_run(&world);
    // More than twice the lease: it would have run out without renewals.
    wait_for("the lease to have been prolonged", || is_past_claim(&world, 5));
    let other = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&other, "acme", DAY)["outcome"], "locked_elsewhere");
    assert_eq!(world.run("cleanup").stdout, "No stale days.\n");
    hold.release();
    let finished = run.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(day(&finished.json(), "acme", DAY)["attempt"], 1);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn it_renews_the_lease_with_one_connection_while_heroku_is_slow() {
    let world = World::new(&format!("[database]\nmax_connections = 1\n{SHORT}{ACME}"));
    world.heroku.set_paging(Paging::Pages { default: 50, max: 50 });
    world
        .heroku
        .fault(Match::events("acme").always(), Fault::Delay(std::time::Duration::from_millis(500)));
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["attempt"], 1);
    assert!(
        day(&report, "acme", DAY)["duration_ms"].as_u64() > Some(4000),
        "twice the lease: {report:#}"
    );
}

#[test]
fn work_that_can_not_renew_its_lease_stops_before_the_lease_ends() {
    // A second between the end of trust and the end of the lease, so that a busy machine does not
    // blur the two.
    let world =
        World::new(&format!("[lock]\nstale_after = \"10s\"\nheartbeat_every = \"1s\"\n{ACME}"));
    let (run, _hold) = held_run(&world);
    // A long transaction of another session on the row: no renewal gets through.
    let psql =
        world.database.cluster().map_or_else(|| "psql".into(), |cluster| cluster.bin("psql"));
    let mut blocker = std::process::Command::new(psql)
        .args(["-X", "-q", "-d", world.database.url()])
        .args(["-c", "BEGIN; SELECT FROM audit_events_log FOR UPDATE; SELECT pg_sleep(60)"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("psql");
    let finished = run.wait();
    blocker.kill().and_then(|()| blocker.wait()).expect("psql ends");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let row = day(&report, "acme", DAY);
    assert_eq!(row["outcome"], "lost_lock");
    let worked = row["duration_ms"].as_u64().expect("a figure");
    assert!((9000..10_000).contains(&worked), "it ended after {worked} ms of the lease's 10,000");
    assert_eq!(
        world.sql("SELECT status, attempt FROM audit_events_log"),
        "PROCESSING|1",
        "left to the run that takes over"
    );
}

#[test]
fn a_renewal_that_finds_the_day_taken_ends_the_work_early() {
    let world =
        World::new(&format!("[lock]\nstale_after = \"1h\"\nheartbeat_every = \"250ms\"\n{ACME}"));
    assert_eq!(world.run("migrate").status, 0);
    let (run, hold) = held_run(&world);
    world.sql(
        "UPDATE audit_events_log SET attempt = attempt + 1, locked_by = 'another', \
         locked_until = clock_timestamp() + '1 h'",
    );
    // The run still waits for Heroku, so only the renewal ends it.
    let finished = run.wait();
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let row = day(&report, "acme", DAY);
    assert_eq!(row["outcome"], "lost_lock", "{finished:#?}");
    assert!(row["duration_ms"].as_u64() < Some(30_000), "half of what a request may take: {row:#}");
    assert!(
        finished.stderr.contains("the lease was lost to another process, or ran out"),
        "{finished:#?}"
    );
    drop(hold);
    let row = "SELECT status, attempt, locked_by, (SELECT count(*) FROM audit_events) \
        FROM audit_events_log";
    assert_eq!(world.sql(row), "PROCESSING|2|another|0");
}

#[test]
fn a_process_that_wakes_after_its_lease_changes_nothing() {
    let world = short_lease();
    let (zombie, hold) = held_run(&world);
    zombie.signal("STOP");
    wait_for("the lease to run out", || {
        world.sql("SELECT locked_until < clock_timestamp() FROM audit_events_log") == "t"
    });
    hold.release();
    // The zombie did not see what Heroku sends to the new holder.
    world.heroku.add_event("acme", date(DAY), r#"{"id":"late"}"#);
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["attempt"], 2);
    let before = world.dump();
    zombie.signal("CONT");
    let finished = zombie.wait();
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "lost_lock");
    assert_eq!(world.dump(), before);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn a_killed_process_s_day_is_taken_over_after_its_lease_with_its_name() {
    let world = short_lease();
    let (mut run, hold) = held_run(&world);
    run.child.kill().and_then(|()| run.child.wait()).expect("killed");
    hold.release();
    let too_early = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&too_early, "acme", DAY)["outcome"], "locked_elsewhere");
    wait_for("the lease to run out", || {
        world.sql("SELECT locked_until < clock_timestamp() FROM audit_events_log") == "t"
    });
    let loser = world.sql("SELECT locked_by FROM audit_events_log");
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", DAY)["attempt"], 2);
    let history = world.sql("SELECT action, attempt, message FROM audit_history ORDER BY id");
    let expected =
        format!("claim|1|\ntakeover|2|the lease of {loser} on attempt 1 had run out\npublish|2|");
    assert_eq!(history, expected);
}

#[test]
fn a_source_s_own_stale_after_affects_only_that_source() {
    let globex =
        "[[source]]\nname = \"globex\"\naccount = \"globex\"\ntoken_env = \"GLOBEX_TOKEN\"\n";
    let world = World::new(&format!(
        "{ACME}{globex}[source.lock]\nstale_after = \"90s\"\nheartbeat_every = \"20s\"\n"
    ));
    let hold = world.heroku.hold(Match::any());
    let run = world.spawn(ON_DAY);
    wait_for("both days to be at work", || hold.waiting() > 1);
    let minutes = "SELECT source, round(extract(epoch FROM locked_until - updated_at) / 10) \
        FROM audit_events_log ORDER BY source";
    assert_eq!(world.sql(minutes), "acme|90\nglobex|9");
    hold.release();
    assert_eq!(run.wait().status, 0);
}

#[test]
fn twenty_processes_at_once_make_one_fetch() {
    let world = World::new(ACME);
    let running: Vec<_> = (0..20).map(|_| world.spawn(ON_DAY)).collect();
    for run in running {
        let finished = run.wait();
        assert_eq!(finished.status, 0, "{finished:#?}");
    }
    assert_eq!(fetches(&world, "acme", DAY), 1);
    assert_eq!(world.sql("SELECT count(*) FROM audit_history WHERE action = 'claim'"), "1");
}

const SOURCES: usize = 200;

fn account(n: usize) -> String {
    format!("account-{n}")
}

/// A world of two hundred accounts with three events each, and these `sync` options in the file.
fn two_hundred_sources(sync: &str) -> World {
    let sources = (0..SOURCES).map(account).map(|name| source(&name, &name));
    let file = format!(
        "[rate_limit]\nburst = 1000\nreserve = 0\n[sync]\n{sync}\n{}",
        sources.collect::<String>()
    );
    let world = World::with(Model::default(), &file);
    for name in (0..SOURCES).map(account) {
        world.heroku.add_account(&name, "audit@acme.example.com");
        world.heroku.generate_day(&name, date(DAY), 3);
    }
    world.heroku.add_token("HRKU-demo-acme-0001-not-a-secret", "audit@acme.example.com");
    assert_eq!(world.run("migrate").status, 0);
    world
}

fn run_at_once(world: &World, processes: usize) {
    let running: Vec<_> = (0..processes).map(|_| world.spawn(ON_DAY)).collect();
    for run in running {
        let finished = run.wait();
        assert_eq!(finished.status, 0, "{finished:#?}");
    }
    assert_eq!(
        world.sql("SELECT status, count(*) FROM audit_events_log GROUP BY status"),
        "SUCCESS|200"
    );
}

#[test]
fn sixteen_processes_share_two_hundred_sources_and_fetch_each_day_once() {
    let world = two_hundred_sources("concurrency = 2");
    run_at_once(&world, 16);
    let twice: Vec<_> =
        (0..SOURCES).map(account).filter(|account| fetches(&world, account, DAY) != 1).collect();
    assert_eq!(twice, [""; 0]);
}

#[test]
#[ignore = "prints figures for people, and asserts no time"]
fn more_processes_take_less_wall_time() {
    for processes in [1, 4, 16] {
        let world = two_hundred_sources("concurrency = 1");
        let latency = Fault::Delay(std::time::Duration::from_millis(200));
        world.heroku.fault(Match::any().always(), latency);
        let begun = std::time::Instant::now();
        run_at_once(&world, processes);
        crate::support::note(&format!("{processes} processes: {:.1?}", begun.elapsed()));
    }
}
