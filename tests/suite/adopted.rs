//! Adopted days: the Python logger called them complete and stored no event, so they are no
//! evidence.

mod reread;

use fake_heroku::{Fault, Fixtures, Match, Model, Month};
use serde_json::Value;

use crate::support::python_logger::TABLE;
use crate::support::{ACME, DAY, World, date, day, fetches, truth, wait_for, yesterday};

/// Days for which it counted 1,000 events: three old ones, and two of the last week.
const PRINTED: &str = "
    INSERT INTO audit_events_log (process_date, status, events_count, created_at, updated_at)
    SELECT day, 'SUCCESS', 1000, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
    FROM unnest(ARRAY['2024-09-26', '2024-09-27', '2024-09-28', current_date - 3,
    current_date - 2]::date[]) AS day;";

fn ago(days: u64) -> String {
    (yesterday() - chrono::Days::new(days - 1)).to_string()
}

/// A world whose only source adopted those days.
fn adopted(sources: &str, arguments: &str) -> World {
    let mut model: Model = Fixtures::committed().into();
    model.generate_every_day("acme", 3);
    let world = World::with(model, sources);
    world.sql(&format!("{TABLE}{PRINTED}"));
    let adoption = world.run(&format!("migrate {arguments}"));
    assert_eq!(adoption.status, 0, "{adoption:#?}");
    world
}

fn status(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("status --output json {arguments}"));
    assert_eq!(finished.status, status, "{arguments}: {finished:#?}");
    finished.json()
}

/// The ledger's rows for days without a lease.
fn rows(world: &World) -> String {
    world.sql(
        "SELECT process_date, status, events_count, synced_at IS NOT NULL FROM audit_events_log \
         ORDER BY process_date",
    )
}

#[test]
fn status_counts_no_adopted_day_as_complete_and_none_of_its_events() {
    let world = adopted(ACME, "");
    world.sync(&format!("--date {}", ago(1)), 0);
    let report = status(&world, "", 0);
    let acme = &report["sources"][0];
    assert_eq!(
        (&acme["adopted"], &acme["complete"], &acme["settled"]),
        (&5.into(), &1.into(), &0.into())
    );
    assert_eq!((&acme["events"], &acme["last_complete_day"]), (&3.into(), &ago(1).into()));
    assert_eq!(acme["oldest_gap"], "2024-09-26");
    let days: Vec<_> = report["days"]
        .as_array()
        .expect("days")
        .iter()
        .filter(|day| day["status"] == "SUCCESS")
        .collect();
    assert_eq!(
        days.iter().map(|day| &day["events"]).collect::<Vec<_>>(),
        [&Value::from(3), &Value::Null, &Value::Null]
    );
    let text = world.run("status").stdout;
    assert!(!text.contains("1000"), "{text}");
    let command = format!("`auditsync backfill --source acme --from 2024-09-26 --to {}`", ago(2));
    assert!(text.contains("5 days adopted:") && text.contains(&command), "{text}");
}

#[test]
fn a_check_fails_on_adopted_days_unless_they_are_accepted() {
    let world = adopted(&format!("{ACME}since = \"{}\"\n", ago(3)), "");
    world.sync(&format!("--date {}", ago(1)), 0);
    let report = status(&world, "--check", 1);
    assert_eq!(report["ok"], false);
    // The next run reads days of its window, also adopted ones.
    let behind = serde_json::json!([{
        "source": "acme", "reason": format!("2 days adopted since {}", ago(3)),
        "command": "auditsync sync --source acme"
    }]);
    let command = format!("auditsync backfill --source acme --from 2024-09-26 --to {}", ago(2));
    assert_eq!(report["behind"], behind);
    let text = world.run("status --check").stdout;
    assert!(text.starts_with("BEHIND  acme: 2 days adopted since "), "{text}");
    assert!(text.contains(&command) && text.contains("add `--accept-adopted`"), "{text}");
    assert_eq!(status(&world, "--check --accept-adopted", 0)["ok"], true);
    // Even a large lag does not hide them, and accepting them hides no gap.
    status(&world, "--check --max-lag 87000h", 1);
    world
        .sql("UPDATE audit_events_log SET status = 'FAILED' WHERE process_date = current_date - 3");
    status(&world, "--check --accept-adopted", 1);
    assert_eq!(world.run("status --accept-adopted").status, 1, "it implies --check");
}

#[test]
fn a_check_passes_once_the_adopted_days_are_read() {
    let world = adopted(ACME, "");
    let check = "--check --max-lag 87000h";
    status(&world, check, 1);
    world.sync("", 0);
    status(&world, check, 1);
    assert_eq!(world.run("backfill --from 2024-09-26 --to 2024-09-28").status, 0);
    let report = status(&world, check, 0);
    assert_eq!(report["sources"][0]["adopted"], 0);
    assert_eq!(
        world.sql("SELECT count(*) FROM audit_events"),
        report["sources"][0]["events"].to_string()
    );
}

#[test]
fn adopted_days_of_the_window_are_due_and_older_ones_wait() {
    let world = adopted(ACME, "");
    let rehearsal = world.sync("--dry-run", 0);
    for days in [2, 3] {
        assert_eq!(day(&rehearsal, "acme", &ago(days))["outcome"], "would_sync");
    }
    let report = world.sync("", 0);
    for days in [1, 2, 3] {
        let row = day(&report, "acme", &ago(days));
        assert_eq!(
            (&row["outcome"], &row["events"], &row["late_events"]),
            (&"synced".into(), &3.into(), &0.into())
        );
        world.assert_complete("acme", &ago(days), &truth(&world, "acme", &ago(days), |_| true));
    }
    assert!(rows(&world).starts_with(
        "2024-09-26|SUCCESS|1000|f\n2024-09-27|SUCCESS|1000|f\n2024-09-28|SUCCESS|1000|f\n"
    ));
    assert_eq!(world.sync("", 0)["totals"]["synced"], 0);
}

#[test]
fn every_way_to_name_an_adopted_day_reads_it() {
    for (command, at) in [
        ("sync --date 2024-09-28", "2024-09-28"),
        ("sync --from 2024-09-27 --to 2024-09-28", "2024-09-27"),
        ("backfill --from 2024-09-26 --to 2024-09-28", "2024-09-26"),
        ("backfill --from 2024-09-28 --to 2024-09-28 --via archive", "2024-09-28"),
    ] {
        let world = adopted(ACME, "");
        world.heroku.make_archive("acme", Month { year: 2024, month: 9 });
        let finished = world.run(&format!("{command} --output json"));
        assert_eq!(finished.status, 0, "{command}: {finished:#?}");
        let report = finished.json();
        let row = day(&report, "acme", at);
        assert_eq!(
            (&row["outcome"], &row["attempt"], &row["late_events"]),
            (&"synced".into(), &1.into(), &0.into())
        );
        world.assert_complete("acme", at, &truth(&world, "acme", at, |_| true));
        let of_day = format!(
            "SELECT settled_at IS NOT NULL, synced_at IS NOT NULL FROM audit_events_log \
             WHERE process_date = '{at}'"
        );
        assert_eq!(world.sql(&of_day), "t|t", "{command}: one reading settles a day of long ago");
        let history = format!(
            "SELECT action, outcome, events, late_events FROM audit_history \
             WHERE process_date = '{at}' ORDER BY id"
        );
        let events = row["events"].to_string();
        assert_eq!(
            world.sql(&history),
            format!("adopt|success|1000|\nclaim|processing||\npublish|synced|{events}|")
        );
        // From then on it is an ordinary day.
        assert_eq!(world.sync(&format!("--date {at}"), 0)["totals"]["already_synced"], 1);
    }
}

#[test]
fn a_plan_counts_adopted_days_as_days_to_read() {
    let world = adopted(ACME, "");
    let plan = world.run("backfill --from 2024-09-24 --to 2024-09-28 --plan --output json").json();
    assert_eq!((&plan["due_days"], &plan["requests"]), (&5.into(), &5.into()));
}

#[test]
fn late_events_of_an_adopted_day_count_from_our_own_first_reading() {
    let world = adopted(&format!("[sync]\nrecheck_after = [\"1d\"]\n{ACME}"), "");
    world.sync("--date 2024-09-28", 0);
    world.sql(
        "UPDATE audit_events_log SET settled_at = NULL, synced_at = '2024-09-29T00:10:00Z' \
        WHERE process_date = '2024-09-28'",
    );
    let late = br#"{"id":"late","created_at":"2024-09-28T12:00:00Z","type":"app"}"#;
    world.heroku.add_event("acme", date(DAY), &late[..]);
    let report = world.sync("--date 2024-09-28", 0);
    let row = day(&report, "acme", DAY);
    assert_eq!(
        (&row["outcome"], &row["late_events"], &row["events"]),
        (&"synced".into(), &1.into(), &451.into())
    );
}

#[test]
fn an_adopted_day_that_fails_or_is_reset_shows_no_events() {
    let world = adopted(ACME, "");
    world.heroku.fault(
        Match::events("acme").day(date(&ago(2))).always(),
        Fault::status(403, "forbidden", "No."),
    );
    world.sync(&format!("--date {}", ago(2)), 1);
    assert_eq!(world.run(&format!("reset --source acme {}", ago(3))).status, 0);
    let report = status(&world, "", 0);
    assert_eq!(report["sources"][0]["events"], 0);
    for (days, said) in [(2, "FAILED"), (3, "PENDING")] {
        let row = day(&report, "acme", &ago(days));
        assert_eq!((&row["status"], &row["events"]), (&said.into(), &Value::Null));
    }
    world.heroku.clear_faults();
    let report = world.sync("", 0);
    for days in [2, 3] {
        assert_eq!(day(&report, "acme", &ago(days))["outcome"], "synced");
    }
}

#[test]
fn of_two_runs_that_want_an_adopted_day_one_reads_it() {
    let world = adopted(ACME, "");
    let hold = world.heroku.hold(Match::events("acme").day(date(DAY)));
    let first = world.spawn("sync --date 2024-09-28 --output json");
    wait_for("the first to read it", || hold.waiting() > 0);
    assert_eq!(
        day(&world.sync("--date 2024-09-28", 0), "acme", DAY)["outcome"],
        "locked_elsewhere"
    );
    hold.release();
    assert_eq!(day(&first.wait().json(), "acme", DAY)["attempt"], 1);
    assert_eq!(day(&world.sync("--date 2024-09-28", 0), "acme", DAY)["outcome"], "already_synced");
    assert_eq!(fetches(&world, "acme", DAY), 1);
}

#[test]
fn rows_that_name_no_day_of_the_audit_trail_are_adopted_and_ignored() {
    let world = World::new(ACME);
    world.sql(&format!(
        "{TABLE} INSERT INTO audit_events_log (process_date, status, events_count)
         VALUES ('1024-09-28', 'SUCCESS', 9), ('2016-12-31', 'FAILED', 0),
         ('infinity', 'SUCCESS', 9), ('2024-09-28', 'SUCCESS', 9)"
    ));
    let adoption = world.run("migrate --output json").json();
    let adopted = &adoption["adoption"];
    assert_eq!(
        (
            &adopted["days_adopted"],
            &adopted["days_unproven"],
            &adopted["days_due"],
            &adopted["rows_ignored"]
        ),
        (&4.into(), &1.into(), &0.into(), &3.into())
    );
    assert_eq!(adopted["unproven_from"], DAY);
    let source = &status(&world, "", 0)["sources"][0];
    assert_eq!((&source["adopted"], &source["covered_from"]), (&1.into(), &DAY.into()));
    assert_eq!(world.run("migrate --reread --output json").json()["reread"]["days_due"], 1);
    assert_eq!(
        world.sync("", 0)["days"].as_array().map(Vec::len),
        Some(8),
        "that day, and the last seven"
    );
}

#[test]
fn the_old_logger_deletes_nothing_and_days_it_updates_are_reread() {
    let world = adopted(ACME, "");
    world.sync("--date 2024-09-28", 0);
    let before = world.dump();
    for delete in [
        // The statements of its `db_manager.py reset` and of its web page.
        "DELETE FROM audit_events_log WHERE audit_events_log.process_date = '2024-09-28'",
        "DELETE FROM audit_events_log WHERE audit_events_log.id = 3",
        "DELETE FROM audit_events_log",
    ] {
        let refused = world.database.psql(delete).expect_err("a guard").to_string();
        assert!(refused.contains("run `auditsync reset --source NAME DATE`"), "{refused}");
    }
    assert_eq!(world.dump(), before);
    let update = "UPDATE audit_events_log
        SET status = 'ERROR', error_message = 'Process was stuck and cleaned up',
                  updated_at = now() AT TIME ZONE 'UTC' WHERE audit_events_log.id = 3";
    world.database.psql(update).expect("an update of the ledger");
    assert_eq!(day(&world.sync("--date 2024-09-28", 0), "acme", DAY)["outcome"], "synced");
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    // If it sets SUCCESS on a day that we never read, that day counts as adopted.
    world
        .database
        .psql(
            "UPDATE audit_events_log SET status = 'SUCCESS', events_count = 9 \
            WHERE process_date = '2024-09-27'",
        )
        .expect("an update");
    assert_eq!(day(&world.sync("--date 2024-09-27", 0), "acme", "2024-09-27")["outcome"], "synced");
}

#[test]
fn the_ready_made_queries_do_not_count_adopted_days_as_complete() {
    let world = adopted(ACME, "");
    let file = include_str!("../../sql/queries.sql");
    let ask = |words: &str| {
        let part =
            file.split_inclusive(";\n").find(|part| part.contains(words)).expect("a question");
        world.sql(part)
    };
    let missing = ask("What is missing?");
    assert!(missing.contains(&format!("acme|{}|ADOPTED|", ago(2))), "{missing}");
    assert!(
        ask("How much is there").lines().any(|line| line == "acme|2024-09|0|3|"),
        "{}",
        ask("How much is there")
    );
}
