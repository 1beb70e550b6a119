//! The warning about months that are neither stored nor compared.

use fake_heroku::{Fault, Match, Month};
use serde_json::Value;

use super::{GLOBEX, a_year, all, assert_status, recent};
use crate::support::{ACME, World};

/// The check of an account's archives.
fn checked(world: &World, account: &str) -> Value {
    let finished = world.run("check --output json");
    assert_status(&finished, 0);
    let report = finished.json();
    let checks = report["checks"].as_array().expect("checks");
    let of_account = |check: &&Value| check["check"] == "archives" && check["subject"] == account;
    checks.iter().find(of_account).unwrap_or_else(|| panic!("none in {report:#}")).clone()
}

#[test]
fn months_that_are_neither_stored_nor_compared_are_named_with_the_command() {
    let views = format!(
        "{ACME}{}{GLOBEX}",
        crate::support::source("team", "acme").replace("account", "team = \"team-a\"\naccount")
    );
    let world = World::with(a_year(), &views);
    let nothing = checked(&world, "acme");
    assert_eq!(
        nothing["detail"],
        "Heroku has 12 past months that are neither stored nor compared for acme, team: \
         2023-01..2023-12"
    );
    assert_eq!(
        nothing["advice"],
        "`auditsync backfill --via archive --all --source acme --source team` takes them"
    );
    all(&world, "--source acme", 0);
    assert!(checked(&world, "acme")["detail"].as_str().expect("words").contains(" for team:"));
    all(&world, "", 0);
    let found = checked(&world, "acme");
    assert_eq!(found["detail"], "12 archives listed; every past month is stored or compared");
    assert_eq!(found["advice"], Value::Null);

    // A day that is due again is on record only if it was compared.
    assert_status(&world.run("reset --source acme 2023-05-05 --by ada"), 0);
    let due = checked(&world, "acme");
    let words = "1 past month that is neither stored nor compared for acme: 2023-05";
    assert!(due["detail"].as_str().expect("words").ends_with(words), "{due:#}");
    assert_status(&world.run("reconcile --month 2023-05 --source acme"), 0);
    assert_eq!(checked(&world, "acme")["advice"], Value::Null);
}

#[test]
fn the_current_month_and_a_list_that_fails_are_no_mistake() {
    let world = World::with(recent(), ACME);
    all(&world, "", 0);
    world.sql(
        "DELETE FROM audit_events_log
         WHERE process_date >= date_trunc('month', now() AT TIME ZONE 'UTC')",
    );
    assert_eq!(checked(&world, "acme")["advice"], Value::Null);
    // A month that is not over says nothing about those that are.
    world.heroku.change(|model| {
        let (first, last) = (super::first_recent_day(), super::today());
        for day in first.iter_days().take_while(|day| *day < last) {
            if Month::of(day) != Month::of(last) {
                model.remove_archive("acme", Month::of(day));
            }
        }
        model.make_archive("acme", Month::of(last));
    });
    let detail =
        "1 archive listed, none of a past month, so there is nothing to store or compare yet";
    assert_eq!(checked(&world, "acme")["detail"], detail);
    let path = Match::path("/enterprise-accounts/acme/archives").always();
    world.heroku.fault(path, Fault::status(503, "unavailable", "Later"));
    let failed = checked(&world, "acme");
    assert!(failed["detail"].as_str().expect("words").contains("503"), "{failed:#}");
    world.heroku.clear_faults();
    // Without a database that can be read, nothing is compared with it.
    world.heroku.make_archive("acme", Month { year: 2023, month: 5 });
    let away = world.run("check --database-url postgres://127.0.0.1:1/none --output json");
    assert_status(&away, 1);
    assert!(!away.stdout.contains("archives"), "{away:#?}");
    assert!(away.stdout.contains("the address in --database-url, and the network"), "{away:#?}");
}
