//! Leaving Heroku: one command takes everything that the archives hold, and afterwards the database
//! shows by itself that this is everything.

mod checked;
mod compared;
mod kept;
mod planned;
mod undated;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{Datelike as _, Days, NaiveDate};
use fake_heroku::{FakeHeroku, Fixtures, Host, Match, Model, Month};
use serde_json::Value;

use crate::support::{
    ACME, Finished, THREE_VIEWS, World, date, day, of_each_day, truth, wait_for, yesterday,
};

const YEAR: &str = "--from 2023-01-01 --to 2023-12-31";

const GLOBEX: &str = r#"
[[source]]
name = "globex"
account = "globex"
token_env = "GLOBEX_TOKEN"
"#;

/// Two accounts with a few events on each day of 2023, and the archives of that year.
fn a_year() -> Model {
    let mut model = without_archives();
    for (number, day) in date("2023-01-01").iter_days().take(365).enumerate() {
        model.generate_day("acme", day, 2 + number % 3);
        model.generate_day("globex", day, number % 3);
    }
    for month in 1..=12 {
        model.make_archive("acme", Month { year: 2023, month });
        model.make_archive("globex", Month { year: 2023, month });
    }
    model
}

/// The fixtures without their archives.
fn without_archives() -> Model {
    let mut model: Model = Fixtures::committed().into();
    for account in ["acme", "globex", "initech"] {
        for month in 1..=12 {
            model.remove_archive(account, Month { year: 2024, month });
        }
    }
    model
}

/// An account with events from the first day of the month before last on, and its archives.
fn recent() -> Model {
    let mut model = without_archives();
    model.make_archives_since("acme", first_recent_day(), 2);
    model
}

fn first_recent_day() -> NaiveDate {
    let first = |date: NaiveDate| date.with_day(1).expect("every month has one");
    first(first(first(today()) - Days::new(1)) - Days::new(1))
}

fn today() -> NaiveDate {
    yesterday() + Days::new(1)
}

fn all(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("backfill --via archive --all --output json {arguments}"));
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

fn downloads(world: &World) -> usize {
    world.heroku.requests().iter().filter(|request| request.host == Host::Archive).count()
}

/// A folder beside the file.
fn folder(world: &World, name: &str) -> PathBuf {
    let folder = world.file().with_file_name(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The files in a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("the folder").flatten();
    entries
        .map(|entry| {
            let bytes = std::fs::read(entry.path()).expect("a file");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

fn assert_status(finished: &Finished, status: i32) {
    assert_eq!(finished.status, status, "{finished:#?}");
}

#[test]
fn a_year_taken_despite_two_kills_is_shown_complete_without_heroku() {
    let sources =
        format!("{THREE_VIEWS}{GLOBEX}").replace("account =", "since = \"2023-01-01\"\naccount =");
    let mut world = World::with(a_year(), &sources);
    let kept = folder(&world, "archives");
    let command = "backfill --via archive --all --keep archives -q";
    for kill in 1..=2 {
        let run = world.spawn(command);
        let complete = "SELECT count(*) FROM audit_events_log WHERE status = 'SUCCESS'";
        if kill == 1 {
            wait_for("the schema", || {
                world.sql("SELECT to_regclass('audit_history') IS NOT NULL") == "t"
            });
        }
        wait_for("some months", || {
            world.sql(complete).parse::<u32>().is_ok_and(|days| days >= kill * 100)
        });
        run.signal("KILL");
        run.wait();
        // A killed run's leases last for a quarter of an hour.
        world.expire_leases();
    }
    assert_status(&world.run(command), 0);
    // What a killed run had begun may be downloaded again: at most one archive for each kill.
    assert!((24..=26).contains(&downloads(&world)), "{}", downloads(&world));
    assert_eq!(files(&kept).len(), 24);
    let is_of_team_a = |event: &Value| event["team"]["name"] == "team-a";
    for day in ["2023-01-01", "2023-06-15", "2023-12-31"] {
        world.assert_complete("acme", day, &truth(&world, "acme", day, |_| true));
        world.assert_complete("globex", day, &truth(&world, "globex", day, |_| true));
        world.assert_complete("team-a", day, &truth(&world, "acme", day, is_of_team_a));
    }
    assert_eq!(world.sql("SELECT count(*) FROM audit_events_log"), (4 * 365).to_string());

    // Heroku is gone, and so are the tokens.
    world.heroku = FakeHeroku::start(Model::default());
    for token in ["HEROKU_API_TOKEN", "GLOBEX_TOKEN"] {
        world.unset(token);
    }
    let status = world.run("status --days 2000 --output json");
    assert_status(&status, 0);
    let sources = status.json()["sources"].as_array().expect("sources").clone();
    assert_eq!(sources.len(), 4);
    let verified = world.run("verify --output json");
    assert_status(&verified, 0);
    assert_eq!(verified.json()["days_checked"], 4 * 365);
    assert_status(&world.run(&format!("export {YEAR} --out year.tar.gz")), 0);
    assert_status(&world.run("verify --bag year.tar.gz"), 0);
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn the_current_month_is_taken_as_far_as_its_archive_reaches() {
    let world = World::with(recent(), ACME);
    // Heroku made the current month's archive a while ago.
    let month = Month::of(today());
    let made = today().with_day(1).expect("one").max(today() - Days::new(3));
    world.heroku.change_archive("acme", month, |archive| {
        archive.created_at = format!("{made}T00:02:00Z");
    });
    let expected: Vec<Value> = first_recent_day()
        .iter_days()
        .take_while(|date| *date < made)
        .map(|date| date.to_string().into())
        .collect();
    let report = all(&world, "", 0);
    assert_eq!(of_each_day(&report, "date"), expected);
    assert_eq!(report["totals"]["synced"], expected.len());
    // Heroku's list does not say when it made the archive, and its own page does.
    world.heroku.change_archive("acme", month, |archive| {
        archive.unlisted_fields = vec!["created_at".to_owned()];
    });
    let again = all(&world, "", 0);
    assert_eq!(of_each_day(&again, "date"), expected);
    // The next morning's archive has the rest.
    world.heroku.make_archive("acme", month);
    assert_eq!(all(&world, "", 0)["days"].as_array().map(Vec::len), Some(all_days()));
    let last = yesterday().to_string();
    world.assert_complete("acme", &last, &truth(&world, "acme", &last, |_| true));
}

fn all_days() -> usize {
    first_recent_day().iter_days().take_while(|date| *date < today()).count()
}

#[test]
fn complete_days_are_neither_read_nor_sealed_nor_downloaded_again() {
    let world = World::with(recent(), ACME);
    // A day in the middle is complete already, by way of Heroku's list.
    let known = (first_recent_day() + Days::new(10)).to_string();
    world.sync(&format!("--date {known}"), 0);
    let report = all(&world, "", 0);
    assert_eq!(day(&report, "acme", &known)["outcome"], "already_synced");
    let via = format!("SELECT DISTINCT via FROM audit_events WHERE process_date = '{known}'");
    assert_eq!(world.sql(&via), "api");
    let seals = world.sql("SELECT count(*) FROM audit_seals WHERE kind = 'day'");
    assert_eq!(seals, all_days().to_string(), "one for each day");
    let (before, loads) = (world.dump(), downloads(&world));
    let again = all(&world, "", 0);
    assert_eq!(again["totals"]["already_synced"], all_days());
    assert_eq!((world.dump(), downloads(&world)), (before, loads));
}

#[test]
fn a_month_that_is_over_must_be_covered_to_its_end() {
    let world = World::with(a_year(), ACME);
    world.heroku.change_archive("acme", Month { year: 2023, month: 12 }, |archive| {
        archive.created_at = "2023-12-30T00:02:00Z".into();
    });
    let report = all(&world, "", 1);
    assert_eq!(
        (&report["totals"]["synced"], &report["totals"]["failed"]),
        (&363.into(), &2.into())
    );
    let error = day(&report, "acme", "2023-12-31")["error"].as_str().expect("one").to_owned();
    assert!(error.contains("covers complete days up to 2023-12-29 only"), "{error}");
}

#[test]
fn an_account_whose_archives_are_not_listed_does_not_stop_the_others() {
    let world = World::with(a_year(), &format!("{ACME}{GLOBEX}"));
    let forbidden = fake_heroku::Fault::status(403, "forbidden", "No");
    world.heroku.fault(Match::path("/enterprise-accounts/acme/archives").always(), forbidden);
    let report = all(&world, "", 1);
    assert_eq!(report["totals"]["synced"], 365);
    let failed = &report["archives"][0];
    assert_eq!((&failed["account"], &failed["month"]), (&"acme".into(), &Value::Null));
    let error = failed["error"].as_str().expect("an error");
    assert!(error.contains("can't be listed") && error.contains("403"), "{error}");
    let text = world.run("backfill --via archive --all");
    assert!(text.stdout.contains("acme: the archives can't be listed"), "{text:#?}");

    world.heroku.clear_faults();
    world.heroku.change(|model| {
        (1..=12).for_each(|month| model.remove_archive("globex", Month { year: 2023, month }));
    });
    let none = all(&world, "--source globex", 1);
    assert_eq!(none["days"], serde_json::json!([]));
    let error = none["archives"][0]["error"].as_str().expect("an error");
    assert!(error.contains("Heroku lists no archive of globex"), "{error}");
}

#[test]
fn a_signal_names_the_one_command_that_goes_on() {
    let world = World::with(a_year(), ACME);
    folder(&world, "my archives");
    let hold = world.heroku.hold(Match::download());
    let mut command = world.command("backfill --via archive --all --keep");
    let child = command.arg("my archives").spawn().expect("the program starts");
    let run = crate::support::Running { child };
    wait_for("the first download", || hold.waiting() > 0);
    run.signal("TERM");
    let finished = run.wait();
    assert_status(&finished, 143);
    let line = "\n  `auditsync backfill --all --via archive --keep 'my archives'`\n";
    assert_eq!(finished.stdout.matches(line).count(), 1, "{finished:#?}");
    assert_eq!(world.sql("SELECT count(*) FROM audit_events_log"), "0");
}

#[test]
fn all_months_and_kept_files_need_archives_and_exclude_a_range() {
    let world = World::new(ACME);
    folder(&world, "here");
    for (arguments, words) in [
        ("--all", "add `--via archive`"),
        ("--via api --all", "add `--via archive`"),
        ("--from 2024-09-01 --to 2024-09-02 --keep here", "add `--via archive`"),
        ("--via archive --all --from 2024-09-01", "cannot be used with"),
        ("--via archive --all --to 2024-09-01", "cannot be used with"),
        ("--via archive", "--from"),
        ("--via archive --all --keep nowhere", "there is no folder nowhere; create it first"),
        ("--via archive --all --keep audit.toml", "there is no folder audit.toml"),
    ] {
        let finished = world.run(&format!("backfill {arguments}"));
        assert_status(&finished, 2);
        assert!(finished.stderr.contains(words), "{arguments}: {finished:#?}");
    }
    assert_eq!(world.heroku.requests().len(), 0);
}
