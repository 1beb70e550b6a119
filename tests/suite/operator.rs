//! Manual commands: `status`, `reset`, `cleanup`, `migrate`.

use fake_heroku::Match;
use serde_json::Value;

use crate::support::{ACME, DAY, THREE_ACCOUNTS_AND_A_TEAM, World, day, schemas, truth, wait_for};

#[test]
fn reset_makes_a_day_due_again_however_old_and_keeps_its_events() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--date 2024-09-28", 0);
    let reset = world.run("reset --source team-a 2024-09-28 --reason drill --by ada");
    assert_eq!(reset.status, 0, "{reset:#?}");
    assert_eq!(
        reset.stdout,
        "team-a 2024-09-28: due again (was SUCCESS); the next `auditsync` reads it\n"
    );
    assert_eq!(world.stored("team-a", DAY).len(), 45);
    let history = world.sql(
        "SELECT action, outcome, attempt, message, by FROM audit_history WHERE action = 'reset'",
    );
    assert_eq!(history, "reset|pending|1|was SUCCESS: drill|ada");

    let report = world.sync("", 0);
    assert_eq!(day(&report, "team-a", DAY)["outcome"], "synced");
    assert_eq!(day(&report, "team-a", DAY)["attempt"], 2);
}

#[test]
fn reset_of_a_day_without_a_row_reports_it_and_writes_nothing() {
    let world = World::new(ACME);
    let empty = world.dump();
    let reset = world.run("reset --source acme 2024-09-28");
    assert_eq!(reset.status, 1, "{reset:#?}");
    let command = "`auditsync backfill --from 2024-09-28 --to 2024-09-28 --source acme` reads it";
    assert!(
        reset.stdout.contains("no row in the ledger") && reset.stdout.contains(command),
        "{reset:#?}"
    );
    assert_eq!(world.dump(), empty, "an empty database stays empty");

    world.sync("--date 2024-09-28", 0);
    let before = world.dump();
    let reset = world.run("reset --source acme 2024-09-27 --output json");
    assert_eq!((reset.status, &reset.json()["days"][0]["outcome"]), (1, &"no_row".into()));
    let message = reset.json()["days"][0]["message"].as_str().expect("a message").to_owned();
    assert!(
        message.contains("`auditsync backfill --from 2024-09-27 --to 2024-09-27 --source acme`"),
        "{message}"
    );
    assert_eq!(world.dump(), before);
}

#[test]
fn reset_accepts_days_and_inclusive_ranges_and_lists_each_day() {
    let world = World::busy(ACME);
    world.sync("--from 2024-09-20 --to 2024-09-25", 0);
    let reset = world.run(
        "reset --source acme 2024-09-25 2024-09-18..2024-09-22 \
            2024-09-21..2024-09-22 --reason drill",
    );
    assert_eq!(reset.status, 1, "some days have no row: {reset:#?}");
    assert_eq!(
        reset.stdout,
        "acme 2024-09-18..2024-09-19 (2 days): not reset, because they have no row in the ledger. \
         `auditsync backfill --from 2024-09-18 --to 2024-09-19 --source acme` reads them\n\
         acme 2024-09-20..2024-09-22 (3 days): due again (was SUCCESS); the next `auditsync` \
         reads them\n\
         acme 2024-09-25: due again (was SUCCESS); the next `auditsync` reads it\n"
    );
    let rows =
        "SELECT status, string_agg(extract(day FROM process_date)::text, ' ' ORDER BY process_date)
                FROM audit_events_log GROUP BY status ORDER BY status";
    assert_eq!(world.sql(rows), "PENDING|20 21 22 25\nSUCCESS|23 24");
    assert_eq!(
        world.sql("SELECT count(*), min(message) FROM audit_history WHERE action = 'reset'"),
        "4|was SUCCESS: drill"
    );

    let reset = world.run("reset --source acme 2024-09-18..2024-09-20 --output json").json();
    let days = reset["days"].as_array().expect("days").iter();
    let days: Vec<_> =
        days.map(|day| format!("{} {}", day["date"], day["outcome"]).replace('"', "")).collect();
    assert_eq!(days, ["2024-09-18 no_row", "2024-09-19 no_row", "2024-09-20 already_due"]);
}

#[test]
fn reset_takes_several_sources_and_resets_the_days_that_have_a_row() {
    let world = World::busy(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--source acme --from 2024-09-20 --to 2024-09-21", 0);
    world.sync("--source globex --date 2024-09-21", 0);
    let reset = world.run(
        "reset --source globex --source acme --source globex 2024-09-20..2024-09-21 \
            --output json",
    );
    assert_eq!(reset.status, 1, "one day has no row: {reset:#?}");
    let reset = reset.json();
    let days: Vec<_> = reset["days"]
        .as_array()
        .expect("days")
        .iter()
        .map(|day| format!("{} {} {}", day["source"], day["date"], day["outcome"]).replace('"', ""))
        .collect();
    assert_eq!(
        days,
        [
            "globex 2024-09-20 no_row",
            "globex 2024-09-21 reset",
            "acme 2024-09-20 reset",
            "acme 2024-09-21 reset"
        ]
    );
    let rows = "SELECT source, string_agg(status, ' ') FROM audit_events_log GROUP BY source \
        ORDER BY source";
    assert_eq!(world.sql(rows), "acme|PENDING PENDING\nglobex|PENDING");
    let unknown = world.run("reset --source acme --source acmee 2024-09-20");
    assert_eq!(unknown.status, 2, "{unknown:#?}");
}

#[test]
fn the_actor_is_by_else_the_variable_else_the_user_else_the_dyno() {
    let mut world = World::busy(ACME);
    world.sync("--date 2024-09-20", 0);
    let actors = "SELECT by FROM audit_history WHERE action IN ('reset', 'cleanup') ORDER BY id";
    world.set("AUDITSYNC_BY", "nightly job");
    world.set("USER", "ada");
    world.set("DYNO", "run.1");
    assert_eq!(world.run("reset --source acme 2024-09-20 --by grace").status, 0);
    for (variable, actor) in [("AUDITSYNC_BY", "nightly job"), ("USER", "ada"), ("DYNO", "run.1")] {
        world.sync("--source acme", 0);
        assert_eq!(world.run("reset --source acme 2024-09-20").status, 0);
        assert_eq!(world.sql(actors).lines().last(), Some(actor));
        world.unset(variable);
    }
    assert_eq!(world.sql(actors).lines().next(), Some("grace"));
    world.sync("--source acme", 0);
    let before = world.dump();
    for command in ["reset --source acme 2024-09-20", "cleanup"] {
        let nameless = world.run(command);
        assert_eq!(nameless.status, 2, "{nameless:#?}");
        assert!(nameless.stderr.contains("Give --by NAME, or set AUDITSYNC_BY"), "{nameless:#?}");
    }
    assert_eq!(world.dump(), before);
}

#[test]
fn reset_names_each_gap_and_the_command_it_names_reads_those_days() {
    let world = World::busy(ACME);
    world.sync("--from 2024-09-22 --to 2024-09-24", 0);
    let reset = world.run("reset --source acme 2024-09-20..2024-09-26");
    let gaps: Vec<&str> =
        reset.stdout.split('`').filter(|part| part.starts_with("auditsync backfill")).collect();
    let gap = |from, to| {
        format!("auditsync backfill --from 2024-09-{from} --to 2024-09-{to} --source acme")
    };
    assert_eq!(gaps, [gap(20, 21), gap(25, 26)]);
    for command in gaps {
        assert_eq!(world.run(command.trim_start_matches("auditsync ")).status, 0, "{command}");
    }
    assert_eq!(world.run("reset --source acme 2024-09-20..2024-09-26").status, 0);
}

#[test]
fn reset_of_a_disabled_source_says_which_run_reads_the_day() {
    let world = World::busy(ACME);
    world.sync("--date 2024-09-24", 0);
    world.write_config(&format!("{ACME}enabled = false\n"));
    for said in [
        "due again (was SUCCESS); `auditsync --source acme` reads it",
        "already due; `auditsync --source acme` reads it",
    ] {
        let reset = world.run("reset --source acme 2024-09-24");
        assert!(reset.status == 0 && reset.stdout.contains(said), "{reset:#?}");
    }
    assert_eq!(day(&world.sync("--source acme", 0), "acme", "2024-09-24")["outcome"], "synced");
}

#[test]
fn reset_of_impossible_days_exits_2_and_writes_nothing() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let before = world.dump();
    let yesterday = crate::support::yesterday();
    let today = yesterday + chrono::Days::new(1);
    for (dates, expected) in [
        (
            format!("2024-09-28 2024-09-25..{today}"),
            format!("The newest day is {yesterday} (yesterday)"),
        ),
        (
            "2024-09-28 2024-09-28..2024-09-25".to_owned(),
            "2024-09-28 is after 2024-09-25".to_owned(),
        ),
        (
            "2024-09-28 28.9.2024".to_owned(),
            "write a day as YYYY-MM-DD, yesterday or -7d (7 days ago), and a range as".to_owned(),
        ),
    ] {
        let reset = world.run(&format!("reset --source acme {dates}"));
        assert_eq!(reset.status, 2, "{dates}: {reset:#?}");
        assert!(reset.stderr.contains(&expected), "{dates}: {reset:#?}");
    }
    assert_eq!(world.dump(), before);
}

#[test]
fn cleanup_records_who_and_why() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.sql(
        "UPDATE audit_events_log SET status = 'PROCESSING', locked_by = NULL, locked_until = NULL",
    );
    assert_eq!(world.run("cleanup --reason drill --by ada").status, 0);
    let history = "SELECT message LIKE 'the lease of % went stale%: drill', by FROM audit_history \
        WHERE action = 'cleanup'";
    assert_eq!(world.sql(history), "t|ada");
}

#[test]
fn reset_rejects_a_syncing_day_and_force_disables_its_worker() {
    let world = World::new(ACME);
    let hold = world.heroku.hold(Match::events("acme"));
    let run = world.spawn("--date 2024-09-28 --output json");
    wait_for("the day to be at work", || hold.waiting() > 0);

    let refused = world.run("reset --source acme 2024-09-28");
    assert_eq!(refused.status, 1, "{refused:#?}");
    assert!(refused.stdout.contains(": syncing: "), "{refused:#?}");
    assert_eq!(world.sql("SELECT status FROM audit_events_log"), "PROCESSING");

    assert_eq!(world.run("reset --source acme 2024-09-28 --force").status, 0);
    let before = world.dump();
    hold.release();
    let finished = run.wait();
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "lost_lock");
    assert_eq!(world.dump(), before, "not the row, not the events, not the history");

    world.sync("", 0);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn cleanup_marks_only_days_whose_lease_ran_out() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.sync("--date 2024-09-28", 0);
    world.sql(
        "UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'gone',
         locked_until = clock_timestamp() - interval '1 ms'
         WHERE source = 'acme';
         UPDATE audit_events_log SET status = 'PROCESSING', locked_by = 'here',
         locked_until = clock_timestamp() + interval '1 h'
         WHERE source = 'globex';
         UPDATE audit_events_log SET status = 'PROCESSING', locked_by = NULL, locked_until = NULL
         WHERE source = 'initech';",
    );
    let cleanup = world.run("cleanup --output json");
    assert_eq!(cleanup.status, 0, "{cleanup:#?}");
    let cleaned = cleanup.json()["days"].as_array().expect("days").len();
    assert_eq!(cleaned, 2);
    let rows = "SELECT source, status, locked_by IS NULL FROM audit_events_log ORDER BY source";
    assert_eq!(
        world.sql(rows),
        "acme|ERROR|t\nglobex|PROCESSING|f\ninitech|ERROR|t\nteam-a|SUCCESS|t"
    );
    let history = "SELECT source, attempt, message LIKE 'the lease of gone went stale at %'
        FROM audit_history
                   WHERE action = 'cleanup' AND source = 'acme'";
    assert_eq!(world.sql(history), "acme|1|t");
    assert_eq!(world.run("cleanup").stdout, "No stale days.\n");
}

#[test]
fn status_shows_missing_days_beside_failed_ones() {
    let world = World::new(ACME);
    let yesterday = crate::support::yesterday();
    let first = yesterday - chrono::Days::new(2);
    world.sync(&format!("--date {first}"), 0);
    let status = world.run("status --output json");
    assert_eq!(status.status, 0, "{status:#?}");
    let status = status.json();
    let source = &status["sources"][0];
    assert_eq!(
        (&source["complete"], &source["missing"], &source["failed"]),
        (&1.into(), &2.into(), &0.into())
    );
    assert_eq!(source["covered_from"], first.to_string());
    assert_eq!(source["oldest_gap"], (first + chrono::Days::new(1)).to_string());
    let days = status["days"].as_array().expect("days");
    let of = |key: &str| days.iter().map(|day| day[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("state"), ["missing", "missing", "complete"], "newest first");
    assert_eq!(of("status"), [Value::Null, Value::Null, "SUCCESS".into()]);
    let text = world.run("status --days 3").stdout;
    assert!(text.contains("missing, 2 days") && text.contains("complete, 1 day"), "{text}");
}

#[test]
fn status_of_an_empty_database_says_how_to_begin_and_leaves_it_empty() {
    let world = World::new(ACME);
    let before = world.dump();
    let status = world.run("status");
    assert_eq!(status.status, 0, "{status:#?}");
    let begin = "BEHIND  acme: never synced\n  Run `auditsync`.\n";
    assert!(status.stdout.starts_with(begin), "{}", status.stdout);
    assert_eq!(world.dump(), before);
}

#[test]
fn migrate_says_what_it_would_do_and_then_does_it_once() {
    let world = World::new(ACME);
    let empty = world.dump();
    let planned = world.run("migrate --dry-run").stdout;
    assert_eq!(planned, "Would apply 0001 ledger and events.\n");
    assert_eq!(world.dump(), empty);
    assert_eq!(world.run("migrate").stdout, "Applied 0001 ledger and events.\n");
    assert_eq!(world.run("migrate").stdout, "The schema is up to date.\n");
}

#[test]
fn a_schema_that_is_newer_or_not_ours_is_left_alone_with_exit_3() {
    let world = schemas::newer();
    let before = world.dump();
    for command in
        ["", "status", "migrate", "cleanup", "reset --source acme 2024-09-28", "--dry-run"]
    {
        let finished = world.run(command);
        assert_eq!(finished.status, 3, "{command}: {finished:#?}");
        assert!(finished.stderr.contains("version 9999"), "{command}: {finished:#?}");
    }
    assert_eq!(world.dump(), before);

    let world = schemas::foreign();
    let finished = world.run("");
    assert_eq!(finished.status, 3, "{finished:#?}");
    assert!(finished.stderr.contains("no column `source`"), "{finished:#?}");
}

#[test]
fn a_role_without_the_right_to_migrate_exits_3_with_that_reason() {
    let world = World::new(ACME);
    let role = format!("poor_{}", world.database.name());
    world.sql(&format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"));
    let url = world.database.url().replace("postgres@", &format!("{role}@"));
    let finished = world.run(&format!("--database-url {url}"));
    assert_eq!(finished.status, 3, "{finished:#?}");
    assert!(finished.stderr.contains("may not bring it up to date"), "{finished:#?}");
    assert_eq!(world.heroku.requests().len(), 0);
}
