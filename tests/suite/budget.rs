//! A token's budget is kept in all circumstances, and a run during an outage sends few requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use fake_heroku::{Fault, Match};

use crate::support::{ACME, World, date, day, of_each_day, wait_for};

/// How much later than it was sent a request may arrive on a busy machine.
const JITTER: Duration = Duration::from_millis(200);

const GLOBEX: &str =
    "[[source]]\nname = \"globex\"\naccount = \"globex\"\ntoken_env = \"GLOBEX_TOKEN\"\n";

#[test]
fn each_token_has_its_own_pace_and_keeps_it_under_concurrency() {
    let limit = "[rate_limit]\nrequests_per_hour = 36000\nburst = 3\nreserve = 0\n[sync]\n\
        concurrency = 16\n";
    let world = World::busy(&format!("{limit}{ACME}{GLOBEX}"));
    world.sync("--from 2024-09-01 --to 2024-09-20", 0);
    let mut by_token: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for request in world.heroku.requests() {
        by_token.entry(request.token.expect("a token")).or_default().push(request.at);
    }
    assert_eq!(by_token.len(), 2);
    for times in by_token.values_mut() {
        times.sort();
        assert_eq!(times.len(), 20);
        // In any window: at most the burst plus what the rate restores in that window.
        for (first, begin) in times.iter().enumerate() {
            for (last, end) in times.iter().enumerate().skip(first + 3) {
                let earned = Duration::from_millis(100 * (last - first + 1 - 3) as u64);
                let window = *end - *begin + JITTER;
                assert!(window >= earned, "requests {first} to {last} came within {window:?}");
            }
        }
    }
    let (acme, globex) =
        (by_token.values().next().expect("one"), by_token.values().nth(1).expect("another"));
    assert!(acme[0] < globex[10] && globex[0] < acme[10], "the two ran beside each other");
}

#[test]
fn a_limited_token_continues_without_burst_and_completes_its_days() {
    let limit = "[rate_limit]\nrequests_per_hour = 36000\nburst = 30\nreserve = 0\n[sync]\n\
        concurrency = 8\n";
    for retry_after in [None, Some("1")] {
        let world = World::busy(&format!("{limit}[retry]\ninitial_interval = \"50ms\"\n{ACME}"));
        world.heroku.fault(Match::events("acme").times(8), Fault::rate_limit(retry_after));
        let report = world.sync("--from 2024-08-10 --to 2024-08-31", 0);
        assert_eq!(report["totals"]["synced"], 22);
        let mut times: Vec<_> = world.heroku.requests().iter().map(|request| request.at).collect();
        times.sort();
        assert_eq!(times.len(), 30, "the burst would have let all of them through at once");
        let after = &times[8..];
        let took = after[21] - after[0];
        assert!(
            took + JITTER >= Duration::from_secs(2),
            "22 requests, ten a second, took {took:?}"
        );
        if retry_after.is_some() {
            assert!(after[0] - times[0] >= Duration::from_secs(1), "the requested wait");
        }
    }
}

#[test]
fn a_limit_longer_than_the_policy_costs_one_request_and_no_wait() {
    let world = World::busy(&format!("[sync]\nconcurrency = 1\n{ACME}{GLOBEX}"));
    world.heroku.fault(Match::events("acme").always(), Fault::rate_limit(Some("86400")));
    let report = world.sync("--from 2024-09-01 --to 2024-09-10", 1);
    assert_eq!(
        world
            .heroku
            .requests()
            .iter()
            .filter(|asked| asked.account.as_deref() == Some("acme"))
            .count(),
        1
    );
    for date in 1..=10 {
        let date = format!("2024-09-{date:02}");
        let error = day(&report, "acme", &date)["error"].as_str().expect("an error").to_owned();
        assert!(error.starts_with("Heroku limits this token: "), "{error}");
        assert_eq!(day(&report, "globex", &date)["outcome"], "synced");
    }
}

#[test]
fn waiting_for_a_token_s_budget_is_logged() {
    let limit = "[rate_limit]\nrequests_per_hour = 3600\nburst = 1\nreserve = 4\n";
    let world = World::busy(&format!("{limit}[retry]\ninitial_interval = \"5ms\"\n{ACME}"));
    world.heroku.set_remaining("audit@acme.example.com", 3);
    let finished = world.run("--from 2024-09-01 --to 2024-09-02");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stderr.contains("quota to refill"), "{finished:#?}");
}

#[test]
fn during_an_outage_sixty_sources_cost_about_one_request_each() {
    let mut sources = String::from(
        "[sync]\nconcurrency = 4\n[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 6\n",
    );
    for number in 0..60 {
        let _ = write!(
            sources,
            "[[source]]\nname = \"acme-{number:02}\"\naccount = \"acme-{number:02}\"\n\
             token_env = \"HEROKU_API_TOKEN\"\n"
        );
    }
    let world = World::busy(&sources);
    world.heroku.fault(Match::any().always(), Fault::status(503, "unavailable", "down"));
    let report = world.sync("--date 2024-09-28", 1);
    assert_eq!(report["totals"]["failed"], 60);
    let single = report["days"].as_array().expect("days").iter().filter(|day| day["requests"] == 1);
    assert!(
        single.clone().all(|day| day["error"]
            .as_str()
            .is_some_and(|error| error.contains("one attempt only")))
    );
    assert!(single.count() >= 54, "all but those under way when the third was given up");
    // At most the four in flight and the two before them use the full retry policy.
    let requests = world.heroku.requests().len();
    assert!((60..=60 + 6 * 5).contains(&requests), "{requests} requests");
}

#[test]
fn after_an_outage_each_day_gets_the_full_retry_policy_again() {
    let world = World::busy(&format!("[sync]\nconcurrency = 1\n{ACME}"));
    let on = |date: &str| Match::events("acme").day(crate::support::date(date));
    for date in ["2024-09-20", "2024-09-21", "2024-09-22"] {
        world.heroku.fault(on(date).times(3), Fault::status(503, "unavailable", "down"));
    }
    world.heroku.fault(on("2024-09-24").times(2), Fault::status(503, "unavailable", "down"));
    let report = world.sync("--from 2024-09-20 --to 2024-09-24", 1);
    assert_eq!(of_each_day(&report, "requests"), [3, 3, 3, 1, 3]);
    assert_eq!(day(&report, "acme", "2024-09-24")["outcome"], "synced");
}

#[test]
fn a_slow_token_does_not_delay_the_others() {
    let slow = "[source.rate_limit]\nrequests_per_hour = 60\nburst = 1\nreserve = 0\n";
    let world = World::busy(&format!("[sync]\nconcurrency = 2\n{ACME}{slow}{GLOBEX}"));
    let run = world.spawn("--from 2024-09-01 --to 2024-09-10");
    wait_for("the other token's days", || {
        world.sql("SELECT to_regclass('audit_events_log') IS NOT NULL") == "t"
            && world.sql(
                "SELECT count(*) FROM audit_events_log WHERE source = 'globex' \
                AND status = 'SUCCESS'",
            ) == "10"
    });
    assert_eq!(
        world.sql(
            "SELECT count(*) FROM audit_events_log WHERE source = 'acme' AND status = 'SUCCESS'"
        ),
        "1"
    );
    run.signal("TERM");
    assert_eq!(run.wait().status, 143);
}

#[test]
fn a_lasting_limit_is_waited_out_once_and_not_by_other_tokens() {
    let globex =
        "[[source]]\nname = \"globex\"\naccount = \"globex\"\ntoken_env = \"GLOBEX_TOKEN\"\n";
    let world = World::busy(&format!("[sync]\nconcurrency = 1\n{ACME}{globex}"));
    world.heroku.fault(Match::events("acme").always(), Fault::rate_limit(None));
    world.heroku.fault(
        Match::events("globex").day(date("2024-09-25")),
        Fault::status(503, "unavailable", "soon"),
    );
    let report = world.sync("--from 2024-09-20 --to 2024-09-25", 1);
    let requests = |source: &str| -> Vec<_> {
        let days = report["days"].as_array().expect("days").iter();
        days.filter(|day| day["source"] == source)
            .map(|day| day["requests"].as_u64().expect("a figure"))
            .collect()
    };
    assert_eq!(requests("acme"), [3, 3, 3, 1, 1, 1]);
    assert_eq!(requests("globex"), [1, 1, 1, 1, 1, 2]);
}
