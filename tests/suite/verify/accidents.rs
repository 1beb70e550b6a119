//! What a person's slip or a lost row leaves: reported until the next run repairs it.

use super::{assert_clean, codes, found};
use crate::support::{ACME, World, day};

#[test]
fn a_day_whose_row_is_lost_is_missing_until_it_is_published_again() {
    let world = World::new(ACME);
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    world.sql("DELETE FROM audit_events_log WHERE process_date = '2024-09-28'");
    let gone = "missing: the ledger has no row of this day, and the chain has a seal of it";
    assert_eq!(found(&world, ""), [gone]);
    // Its number goes on behind that of the last seal, so nothing is sealed twice.
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(day(&report, "acme", "2024-09-28")["attempt"], 2);
    let report = assert_clean(&world, "");
    assert_eq!((&report["days_checked"], &report["seals_checked"]), (&2.into(), &4.into()));
}

#[test]
fn a_lost_row_that_is_claimed_and_not_yet_published_is_still_reported() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.sql("DELETE FROM audit_events_log");
    world.heroku.fault(
        fake_heroku::Match::events("acme").always(),
        fake_heroku::Fault::status(403, "forbidden", "No."),
    );
    world.sync("--date 2024-09-28", 1);
    assert_eq!(codes(&world, ""), ["altered".to_owned()].into());
    world.heroku.clear_faults();
    world.sync("--date 2024-09-28", 0);
    assert_clean(&world, "");
}

#[test]
fn deleted_events_that_are_read_again_stay_missing_in_the_old_seal() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.sql("DELETE FROM audit_events WHERE event_id < '8'");
    assert_eq!(codes(&world, ""), ["missing".to_owned()].into());
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    world.sync("--date 2024-09-28", 0);
    let problems = found(&world, "");
    let [only] = &problems[..] else { panic!("{problems:?}") };
    assert!(only.starts_with("missing: seal 2 covers 450 events: "), "{only}");
}
