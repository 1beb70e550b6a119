//! A server that refuses connections: the program waits for one that will accept soon, and detects
//! a lasting refusal once.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_heroku::{Fixtures, Match};
use pg_cluster::{Cluster, Database, Shutdown};

use crate::support::proxy::Proxy;
use crate::support::{ACME, DAY, World, day, source, truth, wait_for};

const SYNC: &str = "sync --date 2024-09-28 --output json";

/// A server that refuses the first `times` connections with this message, and passes the others on
/// to `proxy`.
fn refusing(
    proxy: &Proxy,
    times: usize,
    code: &'static str,
    words: &'static str,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    let port = listener.local_addr().expect("an address").port();
    let url = proxy.url().replace(&format!(":{}/", proxy.port()), &format!(":{port}/"));
    let (asked, upstream) = (Arc::new(AtomicUsize::new(0)), proxy.port());
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            if count.fetch_add(1, Ordering::SeqCst) < times {
                let mut head = [0; 4];
                let _ = client.read_exact(&mut head);
                let mut rest = vec![0; u32::from_be_bytes(head).saturating_sub(4) as usize];
                let _ = client.read_exact(&mut rest);
                let _ = client.write_all(&error_response(code, words));
                continue;
            }
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).expect("the proxy");
            let (mut from, mut to) =
                (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let (mut from, mut to) = (server, client);
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
    });
    (url, asked)
}

/// PostgreSQL's manual, "Message Formats", `ErrorResponse`.
fn error_response(code: &str, words: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{words}\0\0");
    let length = u32::try_from(fields.len() + 4).expect("a short message").to_be_bytes();
    [b"E", &length[..], fields.as_bytes()].concat()
}

const REFUSALS: [(&str, &str); 5] = [
    ("57P03", "the database system is starting up"),
    ("57P03", "the database system is in recovery mode"),
    ("53300", "sorry, too many clients already"),
    ("53300", "too many connections for role \"ada\""),
    ("08P01", "no more connections allowed (max_client_conn)"),
];

#[test]
fn a_server_that_refuses_for_a_while_is_waited_for() {
    for (code, words) in REFUSALS {
        let mut world = World::new(ACME);
        let proxy = Proxy::start(world.database.url());
        let (url, asked) = refusing(&proxy, 4, code, words);
        world.set("DATABASE_URL", &url);
        let report = world.sync("--date 2024-09-28", 0);
        assert_eq!(day(&report, "acme", DAY)["outcome"], "synced", "{words}");
        assert!(asked.load(Ordering::SeqCst) > 4, "{words}");
    }
}

#[test]
fn a_server_that_keeps_refusing_is_reported_in_its_own_words() {
    let worlds = REFUSALS.map(|refusal| (World::new(ACME), refusal));
    std::thread::scope(|threads| {
        for (mut world, (code, words)) in worlds {
            threads.spawn(move || {
                let proxy = Proxy::start(world.database.url());
                let (url, _) = refusing(&proxy, usize::MAX, code, words);
                world.set("DATABASE_URL", &url);
                let begun = Instant::now();
                let finished = world.run(SYNC);
                assert_eq!(finished.status, 3, "{finished:#?}");
                assert!(
                    finished.stderr.contains(&words.replace('"', "\\\""))
                        || finished.stderr.contains(words),
                    "{finished:#?}"
                );
                assert!(
                    begun.elapsed() > Duration::from_secs(10),
                    "{words}: {:?}",
                    begun.elapsed()
                );
                assert!(
                    begun.elapsed() < Duration::from_secs(25),
                    "{words}: {:?}",
                    begun.elapsed()
                );
            });
        }
    });
}

#[test]
fn a_lasting_refusal_is_reported_at_once() {
    for (code, words, advice) in [
        (
            "28P01",
            "password authentication failed for user \"ada\"",
            "Check user and password in DATABASE_URL, and the server's pg_hba.conf",
        ),
        (
            "3D000",
            "database \"x\" does not exist",
            "Correct the database's name in DATABASE_URL, or create the database",
        ),
    ] {
        let mut world = World::new(ACME);
        let proxy = Proxy::start(world.database.url());
        let (url, asked) = refusing(&proxy, usize::MAX, code, words);
        world.set("DATABASE_URL", &url);
        let finished = world.run(SYNC);
        assert_eq!(finished.status, 3, "{finished:#?}");
        let why = format!("can't be reached: {words} (SQLSTATE {code}). {advice}\n");
        assert!(finished.stderr.ends_with(&why), "{finished:#?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{words}");
    }
}

/// Sources that need a fetch each.
fn sources(count: usize) -> String {
    let filtered =
        |n| source(&format!("s{n}"), "acme") + &format!("filter = {{ type = \"t{n}\" }}\n");
    format!("[rate_limit]\nburst = 1000\n{}", (0..count).map(filtered).collect::<String>())
}

#[test]
fn a_role_with_fewer_connections_than_configured_does_not_wait() {
    let world = World::new(&format!(
        "[database]\nmax_connections = 4\n[sync]\nconcurrency = 8\n{}",
        sources(12)
    ));
    assert_eq!(world.run("migrate").status, 0);
    let role = format!("limited_{}", world.database.name());
    world.sql(&format!(
        "CREATE ROLE {role} LOGIN CONNECTION LIMIT 2;
         GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let url = world.database.url().replacen("postgres@", &format!("{role}@"), 1);
    let begun = Instant::now();
    let finished = world.run(&format!("{SYNC} --database-url {url}"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}: {finished:#?}", begun.elapsed());
}

#[test]
fn a_database_that_turns_read_only_is_detected_once_a_run() {
    let short = "[lock]\nstale_after = \"4s\"\nheartbeat_every = \"1s\"\n";
    let world = World::new(&format!("{short}{}", sources(40)));
    assert_eq!(world.run("migrate").status, 0);
    let hold = world.heroku.hold(Match::events("acme"));
    let run = world.spawn("sync --date 2024-09-28");
    wait_for("four days to be at work", || hold.waiting() == 4);
    world.sql(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on;
         SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
        world.database.name()
    ));
    let begun = Instant::now();
    hold.release();
    let finished = run.wait();
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert!(begun.elapsed() < Duration::from_secs(35), "{:?}", begun.elapsed());
    let lines = finished
        .stderr
        .lines()
        .filter(|line| line.contains("WARNING") || line.contains("ERROR"))
        .count();
    assert!(lines < 20, "{lines} lines: {}", finished.stderr);
    assert!(finished.stdout.contains("read-only transaction"), "{}", finished.stdout);
    assert!(finished.stdout.matches("read-only transaction").count() <= 6, "{}", finished.stdout);
    let lists =
        world.heroku.requests().iter().filter(|request| request.path.ends_with("/events")).count();
    assert_eq!(lists, 4, "nothing more was requested that could not be stored");
}

#[test]
fn a_database_that_stops_midway_ends_the_rest_of_the_run_soon() {
    let cluster = Arc::new(Cluster::builder().start().expect("a cluster"));
    let database = Database::on(&cluster).expect("a database");
    let short = "[lock]\nstale_after = \"4s\"\nheartbeat_every = \"1s\"\n";
    let world = World::on(database, Fixtures::committed(), &format!("{short}{}", sources(16)));
    assert_eq!(world.run("migrate").status, 0);
    let hold = world.heroku.hold(Match::events("acme"));
    let run = world.spawn("sync --date 2024-09-28");
    wait_for("four days to be at work", || hold.waiting() == 4);
    cluster.stop(Shutdown::Immediate).expect("a stop");
    let begun = Instant::now();
    hold.release();
    let finished = run.wait();
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(finished.status, 1, "{finished:#?}");
    let failed = finished.stderr.lines().filter(|line| line.contains("ERROR")).count();
    assert!(failed < 12, "{failed} lines: {}", finished.stderr);
    cluster.start().expect("a start");
}

#[test]
fn a_short_absence_between_two_days_is_waited_out() {
    let cluster = Arc::new(Cluster::builder().start().expect("a cluster"));
    let database = Database::on(&cluster).expect("a database");
    let world = World::on(
        database,
        Fixtures::committed(),
        &format!("[sync]\nconcurrency = 1\n{}", sources(3)),
    );
    assert_eq!(world.run("migrate").status, 0);
    let hold = world.heroku.hold(Match::events("acme"));
    let run = world.spawn(SYNC);
    wait_for("the first day", || hold.waiting() == 1);
    cluster.stop(Shutdown::Fast).expect("a stop");
    hold.release();
    cluster.start().expect("a start");
    let finished = run.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
    let all = truth(&world, "acme", DAY, |event| event["type"] == "t0");
    world.assert_complete("s0", DAY, &all);
}
