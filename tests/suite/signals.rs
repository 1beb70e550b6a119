//! Signals: each ends a run in order, releases every lease and determines the exit status.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fake_heroku::{Match, Month};

use crate::support::proxy::Proxy;
use crate::support::{ACME, DAY, Running, THREE_VIEWS, World, date, day, wait_for};

const SYNC: &str = "sync --date 2024-09-28 --output json";

/// Runs SYNC by a shell, which leads a process group of its own.
fn by_a_shell(world: &World, shell: &str, script: &str) -> Running {
    let plain = world.command(SYNC);
    let mut command = Command::new(shell);
    command.args(["-c", script]).arg(plain.get_program()).args(plain.get_args());
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(plain.get_current_dir().expect("a folder")).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running { child: command.spawn().expect("a shell") }
}

#[test]
fn each_signal_releases_the_lease_and_has_its_exit_status() {
    for (signal, status) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let world = World::new(ACME);
        let hold = world.heroku.hold(Match::events("acme"));
        let run = world.spawn(SYNC);
        wait_for("the claim", || hold.waiting() > 0);
        let sent = Instant::now();
        run.signal(signal);
        let finished = run.wait();
        assert!(sent.elapsed() < Duration::from_secs(5), "{signal}: {:?}", sent.elapsed());
        assert_eq!(finished.status, status, "{signal}: {finished:#?}");
        assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "interrupted", "{signal}");
        assert_eq!(
            world.sql("SELECT status, locked_by IS NULL FROM audit_events_log"),
            "PENDING|t",
            "{signal}"
        );
        assert_eq!(
            world.sql("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_history"),
            "claim release"
        );
        let requests = "SELECT requests FROM audit_history WHERE action = 'release'";
        assert_eq!(world.sql(requests), "1", "{signal}: the history has what the attempt cost");
    }
}

#[test]
fn a_hangup_under_nohup_ends_nothing() {
    let world = World::new(ACME);
    let hold = world.heroku.hold(Match::events("acme"));
    let run = by_a_shell(&world, "sh", "trap '' HUP; exec \"$0\" \"$@\"");
    wait_for("the claim", || hold.waiting() > 0);
    run.signal("HUP");
    hold.release();
    let finished = run.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "synced");
}

/// Heroku starts a command by a shell. It sends SIGTERM to every process of the dyno, perhaps more
/// than once.
#[test]
fn sigterm_to_a_dyno_s_shell_and_program_ends_both_in_time() {
    const TERMINATED: i32 = -15;
    for (shell, script, status) in [
        // The shell becomes the program.
        ("sh", "exec \"$0\" \"$@\"", 143),
        // The shell stays, and dies of the signal at once.
        ("sh", "\"$0\" \"$@\"; true", TERMINATED),
        ("bash", "\"$0\" \"$@\"; true", TERMINATED),
        // The shell waits for the program, and passes its status on.
        ("bash", "trap : TERM; \"$0\" \"$@\"; exit $?", 143),
    ] {
        let world = World::new(ACME);
        let hold = world.heroku.hold(Match::events("acme"));
        let run = by_a_shell(&world, shell, script);
        wait_for("the claim", || hold.waiting() > 0);
        let sent = Instant::now();
        let group = format!("-{}", run.child.id());
        for _ in 0..3 {
            // The last ones may find nobody.
            let _ = Command::new("kill").args(["-s", "TERM", "--", &group]).output();
        }
        // The pipes close when the program ends, too.
        let finished = run.wait();
        assert!(sent.elapsed() < Duration::from_secs(5), "{script}: {:?}", sent.elapsed());
        assert_eq!(finished.status, status, "{script}: {finished:#?}");
        assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "interrupted", "{script}");
        let row = world.sql("SELECT status, locked_by IS NULL FROM audit_events_log");
        assert_eq!(row, "PENDING|t", "{script}");
    }
}

#[test]
fn leases_of_an_archive_run_are_released_in_time_over_a_slow_line() {
    let mut world = World::new(THREE_VIEWS);
    assert_eq!(world.run("migrate").status, 0);
    for number in 1..=30 {
        world.heroku.generate_day("acme", date(&format!("2024-09-{number:02}")), 2);
    }
    world.heroku.make_archive("acme", Month { year: 2024, month: 9 });
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    let mut other = world.session(world.database.url());
    other.ask("BEGIN; LOCK TABLE audit_events IN SHARE MODE");
    let run = world.spawn("backfill --via archive --from 2024-09-01 --to 2024-09-30 --output json");
    let held = || world.sql("SELECT count(*) FROM audit_events_log WHERE status = 'PROCESSING'");
    wait_for("the leases of three sources", || held() == "90");
    wait_for("the writes to wait", || {
        world.sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "t"
    });
    proxy.slow_down(Duration::from_millis(150));
    let sent = Instant::now();
    run.signal("TERM");
    let finished = run.wait();
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    assert_eq!(finished.status, 143, "{finished:#?}");
    assert_eq!(held(), "0");
    assert_eq!(world.sql("SELECT count(*) FROM audit_history WHERE action = 'release'"), "90");
    drop(other);
}
