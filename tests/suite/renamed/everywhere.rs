//! Archives, adoption, cleanup, bags and the report find the days of all names of a source.

use fake_heroku::{Month, pack};
use serde_json::{Value, json};

use super::{OLD, OLDEST, named, only, renamed, renamed_world, rows, status};
use crate::report::words;
use crate::support::python_logger::TABLE;
use crate::support::{ACME, DAY, World, date, day};

#[test]
fn a_reread_makes_adopted_days_due_that_have_a_former_name() {
    let world = World::busy(ACME);
    world.sql(&format!(
        "{TABLE} INSERT INTO audit_events_log (process_date, status, events_count)
         VALUES ('{OLDEST}', 'SUCCESS', 5), ('{OLD}', 'SUCCESS', 5)"
    ));
    assert_eq!(world.run("migrate").status, 0);
    world.write_config(&renamed());
    let expected = json!({"source": "acme-eu", "days_due": 2, "from": OLDEST, "to": OLD});
    for arguments in ["migrate --reread --dry-run", "migrate --reread"] {
        let done = world.run(&format!("{arguments} --output json"));
        assert_eq!((done.status, &done.json()["reread"]), (0, &expected), "{done:#?}");
    }
    assert_eq!(rows(&world), format!("acme|{OLDEST}|PENDING|0\nacme|{OLD}|PENDING|0"));
    let report = world.sync("", 0);
    assert_eq!(day(&report, "acme-eu", OLDEST)["outcome"], "synced");
}

#[test]
fn a_stale_lease_under_a_former_name_is_cleaned_up_and_taken_over() {
    let world = renamed_world();
    let stale = format!(
        "UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'run.1', attempt = 2,
             locked_until = clock_timestamp() - interval '1 h'
         WHERE source = 'acme' AND process_date = '{OLD}'"
    );
    world.sql(&stale);
    let cleaned = world.run("cleanup --by ada --output json");
    assert_eq!(cleaned.status, 0, "{cleaned:#?}");
    assert_eq!(cleaned.json()["days"].as_array().map(Vec::len), Some(1), "{cleaned:#?}");
    assert!(rows(&world).contains(&format!("acme|{OLD}|ERROR|2")), "{}", rows(&world));
    world.sql(&stale);
    let report = world.sync(&format!("--date {OLD}"), 0);
    let taken = day(&report, "acme-eu", OLD);
    assert_eq!((&taken["outcome"], &taken["attempt"]), (&json!("synced"), &json!(3)));
    assert!(rows(&world).contains(&format!("acme|{OLD}|SUCCESS|3")), "{}", rows(&world));
}

#[test]
fn months_stored_under_a_former_name_are_on_record_and_kept_once() {
    let world = World::busy(ACME);
    let september = Month { year: 2024, month: 9 };
    let mut events = Vec::new();
    for day in date("2024-09-01").iter_days().take(30) {
        events.extend(world.heroku.day("acme", day));
    }
    world.heroku.put_archive("acme", september, pack(&events));
    world.heroku.change(|model| model.remove_archive("acme", Month { year: 2024, month: 8 }));
    let kept = world.file().with_file_name("kept");
    std::fs::create_dir(&kept).expect("a folder");
    let keep = "backfill --from 2024-09-01 --to 2024-09-30 --via archive --keep kept";
    assert_eq!(world.run(keep).status, 0);
    world.write_config(&renamed());
    let checked = world.run("check --output json").json();
    let mut checks = checked["checks"].as_array().expect("checks").iter();
    let archives = checks.find(|check| check["check"] == "archives").expect("the archives");
    assert_eq!(archives["advice"], Value::Null, "{archives:#}");
    let entries = "SELECT count(*) FROM audit_history WHERE action = 'keep'";
    assert_eq!(world.sql(entries), "1");
    assert_eq!(world.run(keep).status, 0);
    assert_eq!(world.sql(entries), "1", "it is recorded under the former name");
}

#[test]
fn a_bag_holds_a_name_whose_ledger_rows_were_deleted() {
    let world = renamed_world();
    world.sql("DELETE FROM audit_events_log WHERE source = 'acme'");
    let made = world.run(&format!("export --from {OLDEST} --to {DAY} --out bag --output json"));
    // Its sealed days are evidence of the deletion.
    assert_eq!(made.status, 1, "{made:#?}");
    let sources = &made.json()["source_names"];
    assert_eq!(sources, &json!(["acme", "acme-eu"]), "{made:#?}");
    let checked = world.run("verify --bag bag --output json");
    assert_eq!(checked.status, 1, "{checked:#?}");
    let problems = checked.json()["problems"].to_string();
    assert!(problems.contains(OLDEST) && problems.contains(OLD), "{problems}");
}

#[test]
fn a_report_counts_the_days_and_events_of_all_names_once() {
    let world = renamed_world();
    let page = world.run(&format!("report --from {OLDEST} --to {DAY} --out -"));
    assert_eq!(page.status, 0, "{page:#?}");
    let events: u64 = world.sql("SELECT count(*) FROM audit_events").parse().expect("a number");
    let text = words(&page.stdout).replace(',', "");
    assert!(text.contains("Complete days 3 of 3 that must be covered"), "{text}");
    assert!(text.contains(&format!("Events {events} stored")), "{events}: {text}");
    let found = status(&world, "");
    assert_eq!(only(&found)["events"], events);
}

#[test]
fn stored_days_before_since_are_compared_too() {
    let world = World::busy(ACME);
    let september = Month { year: 2024, month: 9 };
    world.sync(&format!("--from {OLDEST} --to {DAY}"), 0);
    let mut events = Vec::new();
    for day in date("2024-09-01").iter_days().take(30) {
        events.extend(world.heroku.day("acme", day));
    }
    world.heroku.put_archive("acme", september, pack(&events));
    world.write_config(&named("previous_names = [\"acme\"]\nsince = \"2024-09-28\"\n"));
    let compared = world.run("reconcile --month 2024-09 --output json");
    let report = compared.json();
    let days = report["months"][0]["days"].as_array().expect("days");
    let dates: Vec<&Value> = days.iter().map(|day| &day["date"]).collect();
    assert!(dates.contains(&&json!(OLDEST)) && dates.contains(&&json!(OLD)), "{report:#}");
}
