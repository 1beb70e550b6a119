//! One fetch, many sources: one request serves every source that it can.

use crate::support::{ACME, DAY, THREE_VIEWS, World, day, fetches, is_of_team_a_and_filter, truth};

const ON_DAY: &str = "--date 2024-09-28";

const TEAM_A_S_USER: &str = r#"
[[source]]
name = "team-a-user"
account = "acme"
team = "team-a"
token_env = "HEROKU_API_TOKEN"
filter = { type = "app", action = "create", actor = "user@example.com" }
"#;

fn four_views() -> World {
    World::new(&format!("{THREE_VIEWS}{TEAM_A_S_USER}"))
}

#[test]
fn a_filter_is_applied_locally_where_the_full_day_is_fetched_anyway() {
    let world = four_views();
    world.sync(ON_DAY, 0);
    assert_eq!(fetches(&world, "acme", DAY), 1);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    world.assert_complete(
        "team-a",
        DAY,
        &truth(&world, "acme", DAY, |event| event["team"]["name"] == "team-a"),
    );
    world.assert_complete("apps", DAY, &truth(&world, "acme", DAY, |event| event["type"] == "app"));
    world.assert_complete("team-a-user", DAY, &truth(&world, "acme", DAY, is_of_team_a_and_filter));
}

#[test]
fn a_filter_sent_to_heroku_brings_the_same_events() {
    let world = four_views();
    world.sync("--date 2024-09-28 --source apps --source team-a-user", 0);
    assert_eq!(fetches(&world, "acme", DAY), 2);
    world.assert_complete("apps", DAY, &truth(&world, "acme", DAY, |event| event["type"] == "app"));
    world.assert_complete("team-a-user", DAY, &truth(&world, "acme", DAY, is_of_team_a_and_filter));
}

#[test]
fn one_source_s_failure_to_publish_does_not_affect_the_others() {
    let world = four_views();
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         RAISE EXCEPTION 'not this one'; END $$;
         CREATE TRIGGER refuse BEFORE UPDATE ON audit_events_log FOR EACH ROW
         WHEN (NEW.source = 'team-a' AND NEW.status = 'SUCCESS') EXECUTE FUNCTION refuse();",
    );
    let report = world.sync(ON_DAY, 1);
    for (source, outcome) in
        [("acme", "synced"), ("team-a", "failed"), ("apps", "synced"), ("team-a-user", "synced")]
    {
        assert_eq!(day(&report, source, DAY)["outcome"], outcome, "{source}");
    }
    let rows = world.sql("SELECT source, status, attempt FROM audit_events_log ORDER BY source");
    assert_eq!(rows, "acme|SUCCESS|1\napps|SUCCESS|1\nteam-a|ERROR|1\nteam-a-user|SUCCESS|1");
    world.sql("DROP TRIGGER refuse ON audit_events_log");
    world.sync(ON_DAY, 0);
    world.assert_complete(
        "team-a",
        DAY,
        &truth(&world, "acme", DAY, |event| event["team"]["name"] == "team-a"),
    );
}

#[test]
fn a_team_outside_the_account_is_reported_and_its_day_is_not_empty() {
    let world = World::new(ACME);
    world.heroku.grant("globex", "audit@acme.example.com", &["view"]);
    for (team, expected) in [
        ("hobby", "the team `hobby` is in no enterprise account"),
        ("globex-ops", "the team `globex-ops` is in the enterprise account globex, not in acme"),
        (
            "nobody-s",
            "the enterprise account acme has no team `nobody-s`; its teams are team-a, team-b",
        ),
    ] {
        world.write_config(&format!("{ACME}team = \"{team}\"\n"));
        let report = world.sync(ON_DAY, 1);
        let error = day(&report, "acme", DAY)["error"].as_str().expect("an error").to_owned();
        assert!(error.contains(expected), "{team}: {error}");
    }
    assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "FAILED");
    assert_eq!(fetches(&world, "acme", DAY), 0, "nothing is requested that no source would get");
    assert_eq!(world.heroku.violations(), [""; 0]);
}
