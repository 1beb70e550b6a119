//! `--dry-run`: the same plan and fetch, and the database stays unchanged.

use fake_heroku::{Fault, Fixtures, Match, Model, Month};

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

/// An old day with five events, which its month's archive holds too.
const OLD: &str = "2023-05-05";

/// A Heroku whose list no longer has the events of the old day.
fn forgetful() -> Model {
    let mut model: Model = Fixtures::committed().into();
    model.generate_day("acme", date(OLD), 5);
    model.make_archive("acme", Month { year: 2023, month: 5 });
    model.put_day("acme", date(OLD), vec![]);
    model
}

/// The outcome and the error of the old day in a run with these arguments.
fn old_day(world: &World, arguments: &str, status: i32) -> (String, Option<String>) {
    let report = world.sync(&format!("{arguments} --date {OLD}"), status);
    let row = day(&report, "acme", OLD);
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    (text("outcome").expect("an outcome"), text("error"))
}

#[test]
fn an_empty_old_day_fails_the_dry_run_as_it_fails_the_sync() {
    let world = World::with(forgetful(), ACME);
    let before = world.dump();
    let promised = old_day(&world, "--dry-run", 1);
    assert_eq!(world.dump(), before, "without a ledger");
    assert_eq!(promised, old_day(&world, "", 1));
    let (outcome, error) = promised;
    assert_eq!(outcome, "failed");
    let error = error.expect("the reason");
    assert!(error.contains("the archive of 2023-05 holds 5 events of it"), "{error}");
    let before = world.dump();
    assert_eq!(old_day(&world, "--dry-run", 1).1.as_ref(), Some(&error));
    assert_eq!(world.dump(), before, "with a ledger");
}

#[test]
fn a_dry_run_and_a_sync_ask_the_same_witnesses_of_an_empty_old_day() {
    let mut model = forgetful();
    model.make_archive("acme", Month { year: 2023, month: 5 });
    let world = World::with(model, ACME);
    let requests = |arguments: &str| {
        world.heroku.forget_requests();
        let seen = old_day(&world, arguments, 0);
        let requests = world.heroku.requests().len();
        (seen.1, requests)
    };
    let dry = requests("--dry-run");
    assert_eq!(dry, requests(""));
    assert_eq!(dry.0, None);
    assert!(dry.1 > 1, "the archive was read");
}

#[test]
fn a_day_that_was_complete_with_events_stays_credible_in_a_dry_run_too() {
    let world = World::with(forgetful(), ACME);
    world.heroku.put_day("acme", date(OLD), vec![br#"{"id":"a"}"#[..].into()]);
    assert_eq!(old_day(&world, "", 0).0, "synced");
    world.heroku.put_day("acme", date(OLD), vec![]);
    assert_eq!(world.run(&format!("reset --source acme {OLD}")).status, 0);
    assert_eq!(old_day(&world, "--dry-run", 0), ("would_sync".to_owned(), None));
    assert_eq!(old_day(&world, "", 0), ("synced".to_owned(), None));
}

#[test]
fn the_stored_events_of_another_source_fail_an_empty_old_day_of_a_dry_run() {
    let filtered = ACME.replace("acme\"\naccount", "apps\"\naccount");
    let config = format!("{ACME}{filtered}filter = {{ type = \"app\" }}\n");
    let mut model: Model = Fixtures::committed().into();
    model.put_day(
        "acme",
        date(OLD),
        vec![br#"{"id":"a","created_at":"2023-05-05T10:00:00Z","type":"app"}"#[..].into()],
    );
    let world = World::with(model, &config);
    world.sync(&format!("--date {OLD} --source acme"), 0);
    world.heroku.put_day("acme", date(OLD), vec![]);
    let report = world.sync(&format!("--dry-run --date {OLD} --source apps"), 1);
    let error = day(&report, "apps", OLD)["error"].as_str().expect("the reason").to_owned();
    assert!(error.contains("the source acme has stored events of it"), "{error}");
}
