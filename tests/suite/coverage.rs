//! `status`: every owed day is shown, with or without a row.

mod figures;
mod window;

use serde_json::Value;

use crate::support::{ACME, World, yesterday};

fn status(world: &World, arguments: &str, status: i32) -> Value {
    let finished = world.run(&format!("status --output json {arguments}"));
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

/// The source of this name.
fn source<'r>(report: &'r Value, name: &str) -> &'r Value {
    let sources = report["sources"].as_array().expect("sources");
    sources
        .iter()
        .find(|source| source["source"] == name)
        .unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

fn ranges(source: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let ranges = source["ranges"].as_array().expect("ranges").iter();
    ranges
        .map(|range| {
            format!("{} {} {}", text(&range["state"]), text(&range["from"]), text(&range["to"]))
        })
        .collect()
}

/// A ledger of `acme`: settled until ten days ago, then a failed day, a missing one, a reset one,
/// and complete ones.
pub(crate) fn with_holes(world: &World) {
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, events_count, attempt,
         scope, synced_at, settled_at, error_message)
         SELECT 'acme', current_date - age,
                CASE age WHEN 9 THEN 'FAILED' WHEN 7 THEN 'PENDING' ELSE 'SUCCESS' END, 5, 1,
                '{\"account\": \"acme\"}',
                CASE WHEN age <> 9 THEN clock_timestamp() END,
                CASE WHEN age > 9 THEN clock_timestamp() END,
                CASE age WHEN 9 THEN 'Heroku refused: 403' END
         FROM generate_series(1, 40) AS age WHERE age <> 8",
    );
}

#[test]
fn each_day_since_the_first_has_a_state_and_equal_ones_form_a_range() {
    let world = World::new(&format!("{ACME}since = \"{}\"\n", yesterday() - chrono::Days::new(41)));
    with_holes(&world);
    let ago = |days: u64| (yesterday() - chrono::Days::new(days - 1)).to_string();
    let report = status(&world, "", 0);
    let acme = source(&report, "acme");
    assert_eq!(
        ranges(acme),
        [
            format!("missing {} {}", ago(42), ago(41)),
            format!("settled {} {}", ago(40), ago(10)),
            format!("failed {} {}", ago(9), ago(9)),
            format!("missing {} {}", ago(8), ago(8)),
            format!("due {} {}", ago(7), ago(7)),
            format!("complete {} {}", ago(6), ago(1)),
        ]
    );
    for (figure, days) in [
        ("settled", 31),
        ("complete", 37),
        ("failed", 1),
        ("due", 1),
        ("missing", 3),
        ("syncing", 0),
    ] {
        assert_eq!(acme[figure], days, "{figure}");
    }
    assert_eq!(acme["oldest_gap"], ago(42));
    assert_eq!(acme["last_complete_day"], ago(1));
    // The list covers the last month, including days without a row.
    let days = report["days"].as_array().expect("days");
    assert_eq!(days.len(), 30);
    assert_eq!(days.iter().filter(|day| day["state"] == "missing").count(), 1);

    let text = world.run("status").stdout;
    assert!(text.contains("failed, 1 day") && text.contains("Heroku refused: 403"), "{text}");
    // The head is for copying, so it is never broken.
    let fits = |line: &str| line.starts_with("Head: ") || line.chars().count() <= 100;
    assert!(text.lines().count() < 27 && text.lines().all(fits), "{text}");
}

#[test]
fn check_names_the_source_that_is_behind_with_its_lag_and_exits_1() {
    let world = World::new(ACME);
    with_holes(&world);
    let report = status(&world, "--check --max-lag 36h", 1);
    assert_eq!(report["ok"], false);
    let (first, last) = (yesterday() - chrono::Days::new(8), yesterday() - chrono::Days::new(7));
    // The reset day was complete, so it is no gap.
    let reason = format!("1 day missing, 1 day failed since {first}");
    let command = format!("auditsync backfill --source acme --from {first} --to {last}");
    assert_eq!(
        report["behind"],
        serde_json::json!([{"source": "acme", "reason": reason, "command": command}])
    );
    let text = world.run("status --check").stdout;
    assert!(text.starts_with(&format!("BEHIND  acme: {reason}\n  Run `{command}`.\n")), "{text}");

    world.sql(
        "UPDATE audit_events_log SET status = 'SUCCESS', synced_at = clock_timestamp() \
            WHERE status <> 'SUCCESS'",
    );
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, synced_at) \
         VALUES ('acme', current_date - 8, 'SUCCESS', clock_timestamp())",
    );
    assert_eq!(status(&world, "--check --max-lag 36h", 0)["ok"], true);
    let good = format!("OK  1 source, complete through {}\n", yesterday());
    assert!(world.run("status").stdout.starts_with(&good));
    world.sql("DELETE FROM audit_events_log WHERE process_date = current_date - 1");
    assert_eq!(status(&world, "--max-lag 3d", 0)["ok"], true);
    assert_eq!(status(&world, "--max-lag 23h", 1)["ok"], false, "yesterday is missing");
    let command = status(&world, "--max-lag 23h", 1)["behind"][0]["command"].clone();
    assert_eq!(command, "auditsync sync --source acme");
    assert_eq!(world.run("status").status, 0, "only --check decides about the exit status");
    assert_eq!(world.run("status --check --max-lag soon").status, 2);
}

#[test]
fn a_never_synced_source_is_behind_and_a_disabled_one_is_not() {
    let world = World::new(&format!(
        "{ACME}enabled = false\n{}",
        ACME.replace("\"acme\"\naccount", "\"new\"\nfilter = { type = \"app\" }\naccount")
    ));
    let report = status(&world, "--check", 1);
    assert_eq!(
        report["behind"],
        serde_json::json!([
            {"source": "new", "reason": "never synced", "command": "auditsync"}
        ])
    );
}

#[test]
fn a_removed_or_renamed_source_is_still_shown_as_it_was_left() {
    let world = World::new(ACME);
    with_holes(&world);
    world.write_config(&ACME.replace("name = \"acme\"", "name = \"acme-prod\""));
    let report = status(&world, "", 0);
    let gone = source(&report, "acme");
    assert_eq!(
        (&gone["in_file"], &gone["missing"], &gone["lag_seconds"]),
        (&false.into(), &1.into(), &Value::Null)
    );
    let renamed = source(&report, "acme-prod");
    assert_eq!(renamed["earlier_names"], serde_json::json!(["acme"]));
    let text = world.run("status").stdout;
    let (verdict, _) = text.split_once("\n\n").expect("the verdict");
    assert_eq!(
        verdict,
        "BEHIND  acme-prod: never synced\n  acme, which is not in the file, has days of the same \
         account, team and filter.\n  If acme-prod is a new name of it, first add \
         `previous_names = [\"acme\"]`.\n  Run `auditsync`."
    );
    assert_eq!(text.matches("previous_names").count(), 1, "{text}");
    // The source can still be selected by its name.
    assert_eq!(status(&world, "--source acme", 0)["sources"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.run("status --source nobody").status, 2);
}

#[test]
fn days_requested_with_another_filter_are_distinguished() {
    let world = World::new(ACME);
    with_holes(&world);
    world.sql(
        "UPDATE audit_events_log \
        SET scope = '{\"account\": \"acme\", \"team\": \"team-a\"}' \
        WHERE process_date < current_date - 20",
    );
    let report = status(&world, "", 0);
    let acme = source(&report, "acme");
    assert_eq!((&acme["other_scope"], &acme["settled"]), (&20.into(), &31.into()));
    assert_eq!(acme["ranges"][0]["is_other_scope"], true);
    assert!(
        world
            .run("status")
            .stdout
            .contains("20 complete days were read with another account, team or filter")
    );
}

#[test]
fn lateness_is_derived_from_what_rechecks_found() {
    let world = World::new(ACME);
    with_holes(&world);
    assert_eq!(source(&status(&world, "", 0), "acme")["lateness"], Value::Null);
    world.sql(
        "INSERT INTO audit_history (at, run_id, source, process_date, attempt, action, outcome,
         late_events, by)
         SELECT (current_date - age + 1)::timestamp AT TIME ZONE 'UTC' + interval '25 h' * n,
         gen_random_uuid(), 'acme',
                current_date - age, 2, 'publish', 'synced', n, 'x'
         FROM (VALUES (20, 1), (21, 2)) AS late (age, n)",
    );
    let report = status(&world, "", 0);
    let lateness = &source(&report, "acme")["lateness"];
    assert_eq!(
        (&lateness["late_events"], &lateness["median_seconds"]),
        (&3.into(), &180_000.into())
    );
    assert_eq!(lateness["max_seconds"], 180_000);
    assert!(world.run("status").stdout.contains("3 events came late"), "{report:#}");
}
