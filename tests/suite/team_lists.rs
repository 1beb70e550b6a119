//! `teams` and `[defaults]`: several sources from one section, which share each fetch.

use serde_json::json;

use crate::support::{DAY, World, day, fetches};

const TEAMS: &str = r#"
[defaults]
account = "acme"

[[source]]
name = "all"

[[source]]
name = "of"
teams = ["team-a", "team-b"]
"#;

#[test]
fn the_sources_of_a_list_of_teams_share_one_fetch() {
    let world = World::new(TEAMS);
    let report = world.sync(&format!("--date {DAY}"), 0);
    for source in ["all", "of-team-a", "of-team-b"] {
        assert_eq!(day(&report, source, DAY)["outcome"], "synced");
    }
    assert_eq!(fetches(&world, "acme", DAY), 1);
    let teams = world.sql(
        "SELECT DISTINCT source, team_name FROM audit_events WHERE source <> 'all' ORDER BY 1",
    );
    assert_eq!(teams, "of-team-a|team-a\nof-team-b|team-b");
}

#[test]
fn the_name_of_the_list_selects_all_of_its_sources() {
    let world = World::new(TEAMS);
    let report = world.sync(&format!("--date {DAY} --source of"), 0);
    let sources: Vec<_> =
        report["days"].as_array().expect("days").iter().map(|day| day["source"].clone()).collect();
    assert_eq!(sources, [json!("of-team-a"), json!("of-team-b")]);
    let status = world.run("status --source of --output json").json();
    assert_eq!(status["sources"].as_array().map(Vec::len), Some(2));
    let reset = world.run(&format!("reset --source of {DAY}"));
    assert_eq!(reset.status, 0, "{reset:#?}");
    assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "PENDING");
    for command in ["events --source of", "history --source of", "verify --source of"] {
        let finished = world.run(command);
        assert_eq!(finished.status, 0, "{command}: {finished:#?}");
    }
    let exported = world.run(&format!("export --from {DAY} --to {DAY} --source of"));
    let stored: usize = world.sql("SELECT count(*) FROM audit_events").parse().expect("a number");
    assert_eq!(exported.stdout.lines().count(), stored, "{exported:#?}");
}
