//! `check`: what it finds, and that it changes nothing.

use fake_heroku::{Fault, Match};
use serde_json::Value;

use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World, schemas};

/// The failed checks of a JSON report, as kind and subject.
fn failed(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().expect("checks").iter();
    let failed = checks.filter(|check| check["ok"] == false);
    failed
        .map(|check| {
            (check["check"].as_str().expect("a kind"), check["subject"].as_str().expect("one"))
        })
        .collect()
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
fn a_wrong_file_exits_2_as_everywhere() {
    let world = World::new(&format!("[sync]\nconcurency = 4\n{ACME}"));
    let finished = world.run("check --config-only");
    assert_eq!((finished.status, finished.stdout.as_str()), (2, ""), "{finished:#?}");
    assert!(finished.stderr.contains("did you mean `concurrency`?"), "{finished:#?}");
}

#[test]
fn disabled_sources_need_no_token_but_one_must_be_enabled() {
    let off = format!("{ACME}enabled = false\n");
    let mut world = World::new(&format!(
        "{off}{}",
        ACME.replace("acme", "globex").replace("HEROKU_API", "GLOBEX")
    ));
    world.unset("HEROKU_API_TOKEN");
    assert_eq!(world.run("check --config-only").status, 0);
    world.write_config(&off);
    let report = world.run("check --config-only --output json").json();
    assert_eq!(failed(&report), [("file", "audit.toml")]);
}

#[test]
fn two_variables_with_one_token_and_two_budgets_are_an_error() {
    let mut world = World::new(
        &format!("{THREE_ACCOUNTS_AND_A_TEAM}\n[source.rate_limit]\nburst = 7\n").replace(
            "team = \"team-a\"\ntoken_env = \"HEROKU_API_TOKEN\"",
            "team = \"team-a\"\ntoken_env = \"TEAM_TOKEN\"",
        ),
    );
    world.set("TEAM_TOKEN", " HRKU-demo-acme-0001-not-a-secret\n");
    let finished = world.run("check --config-only --output json");
    assert_eq!(failed(&finished.json()), [("token", "TEAM_TOKEN")], "{finished:#?}");
    assert!(!finished.stdout.contains("HRKU-"));
}

/// The checks of a kind, as subject, verdict and detail.
fn found<'r>(report: &'r Value, kind: &str) -> Vec<(&'r str, bool, &'r str)> {
    let checks =
        report["checks"].as_array().expect("checks").iter().filter(|check| check["check"] == kind);
    let text = |check: &'r Value, key: &str| check[key].as_str().expect("a text");
    checks
        .map(|check| (text(check, "subject"), check["ok"] == true, text(check, "detail")))
        .collect()
}

fn check(world: &World) -> Value {
    let finished = world.run("check --output json");
    let report = finished.json();
    let all_right = failed(&report).is_empty();
    assert_eq!(
        (finished.status, &report["ok"]),
        (i32::from(!all_right), &all_right.into()),
        "{finished:#?}"
    );
    assert!(!format!("{finished:?}").contains("HRKU-"), "{finished:#?}");
    report
}

#[test]
fn a_check_finds_all_that_a_sync_needs_and_changes_nothing() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    let empty = world.dump();
    let report = check(&world);
    assert_eq!(failed(&report), []);
    let (_, ok, detail) = found(&report, "schema")[0];
    assert_eq!((ok, detail), (true, "there is no schema yet"));
    assert_eq!(world.dump(), empty, "an empty database stays empty");

    world.sync("--date 2024-09-28", 0);
    let before = world.dump();
    let finished = world.run("check");
    assert_eq!((finished.status, finished.stderr.as_str()), (0, ""), "{finished:#?}");
    assert_eq!(world.dump(), before);
    // The tests' server version, the clocks' difference and the quota's refill do not depend on the
    // program.
    let lines = finished.stdout.lines().map(|line| {
        let vague = ["server", "tls", "pooler", "clock", "quota"]
            .into_iter()
            .find(|kind| line.strip_prefix("✓ ").is_some_and(|rest| rest.starts_with(kind)));
        vague.map_or_else(|| line.to_owned(), |kind| format!("✓ {kind} …")) + "\n"
    });
    insta::assert_snapshot!("check", lines.collect::<String>());
    assert!(
        finished.stdout.contains("PostgreSQL ") && finished.stdout.contains(" requests left"),
        "{finished:#?}"
    );
}

#[test]
fn rights_are_checked_on_every_table() {
    let world = World::new(ACME);
    world.run("migrate");
    let report = check(&world);
    let mut looked_at: Vec<_> =
        found(&report, "rights").into_iter().map(|(table, ..)| table).collect();
    assert_eq!(looked_at.pop(), Some("FUNCTION auditsync_seal(text, text[])"));
    looked_at.sort_unstable();
    let tables = world.sql(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' \
            ORDER BY tablename COLLATE \"C\"",
    );
    assert_eq!(looked_at, tables.lines().collect::<Vec<_>>());
}

#[test]
fn each_item_is_requested_once_per_token_and_the_quota_costs_nothing() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    check(&world);
    let mut asked: Vec<String> =
        world.heroku.requests().into_iter().map(|request| request.path).collect();
    asked.sort();
    let expected = [
        "/account",
        "/account",
        "/account",
        "/account/rate-limits",
        "/account/rate-limits",
        "/account/rate-limits",
        "/enterprise-accounts/acme",
        "/enterprise-accounts/acme/archives",
        "/enterprise-accounts/acme/teams",
        "/enterprise-accounts/globex",
        "/enterprise-accounts/globex/archives",
        "/enterprise-accounts/initech",
        "/enterprise-accounts/initech/archives",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn a_rejected_token_is_reported_and_the_others_are_checked() {
    let mut world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.set("GLOBEX_TOKEN", "HRKU-not-a-token-of-anybody");
    let report = check(&world);
    assert_eq!(failed(&report), [("user", "GLOBEX_TOKEN")]);
    let users = found(&report, "user");
    assert!(users[1].2.contains("401 unauthorized"), "{users:?}");
    assert_eq!(
        users[0],
        ("HEROKU_API_TOKEN", true, "the token is valid, and belongs to audit@acme.example.com")
    );
    let accounts: Vec<_> = found(&report, "account").into_iter().map(|(name, ..)| name).collect();
    assert_eq!(accounts, ["acme", "initech"]);
}

#[test]
fn missing_permission_invisible_account_and_unknown_team_are_distinct() {
    let sources = THREE_ACCOUNTS_AND_A_TEAM.replace("team = \"team-a\"", "team = \"team-z\"");
    let mut world = World::new(&sources.replace("account = \"globex\"", "account = \"glob\""));
    world.set("HEROKU_API_TOKEN", "HRKU-demo-acme-viewer-not-a-secret");
    let finished = world.run("check");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let wrong: String = finished
        .stdout
        .lines()
        .filter(|line| line.starts_with('✗'))
        .map(|line| line.to_owned() + "\n")
        .collect();
    // The fake numbers its answers, and their order does not matter here.
    let mut parts = wrong.split(", request ");
    let mut text = parts.next().expect("a beginning").to_owned();
    for part in parts {
        text.push_str(", request ID");
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-'));
    }
    insta::assert_snapshot!("check_accounts", text);
}

#[test]
fn a_quota_at_its_reserve_is_not_used_further() {
    let world = World::new(ACME);
    world.heroku.set_remaining("audit@acme.example.com", 450);
    let report = check(&world);
    assert_eq!(failed(&report), [("quota", "HEROKU_API_TOKEN")]);
    assert_eq!(world.heroku.requests().len(), 1, "the one that does not count");
    world.heroku.set_remaining("audit@acme.example.com", 460);
    assert_eq!(failed(&check(&world)), []);
}

#[test]
fn a_silent_heroku_or_database_is_reported_and_the_rest_is_checked() {
    let mut world = World::new(ACME);
    world.write_file(&format!(
        "[api]\nbase_url = \"http://127.0.0.1:1\"\n[retry]\ninitial_interval = \"5ms\"\n{ACME}"
    ));
    let report = check(&world);
    assert_eq!(failed(&report), [("quota", "HEROKU_API_TOKEN")]);
    assert_eq!(found(&report, "schema").len(), 1);
    world.write_config(ACME);
    world.set("DATABASE_URL", "postgres://user:hush-hush@no-such-host.invalid/nowhere");
    let report = check(&world);
    assert_eq!(failed(&report), [("server", "database")]);
    assert!(!report.to_string().contains("hush-hush"));
    assert_eq!(
        found(&report, "account"),
        [("acme", true, "seen with HEROKU_API_TOKEN, with the permission manage")]
    );
}

#[test]
fn a_passing_fault_of_heroku_is_retried() {
    let world = World::new(ACME);
    world.heroku.fault(Match::any(), Fault::status(503, "unavailable", "API is unavailable"));
    assert_eq!(failed(&check(&world)), []);
    assert!(world.heroku.faults_left().is_empty());
}

#[test]
fn a_schema_that_is_newer_or_not_ours_is_a_problem() {
    let world = schemas::newer();
    let report = check(&world);
    assert_eq!(failed(&report), [("schema", "database")]);
    assert!(found(&report, "schema")[0].2.contains("version 9999"), "{report:#}");

    let world = schemas::foreign();
    let report = check(&world);
    assert_eq!(failed(&report), [("schema", "database")]);
    assert!(found(&report, "schema")[0].2.contains("has no column `source`"), "{report:#}");
}

#[test]
fn a_source_that_was_renamed_without_its_former_name_is_a_warning() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let warned = |world: &World| {
        let finished = world.run("check");
        assert_eq!(finished.status, 0, "{finished:#?}");
        let lines = finished.stdout.lines().filter(|line| line.starts_with("! source "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warned(&world), [""; 0]);
    let renamed = ACME.replacen("\"acme\"", "\"umbrella\"", 1);
    world.write_config(&renamed);
    assert_eq!(
        warned(&world),
        ["! source umbrella: it has no day, and acme, not in the file, has days of its scope. \
              If umbrella is a new name of it, first add `previous_names = [\"acme\"]`"]
    );
    // Another filter is another scope.
    world.write_config(&format!("{renamed}filter = {{ type = \"app\" }}\n"));
    assert_eq!(warned(&world), [""; 0]);
    world.write_config(&format!("{renamed}previous_names = [\"acme\"]\n"));
    assert_eq!(warned(&world), [""; 0]);
}
