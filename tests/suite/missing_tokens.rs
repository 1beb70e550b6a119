//! One missing token: its sources fail, and the others are synced.

use serde_json::json;

use crate::support::{ACME, DAY, World, day, source};

/// Two accounts with a token each, of which `GLOBEX_TOKEN` is blank.
fn world_without_globex() -> World {
    let globex = source("globex", "globex").replace("HEROKU_API_TOKEN", "GLOBEX_TOKEN");
    let mut world = World::busy(&format!("[sync]\ncatch_up_days = 1\n{ACME}{globex}"));
    world.set("GLOBEX_TOKEN", " \t ");
    world
}

const WHY: &str = "GLOBEX_TOKEN is not set. Set it to the token: \
                   `heroku config:set GLOBEX_TOKEN=…`";

#[test]
fn the_days_of_a_source_without_token_fail_and_the_others_are_synced() {
    let world = world_without_globex();
    for dry in ["--dry-run", ""] {
        let report = world.sync(&format!("--date {DAY} {dry}"), 1);
        let good = if dry.is_empty() { "synced" } else { "would_sync" };
        assert_eq!(day(&report, "acme", DAY)["outcome"], good);
        let failed = day(&report, "globex", DAY);
        assert_eq!((&failed["outcome"], &failed["attempt"]), (&json!("failed"), &json!(0)));
        assert!(failed["error"].as_str().expect("a reason").contains(WHY), "{failed:#}");
    }
    assert_eq!(world.sql("SELECT source FROM audit_events_log"), "acme");
    let log = world.run(&format!("sync --date {DAY}")).stderr;
    assert!(log.contains("source=globex") && log.contains("GLOBEX_TOKEN is not set"), "{log}");
}

#[test]
fn a_missing_token_of_which_no_day_is_due_is_a_warning() {
    let mut world = world_without_globex();
    world.set("GLOBEX_TOKEN", "HRKU-demo-globex-0001-not-a-secret");
    world.sync(&format!("--date {DAY}"), 0);
    world.unset("GLOBEX_TOKEN");
    let finished = world.run(&format!("sync --date {DAY}"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stderr.contains(&format!("globex: {WHY}")), "{finished:#?}");
}

#[test]
fn without_any_token_nothing_is_read_and_the_command_exits_with_2() {
    let mut world = world_without_globex();
    for command in [
        format!("sync --date {DAY} --source globex"),
        format!("sync --date {DAY} --dry-run --source globex"),
        format!("backfill --from {DAY} --to {DAY} --source globex"),
        format!("backfill --from {DAY} --to {DAY} --source globex --plan"),
        format!("backfill --from {DAY} --to {DAY} --source globex --via archive"),
        "reconcile --month 2024-09 --source globex".to_owned(),
    ] {
        let refused = world.run(&command);
        assert_eq!(refused.status, 2, "{command}: {refused:#?}");
        assert!(refused.stderr.contains(&format!("globex: {WHY}")), "{command}: {refused:#?}");
    }
    world.unset("HEROKU_API_TOKEN");
    let refused = world.run("sync");
    assert!(refused.status == 2 && refused.stderr.contains("acme: HEROKU_API_TOKEN is not set"));
    assert!(!refused.stderr.contains("mistake"), "{refused:#?}");
}

#[test]
fn backfill_and_reconcile_go_on_with_the_sources_that_have_a_token() {
    let world = world_without_globex();
    for via in ["api", "archive"] {
        let finished =
            world.run(&format!("backfill --from {DAY} --to {DAY} --via {via} --output json"));
        assert_eq!(finished.status, 1, "{finished:#?}");
        let report = finished.json();
        let failed = day(&report, "globex", DAY)["error"].as_str().expect("a reason").to_owned();
        assert!(failed.contains(WHY), "{failed}");
    }
    assert_eq!(world.sql("SELECT source, status FROM audit_events_log"), "acme|SUCCESS");
    let plan = world.run(&format!("backfill --from {DAY} --to {DAY} --plan"));
    assert_eq!(plan.status, 0, "{plan:#?}");
    assert!(plan.stderr.contains(&format!("globex: {WHY}")), "{plan:#?}");
    let compared = world.run("reconcile --month 2024-09 --output json");
    let report = compared.json();
    let of = |source: &str| {
        let mut months = report["months"].as_array().expect("months").iter();
        months.find(|month| month["source"] == source).cloned().expect("its month")
    };
    assert_eq!(of("globex")["error"], json!(null), "it owes no day: {report:#}");
    assert!(compared.stderr.contains(&format!("globex: no token: {WHY}")), "{compared:#?}");
    assert_ne!(of("acme")["error"], json!(format!("no token: {WHY}")));
}

#[test]
fn a_failure_is_never_followed_by_the_word_that_nothing_is_due() {
    let world = world_without_globex();
    let forbidden = fake_heroku::Fault::status(403, "forbidden", "No");
    let list = fake_heroku::Match::path("/enterprise-accounts/acme/archives");
    world.heroku.fault(list.always(), forbidden);
    let finished = world.run("backfill --via archive --all --source acme");
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert!(finished.stdout.contains("can't be listed"), "{finished:#?}");
    assert!(!finished.stdout.contains("Nothing is due"), "{finished:#?}");
}

#[test]
fn an_empty_database_still_says_which_source_has_no_token() {
    let globex = source("globex", "globex").replace("HEROKU_API_TOKEN", "GLOBEX_TOKEN");
    let mut world =
        World::busy(&format!("{ACME}since = \"2024-09-01\"\n{globex}since = \"2024-09-01\"\n"));
    world.unset("GLOBEX_TOKEN");
    let finished = world.run("reconcile --month 2024-09 --output json");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let mut months = report["months"].as_array().expect("months").iter();
    let month = months.find(|month| month["source"] == "globex").expect("its month");
    assert!(month["error"].as_str().expect("a reason").contains(WHY), "{report:#}");
}
