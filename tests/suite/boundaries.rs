//! Between any two statements of a day's life the program may be killed, or its connection cut. The
//! run itself reports the truth about it, and the next plain run ends in the right state.
//!
//! A [`Life`] runs once to learn its steps, and then once for each step and each of the four ways
//! to end there.

mod life;
mod migration;
mod rereads;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use fake_heroku::{Fault, Fixtures, Match, Model};
use life::{Life, Stage};

use crate::support::{ACME, DAY, Finished, World, date, day, wait_for};

const NO_DAY: &str = "DELETE FROM audit_events_log; DELETE FROM audit_events; \
    DELETE FROM audit_event_conflicts; DELETE FROM audit_history; \
    DELETE FROM audit_seals WHERE seq > 1";

const SYNC: &str = "sync --date 2024-09-28 --output json";

/// With more than one connection the order of steps would depend on chance. No renewal comes in
/// between.
const ONE_CONNECTION: &str =
    "[database]\nmax_connections = 1\n[lock]\nstale_after = \"10m\"\nheartbeat_every = \"3m\"\n";

/// The events of the day, and those of them that are stored. The second has the id of the first,
/// and PostgreSQL rejects the third as JSON. So they are written in several transactions, of which
/// some fail.
const EVENTS: usize = 2;

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
                .then(|| format!("{rows} {}", message(finished)))
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
            (stage.row() != "PENDING|1").then(|| format!("{} {}", stage.row(), message(finished)))
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
            (finished.status != 0 || !done || !said)
                .then(|| format!("{left} {}", message(finished)))
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
fn message(finished: &Finished) -> String {
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
