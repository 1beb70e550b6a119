//! What commands find: comparisons, verifications, exports, the history, events.

use serde_json::Value;

use super::said::{Said, counted, dates, list, number, runs, sum, words};
use super::{RANGE, both, compared, synced};
use crate::support::{THREE_VIEWS, World};

#[test]
fn reconcile_agrees_with_its_document() {
    let world = synced();
    world.sql(
        "DELETE FROM audit_events WHERE source = 'team-a' AND process_date = '2024-09-28';
         UPDATE audit_events SET event = (event::jsonb || '{\"action\": \"other\"}')::json
         WHERE source = 'acme' AND process_date = '2024-09-27';
         INSERT INTO audit_events (source, process_date, event_id, event, event_hash, first_seen_at,
                                   attempt, via)
         SELECT source, '2024-09-26', 'more-' || n, event, event_hash, first_seen_at, attempt, via
         FROM audit_events, generate_series(1, 3) AS n
         WHERE source = 'apps' AND process_date = '2024-09-29' AND event_id NOT LIKE 'more%'",
    );
    let (document, mut said) = both(&world, "reconcile --month 2024-09", 1);
    for month in list(&document, "months") {
        let days = list(month, "days");
        let ids =
            |key: &str| days.iter().map(|day| list(day, key).len()).sum::<usize>().to_string();
        said.row(&[
            words(month, "source"),
            words(month, "month"),
            days.len().to_string(),
            sum(days, "stored").to_string(),
            sum(days, "archived").to_string(),
            ids("missing_here"),
            ids("missing_there"),
            ids("differing"),
        ]);
        for day in days {
            for (key, what) in [
                ("missing_here", "in the archive but not here"),
                ("missing_there", "here but not in the archive"),
                ("differing", "with another value in the archive"),
            ] {
                let ids = list(day, key);
                if !ids.is_empty() {
                    let count = counted(ids.len() as u64, "event");
                    said.says(format!(
                        "{} {}: {count} {what}",
                        words(month, "source"),
                        words(day, "date")
                    ));
                    ids.iter().take(10).for_each(|id| {
                        said.says(format!("  {}\n", id.as_str().expect("an id")));
                    });
                }
            }
        }
        let differs = days.iter().any(|day| !list(day, "missing_here").is_empty());
        if differs {
            said.says(format!(
                "--source {} --month {} --repair",
                words(month, "source"),
                words(month, "month")
            ));
        }
    }
    said.and_no_other_number();
}

#[test]
fn verify_of_a_database_and_of_a_bag_agrees_with_its_document() {
    let world = synced();
    let bag = world.file().with_file_name("bag").display().to_string();
    assert_eq!(world.run(&format!("export {RANGE} --source acme --out {bag}")).status, 0);
    let (document, mut said) = both(&world, &format!("verify --bag {bag}"), 0);
    let facts = &document["bag"];
    for source in list(facts, "sources") {
        said.says(format!(
            "{} {}..{}: {}",
            words(source, "source"),
            words(facts, "from"),
            words(facts, "to"),
            counted(number(source, "complete"), "complete day")
        ));
    }
    said.says(format!("{}, which this bag", counted(number(facts, "other_days"), "other day")));
    assert_verified(&document, &mut said);

    world.sql(
        "DELETE FROM audit_events WHERE source = 'acme' AND process_date < '2024-09-28';
         UPDATE audit_events_log SET events_count = 99
         WHERE source = 'apps' AND process_date = '2024-09-28'",
    );
    let anchor = &document["head"];
    let anchor = format!("{}:{}", anchor["seq"], words(anchor, "seal"));
    let (document, mut said) = both(&world, &format!("verify --anchor {anchor}"), 1);
    assert!(list(&document, "problems").len() > 2, "{document:#}");
    assert_verified(&document, &mut said);
}

fn assert_verified(document: &Value, said: &mut Said) {
    let problems = list(document, "problems");
    let checked = format!(
        "{}, {}, {}",
        counted(number(document, "days_checked"), "day"),
        counted(number(document, "events_checked"), "event"),
        counted(number(document, "seals_checked"), "seal")
    );
    match problems.len() as u64 {
        0 => said.says(format!("OK  {checked}: ")),
        found => said.says(format!("FAILED  {} in {checked}", counted(found, "problem"))),
    };
    let (of_days, of_chain): (Vec<Value>, Vec<Value>) =
        problems.iter().cloned().partition(|problem| !problem["date"].is_null());
    for run in runs(&of_days, &["source", "problem", "detail"]) {
        let [source, problem, detail] =
            ["source", "problem", "detail"].map(|key| words(run[0], key));
        said.says(format!("{problem:<13} {source} {}: {detail}", dates(&run)));
    }
    for problem in &of_chain {
        said.says(words(problem, "detail"));
    }
    let mut compared = 0;
    for anchor in list(document, "anchors") {
        compared += number(anchor, "count");
        said.says(format!(
            "Compared with {} from {}, up to seal {}",
            counted(number(anchor, "count"), &words(anchor, "kind")),
            words(anchor, "recorded_in"),
            anchor["seq"]
        ));
    }
    assert_eq!(number(document, "anchors_compared"), compared, "{document:#}");
    said.and_no_other_number();
}

#[test]
fn exports_and_a_report_agree_with_their_documents() {
    let world = synced();
    let beside = |name: &str| world.file().with_file_name(name).display().to_string();
    let (view, bag, page) = (beside("view.csv"), beside("bag"), beside("page.html"));
    let wider = "--from 2024-09-20 --to 2024-09-30";
    let (document, mut said) = both(&world, &format!("export {wider} --out {view}"), 1);
    said.says(format!(
        "Exported {} of {} to {view}: {}.",
        counted(number(&document, "events_exported"), "event"),
        counted(number(&document, "days_exported"), "complete day"),
        counted(number(&document, "bytes_written"), "byte")
    ));
    said.says(format!("{} are not complete", counted(number(&document, "days_incomplete"), "day")));
    assert_gaps(&document, &mut said);
    said.and_no_other_number();

    let (document, mut said) = both(&world, &format!("export --after 3 --out {view}.ndjson"), 0);
    said.says(format!(
        "Exported {} of {} to {view}.ndjson: {}.",
        counted(number(&document, "events_exported"), "event"),
        counted(number(&document, "seals_exported"), "seal"),
        counted(number(&document, "bytes_written"), "byte")
    ));
    said.says(format!("--after {}", document["last_seq"])).and_no_other_number();

    let finished = world.run(&format!("export {wider} --out {bag}-1 --output json"));
    let text = world.run(&format!("export {wider} --out {bag}-2"));
    let (document, mut said) = compared(&finished, &text, 1);
    let sources: Vec<&str> =
        list(&document, "source_names").iter().filter_map(Value::as_str).collect();
    said.says(format!(
        "Wrote the folder {bag}-2: {} of {}, {}",
        counted(number(&document, "days_exported"), "complete day"),
        sources.join(", "),
        counted(number(&document, "events_exported"), "event")
    ));
    let missing: i64 = list(&document, "gaps").iter().map(days_of).sum();
    said.says(format!(
        "{missing} days of {}..{}",
        words(&document, "from"),
        words(&document, "to")
    ));
    said.has_line("SHA-256 of tagmanifest").has_line("To check it").and_no_other_number();

    let (document, mut said) = both(&world, &format!("report {wider} --out {page}"), 0);
    said.says(format!(
        "{}  {}",
        words(&document, "verdict").to_uppercase(),
        words(&document, "summary")
    ));
    said.says(words(&document, "command"));
    said.says(format!("{}..{}", words(&document, "from"), words(&document, "to"))).says(&page);
    said.and_no_other_number();
}

fn days_of(gap: &Value) -> i64 {
    let [from, to] = ["from", "to"].map(|key| crate::support::date(&words(gap, key)));
    (to - from).num_days() + 1
}

fn assert_gaps(document: &Value, said: &mut Said) {
    let gaps = list(document, "gaps");
    for gap in gaps {
        let [source, from, to] = ["source", "from", "to"].map(|key| words(gap, key));
        let dates = if from == to { from } else { format!("{from}..{to}") };
        said.says(format!("  {source} {dates}\n"));
    }
    let days: i64 = gaps.iter().map(days_of).sum();
    assert_eq!(document["days_incomplete"], days, "{document:#}");
}

#[test]
fn history_and_events_agree_with_their_documents() {
    let world = synced();
    assert_eq!(world.run("reset --source acme --by ada 2024-09-26 2024-09-27").status, 0);
    let (document, mut said) = both(&world, "history --all", 0);
    for run in runs(list(&document, "entries"), &["run_id", "source", "action", "outcome", "by"]) {
        let figure = |key: &str| {
            if run[0][key].is_null() {
                "-".to_owned()
            } else {
                sum(run.iter().copied(), key).to_string()
            }
        };
        let first = run.iter().map(|entry| words(entry, "at")).min().expect("an entry");
        said.row(&[
            first[..19].replace('T', " "),
            words(run[0], "source"),
            dates(&run),
            run[0]["attempt"].to_string(),
            words(run[0], "action"),
            words(run[0], "outcome"),
            figure("events"),
            figure("new_events"),
        ]);
    }
    said.and_no_other_number();

    let (document, mut said) = both(&world, "events --source acme --limit 7", 0);
    let matches = list(&document, "matches");
    assert_eq!((matches.len(), &document["more"]), (7, &Value::Bool(true)), "{document:#}");
    for event in matches {
        let cell = |keys: &[&str]| {
            let found = keys.iter().find_map(|key| event[*key].as_str());
            found.unwrap_or("-").to_owned()
        };
        said.row(&[
            words(event, "created_at")[..19].replace('T', " "),
            words(event, "source"),
            cell(&["type"]),
            cell(&["action"]),
            cell(&["actor_email", "actor_id"]),
            cell(&["app_name", "app_id"]),
            cell(&["team_name", "team_id"]),
            cell(&["ip_address"]),
        ]);
    }
    said.and_no_other_number();
}

#[test]
fn an_error_and_a_first_file_agree_with_their_documents() {
    let world = World::new(THREE_VIEWS);
    for arguments in ["sync --date 2024-13-01", "status --days 40000", "status --source nobody"] {
        let document = world.run(&format!("{arguments} --output json"));
        let text = world.run(arguments);
        let error = words(&document.json(), "error");
        let mut said = Said::of(&text.stderr);
        said.says(error.trim_end()).and_no_other_number();
        assert_eq!(document.json()["exit_status"], text.status, "{arguments}");
    }
    let first = |name: &str| {
        let path = world.file().with_file_name(name).display().to_string();
        format!("--config {path} init --yes --base-url {}", world.heroku.url())
    };
    let document = world.run(&format!("{} --output json", first("one.toml")));
    let text = world.run(&first("two.toml"));
    let (document, mut said) = compared(&document, &text, 0);
    let path = words(&document, "path").replace("one.toml", "two.toml");
    let sources = counted(list(&document, "sources").len() as u64, "source");
    said.says(format!("Wrote {path} with {sources}"));
    said.says(words(&document, "command").replace("one.toml", "two.toml")).and_no_other_number();
}
