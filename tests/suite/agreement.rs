//! The text and the document of each command say the same, number by number: the document accounts
//! for each number of the text, and each of its own numbers that people read is in the text.
//! `coverage` does the same for `status`.

mod said;

use serde_json::Value;

use crate::support::{Finished, THREE_ACCOUNTS_AND_A_TEAM, THREE_VIEWS, World, python_logger};
use said::{Said, counted, dates, list, number, runs, sized, sum, words};

/// The document and the text of a command that changes nothing, with this exit status.
fn both(world: &World, arguments: &str, status: i32) -> (Value, Said) {
    let document = world.run(&format!("{arguments} --output json"));
    compared(&document, &world.run(arguments), status)
}

/// The document and the text of a command that changes something, from equal worlds.
fn twice(worlds: &[World; 2], arguments: &str, status: i32) -> (Value, Said) {
    let document = worlds[0].run(&format!("{arguments} --output json"));
    compared(&document, &worlds[1].run(arguments), status)
}

fn compared(document: &Finished, text: &Finished, status: i32) -> (Value, Said) {
    assert_eq!([document.status, text.status], [status; 2], "{document:#?}\n{text:#?}");
    (document.json(), Said::of(&text.stdout))
}

/// Two equal worlds; one source has no token.
fn twins() -> [World; 2] {
    [(); 2].map(|()| {
        let mut world = World::busy(THREE_ACCOUNTS_AND_A_TEAM);
        world.unset("INITECH_TOKEN");
        world
    })
}

const RANGE: &str = "--from 2024-09-26 --to 2024-09-29";

/// A world whose days of [`RANGE`] were synced.
fn synced() -> World {
    let world = World::busy(THREE_VIEWS);
    assert_eq!(world.run(&format!("backfill {RANGE}")).status, 0);
    world
}

fn assert_run(document: &Value, said: &mut Said) {
    for run in runs(list(document, "days"), &["source", "outcome", "error"]) {
        let figure = |key: &str| sum(run.iter().copied(), key).to_string();
        said.row(&[
            words(run[0], "source"),
            dates(&run),
            words(run[0], "outcome"),
            figure("events"),
            figure("new_events"),
            figure("late_events"),
            figure("requests"),
            "TIME".to_owned(),
        ]);
    }
    let totals = &document["totals"];
    for (key, what) in [
        ("already_synced", "already synced"),
        ("failed", "failed"),
        ("locked_elsewhere", "being synced by another process"),
    ] {
        if number(totals, key) > 0 {
            said.says(format!("{} {what}", totals[key]));
        }
    }
    let (key, what) = match document["dry_run"] == true {
        true => ("would_sync", "would be synced"),
        false => ("synced", "synced"),
    };
    said.says(format!("{} {what}", counted(number(totals, key), "day")));
    said.says(format!(
        "{}, {} new",
        counted(number(totals, "events"), "event"),
        totals["new_events"]
    ));
}

#[test]
fn a_run_and_a_dry_run_agree_with_their_documents() {
    let worlds = twins();
    for (arguments, status) in [
        (format!("--dry-run {RANGE}"), 1),
        ("sync --from 2024-09-28 --to 2024-09-29".to_owned(), 1),
        // Two days are complete now.
        (format!("--dry-run {RANGE}"), 1),
        (format!("backfill {RANGE}"), 1),
    ] {
        let arguments = arguments.replace("--dry-run --from", "sync --dry-run --from");
        let (document, mut said) = twice(&worlds, &arguments, status);
        assert!(number(&document["totals"], "events") > 0, "{document:#}");
        assert_run(&document, &mut said);
        // The days without a token are one run, and have one reason.
        let failed: Vec<&Value> =
            list(&document, "days").iter().filter(|day| day["outcome"] == "failed").collect();
        let days = match failed.len() {
            1 => String::new(),
            days => format!(" ({days} days)"),
        };
        said.says(format!("initech {}{days}: {}", dates(&failed), words(failed[0], "error")));
        if document["dry_run"] == false {
            // What to do, which the document says in each day's error.
            said.says(range_of(&failed)).says("the last 7 days");
        }
        said.and_no_other_number();
    }
}

/// The options that name these days.
fn range_of(days: &[&Value]) -> String {
    let [from, to] = [days[0], days[days.len() - 1]].map(|day| words(day, "date"));
    format!("--from {from} --to {to} --source initech")
}

#[test]
fn a_backfill_from_archives_and_its_plan_agree_with_their_documents() {
    let worlds = [(); 2].map(|()| World::busy(THREE_VIEWS));
    let archive = "backfill --via archive --from 2024-09-27 --to 2024-09-30";
    let (plan, mut said) = both(&worlds[0], &format!("{archive} --plan"), 0);
    assert_plan(&plan, &mut said);
    let (document, mut said) = twice(&worlds, archive, 0);
    assert_run(&document, &mut said);
    let archives = list(&document, "archives");
    let size = sized(sum(archives, "bytes"));
    said.says(format!("{}, {size}.", counted(archives.len() as u64, "archive")));
    said.and_no_other_number();
    let (plan, mut said) = both(&worlds[0], "backfill --from 2024-09-01 --to 2024-09-26 --plan", 0);
    assert_plan(&plan, &mut said);
}

fn assert_plan(plan: &Value, said: &mut Said) {
    let size = |of: &Value| of["bytes"].as_u64().map_or_else(|| "-".to_owned(), sized);
    let time = |of: &Value| {
        humantime::format_duration(std::time::Duration::from_secs(number(of, "seconds")))
            .to_string()
    };
    let by_archive = !plan["archive_months"].is_null();
    for source in list(plan, "per_source") {
        let mut cells = vec![words(source, "source"), source["due_days"].to_string()];
        if by_archive {
            cells.push(source["archive_months"].to_string());
            cells.push(size(source));
        }
        cells.extend([source["requests"].to_string(), time(source)]);
        said.row(&cells);
    }
    said.says(counted(number(plan, "due_days"), "day"));
    if by_archive {
        said.says(counted(number(plan, "archive_months"), "archive"));
        if !plan["bytes"].is_null() {
            said.says(format!(" of {} to download", size(plan)));
        }
    }
    let at_least = if plan["requests_at_least"] == true { "at least " } else { "" };
    let requests = counted(number(plan, "requests"), "request");
    said.says(format!("{at_least}{requests}, which take {}", time(plan)));
    said.and_no_other_number();
}

#[test]
fn reset_and_cleanup_agree_with_their_documents() {
    let worlds = [synced(), synced()];
    let (document, mut said) = twice(
        &worlds,
        "reset --source acme --source apps --by ada 2024-09-26 2024-09-27 2024-09-29 2024-09-01",
        1,
    );
    for run in runs(list(&document, "days"), &["source", "outcome"]) {
        said.says(format!("{} {}", words(run[0], "source"), dates(&run)));
        match run.len() {
            1 => said.says(words(run[0], "message")),
            // Each message names its own attempt, which these days have in common.
            days => {
                let message = words(run[0], "message").replace("reads it", "reads them");
                said.says(format!("({days} days): {message}"))
            }
        };
    }
    said.and_no_other_number();
    for world in &worlds {
        world.sql(
            "UPDATE audit_events_log
             SET status = 'PROCESSING', attempt = 3, locked_by = 'run.1',
                 locked_until = '2024-10-01'
             WHERE source = 'team-a'",
        );
    }
    let (document, mut said) = twice(&worlds, "cleanup --by ada", 0);
    let days = list(&document, "days");
    for run in runs(days, &["source", "attempt", "message"]) {
        said.says(format!(
            "{} {} ({} days): {}",
            words(run[0], "source"),
            dates(&run),
            run.len(),
            words(run[0], "message")
        ));
    }
    said.says(format!("{} marked ERROR", counted(days.len() as u64, "stale day")));
    said.and_no_other_number();
}

#[test]
fn migrate_agrees_with_its_document() {
    let world = World::new(
        "[[source]]
name = \"acme\"
account = \"acme\"
",
    );
    world.sql(python_logger::TABLE);
    world.sql(
        "INSERT INTO audit_events_log (process_date, status, events_count)
         SELECT '2024-09-01'::date + n,
                CASE WHEN n < 11 THEN 'SUCCESS' WHEN n < 14 THEN 'PENDING' ELSE 'ERROR' END, n
         FROM generate_series(0, 15) AS n;
         INSERT INTO audit_events_log (process_date, status) VALUES ('2016-12-31', 'SUCCESS')",
    );
    let (document, mut said) = both(&world, "migrate --dry-run", 0);
    let adoption = &document["adoption"];
    said.says(format!(
        "{} of {}",
        counted(number(adoption, "days_adopted"), "day"),
        words(adoption, "source")
    ));
    for (key, status) in [
        ("days_due", "due"),
        ("days_error", "ERROR"),
        ("days_unproven", "SUCCESS"),
        ("rows_ignored", "ignored"),
    ] {
        assert!(number(adoption, key) > 0, "{key} in {document:#}");
        said.says(format!("{} {status}", adoption[key]));
    }
    said.says(format!("{}..{}", words(adoption, "unproven_from"), words(adoption, "unproven_to")));
    // Where the trail begins is no figure of this database.
    said.says("2017-01-01");
    list(&document, "migrations").iter().for_each(|name| {
        said.says(name.as_str().expect("a name"));
    });
    said.and_no_other_number();

    assert_eq!(world.run("migrate").status, 0);
    let (document, mut said) = both(&world, "migrate --reread --dry-run", 0);
    let reread = &document["reread"];
    said.says(format!(
        "{} of {} due: {}..{}",
        counted(number(reread, "days_due"), "adopted day"),
        words(reread, "source"),
        words(reread, "from"),
        words(reread, "to")
    ));
    said.and_no_other_number();
}

#[test]
fn check_agrees_with_its_document() {
    // The quota falls with each run: equal worlds have the same one.
    let (document, mut said) = twice(&twins(), "check", 1);
    let checks = list(&document, "checks");
    for check in checks {
        let advice = check["advice"].as_str().map(|advice| format!(". {advice}"));
        said.says(format!(
            " {} {}: {}{}",
            words(check, "check"),
            words(check, "subject"),
            words(check, "detail"),
            advice.unwrap_or_default()
        ));
    }
    let failed = checks.iter().filter(|check| check["ok"] == false).count() as u64;
    said.says(format!("{} failed", counted(failed, "check"))).and_no_other_number();
}

#[test]
fn reconcile_agrees_with_its_document() {
    let world = synced();
    world.sql(
        "DELETE FROM audit_events WHERE source = 'team-a' AND process_date = '2024-09-28';
         UPDATE audit_events SET event = (event::jsonb || '{\"action\": \"other\"}')::json
         WHERE source = 'acme' AND process_date = '2024-09-27';
         INSERT INTO audit_events (source, process_date, event_id, event, first_seen_at, attempt)
         SELECT source, '2024-09-26', 'more-' || n, event, first_seen_at, attempt
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
        "Wrote {bag}-2: {} of {}, {}",
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
        let figure = |key: &str| match run[0][key].is_null() {
            true => "-".to_owned(),
            false => sum(run.iter().copied(), key).to_string(),
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
