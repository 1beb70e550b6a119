//! `--dry-run`: the same plan and fetch, and the database stays unchanged.

use fake_heroku::{Fault, Match};

use crate::support::{ACME, DAY, THREE_ACCOUNTS_AND_A_TEAM, World, date, day};

const DRY: &str = "--dry-run --date 2024-09-28";

#[test]
fn a_dry_run_counts_events_and_new_events_and_writes_nothing() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--date 2024-09-28", 0);
    world.heroku.add_event("acme", date(DAY), r#"{"id":"late"}"#);
    world.heroku.put_day("globex", date("2024-09-27"), vec![br#"{"id":"g"}"#[..].into()]);
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);

    let before = world.dump();
    let report = world.sync(DRY, 0);
    let acme = day(&report, "acme", DAY);
    assert_eq!(
        (&acme["outcome"], &acme["events"], &acme["new_events"]),
        (&"would_sync".into(), &451.into(), &1.into())
    );
    assert_eq!(acme["attempt"], 0);
    assert_eq!(day(&report, "globex", DAY)["outcome"], "already_synced");
    assert_eq!(report["dry_run"], true);
    let report = world.sync("--dry-run --date 2024-09-27 --source globex", 0);
    assert_eq!(day(&report, "globex", "2024-09-27")["new_events"], 1);
    assert_eq!(world.dump(), before);
}

#[test]
fn it_leaves_an_empty_database_empty() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    let before = world.dump();
    let report = world.sync(DRY, 0);
    assert_eq!(report["totals"]["new_events"], 498);
    assert_eq!(world.dump(), before);
    assert_eq!(world.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'audit%'"), "0");
}

#[test]
fn a_repeated_event_counts_once_and_other_bytes_of_it_as_a_conflict() {
    let world = World::new(ACME);
    let events = [r#"{"id":"a"}"#, r#"{"id":"b"}"#].map(|text| text.as_bytes().into()).to_vec();
    world.heroku.put_day("acme", date(DAY), events);
    world.sync("--date 2024-09-28", 0);
    let events = [r#"{"id":"a"}"#, r#"{"id":"a"}"#, r#"{"id":"b","x":1}"#]
        .map(|text| text.as_bytes().into())
        .to_vec();
    world.heroku.put_day("acme", date(DAY), events);
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let report = world.sync(DRY, 0);
    let row = day(&report, "acme", DAY);
    assert_eq!(
        (&row["events"], &row["new_events"], &row["conflicts"]),
        (&2.into(), &0.into(), &1.into())
    );
}

#[test]
fn a_day_that_heroku_refuses_fails_the_dry_run_too() {
    let world = World::new(ACME);
    world.heroku.fault(Match::events("acme").always(), Fault::status(403, "forbidden", "no"));
    let report = world.sync(DRY, 1);
    assert_eq!(day(&report, "acme", DAY)["outcome"], "failed");
}
