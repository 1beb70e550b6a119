//! The dead-man ping: a monitor learns how each run ended, and never affects it.

use fake_heroku::{Fault, Match};

use crate::support::{ACME, World, raw};

const SYNC: &str = "sync --date 2024-09-28";
const SECRET: &str = "ping-key-5f0c";

#[test]
fn the_ping_goes_to_the_address_on_success_and_to_fail_otherwise() {
    let (monitor, pings) = raw::monitor();
    let mut world = World::new(ACME);
    assert_eq!(world.run(SYNC).status, 0);
    assert!(pings.try_recv().is_err(), "without the variable no ping is sent");

    world.set("AUDITSYNC_PING_URL", &format!("{monitor}/{SECRET}"));
    assert_eq!(world.run(SYNC).status, 0);
    assert_eq!(pings.try_recv().as_deref(), Ok("GET /ping-key-5f0c HTTP/1.1"));
    world.heroku.fault(Match::events("acme").always(), Fault::status(403, "forbidden", "no"));
    assert_eq!(world.run("sync --date 2024-09-27").status, 1);
    assert_eq!(pings.try_recv().as_deref(), Ok("GET /ping-key-5f0c/fail HTTP/1.1"));
    assert!(pings.try_recv().is_err(), "once a run");

    world.set("AUDITSYNC_PING_URL", &format!("{monitor}/{SECRET}?create=1"));
    assert_eq!(world.run("sync --date 2024-09-27").status, 1);
    assert_eq!(pings.try_recv().as_deref(), Ok("GET /ping-key-5f0c/fail?create=1 HTTP/1.1"));

    world.write_config(&format!("[notify]\nping_url_env = \"MY_MONITOR\"\n{ACME}"));
    world.set("MY_MONITOR", &format!("{monitor}/mine/"));
    assert_eq!(world.run("sync --date 2024-09-26").status, 1);
    assert_eq!(pings.try_recv().as_deref(), Ok("GET /mine/fail HTTP/1.1"));
}

#[test]
fn the_ping_carries_the_head_in_its_user_agent() {
    let (heard, heads) = std::sync::mpsc::channel();
    let monitor = raw::serve(move |_, head| {
        let agent = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("user-agent").then(|| value.to_owned())
        });
        let _ = heard.send(agent.expect("a User-Agent"));
        raw::http("200 OK", "", "OK")
    });
    let mut world = World::new(ACME);
    world.set("AUDITSYNC_PING_URL", &monitor);
    let ours = format!("auditsync/{} (audit trail to PostgreSQL", env!("CARGO_PKG_VERSION"));
    // The second run finds nothing to do.
    for _ in 0..2 {
        assert_eq!(world.run(SYNC).status, 0);
        assert_eq!(heads.try_recv(), Ok(format!("{ours}; {})", world.head()[0])));
    }
    let forbidden = Fault::status(403, "forbidden", "no");
    world.heroku.fault(Match::events("acme").always(), forbidden);
    assert_eq!(world.run("sync --date 2024-09-27").status, 1);
    assert_eq!(heads.try_recv(), Ok(format!("{ours}; {})", world.head()[0])));

    let nowhere = "--database-url postgresql://nobody@127.0.0.1:1/none";
    assert_eq!(world.run(&format!("{SYNC} {nowhere}")).status, 3);
    assert_eq!(heads.try_recv(), Ok(format!("{ours})")), "without a head the usual one");
}

#[test]
fn other_commands_do_not_ping_for_the_daily_sync() {
    let monitor = raw::serve(|_, head| panic!("no ping may be sent: {head}"));
    let mut world = World::new(ACME);
    world.set("AUDITSYNC_PING_URL", &monitor);
    let beside = [
        "sync --dry-run --date 2024-09-28",
        "backfill --from 2024-09-28 --to 2024-09-28",
        "status",
        "cleanup",
    ];
    for command in beside {
        let finished = world.run(command);
        assert_eq!(finished.status, 0, "{finished:#?}");
        assert!(!finished.stderr.contains("AUDITSYNC_PING_URL"), "{command}: {finished:#?}");
    }
}

#[test]
fn a_failed_ping_changes_no_exit_status_and_shows_no_address() {
    let refusing = raw::serve(|_, _| raw::http("500 Internal Server Error", "", "no"));
    for address in
        [format!("{refusing}/{SECRET}"), format!("http://127.0.0.1:1/{SECRET}"), SECRET.to_owned()]
    {
        let mut world = World::new(ACME);
        world.set("AUDITSYNC_PING_URL", &address);
        let finished = world.run(SYNC);
        assert_eq!(finished.status, 0, "{finished:#?}");
        assert!(finished.stderr.contains("AUDITSYNC_PING_URL"), "{finished:#?}");
        let says = ["could not be notified", "no monitor was notified"];
        assert!(says.iter().any(|words| finished.stderr.contains(words)), "{finished:#?}");
        assert!(
            !finished.stderr.contains(SECRET) && !finished.stdout.contains(SECRET),
            "{finished:#?}"
        );
    }
}
