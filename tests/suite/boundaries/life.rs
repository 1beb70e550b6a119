//! The harness: a command whose every step is a place to kill the program or to cut its connection.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;

use super::{EVENTS, ONE_CONNECTION, message, one_line, small, truth};
use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{ACME, DAY, Finished, Running, World, day, note};

const WAYS: [(When, Blow); 4] = [
    (When::Before, Blow::Kill),
    (When::After, Blow::Kill),
    (When::Before, Blow::Cut),
    (When::After, Blow::Cut),
];

/// A world whose program reaches its database through a proxy.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) proxy: Proxy,
}

/// What is run, and what must hold afterwards.
pub(super) struct Life {
    /// Restores the state of the database before the run.
    pub(super) undo: &'static str,
    /// Runs the program to its end.
    pub(super) run: fn(&Stage) -> Finished,
    /// The first step of this life, if earlier steps belong to another one.
    pub(super) begins_with: &'static str,
    /// Checks a run whose connection was cut: `None` if the cut did no harm, else what the run
    /// said.
    pub(super) harm: fn(&Stage, &Finished) -> Option<String>,
    /// Makes the next run and checks the result.
    pub(super) next: fn(&Stage),
}

/// A place and a way to end a life.
#[derive(Clone, Copy)]
struct Ending {
    step: usize,
    when: When,
    blow: Blow,
}

/// How the cases of one life ended.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) steps: usize,
    pub(super) killed: usize,
    pub(super) unharmed: usize,
    pub(super) harmed: Vec<String>,
}

impl Life {
    /// Ends the life at every step, in all four ways.
    pub(super) fn end_everywhere(&self) -> Tally {
        let begun = Instant::now();
        let stage = Stage::new(self);
        let whole = (self.run)(&stage);
        assert_eq!(self.harm(&stage, &whole), None, "{whole:#?}");
        let steps = stage.proxy.steps();
        let first =
            steps.iter().position(|step| step.contains(self.begins_with)).expect("it begins");
        let cases: Vec<_> = (first + 1..=steps.len())
            .flat_map(|step| WAYS.map(|(when, blow)| Ending { step, when, blow }))
            .collect();

        let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    let stage = Stage::new(self);
                    while let Some(&ending) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let Ending { step, when, blow } = ending;
                        let case = format!(
                            "step {step} of {}, {when:?} {blow:?}: {}",
                            steps.len(),
                            one_line(&steps[step - 1])
                        );
                        let harm = self.end_once(&stage, &case, ending);
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
    fn end_once(&self, stage: &Stage, case: &str, ending: Ending) -> Option<String> {
        let Ending { step, when, blow } = ending;
        stage.begin_again(self);
        stage.proxy.strike(step, "", when, blow);
        let finished = (self.run)(stage);
        assert!(stage.proxy.has_struck(), "{case}: {finished:#?}");
        if blow == Blow::Kill {
            assert_eq!(finished.status, -9, "{case}: {finished:#?}");
        }
        let judged = std::panic::AssertUnwindSafe(|| {
            let harm = if blow == Blow::Cut { self.harm(stage, &finished) } else { None };
            stage.world.assert_sealed(case);
            (self.next)(stage);
            stage.world.assert_sealed(case);
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
    pub(super) fn new(life: &Life) -> Self {
        let mut world = World::with(small(), &format!("{ONE_CONNECTION}{ACME}"));
        assert_eq!(world.run("migrate").status, 0);
        let proxy = Proxy::start(world.database.url());
        world.set("DATABASE_URL", proxy.url());
        let stage = Self { world, proxy };
        stage.begin_again(life);
        stage
    }

    pub(super) fn begin_again(&self, life: &Life) {
        self.world.sql(life.undo);
        self.world.heroku.clear_faults();
        self.proxy.forget();
    }

    pub(super) fn start(&self, arguments: &str) -> Running {
        let run = self.world.spawn(arguments);
        self.proxy.program_is(run.child.id());
        run
    }

    /// The day's row as `status|attempt`.
    pub(super) fn row(&self) -> String {
        self.world.sql("SELECT status, attempt FROM audit_events_log")
    }

    /// What a failed run said. A run that did not fail has synced the day, as `check` reads from
    /// its report.
    pub(super) fn harm_unless_synced(
        &self,
        finished: &Finished,
        check: impl FnOnce(&Value),
    ) -> Option<String> {
        if finished.status != 0 {
            return Some(message(finished));
        }
        let report = finished.json();
        let row = day(&report, "acme", DAY);
        check(row);
        assert_eq!(self.row(), format!("SUCCESS|{}", row["attempt"]));
        None
    }

    /// Lets the leases of the killed run expire and makes the next run, which completes the day.
    pub(super) fn complete(&self) {
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
        self.world.assert_complete("acme", DAY, &truth());
        self.assert_history_explains_success();
    }

    /// Each attempt was claimed once and ended at most once, and the last one was published with
    /// the day's figures.
    pub(super) fn assert_history_explains_success(&self) {
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
