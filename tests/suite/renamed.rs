//! A renamed source keeps its past: no row changes, and everything finds its days.

mod everywhere;

use bytes::Bytes;
use fake_heroku::{Month, pack};
use serde_json::{Value, json};

use crate::support::{ACME, DAY, World, date, day, of_each_day};

const OLDEST: &str = "2024-09-26";
const OLD: &str = "2024-09-27";

/// The source of most tests under its new name.
fn renamed() -> String {
    named("previous_names = [\"acme\"]\n")
}

/// The account acme under another name, with `more` keys.
fn named(more: &str) -> String {
    let source = ACME.replace("name = \"acme\"", "name = \"acme-eu\"");
    format!("[sync]\ncatch_up_days = 1\n{source}{more}")
}

/// A world that synced two days as `acme`, and one more as `acme-eu`.
fn renamed_world() -> World {
    let world = World::busy(&format!("[sync]\ncatch_up_days = 1\n{ACME}"));
    world.sync(&format!("--from {OLDEST} --to {OLD}"), 0);
    world.write_config(&renamed());
    world.sync(&format!("--date {DAY}"), 0);
    world
}

/// The rows of the ledger: name, date, status, attempt.
fn rows(world: &World) -> String {
    world.sql(
        "SELECT source, process_date, status, attempt FROM audit_events_log
         WHERE process_date < '2025-01-01' ORDER BY process_date, source",
    )
}

fn status(world: &World, arguments: &str) -> Value {
    world.run(&format!("status --days 3650 --output json {arguments}")).json()
}

/// The report's only source.
fn only(report: &Value) -> &Value {
    let sources = report["sources"].as_array().expect("sources");
    assert_eq!(sources.len(), 1, "{report:#}");
    &sources[0]
}

#[test]
fn old_days_keep_their_name_and_new_days_get_the_new_one() {
    let world = renamed_world();
    let expected =
        format!("acme|{OLDEST}|SUCCESS|1\nacme|{OLD}|SUCCESS|1\nacme-eu|{DAY}|SUCCESS|1");
    assert_eq!(rows(&world), expected);
    let report = world.sync(&format!("--from {OLDEST} --to {DAY}"), 0);
    assert_eq!(of_each_day(&report, "outcome"), vec![json!("already_synced"); 3]);
    assert_eq!(of_each_day(&report, "source"), vec![json!("acme-eu"); 3]);
    assert_eq!(rows(&world), expected, "nothing was claimed");
}

#[test]
fn a_reset_and_a_recheck_find_the_day_under_its_former_name() {
    let world = renamed_world();
    let late = Bytes::from_static(br#"{"id":"late","created_at":"2024-09-27T12:00:00Z"}"#);
    world.heroku.add_event("acme", date(OLD), late);
    assert_eq!(world.run(&format!("reset --source acme-eu {OLD}")).status, 0);
    let dry = world.sync(&format!("--from {OLD} --to {OLD} --dry-run"), 0);
    assert_eq!(day(&dry, "acme-eu", OLD)["new_events"], 1);
    let report = world.sync(&format!("--from {OLD} --to {OLD}"), 0);
    let row = day(&report, "acme-eu", OLD);
    assert_eq!((&row["outcome"], &row["late_events"]), (&json!("synced"), &json!(1)));
    assert_eq!(
        rows(&world),
        format!("acme|{OLDEST}|SUCCESS|1\nacme|{OLD}|SUCCESS|2\nacme-eu|{DAY}|SUCCESS|1")
    );
    let seals =
        world.sql("SELECT source, kind, attempt FROM audit_seals WHERE seq > 4 ORDER BY seq");
    assert_eq!(seals, "acme|reset|1\nacme|day|2");
    // A run without options finds what is due at any age, too.
    assert_eq!(world.run(&format!("reset --source acme-eu {OLD}")).status, 0);
    let report = world.sync("", 0);
    assert_eq!(day(&report, "acme-eu", OLD)["attempt"], 3);
}

#[test]
fn an_id_is_one_event_across_the_names_of_a_source() {
    let world = World::new(&format!("[sync]\ncatch_up_days = 1\n{ACME}"));
    let event = Bytes::from_static(br#"{"id":"twice","created_at":"2024-09-27T23:59:59Z"}"#);
    let undated = Bytes::from_static(br#"{"id":"undated"}"#);
    for one in [&event, &undated] {
        world.heroku.add_event("acme", date(OLD), one.clone());
    }
    world.sync(&format!("--date {OLD}"), 0);
    world.write_config(&renamed());
    for one in [event, undated] {
        world.heroku.add_event("acme", date(DAY), one);
    }
    let dry = world.sync(&format!("--date {DAY} --dry-run"), 0);
    let real = world.sync(&format!("--date {DAY}"), 0);
    for id in ["twice", "undated"] {
        let stored = world
            .sql(&format!("SELECT source, process_date FROM audit_events WHERE event_id = '{id}'"));
        assert_eq!(stored, format!("acme|{OLD}"), "{id}");
    }
    let figures = |report: &Value| day(report, "acme-eu", DAY)["new_events"].clone();
    assert_eq!(figures(&dry), figures(&real));
}

#[test]
fn status_counts_the_days_of_all_names_as_one_source() {
    let world = renamed_world();
    let report = status(&world, "");
    let source = only(&report);
    assert_eq!(source["source"], "acme-eu");
    assert_eq!(source["covered_from"], OLDEST);
    assert_eq!(source["ranges"][0]["to"], DAY, "no gap between the names: {source:#}");
    let text = world.run("status").stdout;
    assert_eq!(text.matches("acme-eu was named acme before").count(), 1, "{text}");
}

#[test]
fn a_day_under_two_names_counts_once_by_the_present_name() {
    let world = World::busy(&format!("[sync]\ncatch_up_days = 1\n{ACME}"));
    world.sync(&format!("--from {OLD} --to {DAY}"), 0);
    world.write_config(&named(""));
    world.sync(&format!("--date {DAY}"), 0);
    let twice: u64 =
        world.sql("SELECT sum(events_count) FROM audit_events_log").parse().expect("a sum");
    world.write_config(&renamed());
    let once: u64 = world
        .sql(&format!(
            "SELECT sum(events_count) FROM audit_events_log
             WHERE source = 'acme-eu' OR process_date <> '{DAY}'"
        ))
        .parse()
        .expect("a sum");
    assert!(once < twice);
    let report = status(&world, "");
    let source = only(&report);
    assert_eq!(source["events"], once, "{source:#}");
    // A reset concerns the day that counts.
    assert_eq!(world.run(&format!("reset --source acme-eu {DAY}")).status, 0);
    assert_eq!(
        rows(&world),
        format!("acme|{OLD}|SUCCESS|1\nacme|{DAY}|SUCCESS|1\nacme-eu|{DAY}|PENDING|1")
    );
    world.sql("UPDATE audit_events_log SET status = 'PENDING' WHERE source = 'acme'");
    let report = world.sync("", 0);
    assert_eq!(day(&report, "acme-eu", DAY)["attempt"], 2);
    assert_eq!(
        rows(&world),
        format!("acme|{OLD}|SUCCESS|2\nacme|{DAY}|PENDING|1\nacme-eu|{DAY}|SUCCESS|2")
    );
}

#[test]
fn exports_events_and_checks_take_the_days_of_all_names() {
    let world = renamed_world();
    let range = format!("--from {OLDEST} --to {DAY}");
    let verified = world.run("verify --source acme-eu --output json");
    assert_eq!((verified.status, &verified.json()["days_checked"]), (0, &json!(3)));
    let all: usize = world.sql("SELECT count(*) FROM audit_events").parse().expect("a number");
    for arguments in ["", "--source acme-eu"] {
        let exported = world.run(&format!("export {range} {arguments}"));
        assert_eq!(exported.status, 0, "{exported:#?}");
        assert_eq!(exported.stdout.lines().count(), all);
    }
    let later = world.run("export --after 0 --source acme-eu");
    assert_eq!((later.status, later.stdout.lines().count()), (0, all));
    let found = world.run("events --source acme-eu --output ndjson --since 2024-09-01");
    assert_eq!((found.status, found.stdout.lines().count()), (0, all));
    let history = world.run("history --source acme-eu --output json");
    let text = history.stdout;
    assert!(text.contains("\"acme\"") && text.contains("\"acme-eu\""), "{text}");
    let page = world.run(&format!("report {range} --source acme-eu --out page.html --output json"));
    assert_eq!(page.status, 0, "{page:#?}");
}

#[test]
fn a_bag_has_each_day_under_the_name_that_stores_it() {
    let world = renamed_world();
    let made = world.run(&format!("export --from {OLDEST} --to {DAY} --out bag"));
    assert_eq!(made.status, 0, "{made:#?}");
    let checked = world.run("verify --bag bag --output json");
    assert_eq!((checked.status, &checked.json()["days_checked"]), (0, &json!(3)), "{checked:#?}");
    // A name without days in the range is not part of the bag.
    let made = world.run(&format!("export --from {OLDEST} --to {OLD} --out old --output json"));
    assert_eq!((made.status, &made.json()["source_names"]), (0, &json!(["acme"])), "{made:#?}");
}

#[test]
fn a_gap_is_a_date_that_no_name_has() {
    let world = renamed_world();
    world.sql(&format!("DELETE FROM audit_events_log WHERE process_date = '{OLD}'"));
    let exported = world.run(&format!("export --from {OLDEST} --to {DAY}"));
    assert_eq!(exported.status, 1, "{exported:#?}");
    let gap = format!("not complete: acme-eu {OLD}");
    assert_eq!(exported.stderr.matches(&gap).count(), 1, "{}", exported.stderr);
    let report = status(&world, "");
    let missing = only(&report)["ranges"].as_array().expect("ranges").iter();
    let missing: Vec<_> = missing.filter(|range| range["state"] == "missing").collect();
    assert_eq!(missing[0]["from"], OLD, "{report:#}");
}

#[test]
fn archives_compare_and_repair_days_under_their_stored_names() {
    let world = renamed_world();
    let mut events: Vec<Bytes> =
        [OLDEST, OLD, DAY].iter().flat_map(|day| world.heroku.day("acme", date(day))).collect();
    events.push(Bytes::from_static(br#"{"id":"more","created_at":"2024-09-27T10:00:00Z"}"#));
    world.heroku.put_archive("acme", Month { year: 2024, month: 9 }, pack(&events));
    let compared = world.run("reconcile --month 2024-09 --repair --output json");
    let report = compared.json();
    assert_eq!(report["months"][0]["source"], "acme-eu", "{report:#}");
    let stored = world.sql("SELECT source, process_date FROM audit_events WHERE event_id = 'more'");
    assert_eq!(stored, format!("acme|{OLD}"), "{compared:#?}");
    let recorded = world.sql(
        "SELECT source, process_date FROM audit_history
         WHERE action = 'reconcile' AND process_date >= '2024-09-26' AND attempt > 0 ORDER BY 2",
    );
    assert_eq!(recorded, format!("acme|{OLDEST}\nacme|{OLD}\nacme-eu|{DAY}"));
}

#[test]
fn a_former_name_is_refused_with_the_present_one() {
    let world = renamed_world();
    for command in [
        format!("sync --source acme --date {DAY}"),
        "status --source acme".to_owned(),
        format!("reset --source acme {OLD}"),
        "events --source acme".to_owned(),
        "verify --source acme".to_owned(),
        format!("export --from {OLD} --source acme"),
        "history --source acme".to_owned(),
        "report --source acme --out page.html".to_owned(),
        "reconcile --source acme --month 2024-09".to_owned(),
        format!("backfill --source acme --from {OLD} --to {DAY}"),
    ] {
        let refused = world.run(&command);
        assert_eq!(refused.status, 2, "{command}: {refused:#?}");
        assert!(refused.stderr.contains("its name is `acme-eu` now"), "{command}: {refused:#?}");
    }
}

#[test]
fn a_cleanup_shows_the_present_name_and_records_the_stored_one() {
    let world = renamed_world();
    world
        .sql("UPDATE audit_events_log SET status = 'PROCESSING' WHERE process_date < '2025-01-01'");
    let text = world.run("cleanup --by ada");
    assert_eq!(text.status, 0, "{text:#?}");
    assert!(text.stdout.contains(&format!("acme-eu {OLDEST}")), "{text:#?}");
    assert!(!text.stdout.contains("acme 2024"), "{text:#?}");
    let recorded =
        world.sql("SELECT source FROM audit_history WHERE action = 'cleanup' ORDER BY id");
    assert_eq!(recorded, "acme\nacme\nacme-eu");
    world.sql("UPDATE audit_events_log SET status = 'PROCESSING', locked_until = NULL");
    world.write_config(&named("").replace("acme-eu", "other"));
    let report = world.run("cleanup --by ada --output json").json();
    // A name that the file does not have is shown as it is stored.
    assert_eq!(of_each_day(&report, "source"), ["acme", "acme", "acme-eu"]);
}
