//! The comparison of all months.

use fake_heroku::{Fault, Match, Month};
use serde_json::Value;

use super::{GLOBEX, a_year, all, assert_status, recent};
use crate::support::{ACME, World, date};

/// A world whose year is stored.
fn stored() -> World {
    let world = World::with(a_year(), &format!("{ACME}{GLOBEX}"));
    all(&world, "", 0);
    world
}

fn compare(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("reconcile --all --output json {arguments}"));
    assert_status(&finished, status);
    finished.json()
}

#[test]
fn all_months_are_compared_and_those_that_agree_are_one_line() {
    let world = stored();
    let text = world.run("reconcile --all");
    assert_status(&text, 0);
    insta::assert_snapshot!("reconcile_all", text.stdout);
    let report = compare(&world, "", 0);
    let months = report["months"].as_array().expect("months");
    assert_eq!(months.len(), 24);
    assert!(months.iter().all(|month| month["agrees"] == true && month["covers_month"] == true));
    assert_eq!((&months[0]["month"], &months[12]["source"]), (&"2023-01".into(), &"globex".into()));
    let recorded = "SELECT count(DISTINCT (source, process_date)) FROM audit_history
                    WHERE action = 'reconcile'";
    assert_eq!(world.sql(recorded), "730");
}

#[test]
fn what_does_not_agree_is_named_and_can_be_repaired_in_one_go() {
    let world = stored();
    world.sql(
        "DELETE FROM audit_events WHERE source = 'acme' AND process_date = '2023-05-05';
         DELETE FROM audit_events WHERE source = 'acme' AND process_date = '2023-09-09'",
    );
    let text = world.run("reconcile --all --source acme");
    assert_status(&text, 1);
    insta::assert_snapshot!("reconcile_all_differs", text.stdout);
    let report = compare(&world, "--repair", 0);
    let months = report["months"].as_array().expect("months");
    let differ: Vec<&Value> =
        months.iter().filter(|month| month["agrees"] == false).map(|m| &m["month"]).collect();
    assert_eq!(differ, ["2023-05", "2023-09"]);
    assert_status(&world.run("reconcile --all"), 0);
}

#[test]
fn a_month_that_can_not_be_compared_does_not_stop_the_others() {
    let world = stored();
    let fault = Fault::status(503, "unavailable", "Later");
    let path = "/enterprise-accounts/acme/archives/2023/05";
    world.heroku.fault(Match::path(path).always(), fault.clone());
    let report = compare(&world, "", 1);
    let months = report["months"].as_array().expect("months");
    let failed: Vec<&Value> = months.iter().filter(|month| month["error"].is_string()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0]["month"], &failed[0]["agrees"]), (&"2023-05".into(), &Value::Null));
    assert_eq!(months.iter().filter(|month| month["agrees"] == true).count(), 23);
    let text = world.run("reconcile --all").stdout;
    assert!(text.contains("11 months agree; 1 does not."), "{text}");
    // Without its list, nothing is known of an account.
    world.heroku.fault(Match::path("/enterprise-accounts/acme/archives").always(), fault);
    let report = compare(&world, "", 1);
    let first = &report["months"][0];
    assert_eq!((&first["source"], &first["month"]), (&"acme".into(), &Value::Null));
    assert!(first["error"].as_str().expect("one").contains("can't be listed"), "{first:#}");
    assert_eq!(report["months"].as_array().map(Vec::len), Some(13));
}

#[test]
fn one_month_and_all_months_exclude_each_other_and_one_is_required() {
    let world = World::new(ACME);
    for arguments in ["", "--all --month 2024-09"] {
        assert_status(&world.run(&format!("reconcile {arguments}")), 2);
    }
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn the_current_month_is_compared_as_far_as_its_archive_reaches() {
    let world = World::with(recent(), ACME);
    all(&world, "", 0);
    let report = compare(&world, "", 0);
    let months = report["months"].as_array().expect("months");
    let days: usize = months.iter().map(|month| month["days"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(days, super::all_days());
    // An account whose only archive holds no complete day yet.
    world.heroku.change(|model| {
        let (first, last) = (super::first_recent_day(), super::today());
        for day in first.iter_days().take_while(|day| *day <= last) {
            model.remove_archive("acme", Month::of(day));
        }
        model.make_archive("acme", Month::of(last + chrono::Days::new(40)));
    });
    let text = world.run("reconcile --all");
    assert_status(&text, 1);
    assert!(text.stdout.contains("so nothing was compared"), "{text:#?}");
}

#[test]
fn an_empty_database_is_reported_for_each_month() {
    let owed = ACME.replace("account =", "since = \"2023-11-05\"\naccount =");
    let world = World::with(a_year(), &owed);
    let report = compare(&world, "", 1);
    let months = report["months"].as_array().expect("months");
    let errors: Vec<bool> = months.iter().map(|month| month["error"].is_string()).collect();
    assert_eq!(errors, [[false; 10].as_slice(), &[true; 2]].concat());
    assert_eq!(world.heroku.requests_for("acme", date("2023-11-05")).len(), 0);
}
