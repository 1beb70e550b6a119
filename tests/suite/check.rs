//! `check`: what a preflight finds, and that it changes nothing.

use serde_json::Value;

use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World};

/// The checks of a JSON report that went wrong, as kind and subject.
fn failed(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().expect("checks").iter();
    let failed = checks.filter(|check| check["ok"] == false);
    failed.map(|check| (check["check"].as_str().expect("a kind"), check["subject"].as_str().expect("one"))).collect()
}

#[test]
fn the_file_alone_is_checked_without_a_database_or_heroku() {
    let mut world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.set("DATABASE_URL", "postgres://user:hush-hush@127.0.0.1:1/nowhere");
    let finished = world.run("check --config-only");
    assert_eq!((finished.status, finished.stderr.as_str()), (0, ""), "{finished:#?}");
    insta::assert_snapshot!("check_config_only", finished.stdout);
    let report = world.run("check --config-only --output json").json();
    assert_eq!(report["ok"], true);
    let check = &report["checks"][1];
    assert_eq!((&check["check"], &check["subject"]), (&"token".into(), &"HEROKU_API_TOKEN".into()));
    assert_eq!((&check["ok"], &check["advice"]), (&true.into(), &Value::Null));
    assert_eq!(world.heroku.requests().len(), 0);
}

#[test]
fn each_missing_variable_is_named_with_what_to_do_and_no_value_is_shown() {
    let mut world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.unset("HEROKU_API_TOKEN");
    world.set("GLOBEX_TOKEN", "Bearer hush-hush");
    world.unset("DATABASE_URL");
    world.set("AUDITSYNC_PING_URL", "hush-hush.example.com");
    let finished = world.run("check --config-only");
    assert_eq!(finished.status, 1, "{finished:#?}");
    insta::assert_snapshot!("check_config_only_failed", finished.stdout);
    let finished = world.run("check --config-only --output json");
    assert_eq!(finished.status, 1);
    let report = finished.json();
    assert_eq!(report["ok"], false);
    let expected = [
        ("token", "HEROKU_API_TOKEN"),
        ("token", "GLOBEX_TOKEN"),
        ("database", "DATABASE_URL"),
        ("ping", "AUDITSYNC_PING_URL"),
    ];
    assert_eq!(failed(&report), expected);
    assert!(!format!("{finished:?}").contains("hush-hush"));
}

#[test]
fn a_wrong_file_is_exit_2_as_everywhere() {
    let world = World::new(&format!("[sync]\nconcurency = 4\n{ACME}"));
    let finished = world.run("check --config-only");
    assert_eq!((finished.status, finished.stdout.as_str()), (2, ""), "{finished:#?}");
    assert!(finished.stderr.contains("did you mean `concurrency`?"), "{finished:#?}");
}

#[test]
fn sources_that_are_not_enabled_need_no_token_but_one_must_be_enabled() {
    let off = format!("{ACME}enabled = false\n");
    let mut world = World::new(&format!("{off}{}", ACME.replacen("acme", "other", 1).replace("HEROKU_API", "GLOBEX")));
    world.unset("HEROKU_API_TOKEN");
    assert_eq!(world.run("check --config-only").status, 0);
    world.write_config(&off);
    let report = world.run("check --config-only --output json").json();
    assert_eq!(failed(&report), [("file", "audit.toml")]);
}

#[test]
fn two_variables_with_one_token_and_two_budgets_are_told_apart_from_the_rest() {
    let mut world = World::new(&format!("{THREE_ACCOUNTS_AND_A_TEAM}\n[source.rate_limit]\nburst = 7\n").replace(
        "team = \"team-a\"\ntoken_env = \"HEROKU_API_TOKEN\"",
        "team = \"team-a\"\ntoken_env = \"TEAM_TOKEN\"",
    ));
    world.set("TEAM_TOKEN", " HRKU-demo-acme-0001-not-a-secret\n");
    let finished = world.run("check --config-only --output json");
    assert_eq!(failed(&finished.json()), [("token", "TEAM_TOKEN")], "{finished:#?}");
    assert!(!finished.stdout.contains("HRKU-"));
}
