//! The head of the chain of seals leaves the database: in the log, in results, and as JSON.

use fake_heroku::pack;
use serde_json::Value;

use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{ACME, DAY, Finished, World, date};

const SYNC: &str = "sync --date 2024-09-28";

/// The lines of the log in logfmt that carry no head of `wanted`, as far as they have to.
fn assert_logged(world: &World, finished: &Finished, before: &str) {
    let lines: Vec<&str> = finished.stderr.lines().collect();
    let started = lines.iter().find(|line| line.contains("message=\"run started\""));
    assert!(started.is_some_and(|line| line.ends_with(before)), "{before}: {finished:#?}");
    let [now, ..] = world.head();
    let last = lines.last().expect("a line");
    let head = format!("{now} version=");
    assert!(last.contains("message=\"run finished\"") && last.contains(&head), "{last}");
}

#[test]
fn the_first_and_the_last_log_line_of_each_run_carry_the_head() {
    let world = World::new(ACME);
    assert_eq!(world.run("migrate").status, 0);
    let genesis = world.head()[0].clone();
    let first = world.run(SYNC);
    assert_logged(&world, &first, &genesis);
    let [synced, ..] = world.head();
    assert_ne!(synced, genesis);
    assert!(first.stderr.lines().next().is_some_and(|line| line.ends_with(&genesis)), "{first:#?}");

    // These move no head: nothing to do, a dry run, and a day that fails.
    for (command, status) in [(SYNC, 0), ("sync --dry-run --date 2024-09-27", 0)] {
        let run = world.run(command);
        assert_eq!(run.status, status, "{run:#?}");
        assert_logged(&world, &run, &synced);
        assert_eq!(world.head()[0], synced);
    }
    let backfill = world.run("backfill --from 2024-09-27 --to 2024-09-27");
    assert_logged(&world, &backfill, &synced);
    assert_ne!(world.head()[0], synced);
    let archived: Vec<_> = world.heroku.day("acme", date("2024-09-26"));
    world.heroku.put_archive("acme", fake_heroku::Month { year: 2024, month: 9 }, pack(&archived));
    let [listed, ..] = world.head();
    let archive = world.run("backfill --via archive --from 2024-09-26 --to 2024-09-26");
    assert_eq!(archive.status, 0, "{archive:#?}");
    assert_logged(&world, &archive, &listed);
    assert_ne!(world.head()[0], listed);
}

#[test]
fn a_run_that_finds_nothing_due_reads_the_head_with_its_plan() {
    let mut world = World::new(&format!("[database]\nmax_connections = 1\n{ACME}"));
    world.sync("--date 2024-09-28", 0);
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    let run = world.run(SYNC);
    assert_logged(&world, &run, &world.head()[0]);
    // To connect, to begin, to prepare and to run one query, to end, and to disconnect.
    let steps = proxy.steps();
    assert!(steps.len() <= 6, "{steps:#?}");
    assert!(!steps.iter().any(|step| step.contains("-- Reads the last seal")), "{steps:#?}");
}

#[test]
fn the_result_of_a_run_and_of_status_ends_with_the_head() {
    let world = World::new(ACME);
    let json = |command: &str| {
        let finished = world.run(&format!("{command} --output json"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        finished.json()["head"].clone()
    };
    let dry_run = world.run("sync --dry-run --date 2024-09-28");
    assert!(!dry_run.stdout.contains("Head") && !dry_run.stderr.contains("head_"), "{dry_run:#?}");
    assert_eq!(json("sync --dry-run --date 2024-09-28"), Value::Null, "there is no chain yet");
    assert_eq!(json("status"), Value::Null);

    let as_json = || serde_json::from_str::<Value>(&world.head()[2]).expect("JSON");
    assert_eq!(json(SYNC), as_json());
    for command in [SYNC, "sync --date 2024-09-27", "sync --dry-run --date 2024-09-26", "status"] {
        let text = world.run(command).stdout;
        let last = text.lines().last().unwrap_or_default();
        // The program that ran follows.
        let head = last.split(", auditsync ").next();
        assert_eq!(head, Some(world.head()[1].as_str()), "{command}: {text}");
        assert_eq!(json(command), as_json(), "{command}");
    }
    let nothing_due = world.run(SYNC).stdout;
    assert!(nothing_due.contains("already synced"), "{nothing_due}");
}

#[test]
fn a_result_names_a_head_that_verify_accepts_as_an_anchor() {
    let world = World::new(ACME);
    let text = world.run(SYNC).stdout;
    let anchor = text.lines().last().and_then(|line| line.split(' ').nth(1)).expect("an anchor");
    world.sync("--date 2024-09-27", 0);
    let verified = world.run(&format!("verify --anchor {anchor}"));
    assert_eq!(verified.status, 0, "{verified:#?}");
    world.sql("DELETE FROM audit_seals WHERE seq > 1");
    assert_eq!(world.run(&format!("verify --anchor {anchor}")).status, 1);
}

#[test]
fn commands_that_move_the_head_log_it_last() {
    let world = World::new(ACME);
    let ends_with_head = |command: &str| {
        let finished = world.run(command);
        assert_eq!(finished.status, 0, "{finished:#?}");
        let name = command.split(' ').next().expect("a name");
        let end = format!("message=\"{name} finished\" {}", world.head()[0]);
        let last = finished.stderr.lines().last().unwrap_or_default();
        assert!(last.ends_with(&end), "{end}: {finished:#?}");
    };
    ends_with_head("migrate");
    world.sync("--date 2024-09-28", 0);
    ends_with_head("reset --source acme 2024-09-28");
    let events = world.heroku.day("acme", date(DAY));
    world.heroku.put_archive("acme", fake_heroku::Month { year: 2024, month: 9 }, pack(&events));
    ends_with_head("reconcile --month 2024-09 --repair");
    // Without a change there is nothing to log.
    for command in ["reconcile --month 2024-09", "migrate --dry-run", "cleanup"] {
        let finished = world.run(command);
        assert!(!finished.stderr.contains("head_seq"), "{command}: {finished:#?}");
    }
}

#[test]
fn a_head_that_can_not_be_read_at_the_end_costs_a_run_only_a_warning() {
    let mut world = World::new(&format!("[database]\nmax_connections = 1\n{ACME}"));
    assert_eq!(world.run("migrate").status, 0);
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    proxy.strike(1, "-- Reads the last seal", When::Before, Blow::Freeze);
    let finished = world.run(&format!("{SYNC} --output json"));
    assert!(proxy.has_struck(), "{finished:#?}");
    assert_eq!(finished.status, 0, "{finished:#?}");
    let report = finished.json();
    assert_eq!((&report["head"], &report["days"][0]["outcome"]), (&Value::Null, &"synced".into()));
    assert!(
        finished.stderr.contains("the head of the chain of seals is not known"),
        "{finished:#?}"
    );
}
