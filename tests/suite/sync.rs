//! Syncing: a due day is read once, stored byte for byte, and becomes complete only when it is.

use fake_heroku::{Fault, Fixtures, Match, Paging};

use crate::support::{
    ACME, DAY, THREE_ACCOUNTS_AND_A_TEAM, World, date, day, fetches, is_of_team_a_and_filter,
    of_each_day, source, truth, wait_for,
};

const ON_DAY: &str = "--date 2024-09-28";

/// A world whose newest fixture day is yesterday.
fn of_yesterday(sources: &str) -> (World, String) {
    let yesterday = crate::support::yesterday();
    (World::with(Fixtures::committed().shifted(yesterday), sources), yesterday.to_string())
}

#[test]
fn one_run_syncs_accounts_and_a_filtered_team_byte_for_byte() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    let report = world.sync(ON_DAY, 0);
    for (source, events) in [("acme", 450), ("globex", 3), ("initech", 0), ("team-a", 45)] {
        let day = day(&report, source, DAY);
        assert_eq!(
            (&day["outcome"], &day["events"], &day["new_events"]),
            (&"synced".into(), &events.into(), &events.into())
        );
        assert_eq!(
            (&day["late_events"], &day["attempt"], &day["retries"]),
            (&0.into(), &1.into(), &0.into())
        );
    }
    assert_eq!(report["totals"]["synced"], 4);
    assert_eq!(report["totals"]["events"], 498);
    for account in ["acme", "globex", "initech"] {
        world.assert_complete(account, DAY, &truth(&world, account, DAY, |_| true));
    }
    world.assert_complete("team-a", DAY, &truth(&world, "acme", DAY, is_of_team_a_and_filter));
    assert_eq!(world.heroku.violations(), [""; 0]);
}

#[test]
fn without_arguments_it_reads_yesterday_and_a_second_run_does_nothing() {
    let (world, yesterday) = of_yesterday(THREE_ACCOUNTS_AND_A_TEAM);
    let first = world.run("");
    assert_eq!(first.status, 0, "{first:#?}");
    world.assert_complete("acme", &yesterday, &truth(&world, "acme", &yesterday, |_| true));

    let (before, asked) = (world.dump(), world.heroku.requests().len());
    let second = world.run("--output json");
    assert_eq!(second.status, 0, "{second:#?}");
    assert_eq!(second.json()["totals"]["already_synced"], 4);
    assert_eq!(world.heroku.requests().len(), asked, "no request");
    assert_eq!(world.dump(), before, "no write");
}

#[test]
fn missed_days_are_caught_up_from_the_first_day_on() {
    let (world, yesterday) = of_yesterday(ACME);
    let first = date(&yesterday) - chrono::Days::new(3);
    world.sync(&format!("--date {first}"), 0);
    let report = world.sync("", 0);
    let expected: Vec<_> =
        (0..3).rev().map(|n| (date(&yesterday) - chrono::Days::new(n)).to_string()).collect();
    assert_eq!(
        of_each_day(&report, "date"),
        expected,
        "the three days after the first, oldest first"
    );
    assert_eq!(report["totals"]["synced"], 3);
}

#[test]
fn a_gap_among_settled_days_is_found_and_a_row_is_judged_by_status_only() {
    let (world, _) = of_yesterday(ACME);
    world.sync("", 0);
    // Ten days that are complete and settled, except for changes by hand.
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, attempt, events_count,
         scope, synced_at, settled_at)
         SELECT source, process_date - back, 'SUCCESS', 1, 0, scope, now(), now()
         FROM audit_events_log, generate_series(1, 9) AS back;
         DELETE FROM audit_events_log WHERE process_date = (SELECT max(process_date) - 2
         FROM audit_events_log);
         UPDATE audit_events_log SET status = 'PENDING'
         WHERE process_date = (SELECT max(process_date) - 8 FROM audit_events_log);
         UPDATE audit_events_log SET status = 'FAILED'
         WHERE process_date = (SELECT max(process_date) - 4 FROM audit_events_log);
         INSERT INTO audit_events_log (source, process_date, status, settled_at)
         VALUES ('acme', 'infinity', 'SUCCESS', now()), ('acme', '-infinity', 'SUCCESS', now())",
    );
    let first = world.sql(
        "SELECT max(process_date)::text FROM audit_events_log WHERE process_date < 'infinity'",
    );
    let back = |days: u64| (date(&first) - chrono::Days::new(days)).to_string();
    let report = world.sync("", 0);
    let outcomes: Vec<_> = report["days"]
        .as_array()
        .expect("days")
        .iter()
        .map(|day| (day["date"].as_str(), day["outcome"].as_str()))
        .collect();
    let (pending, failed, gap) = (back(8), back(4), back(2));
    let synced = |day| (Some(day), Some("synced"));
    assert_eq!(
        outcomes,
        [
            synced(pending.as_str()),
            synced(&failed),
            synced(&gap),
            (Some(&first), Some("already_synced"))
        ],
        "{report:#}"
    );
}

#[test]
fn sources_with_equal_account_token_and_filter_share_one_fetch() {
    let team = source("team-b", "acme") + "team = \"team-b\"\n";
    let world = World::new(&format!("{ACME}{team}"));
    let report = world.sync(ON_DAY, 0);
    assert_eq!(fetches(&world, "acme", DAY), 1);
    assert_eq!(day(&report, "team-b", DAY)["events"], 187);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    world.assert_complete(
        "team-b",
        DAY,
        &truth(&world, "acme", DAY, |event| event["team"]["name"] == "team-b"),
    );
}

#[test]
fn an_unknown_team_is_an_error_and_no_empty_day() {
    let team = source("typo", "acme") + "team = \"team-z\"\n";
    let world = World::new(&format!("{ACME}{team}"));
    let report = world.sync(ON_DAY, 1);
    assert_eq!(day(&report, "typo", DAY)["outcome"], "failed");
    let error = day(&report, "typo", DAY)["error"].to_string();
    assert!(error.contains("no team `team-z`; its teams are team-a, team-b"), "{error}");
    assert_eq!(day(&report, "acme", DAY)["outcome"], "synced");
}

#[test]
fn a_paged_list_is_read_to_its_end_with_the_largest_pages_allowed() {
    let world = World::new(ACME);
    world.heroku.set_paging(Paging::Pages { default: 200, max: 1000 });
    let report = world.sync("--date 2024-09-27", 0);
    assert_eq!(day(&report, "acme", "2024-09-27")["events"], 2500);
    world.assert_complete("acme", "2024-09-27", &truth(&world, "acme", "2024-09-27", |_| true));
    let requests = world.heroku.requests_for("acme", date("2024-09-27"));
    assert_eq!(requests.len(), 4, "200, then 1000, 1000 and 300");
    assert_eq!(requests[0].range, None);
    assert!(
        requests[1].range.as_deref().is_some_and(|range| range.contains("max=1000")),
        "{requests:#?}"
    );
    assert_eq!(world.heroku.violations(), [""; 0]);
}

#[test]
fn eight_first_runs_at_once_all_succeed_with_one_fetch_a_day() {
    let (world, yesterday) = of_yesterday(THREE_ACCOUNTS_AND_A_TEAM);
    let running: Vec<_> = (0..8).map(|_| world.spawn("")).collect();
    for run in running {
        let finished = run.wait();
        assert_eq!(finished.status, 0, "{finished:#?}");
    }
    let asked = fetches(&world, "acme", &yesterday);
    assert!((1..=2).contains(&asked), "one that serves account and team, or one for each: {asked}");
    assert_eq!(fetches(&world, "globex", &yesterday), 1);
    assert_eq!(fetches(&world, "initech", &yesterday), 1);
    world.assert_complete("acme", &yesterday, &truth(&world, "acme", &yesterday, |_| true));
    world.assert_complete(
        "team-a",
        &yesterday,
        &truth(&world, "acme", &yesterday, is_of_team_a_and_filter),
    );
}

#[test]
fn a_day_with_a_failing_second_page_fails_and_the_next_run_completes_it() {
    let world = World::new(ACME);
    world.heroku.set_paging(Paging::Pages { default: 100, max: 100 });
    let second_page = || Match::events("acme").day(date(DAY)).page(2);
    world
        .heroku
        .fault(second_page().always(), Fault::status(503, "unavailable", "API is unavailable"));
    let report = world.sync(ON_DAY, 1);
    let row = day(&report, "acme", DAY);
    assert_eq!((&row["outcome"], &row["retries"]), (&"failed".into(), &2.into()));
    assert!(row["error"].as_str().is_some_and(|error| error.contains("503")), "{row:#}");
    assert_eq!(
        world.sql("SELECT status, events_count IS NULL, digest IS NULL FROM audit_events_log"),
        "FAILED|t|t"
    );

    world.heroku.clear_faults();
    let report = world.sync(ON_DAY, 0);
    assert_eq!(day(&report, "acme", DAY)["attempt"], 2);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn a_rejected_source_leaves_the_others_synced_and_exits_1() {
    let sources = THREE_ACCOUNTS_AND_A_TEAM.replace("\"GLOBEX_TOKEN\"", "\"ACME_VIEWER_TOKEN\"");
    let world = World::new(&sources);
    let report = world.sync(ON_DAY, 1);
    assert_eq!(day(&report, "globex", DAY)["outcome"], "failed");
    assert_eq!(day(&report, "globex", DAY)["requests"], 1, "a refusal is not tried again");
    for source in ["acme", "initech", "team-a"] {
        assert_eq!(day(&report, source, DAY)["outcome"], "synced");
    }
    let row =
        world.sql("SELECT status, error_message FROM audit_events_log WHERE source = 'globex'");
    assert!(row.starts_with("FAILED|Heroku refused: 404 not_found"), "{row}");
}

#[test]
fn it_works_with_one_connection_while_heroku_is_slow() {
    let world = World::new(&format!(
        "[database]\nmax_connections = 1\n[sync]\nconcurrency = 4\n{THREE_ACCOUNTS_AND_A_TEAM}"
    ));
    let slow = Fault::Delay(std::time::Duration::from_millis(300));
    world.heroku.fault(Match::any().always(), slow);
    let report = world.sync(ON_DAY, 0);
    assert_eq!(report["totals"]["synced"], 4);
}

#[test]
fn a_late_event_is_found_after_a_reset_and_counted_as_late() {
    let world = World::new(ACME);
    world.sync(ON_DAY, 0);
    world.heroku.add_event(
        "acme",
        date(DAY),
        r#"{"id":"late","created_at":"2024-09-28T23:59:59Z"}"#,
    );
    assert_eq!(day(&world.sync(ON_DAY, 0), "acme", DAY)["outcome"], "already_synced");
    assert_eq!(world.run("reset --source acme 2024-09-28").status, 0);
    let report = world.sync("", 0);
    let row = day(&report, "acme", DAY);
    assert_eq!(
        (&row["events"], &row["new_events"], &row["late_events"]),
        (&451.into(), &1.into(), &1.into())
    );
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn sigterm_releases_every_lease_reports_and_exits_143_within_5_seconds() {
    for (signal, status) in [("TERM", 143), ("INT", 130)] {
        let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
        let hold = world.heroku.hold(Match::events("acme"));
        let run = world.spawn(&format!("{ON_DAY} --output json"));
        wait_for("a request of acme's", || hold.waiting() > 0);
        let sent = std::time::Instant::now();
        run.signal(signal);
        let finished = run.wait();
        assert!(sent.elapsed().as_secs() < 5);
        assert_eq!(finished.status, status, "{finished:#?}");
        assert_eq!(day(&finished.json(), "acme", DAY)["outcome"], "interrupted");
        let left = "SELECT count(*) FROM audit_events_log \
            WHERE status = 'PROCESSING' OR locked_by IS NOT NULL";
        assert_eq!(world.sql(left), "0");
        assert_eq!(
            world.sql("SELECT status FROM audit_events_log WHERE source = 'acme'"),
            "PENDING"
        );
        hold.release();
        assert_eq!(world.sync("", 0)["totals"]["failed"], 0);
        world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    }
}

#[test]
fn every_attempt_is_in_the_history_with_its_figures() {
    let world = World::new(ACME);
    world.heroku.fault(Match::events("acme"), Fault::status(503, "unavailable", "soon"));
    let report = world.sync(ON_DAY, 0);
    let history = world.sql(
        "SELECT action, outcome, attempt, events, new_events, requests, retries, run_id \
         FROM audit_history ORDER BY id",
    );
    let run_id = report["run_id"].as_str().expect("an id");
    assert_eq!(
        history,
        format!("claim|processing|1|||||{run_id}\npublish|synced|1|450|450|2|1|{run_id}")
    );
}
