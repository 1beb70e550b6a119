//! Backfill of older days: with a plan, killed on the way and complete in the end. Empty days are
//! verified.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate};
use fake_heroku::{Fault, Fixtures, Host, Match, Model, Month};
use serde_json::Value;

use crate::support::{ACME, THREE_VIEWS, World, date, day, fetches, truth, wait_for};

/// Three sources of one account, and a rate limit that does not slow a test down.
fn sources() -> String {
    format!("{THREE_VIEWS}[rate_limit]\nburst = 1000\n")
}

const YEAR: &str = "--from 2023-01-01 --to 2023-12-31";

/// The days of 2023.
fn days_of_2023() -> impl Iterator<Item = NaiveDate> {
    date("2023-01-01").iter_days().take(365)
}

/// A Heroku with a few events on each day of 2023, and the archives of its months.
fn a_year() -> Model {
    let mut model: Model = Fixtures::committed().into();
    for (number, day) in days_of_2023().enumerate() {
        model.generate_day("acme", day, 3 + number % 5);
    }
    for month in 1..=12 {
        model.make_archive("acme", Month { year: 2023, month });
    }
    model
}

fn assert_the_year_is_whole(world: &World) {
    for day in days_of_2023() {
        // Every day's digest, and some days byte for byte.
        if day.to_string().ends_with("15") {
            let day = day.to_string();
            world.assert_complete("acme", &day, &truth(world, "acme", &day, |_| true));
            world.assert_complete(
                "team-a",
                &day,
                &truth(world, "acme", &day, |event| event["team"]["name"] == "team-a"),
            );
            world.assert_complete(
                "apps",
                &day,
                &truth(world, "acme", &day, |event| event["type"] == "app"),
            );
        }
    }
    let mut expected = String::new();
    for (source, takes) in [
        ("acme", (|_| true) as fn(&Value) -> bool),
        ("apps", |event| event["type"] == "app"),
        ("team-a", |event| event["team"]["name"] == "team-a"),
    ] {
        for day in days_of_2023() {
            let events = truth(world, "acme", &day.to_string(), takes);
            let digest = hex::encode(crate::support::digest(&events));
            let _ = writeln!(expected, "{source}|{day}|SUCCESS|{}|{digest}", events.len());
        }
    }
    let ledger = world.sql(
        "SELECT source, process_date, status, events_count, encode(digest, 'hex') \
         FROM audit_events_log ORDER BY source, process_date",
    );
    assert!(ledger.lines().eq(expected.lines()), "the ledger of the year is not the truth");
}

#[test]
fn a_year_of_three_sources_takes_one_request_a_day_despite_kills() {
    let world = World::with(a_year(), &sources());
    for kill in 1..=10 {
        let run = world.spawn(&format!("backfill {YEAR} -q"));
        let whole = || {
            world
                .sql("SELECT count(*) FROM audit_events_log WHERE status = 'SUCCESS'")
                .parse::<u32>()
        };
        if kill == 1 {
            wait_for("the schema", || {
                world.sql("SELECT to_regclass('audit_history') IS NOT NULL") == "t"
            });
        }
        wait_for("some days", || whole().is_ok_and(|days| days >= kill * 60));
        run.signal("KILL");
        run.wait();
        // A killed run's leases last for a quarter of an hour.
        world.expire_leases();
    }
    let finished = world.run(&format!("backfill {YEAR} -q --output json"));
    assert_eq!(finished.status, 0, "{}", &finished.stderr);
    assert_the_year_is_whole(&world);
    let asked: usize = days_of_2023().map(|day| fetches(&world, "acme", &day.to_string())).sum();
    // Days in flight at a kill, at most four, are requested again.
    assert!((365..=365 + 10 * 4).contains(&asked), "{asked} requests");
    let again = world.run(&format!("backfill {YEAR} --output json")).json();
    assert_eq!(again["totals"]["already_synced"], 3 * 365);
}

#[test]
fn a_year_from_the_archives_takes_twelve_downloads() {
    let world = World::with(a_year(), &sources());
    let finished = world.run(&format!("backfill {YEAR} --via archive -q --output json"));
    assert_eq!(finished.status, 0, "{}", &finished.stderr);
    assert_the_year_is_whole(&world);
    let requests = world.heroku.requests();
    let downloads = requests.iter().filter(|request| request.host == Host::Archive).count();
    let teams = requests.iter().filter(|request| request.path.ends_with("/teams")).count();
    let infos = requests.iter().filter(|request| request.path.contains("/archives/")).count();
    assert_eq!((downloads, infos, teams, requests.len()), (12, 12, 1, 25));
}

#[test]
fn days_are_taken_oldest_first_and_two_backfills_share_them() {
    let world = World::with(a_year(), &sources());
    let hold = world.heroku.hold(Match::events("acme").day(date("2023-03-10")));
    let range = "--from 2023-03-01 --to 2023-03-31 -q --output json";
    let first = world.spawn(&format!("backfill {range}"));
    wait_for("the first to come to the tenth", || hold.waiting() > 0);
    let second = world.run(&format!("backfill {range}"));
    assert_eq!(second.status, 0, "{}", second.stderr);
    let report = second.json();
    assert_eq!(day(&report, "acme", "2023-03-10")["outcome"], "locked_elsewhere");
    hold.release();
    assert_eq!(first.wait().status, 0);
    let attempts = "SELECT count(*), max(attempt), min(status) FROM audit_events_log";
    assert_eq!(world.sql(attempts), "93|1|SUCCESS", "no view of a day was read twice");
    let order = world.heroku.requests();
    let days: Vec<_> = order.iter().filter_map(|request| request.day).take(8).collect();
    assert!(days.iter().all(|day| *day <= date("2023-03-12")), "{days:?}");
}

#[test]
fn a_plan_shows_days_requests_and_time_and_does_nothing() {
    let world = World::with(
        a_year(),
        &sources().replace("burst = 1000", "burst = 10\nrequests_per_hour = 600\nreserve = 0"),
    );
    let plan = |arguments: &str| {
        let finished = world.run(&format!("backfill --plan --output json {arguments}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        finished.json()
    };
    let empty = world.dump();
    let planned = plan(YEAR);
    assert_eq!((&planned["due_days"], &planned["requests"]), (&1095.into(), &366.into()));
    assert_eq!(planned["requests_at_least"], true, "a day may have several pages");
    // One request every six seconds.
    assert_eq!(planned["seconds"], 2196);
    assert_eq!(
        planned["per_source"][0],
        serde_json::json!({"source": "acme", "due_days": 365, "requests": 366, "seconds": 2196,
            "archive_months": null, "bytes": null, "error": null})
    );
    assert_eq!(planned["per_source"][1]["requests"], 0, "its days come with those of acme");
    let by_archive = plan(&format!("{YEAR} --via archive"));
    // The teams are requested once, an address and a file for each month.
    assert_eq!(by_archive["requests"], 25);
    let facts = ["archive_months", "bytes", "requests_at_least"].map(|key| &by_archive[key]);
    assert_eq!(facts, [&12.into(), &Value::Null, &false.into()], "Heroku was not asked");
    assert_eq!((world.dump(), world.heroku.requests().len()), (empty, 0));

    world.write_config(&sources());
    assert_eq!(world.run("backfill --from 2023-01-01 --to 2023-01-31 -q").status, 0);
    world.heroku.forget_requests();
    assert_eq!(plan(YEAR)["due_days"], 1095 - 93);
    assert_eq!(world.heroku.requests().len(), 0);
    let text = world.run(&format!("backfill --plan {YEAR}")).stdout;
    assert!(text.contains("1002 days: at least 335 requests"), "{text}");
}

#[test]
fn an_old_day_is_not_empty_if_the_archive_holds_events_of_it() {
    let world = World::with(a_year(), ACME);
    // Heroku's list does not reach back this far.
    world.heroku.put_day("acme", date("2023-05-05"), vec![]);
    let finished = world.run("backfill --from 2023-05-05 --to 2023-05-06 --output json");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let error = day(&report, "acme", "2023-05-05")["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("the archive of 2023-05 holds 7 events of it"), "{error}");
    assert!(
        error.contains("backfill --via archive --source acme --from 2023-05-05 --to 2023-05-05"),
        "{error}"
    );
    assert_eq!(
        world.sql("SELECT status FROM audit_events_log WHERE process_date = '2023-05-05'"),
        "FAILED"
    );
    assert_eq!(day(&report, "acme", "2023-05-06")["outcome"], "synced");

    assert_eq!(world.run("backfill --via archive --from 2023-05-05 --to 2023-05-05").status, 0);
    assert_eq!(world.stored("acme", "2023-05-05").len(), 7);
}

#[test]
fn an_old_day_is_not_empty_if_another_source_holds_its_events() {
    let world = World::with(a_year(), &sources());
    let app = br#"{"id":"an-app","created_at":"2023-05-06T10:00:00Z","type":"app",
        "team":{"name":"team-a"}}"#;
    world.heroku.add_event("acme", date("2023-05-06"), &app[..]);
    world.sync("--date 2023-05-06 --source acme", 0);
    world.heroku.put_day("acme", date("2023-05-06"), vec![]);
    for source in ["team-a", "apps"] {
        let report = world.sync(&format!("--date 2023-05-06 --source {source}"), 1);
        let error =
            day(&report, source, "2023-05-06")["error"].as_str().expect("an error").to_owned();
        assert!(error.contains("the source acme has stored events of it"), "{error}");
    }
}

#[test]
fn old_days_empty_in_list_and_archive_are_complete_with_one_download() {
    let world = World::with(a_year(), ACME);
    for empty in ["2023-05-05", "2023-05-06", "2023-05-07"] {
        world.heroku.put_day("acme", date(empty), vec![]);
    }
    world.heroku.make_archive("acme", Month { year: 2023, month: 5 });
    let finished = world.run("backfill --from 2023-05-05 --to 2023-05-07 --output json");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(finished.json()["totals"]["events"], 0);
    let downloads =
        world.heroku.requests().iter().filter(|request| request.host == Host::Archive).count();
    assert_eq!(downloads, 1);
    let mut checksum = String::new();
    world.heroku.change_archive("acme", Month { year: 2023, month: 5 }, |archive| {
        checksum.clone_from(&archive.checksum);
    });
    let said =
        format!("confirmed|0|the archive of 2023-05 (sha256 {checksum}) holds no event of it");
    let confirmed = "SELECT DISTINCT outcome, events, message FROM audit_history
                     WHERE action = 'confirm'";
    assert_eq!(world.sql(confirmed), said);
    let order = "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_history
                 WHERE process_date = '2023-05-06'";
    assert_eq!(world.sql(order), "claim confirm publish");
}

#[test]
fn a_stored_event_keeps_an_empty_list_from_being_confirmed() {
    let world = World::with(a_year(), ACME);
    world.heroku.put_day("acme", date("2023-05-05"), vec![]);
    world.heroku.make_archive("acme", Month { year: 2023, month: 5 });
    assert_eq!(world.run("migrate").status, 0);
    world.sql(
        "INSERT INTO audit_events_log (source, process_date, status, attempt)
         VALUES ('acme', '2023-05-05', 'ERROR', 1);
         INSERT INTO audit_events (source, process_date, event_id, attempt, event, event_hash, via)
         VALUES ('acme', '2023-05-05', 'a', 1, '{}', sha256('{}'), 'api')",
    );
    assert_eq!(day(&world.sync("--date 2023-05-05", 0), "acme", "2023-05-05")["events"], 1);
    assert_eq!(world.sql("SELECT count(*) FROM audit_history WHERE action = 'confirm'"), "0");
}

#[test]
fn a_failing_archive_leaves_an_empty_day_due_and_a_missing_one_warns() {
    let world = World::with(a_year(), ACME);
    world.heroku.put_day("acme", date("2023-05-05"), vec![]);
    world.heroku.fault(
        Match::path("/enterprise-accounts/acme/archives").always(),
        Fault::status(503, "unavailable", "Later"),
    );
    let report = world.sync("--date 2023-05-05", 1);
    let error = day(&report, "acme", "2023-05-05")["error"].as_str().expect("an error").to_owned();
    assert!(
        error.contains("the archive of 2023-05 can't be read: ") && error.contains("503"),
        "{error}"
    );
    world.heroku.clear_faults();
    // Heroku gives the archive's address, but the host rejects the download.
    world.heroku.fault(Match::download().always(), Fault::status(403, "expired", "Expired"));
    let report = world.sync("--date 2023-05-05", 1);
    let error = day(&report, "acme", "2023-05-05")["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("can't be read: ") && error.contains("403"), "{error}");
    world.heroku.clear_faults();
    world.heroku.change_archive("acme", Month { year: 2023, month: 5 }, |archive| {
        archive.created_at = "2023-05-03T00:02:00Z".into();
    });
    let report = world.sync("--date 2023-05-05", 1);
    let error = day(&report, "acme", "2023-05-05")["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("was made before the day was over"), "{error}");

    let finished = world.run("--date 2022-05-05");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(
        finished.stderr.contains("has no archive that could confirm it"),
        "{}",
        finished.stderr
    );
    let confirmed = "SELECT count(*) FROM audit_history WHERE action = 'confirm'";
    assert_eq!(world.sql(confirmed), "0", "nothing confirmed any of these days");
}

#[test]
fn recent_empty_days_need_no_second_source() {
    let world = World::new(ACME);
    let yesterday = crate::support::yesterday();
    world.sync(&format!("--from {} --to {yesterday}", yesterday - Days::new(5)), 0);
    assert_eq!(world.heroku.requests().len(), 6);
}
