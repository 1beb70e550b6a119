//! What commands do: runs, plans, resets, migrations, checks.

use serde_json::Value;

use super::said::{Said, counted, dates, list, number, runs, sized, sum, words};
use super::{RANGE, both, synced, twice, twins};
use crate::support::{THREE_VIEWS, World, python_logger};

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
    let (key, what) = if document["dry_run"] == true {
        ("would_sync", "would be synced")
    } else {
        ("synced", "synced")
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
    for name in list(&document, "migrations") {
        said.says(name.as_str().expect("a name"));
    }
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
