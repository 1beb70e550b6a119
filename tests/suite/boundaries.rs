//! Between any two statements of a day's life the program may be killed, or its connection cut. The
//! run itself reports the truth about it, and the next plain run ends in the right state.
//!
//! A [`Life`] runs once to learn its steps, and then once for each step and each of the four ways
//! to end there.

mod migration;
mod rereads;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use fake_heroku::{Fault, Fixtures, Match, Model};
use serde_json::Value;

use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{ACME, DAY, Finished, Running, World, date, day, note, wait_for};

const NO_DAY: &str = "DELETE FROM audit_events_log; DELETE FROM audit_events; \
    DELETE FROM audit_event_conflicts; DELETE FROM audit_history";

const SYNC: &str = "sync --date 2024-09-28 --output json";

/// With more than one connection the order of steps would depend on chance. No renewal comes in
/// between.
const ONE_CONNECTION: &str =
    "[database]\nmax_connections = 1\n[lock]\nstale_after = \"10m\"\nheartbeat_every = \"3m\"\n";

/// The events of the day, and those of them that are stored. The second has the id of the first,
/// and PostgreSQL rejects the third as JSON. So they are written in several transactions, of which
/// some fail.
const EVENTS: usize = 2;

const WAYS: [(When, Blow); 4] = [
    (When::Before, Blow::Kill),
    (When::After, Blow::Kill),
    (When::Before, Blow::Cut),
    (When::After, Blow::Cut),
];

/// A world whose program reaches its database through a proxy.
struct Stage {
    world: World,
    proxy: Proxy,
}

/// What is run, and what must hold afterwards.
struct Life {
    /// Restores the state of the database before the run.
    undo: &'static str,
    /// Runs the program to its end.
    run: fn(&Stage) -> Finished,
    /// The first step of this life, if earlier steps belong to another one.
    begins_with: &'static str,
    /// Checks a run whose connection was cut: `None` if the cut did no harm, else what the run
    /// said.
    harm: fn(&Stage, &Finished) -> Option<String>,
    /// Makes the next run and checks the result.
    next: fn(&Stage),
}

/// How the cases of one life ended.
#[derive(Default)]
struct Tally {
    steps: usize,
    killed: usize,
    unharmed: usize,
    harmed: Vec<String>,
}

impl Life {
    /// Ends the life at every step, in all four ways.
    fn end_everywhere(&self) -> Tally {
        let begun = Instant::now();
        let stage = Stage::new(self);
        let whole = (self.run)(&stage);
        assert_eq!(self.harm(&stage, &whole), None, "{whole:#?}");
        let steps = stage.proxy.steps();
        let first =
            steps.iter().position(|step| step.contains(self.begins_with)).expect("it begins");
        let cases: Vec<_> = (first + 1..=steps.len())
            .flat_map(|n| WAYS.map(|(when, blow)| (n, when, blow)))
            .collect();

        let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    let stage = Stage::new(self);
                    while let Some(&(n, when, blow)) =
                        cases.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let case = format!(
                            "step {n} of {}, {when:?} {blow:?}: {}",
                            steps.len(),
                            one_line(&steps[n - 1])
                        );
                        let harm = self.end_once(&stage, &case, (n, when, blow));
                        let mut tally = tally.lock().expect("no case failed");
                        match harm {
                            _ if blow == Blow::Kill => tally.killed += 1,
                            None => tally.unharmed += 1,
                            Some(harm) => tally.harmed.push(format!("{case}: {harm}")),
                        }
                    }
                });
            }
        });

        stage.begin_again(self);
        stage.proxy.strike(steps.len() + 1, "", When::Before, Blow::Cut);
        (self.run)(&stage);
        assert!(!stage.proxy.has_struck(), "there is no step beyond the last");

        let tally =
            Tally { steps: steps.len() - first, ..tally.into_inner().expect("no case failed") };
        note(&format!(
            "{} steps: {} killed, {} of {} cuts did no harm; {:.1?}",
            tally.steps,
            tally.killed,
            tally.unharmed,
            tally.unharmed + tally.harmed.len(),
            begun.elapsed(),
        ));
        tally
    }

    /// Ends the life at one step in one way, and returns what harm a cut did to the run.
    fn end_once(
        &self,
        stage: &Stage,
        case: &str,
        (n, when, blow): (usize, When, Blow),
    ) -> Option<String> {
        stage.begin_again(self);
        stage.proxy.strike(n, "", when, blow);
        let finished = (self.run)(stage);
        assert!(stage.proxy.has_struck(), "{case}: {finished:#?}");
        if blow == Blow::Kill {
            assert_eq!(finished.status, -9, "{case}: {finished:#?}");
        }
        let judged = std::panic::AssertUnwindSafe(|| {
            let harm = if blow == Blow::Cut { self.harm(stage, &finished) } else { None };
            (self.next)(stage);
            harm
        });
        std::panic::catch_unwind(judged).unwrap_or_else(|panic| {
            note(&format!("{case}: {finished:#?}"));
            std::panic::resume_unwind(panic)
        })
    }

    fn harm(&self, stage: &Stage, finished: &Finished) -> Option<String> {
        (self.harm)(stage, finished)
    }
}

impl Stage {
    fn new(life: &Life) -> Self {
        let mut world = World::with(small(), &format!("{ONE_CONNECTION}{ACME}"));
        assert_eq!(world.run("migrate").status, 0);
        let proxy = Proxy::start(world.database.url());
        world.set("DATABASE_URL", proxy.url());
        let stage = Self { world, proxy };
        stage.begin_again(life);
        stage
    }

    fn begin_again(&self, life: &Life) {
        self.world.sql(life.undo);
        self.world.heroku.clear_faults();
        self.proxy.forget();
    }

    fn start(&self, arguments: &str) -> Running {
        let run = self.world.spawn(arguments);
        self.proxy.program_is(run.child.id());
        run
    }

    /// The day's row as `status|attempt`.
    fn row(&self) -> String {
        self.world.sql("SELECT status, attempt FROM audit_events_log")
    }

    /// What a failed run said. A run that did not fail has synced the day, as `check` reads from
    /// its report.
    fn harm_unless_synced(
        &self,
        finished: &Finished,
        check: impl FnOnce(&Value),
    ) -> Option<String> {
        if finished.status != 0 {
            return Some(told(finished));
        }
        let report = finished.json();
        let row = day(&report, "acme", DAY);
        check(row);
        assert_eq!(self.row(), format!("SUCCESS|{}", row["attempt"]));
        None
    }

    /// Lets the leases of the killed run expire and makes the next run, which completes the day.
    fn complete(&self) {
        self.world.heroku.clear_faults();
        let before = self.world.sql(
            "UPDATE audit_events_log SET locked_until = clock_timestamp()
             WHERE status = 'PROCESSING';
             SELECT count(*) FROM audit_events; SELECT status FROM audit_events_log",
        );
        let (stored, status) = before.split_once('\n').unwrap_or((&before, "no row"));
        let stored: usize = stored.parse().expect("a count");
        let report = self.world.sync(&format!("--date {DAY}"), 0);
        let row = day(&report, "acme", DAY);
        let expected =
            if status == "SUCCESS" { ("already_synced", 0) } else { ("synced", EVENTS - stored) };
        assert_eq!(
            (&row["outcome"], &row["new_events"]),
            (&expected.0.into(), &expected.1.into()),
            "{status}"
        );
        self.world.assert_whole("acme", DAY, &truth());
        self.assert_history_explains_success();
    }

    /// Each attempt was claimed once and ended at most once, and the last one was published with
    /// the day's figures.
    fn assert_history_explains_success(&self) {
        let history = self.world.sql(
            "SELECT (SELECT array_agg(h.attempt ORDER BY h.id) FROM audit_history AS h
             WHERE action IN ('claim', 'takeover'))
                    = (SELECT array_agg(a) FROM generate_series(1, l.attempt) AS a),
                    (SELECT count(*) = count(DISTINCT attempt) FROM audit_history
                     WHERE action IN ('publish', 'fail', 'release')),
                    (SELECT array_agg(row(h.attempt, h.outcome, h.events))
                    FROM audit_history AS h WHERE action = 'publish')
                    = ARRAY[row(l.attempt, 'synced'::text, l.events_count)]
             FROM audit_events_log AS l",
        );
        assert_eq!(
            history,
            "t|t|t",
            "{}",
            self.world.sql("SELECT * FROM audit_history ORDER BY id")
        );
    }
}

#[test]
fn a_published_day_survives_a_kill_and_a_cut_at_every_step() {
    let life = Life {
        undo: NO_DAY,
        run: |stage| stage.start(SYNC).wait(),
        begins_with: "",
        harm: |stage, finished| {
            stage.harm_unless_synced(finished, |row| {
                let figures =
                    (&row["outcome"], &row["events"], &row["new_events"], &row["conflicts"]);
                assert_eq!(figures, (&"synced".into(), &EVENTS.into(), &EVENTS.into(), &1.into()));
                let said = "SELECT attempt, events, new_events FROM audit_history \
                    WHERE action = 'publish'";
                assert_eq!(stage.world.sql(said), format!("{}|{EVENTS}|{EVENTS}", row["attempt"]));
            })
        },
        next: Stage::complete,
    };
    let tally = life.end_everywhere();
    assert!(tally.steps > 50, "{}", tally.steps);
    assert_eq!(tally.harmed, [""; 0]);
}

#[test]
fn a_failed_day_survives_a_kill_and_a_cut_at_every_step() {
    let life = Life {
        undo: NO_DAY,
        run: |stage| {
            let refusal = Fault::status(403, "forbidden", "You do not have access");
            stage.world.heroku.fault(Match::events("acme").always(), refusal);
            stage.start(SYNC).wait()
        },
        begins_with: "pg_current_xact_id()::text AS xact,\n       set_config",
        harm: |stage, finished| {
            assert_eq!(finished.status, 1, "{finished:#?}");
            let report = finished.json();
            let row = day(&report, "acme", DAY);
            assert!(row["error"].as_str().is_some_and(|error| error.contains("403")), "{row:#}");
            let rows = "SELECT l.status, l.attempt, count(h) FROM audit_events_log AS l
                        LEFT JOIN audit_history AS h ON h.action = 'fail'
                        AND h.message = l.error_message GROUP BY 1, 2";
            let rows = stage.world.sql(rows);
            (row["outcome"] != "failed" || rows != "FAILED|1|1")
                .then(|| format!("{rows} {}", told(finished)))
        },
        next: Stage::complete,
    };
    assert_eq!(life.end_everywhere().harmed, [""; 0]);
}

#[test]
fn a_day_released_on_a_signal_survives_a_kill_and_a_cut_at_every_step() {
    let life = Life {
        undo: NO_DAY,
        run: |stage| {
            let hold = stage.world.heroku.hold(Match::events("acme"));
            let run = stage.start(SYNC);
            wait_for("the claim", || hold.waiting() > 0);
            run.signal("TERM");
            run.wait()
        },
        begins_with: "Gives many days back",
        harm: |stage, finished| {
            assert_eq!(finished.status, 143, "{finished:#?}");
            assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "interrupted");
            (stage.row() != "PENDING|1").then(|| format!("{} {}", stage.row(), told(finished)))
        },
        next: Stage::complete,
    };
    assert_eq!(life.end_everywhere().harmed, [""; 0]);
}

/// A life of a manual command, on the day's row as given by `row`, with the row and the history
/// that it leaves.
fn typed(undo: &'static str, run: fn(&Stage) -> Finished) -> Life {
    const LEFT: &str = "SELECT l.status, l.attempt, h.action, h.attempt, h.outcome
                        FROM audit_events_log AS l LEFT
                        JOIN audit_history AS h USING (source, process_date)";
    Life {
        undo,
        run,
        begins_with: "",
        harm: |stage, finished| {
            let left = stage.world.sql(LEFT);
            let done = ["PENDING|1|reset|1|pending", "ERROR|1|cleanup|1|error"].contains(&&*left);
            let said =
                finished.stdout.contains("due again") || finished.stdout.contains("1 stale day");
            (finished.status != 0 || !done || !said).then(|| format!("{left} {}", told(finished)))
        },
        next: |stage| {
            let left = stage.world.sql(LEFT);
            let before = ["SUCCESS|1|||", "PROCESSING|1|||"].contains(&&*left);
            let after = ["PENDING|1|reset|1|pending", "ERROR|1|cleanup|1|error"].contains(&&*left);
            assert!(before || after, "{left}");
            let next = stage.world.run("reset --source acme 2024-09-28");
            assert_eq!(next.status, 0, "{next:#?}");
            assert_eq!(stage.row(), "PENDING|1");
        },
    }
}

#[test]
fn a_reset_and_a_cleanup_survive_a_kill_and_a_cut_at_every_step() {
    let reset = typed(
        "DELETE FROM audit_events_log; DELETE FROM audit_history;
         INSERT INTO audit_events_log (source, process_date, status, attempt)
         VALUES ('acme', '2024-09-28', 'SUCCESS', 1)",
        |stage| stage.start("reset --source acme 2024-09-28").wait(),
    );
    assert_eq!(reset.end_everywhere().harmed, [""; 0]);
    let cleanup = typed(
        "DELETE FROM audit_events_log; DELETE FROM audit_history;
         INSERT INTO audit_events_log (source, process_date, status, attempt, locked_by,
         locked_until)
         VALUES ('acme', '2024-09-28', 'PROCESSING', 1, 'gone', clock_timestamp())",
        |stage| stage.start("cleanup").wait(),
    );
    assert_eq!(cleanup.end_everywhere().harmed, [""; 0]);
}

fn events() -> [String; 3] {
    let event = |id: &str, data: &str| {
        format!(r#"{{"id":"{id}","created_at":"2024-09-28T01:02:03Z","data":{data}}}"#)
    };
    let deep = "[".repeat(20_000) + &"]".repeat(20_000);
    [event("a", "1"), event("a", "2"), event("b", &deep)]
}

/// The events that must be stored.
fn truth() -> BTreeMap<String, Vec<u8>> {
    let [first, _, deep] = events();
    BTreeMap::from([("a".to_owned(), first.into_bytes()), ("b".to_owned(), deep.into_bytes())])
}

/// The fixtures with only that day.
fn small() -> Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    let model = MODEL.get_or_init(|| {
        let mut model = Model::default();
        model.directory = Model::from(Fixtures::committed()).directory;
        model.put_day("acme", date(DAY), events().map(Bytes::from).to_vec());
        model
    });
    model.clone()
}

/// What a run said of its day, or of itself.
fn told(finished: &Finished) -> String {
    format!(
        "exit {}, {}{}",
        finished.status,
        one_line(&finished.stdout),
        one_line(&finished.stderr)
    )
}

fn one_line(text: &str) -> String {
    let lines =
        text.lines().filter(|line| !line.starts_with("--") && !line.trim().starts_with("query --"));
    let line: String = lines.flat_map(str::split_whitespace).flat_map(|word| [word, " "]).collect();
    line.chars().take(400).collect()
}
