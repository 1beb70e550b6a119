//! Bad input gets the contract's exit status and one clear message, and stored events stay.

use crate::support::{ACME, Finished, World};

fn assert_refused(finished: &Finished, status: i32, message: &str) {
    assert_eq!(finished.status, status, "{finished:#?}");
    assert!(finished.stderr.contains(message), "{message:?} is not in {finished:#?}");
    assert!(
        !finished.stderr.contains("panicked") && !finished.stderr.contains("backtrace"),
        "{finished:#?}"
    );
}

#[test]
fn an_unknown_source_exits_2_and_suggests_the_intended_one() {
    let world = World::new(ACME);
    for command in ["--source acne", "status --source acne", "reset --source acne 2024-09-28"] {
        assert_refused(&world.run(command), 2, "acme");
    }
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn a_bad_date_today_and_the_future_are_exit_2() {
    let world = World::new(ACME);
    let today = crate::support::yesterday() + chrono::Days::new(1);
    assert_refused(&world.run("--date 2024-02-30"), 2, "2024-02-30");
    assert_refused(&world.run(&format!("--date {today}")), 2, "is not over in UTC");
    assert_refused(&world.run("--date 2999-01-01"), 2, "is not over in UTC");
    assert_refused(&world.run(&format!("reset --source acme {today}")), 2, "is not over in UTC");
    assert_refused(&world.run("--from 2024-09-02 --to 2024-09-01"), 2, "is after");
    assert_eq!(world.heroku.requests().len(), 0);
    assert_eq!(
        world.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'audit%'"),
        "0",
        "nothing was written"
    );
}

#[test]
fn a_missing_file_variable_or_database_url_is_exit_2() {
    let mut world = World::new(ACME);
    assert_refused(&world.run("-c nowhere.toml"), 2, "nowhere.toml");
    world.unset("HEROKU_API_TOKEN");
    assert_refused(&world.run(""), 2, "HEROKU_API_TOKEN");
    world.set("HEROKU_API_TOKEN", "HRKU-demo-acme-0001-not-a-secret");
    world.unset("DATABASE_URL");
    for command in ["", "status", "migrate", "cleanup", "reset --source acme 2024-09-28"] {
        assert_refused(&world.run(command), 2, "DATABASE_URL");
    }
}

#[test]
fn a_mistake_in_the_file_exits_2_before_any_request_or_write() {
    let world = World::new(&format!("[sync]\nconcurency = 4\n{ACME}"));
    assert_refused(&world.run(""), 2, "did you mean `concurrency`?");
    assert_eq!(world.heroku.requests().len(), 0);
    assert_eq!(world.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'audit%'"), "0");
}

#[test]
fn a_database_that_can_not_be_reached_is_exit_3_without_its_password() {
    let world = World::new(ACME);
    for url in [
        "postgres://user:hush-hush@127.0.0.1:1/nowhere",
        "postgres://user:hush-hush@no-such-host.invalid/nowhere",
    ] {
        let finished = world.run(&format!("--database-url {url} -vv"));
        assert_refused(&finished, 3, "error: the database");
        assert!(!format!("{finished:?}").contains("hush-hush"), "{finished:#?}");
    }
}

#[test]
fn an_invalid_database_address_exits_2_and_is_not_shown() {
    let world = World::new(ACME);
    let finished = world.run("--database-url mysql://user:hush-hush@127.0.0.1/nowhere");
    assert_refused(&finished, 2, "is not of the form postgres://");
    assert!(!format!("{finished:?}").contains("hush-hush"), "{finished:#?}");
}

#[test]
fn a_host_that_can_not_be_reached_fails_the_day_with_exit_1() {
    let world = World::new(ACME);
    world.write_file(&format!(
        "[api]\nbase_url = \"http://127.0.0.1:1\"\n[retry]\ninitial_interval = \"1ms\"\n\
         max_attempts = 2\n{ACME}"
    ));
    let finished = world.run("--date 2024-09-28");
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert!(finished.stdout.contains("connection refused"), "{finished:#?}");
}

#[test]
fn with_json_output_a_failure_is_one_document_too() {
    let world = World::new(ACME);
    let finished = world.run("--output json --source nobody");
    assert_eq!(finished.json()["exit_status"], 2);
}

#[test]
fn stored_events_stay_whatever_goes_wrong_afterwards() {
    let mut world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let before = world.dump();
    for command in [
        "--source nobody",
        "--date 2999-01-01",
        "-c nowhere.toml",
        "reset --source acme 2999-01-01",
    ] {
        assert_eq!(world.run(command).status, 2);
    }
    world.set("HEROKU_API_TOKEN", "not a token");
    assert_eq!(world.run("").status, 2);
    assert_eq!(world.dump(), before);
}
