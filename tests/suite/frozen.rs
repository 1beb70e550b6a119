//! A database that stops answering at any statement, like a frozen host whose kernel still accepts
//! what is sent. Every wait ends, the report names what the run waited for, and a signal always
//! takes precedence.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fake_heroku::{Match, Model};

use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{ACME, DAY, Finished, World, date, day, wait_for};

const SYNC: &str = "sync --date 2024-09-28 --output json";
/// Short leases, so that the tests are short.
const SHORT: &str =
    "[database]\nmax_connections = 2\n[lock]\nstale_after = \"2s\"\nheartbeat_every = \"600ms\"\n";
/// The longest wait for a statement outside of a lease, and the longest rest of a run.
const FIXED: Duration = Duration::from_secs(40);
/// The longest time from the signal to the end.
const SIGNAL: Duration = Duration::from_secs(5);
/// The number of cases at a time. They mostly wait.
const LANES: usize = 10;

/// A world with one event on the day, and a proxy in front of its database.
struct Stage {
    world: World,
    proxy: Proxy,
}

impl Stage {
    fn new() -> Self {
        let mut model = Model::default();
        model.directory = Model::from(fake_heroku::Fixtures::committed()).directory;
        let event = |data: u8| {
            format!(r#"{{"id":"a","created_at":"{DAY}T01:02:03Z","data":{data}}}"#).into()
        };
        // The same id with other bytes, so that the statement that keeps conflicts runs too.
        model.put_day("acme", date(DAY), vec![event(1), event(2)]);
        let mut world = World::with(model, &format!("{SHORT}{ACME}"));
        assert_eq!(world.run("migrate").status, 0);
        let proxy = Proxy::start(world.database.url());
        world.set("DATABASE_URL", proxy.url());
        Self { world, proxy }
    }

    /// The first line of each statement of a run, and the statements that begin and end
    /// transactions.
    fn statements(&self, arguments: &str) -> BTreeSet<String> {
        self.proxy.forget();
        let finished = self.world.run(arguments);
        assert_eq!(finished.status, 0, "{finished:#?}");
        let steps = self.proxy.steps();
        steps.iter().map(|step| step.lines().next().unwrap_or_default().to_owned()).collect()
    }

    /// The result of the next run, which reaches the database, for the day.
    fn assert_recovers(&self, case: &str) {
        self.proxy.forget();
        self.world.expire_leases();
        let report = self.world.sync("--date 2024-09-28", 0);
        let outcome = day(&report, "acme", DAY)["outcome"].as_str().map(str::to_owned);
        assert!(
            matches!(outcome.as_deref(), Some("synced" | "already_synced")),
            "{case}: {report:#}"
        );
        let stored =
            "SELECT (SELECT status FROM audit_events_log), (SELECT count(*) FROM audit_events),
                             (SELECT count(*) FROM audit_event_conflicts)";
        assert_eq!(self.world.sql(stored), "SUCCESS|1|1", "{case}");
        self.world.sql(
            "DELETE FROM audit_events_log; DELETE FROM audit_events;
             DELETE FROM audit_event_conflicts;
             DELETE FROM audit_history; DELETE FROM audit_seals WHERE seq > 1",
        );
    }
}

/// Runs `case` for each of `cases`, several at a time, each lane with a stage of its own.
fn in_lanes<C: Sync + Send>(cases: Vec<C>, case: impl Fn(&Stage, C) + Sync) {
    assert!(!cases.is_empty());
    let cases = Mutex::new(cases.into_iter());
    std::thread::scope(|threads| {
        for _ in 0..LANES {
            threads.spawn(|| {
                let stage = Stage::new();
                loop {
                    let Some(next) = cases.lock().expect("no case failed").next() else { return };
                    case(&stage, next);
                }
            });
        }
    });
}

/// The statements of a sync, each by its first line, and whether the database freezes before or
/// after the server executed it.
fn cases() -> Vec<(String, When)> {
    let statements = Stage::new().statements(SYNC);
    assert!(statements.len() > 10, "{statements:?}");
    // A statement is parsed before it is executed.
    let statements = statements.into_iter().filter(|text| !text.starts_with("parse"));
    statements
        .flat_map(|text| [When::Before, When::After].map(|when| (text.clone(), when)))
        .collect()
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// The message of a run that could not do its day.
fn message(finished: &Finished) -> String {
    if finished.status == 3 {
        return finished.stderr.clone();
    }
    day(&finished.json(), "acme", DAY)["error"].to_string()
}

#[test]
fn a_run_whose_database_freezes_at_any_statement_ends_and_says_so() {
    in_lanes(cases(), |stage, (text, when)| {
        let case = format!("{when:?} {text}");
        stage.proxy.forget();
        stage.proxy.strike(1, leak(&text), when, Blow::Freeze);
        let begun = Instant::now();
        let finished = stage.world.run(SYNC);
        assert!(stage.proxy.has_struck(), "{case}: {finished:#?}");
        assert!(begun.elapsed() < FIXED, "{case}: {:?}", begun.elapsed());
        // The disconnection and commits whose answers were not lost come after the report.
        if finished.status != 0 {
            assert!([1, 3].contains(&finished.status), "{case}: {finished:#?}");
            let message = message(&finished);
            let names = [
                "did not answer",
                "no answer within",
                "could not be renewed",
                "`auditsync status` shows",
            ];
            assert!(names.iter().any(|name| message.contains(name)), "{case}: {message}");
        }
        stage.assert_recovers(&case);
    });
}

#[test]
fn a_signal_wins_over_a_frozen_database_at_any_statement() {
    in_lanes(cases(), |stage, (text, when)| {
        let case = format!("{when:?} {text}");
        stage.proxy.forget();
        stage.proxy.strike(1, leak(&text), when, Blow::Freeze);
        let run = stage.world.spawn(SYNC);
        wait_for("the freeze", || stage.proxy.has_struck());
        let sent = Instant::now();
        run.signal("TERM");
        let finished = run.wait();
        assert!(sent.elapsed() < SIGNAL, "{case}: {:?} {finished:#?}", sent.elapsed());
        assert!([143, 0].contains(&finished.status), "{case}: {finished:#?}");
        stage.assert_recovers(&case);
    });
}

#[test]
fn a_database_that_freezes_during_the_release_does_not_delay_the_end() {
    let statements = ["query BEGIN", "-- Gives many days back", "query COMMIT"];
    let cases = statements
        .into_iter()
        .flat_map(|text| [When::Before, When::After].map(|when| (text, when)))
        .collect();
    in_lanes(cases, |stage, (text, when)| {
        stage.proxy.forget();
        let hold = stage.world.heroku.hold(Match::events("acme"));
        let run = stage.world.spawn(SYNC);
        wait_for("the claim", || hold.waiting() > 0);
        stage.proxy.strike(1, text, when, Blow::Freeze);
        let sent = Instant::now();
        run.signal("HUP");
        let finished = run.wait();
        assert!(stage.proxy.has_struck(), "{text}: {finished:#?}");
        assert!(sent.elapsed() < SIGNAL, "{when:?} {text}: {:?}", sent.elapsed());
        assert_eq!(finished.status, 129, "{when:?} {text}: {finished:#?}");
        assert_eq!(
            day(&finished.json(), "acme", DAY)["outcome"],
            "interrupted",
            "{when:?} {text}: {finished:#?}"
        );
        hold.release();
        stage.assert_recovers(text);
    });
}

#[test]
fn one_silent_connection_costs_only_time() {
    // Between the claim and the publication. Another connection renews the lease meanwhile.
    in_lanes(
        vec!["-- Stores events", "-- Locks the ledger row", "-- Makes a day complete"],
        |stage, text| {
            stage.world.write_config(&format!(
                "[lock]\nstale_after = \"6s\"\nheartbeat_every = \"2s\"\n{ACME}"
            ));
            stage.proxy.forget();
            stage.proxy.strike(1, text, When::Before, Blow::Silence);
            let finished = stage.world.run(SYNC);
            assert!(stage.proxy.has_struck(), "{text}");
            assert_eq!(finished.status, 0, "{text}: {finished:#?}");
            stage.assert_recovers(text);
        },
    );
}

#[test]
fn a_process_that_is_frozen_while_it_seals_delays_others_by_10_s_at_most() {
    let mut stage = Stage::new();
    let other_day = "2024-09-27";
    let event = format!(r#"{{"id":"b","created_at":"{other_day}T01:02:03Z"}}"#);
    stage.world.heroku.put_day("acme", date(other_day), vec![event.into()]);
    // Under a lease of 15 minutes, the fence alone allows 30 s of silence.
    stage.world.write_config(ACME);
    // The first step with this text only has the statement parsed.
    let seal = "-- Adds an entry to the history and a seal";
    stage.proxy.strike(2, seal, When::After, Blow::Silence);
    let frozen = stage.world.spawn(SYNC);
    wait_for("the seal", || stage.proxy.has_struck());
    frozen.signal("STOP");
    let begun = Instant::now();
    let direct = stage.world.database.url().to_owned();
    stage.world.set("DATABASE_URL", &direct);
    let other = stage.world.run(&format!("sync --date {other_day}"));
    let waited = begun.elapsed();
    assert_eq!(other.status, 0, "{other:#?}");
    assert!(waited < Duration::from_secs(13), "{waited:?}");
    assert!(waited > Duration::from_secs(5), "it did wait for the lock: {waited:?}");
    // The server rolled the frozen process's transaction back.
    assert_eq!(stage.world.seals(), format!("1 genesis, 2 day {other_day} 1"));
    stage.world.assert_sealed("after the freeze");
    frozen.signal("KILL");
    frozen.wait();
}

#[test]
fn other_commands_end_with_3_when_the_database_freezes() {
    let commands = [
        "status",
        "history",
        "reset --source acme 2024-09-28",
        "cleanup",
        "sync --dry-run --date 2024-09-28",
    ];
    in_lanes(commands.to_vec(), |stage, command| {
        stage.proxy.forget();
        stage.proxy.strike(1, "parse", When::Before, Blow::Freeze);
        let begun = Instant::now();
        let finished = stage.world.run(command);
        assert!(stage.proxy.has_struck(), "{command}: {finished:#?}");
        assert!(begun.elapsed() < FIXED, "{command}: {:?}", begun.elapsed());
        assert_eq!(finished.status, 3, "{command}: {finished:#?}");
        assert!(finished.stderr.contains("did not answer"), "{command}: {finished:#?}");
    });
}

#[test]
fn a_freeze_shorter_than_the_lease_is_waited_out() {
    let stage = Stage::new();
    stage
        .world
        .write_config(&format!("[lock]\nstale_after = \"9s\"\nheartbeat_every = \"2s\"\n{ACME}"));
    let hold = stage.world.heroku.hold(Match::events("acme"));
    let run = stage.world.spawn(SYNC);
    wait_for("the claim", || hold.waiting() > 0);
    let steps = stage.proxy.steps().len();
    stage.proxy.set_paused(true);
    hold.release();
    wait_for("a statement under way", || stage.proxy.steps().len() > steps);
    stage.proxy.set_paused(false);
    let finished = run.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "synced");
    stage.assert_recovers("a freeze");
}
