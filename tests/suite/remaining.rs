//! Days that a run did not finish: it names the command that reads them, and says correctly whether
//! the next run does.

use fake_heroku::{Fault, Match, Month};
use serde_json::Value;

use crate::support::{ACME, Finished, THREE_VIEWS, World, date, day, wait_for, yesterday};

fn ago(days: u64) -> String {
    (yesterday() - chrono::Days::new(days - 1)).to_string()
}

/// A world that reads one day at a time.
fn one_at_a_time(sources: &str) -> World {
    World::busy(&format!("[sync]\nconcurrency = 1\n{sources}"))
}

/// Runs the command, and ends it by a signal once it requests that day.
fn interrupt_at(world: &World, command: &str, at: &str) -> Finished {
    let hold = world.heroku.hold(Match::events("acme").day(date(at)));
    let run = world.spawn(command);
    wait_for("the day to be read", || hold.waiting() > 0);
    run.signal("TERM");
    let finished = run.wait();
    assert_eq!(finished.status, 143, "{finished:#?}");
    hold.release();
    finished
}

fn error(report: &Value, source: &str, date: &str) -> String {
    day(report, source, date)["error"].as_str().unwrap_or_default().to_owned()
}

/// The unfinished days of a report.
fn unfinished(report: &Value) -> Vec<&Value> {
    let days = report["days"].as_array().expect("days").iter();
    days.filter(|day| {
        ["interrupted", "failed", "lost_lock"].iter().any(|outcome| day["outcome"] == *outcome)
    })
    .collect()
}

/// Checks that the next run reads exactly those of these days that the report announces.
fn assert_the_next_run_does_as_told(world: &World, report: &Value) {
    let next = world.sync("", 0);
    for day in unfinished(report) {
        let error = day["error"].as_str().expect("an error");
        let expected = match (
            error.contains("the next run also reads it"),
            error.contains("the next run does not read it"),
        ) {
            (true, false) => true,
            (false, true) => false,
            _ => panic!("it says nothing, or both: {error}"),
        };
        let reads = next["days"].as_array().expect("days").iter().any(|other| {
            (&other["source"], &other["date"], &other["outcome"])
                == (&day["source"], &day["date"], &"synced".into())
        });
        assert_eq!(reads, expected, "{day:#}\n{next:#}");
    }
}

/// Runs the command in a text, which must complete all days of the ledger.
fn run_what_it_says(world: &World, text: &str) {
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  `auditsync ")?.strip_suffix('`'))
        .collect();
    assert!(!commands.is_empty(), "{text}");
    for command in commands {
        let finished = world.run(command);
        assert_eq!(finished.status, 0, "{command}: {finished:#?}");
    }
    assert_eq!(world.sql("SELECT DISTINCT status FROM audit_events_log"), "SUCCESS");
}

#[test]
fn an_interrupted_backfill_names_the_command_for_the_remaining_days() {
    let world = one_at_a_time(ACME);
    let text =
        interrupt_at(&world, "backfill --from 2023-03-01 --to 2023-03-09", "2023-03-04").stdout;
    assert!(text.contains("  `auditsync backfill --from 2023-03-04 --to 2023-03-09`\n"), "{text}");
    assert!(
        text.contains("The next `auditsync` reads only these of them:\n  acme 2023-03-04\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "acme 2023-03-05..2023-03-09 (5 days): not begun, because a signal ended the run"
        ),
        "{text}"
    );
    run_what_it_says(&world, &text);
    assert_eq!(world.sql("SELECT count(*), max(attempt) FROM audit_events_log"), "9|2");
}

#[test]
fn the_document_names_the_command_for_each_day() {
    let world = one_at_a_time(ACME);
    let report = interrupt_at(
        &world,
        "backfill --from 2023-03-01 --to 2023-03-05 --output json",
        "2023-03-03",
    )
    .json();
    assert_eq!(unfinished(&report).len(), 3);
    assert_eq!(
        error(&report, "acme", "2023-03-05"),
        "not begun, because a signal ended the run. `auditsync backfill --from 2023-03-05 --to \
         2023-03-05 --source acme` \
         reads it; the next run does not read it"
    );
    assert!(
        error(&report, "acme", "2023-03-03").ends_with("the next run also reads it"),
        "{report:#}"
    );
    assert_the_next_run_does_as_told(&world, &report);
}

#[test]
fn an_interrupted_backfill_from_archives_names_that_route() {
    let world = one_at_a_time(ACME);
    for month in [3, 4] {
        world.heroku.make_archive("acme", Month { year: 2023, month });
    }
    let hold = world.heroku.hold(Match::path("/enterprise-accounts/acme/archives/2023/04"));
    let run = world.spawn("backfill --from 2023-03-30 --to 2023-04-02 --via archive");
    wait_for("the second month", || hold.waiting() > 0);
    run.signal("INT");
    let finished = run.wait();
    assert_eq!(finished.status, 130, "{finished:#?}");
    hold.release();
    let text = &finished.stdout;
    assert!(
        text.contains("  `auditsync backfill --from 2023-04-01 --to 2023-04-02 --via archive`\n"),
        "{text}"
    );
    assert!(text.contains("The next `auditsync` does not read them."), "{text}");
    run_what_it_says(&world, text);
}

#[test]
fn an_interrupted_sync_says_until_when_the_next_run_reads_its_days() {
    let world = one_at_a_time(ACME);
    world.sync(&format!("--date {}", ago(5)), 0);
    let range = format!("--from {} --to {}", ago(4), ago(2));
    let text = interrupt_at(&world, &format!("sync {range}"), &ago(4)).stdout;
    assert!(text.contains(&format!("  `auditsync {range}`\n")), "{text}");
    let until = yesterday() + chrono::Days::new(7) - chrono::Days::new(2);
    assert!(text.contains(&format!("also reads them, if it starts by {until} (UTC).")), "{text}");
    let report = interrupt_at(&world, &format!("sync --output json {range}"), &ago(3)).json();
    assert_the_next_run_does_as_told(&world, &report);
}

#[test]
fn named_days_at_both_edges_of_the_window_are_distinguished() {
    let world = one_at_a_time(ACME);
    world.sync(&format!("--date {}", ago(12)), 0);
    let command = format!("sync --from {} --to {} --output json", ago(9), ago(6));
    let report = interrupt_at(&world, &command, &ago(9)).json();
    let not = |days| error(&report, "acme", &ago(days)).contains("the next run does not read it");
    assert_eq!([9, 8, 7, 6].map(not), [false, true, false, false], "{report:#}");
    assert_the_next_run_does_as_told(&world, &report);
}

#[test]
fn days_far_apart_get_a_command_each_and_nothing_between_them() {
    let world = one_at_a_time(ACME);
    world.sync("--date 2023-03-01", 0);
    world.sync(&format!("--from {} --to {}", ago(7), ago(2)), 0);
    assert_eq!(world.run("reset --source acme 2023-03-01").status, 0);
    let text = interrupt_at(&world, "", "2023-03-01").stdout;
    assert!(
        text.contains(&format!(
            "  `auditsync --date 2023-03-01`\n  `auditsync --date {}`\n",
            ago(1)
        )),
        "{text}"
    );
    run_what_it_says(&world, &text);
    assert_eq!(world.sql("SELECT count(*) FROM audit_events_log"), "8");
}

#[test]
fn a_failed_day_is_due_again_only_within_the_window() {
    let world = one_at_a_time(ACME);
    for day in ["2023-03-02", &ago(2)] {
        world.heroku.fault(
            Match::events("acme").day(date(day)).always(),
            Fault::status(403, "forbidden", "No."),
        );
    }
    let old = world.run("backfill --from 2023-03-01 --to 2023-03-03");
    assert_eq!(old.status, 1, "{old:#?}");
    assert!(
        old.stdout.contains("  `auditsync backfill --from 2023-03-02 --to 2023-03-02`\n"),
        "{old:#?}"
    );
    assert!(old.stdout.contains("The next `auditsync` does not read it."), "{old:#?}");
    assert!(!old.stdout.contains("due again"), "{old:#?}");
    let recent = world.run("");
    assert_eq!(recent.status, 1, "{recent:#?}");
    let until = yesterday() + chrono::Days::new(7) - chrono::Days::new(1);
    let expected = format!(
        "  `auditsync --date {}`\nThe next `auditsync` also reads it, if it starts by \
         {until} (UTC).",
        ago(2)
    );
    assert!(recent.stdout.contains(&expected), "{recent:#?}");
    let named = world.run("--date 2023-03-02").stdout;
    assert!(
        named.contains("  `auditsync --date 2023-03-02`\nThe next `auditsync` does not read it."),
        "{named}"
    );
    world.heroku.clear_faults();
    assert_eq!(day(&world.sync("", 0), "acme", &ago(2))["outcome"], "synced");
    assert_eq!(
        world.sql("SELECT status FROM audit_events_log WHERE process_date = '2023-03-02'"),
        "FAILED"
    );
    run_what_it_says(&world, &old.stdout);
}

#[test]
fn the_command_names_sources_unless_all_of_them_remain() {
    let world = one_at_a_time(THREE_VIEWS);
    let range = "--from 2023-03-01 --to 2023-03-04";
    let text = interrupt_at(&world, &format!("backfill {range}"), "2023-03-02").stdout;
    assert!(text.contains("  `auditsync backfill --from 2023-03-02 --to 2023-03-04`\n"), "{text}");
    let world = one_at_a_time(THREE_VIEWS);
    let two = "--source acme --source team-a";
    let text = interrupt_at(&world, &format!("backfill {range} {two}"), "2023-03-02").stdout;
    assert!(
        text.contains(&format!("  `auditsync backfill --from 2023-03-02 --to 2023-03-04 {two}`\n")),
        "{text}"
    );
    run_what_it_says(&world, &text);
    assert_eq!(world.sql("SELECT count(DISTINCT source) FROM audit_events_log"), "2");
}

#[test]
fn the_next_run_reads_nothing_of_a_disabled_source() {
    let world = one_at_a_time(&format!(
        "{ACME}enabled = false\n{}",
        ACME.replace("name = \"acme\"", "name = \"other\"\nfilter = { type = \"app\" }")
    ));
    world.sync("", 0);
    let command = format!("sync --source acme --from {} --to {} --output json", ago(3), ago(2));
    let report = interrupt_at(&world, &command, &ago(3)).json();
    assert_eq!(unfinished(&report).len(), 2);
    assert_the_next_run_does_as_told(&world, &report);
}

#[test]
fn an_interrupted_first_run_says_what_it_leaves_behind() {
    let world = one_at_a_time(ACME);
    let hold = world.heroku.hold(Match::events("acme").day(date(&ago(4))));
    let run = world.spawn(&format!("sync --from {} --to {} --output json", ago(4), ago(2)));
    wait_for("the first day", || hold.waiting() > 0);
    run.signal("TERM");
    let report = run.wait().json();
    hold.release();
    assert_the_next_run_does_as_told(&world, &report);
}

#[test]
fn a_run_that_finished_everything_names_no_command() {
    let world = one_at_a_time(ACME);
    let text = world.run("backfill --from 2023-03-01 --to 2023-03-02").stdout;
    assert!(!text.contains("`auditsync") && !text.contains("by itself"), "{text}");
}
