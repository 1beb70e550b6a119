//! Ten thousand pages while one request in a hundred fails: nothing is lost, and few additional
//! requests are sent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::Days;
use fake_heroku::{Fault, Match, Paging, Quota};

use crate::support::{ACME, World, date, digest, note};

const DAYS: u64 = 100;
const PAGES: usize = 100;
const EVENTS: usize = 3;
const SEED: u64 = 4;

/// Any kind of failed answer that is retried.
fn failure(random: &mut fastrand::Rng) -> Fault {
    let garbage =
        ["", "<html>", "[", "{\"id\":\"a\"}", "[]x", "[{\"id\":}]", "null", "[{\"id\":\"a\"}"];
    match random.u8(0..12) {
        0 => Fault::status([500, 502, 503, 504, 408][random.usize(0..5)], "unavailable", "down"),
        1 => Fault::rate_limit(None),
        2 => Fault::rate_limit(Some("0")),
        3 => Fault::CutBody { after_bytes: 0 },
        4 => Fault::CutBody { after_bytes: random.usize(1..400) },
        5 => Fault::EndBody { after_bytes: random.usize(0..400) },
        6 => Fault::TrailingGarbage,
        7 => Fault::body(200, "text/html", garbage[random.usize(0..garbage.len())]),
        8 => Fault::Hang,
        9 => Fault::Trickle { chunk: 20, every: Duration::from_millis(300) },
        10 => Fault::RepeatPage,
        _ => Fault::Header { name: "content-encoding".into(), value: "gzip".into() },
    }
}

#[test]
#[ignore = "takes about a minute: `cargo test --test suite endurance -- --ignored --nocapture`"]
fn one_percent_failing_requests_cost_at_most_three_percent_more() {
    let limits = "request_timeout = \"1s\"\n[rate_limit]\nrequests_per_hour = 36000000\n\
        burst = 1000\nreserve = 0\n";
    let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_interval = \"50ms\"\n[events]\n\
        log = \"none\"\n[sync]\nconcurrency = 8\n";
    let world = World::new(&format!("{limits}{retry}{ACME}"));
    world.heroku.set_gzip(false);
    world.heroku.set_quota(Quota { capacity: 1_000_000, ..Quota::default() });
    world.heroku.set_paging(Paging::Pages { default: EVENTS, max: EVENTS });
    let first = date("2024-03-01");
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut failures = 0;
    for day in 0..DAYS {
        let day = first + Days::new(day);
        world.heroku.generate_day("acme", day, PAGES * EVENTS);
        for page in 1..=PAGES {
            // Each request for a page fails with the same probability, so some fail twice.
            while random.f64() < 0.01 {
                // A fault that ends a list ends it wrongly on all pages except the last.
                world.heroku.fault(Match::events("acme").day(day).page(page), failure(&mut random));
                failures += 1;
            }
        }
    }
    let begun = Instant::now();
    let report = world.sync(&format!("--from {first} --to {}", first + Days::new(DAYS - 1)), 0);
    let took = begun.elapsed();
    assert_eq!(world.heroku.faults_left(), [""; 0]);
    assert_eq!(report["totals"]["synced"], DAYS);

    let (least, requests) = (DAYS as usize * PAGES, world.heroku.requests().len());
    let more = (requests - least) as f64 * 100.0 / least as f64;
    note(&format!(
        "{least} pages, {failures} failures, {requests} requests ({more:.2} % more), in {took:.1?}"
    ));
    assert!(more <= 3.0, "{more} % more requests than pages");
    assert_eq!(requests, least + failures, "one more for each that failed");

    let expected: Vec<String> = (0..DAYS)
        .map(|day| {
            let day = first + Days::new(day);
            let events = world.heroku.day("acme", day).into_iter().map(|bytes| {
                let event: serde_json::Value = serde_json::from_slice(&bytes).expect("an event");
                (event["id"].as_str().expect("an id").to_owned(), bytes.to_vec())
            });
            let events: BTreeMap<_, _> = events.collect();
            format!("{day}|SUCCESS|{}|{}", events.len(), hex::encode(digest(&events)))
        })
        .collect();
    let ledger = world.sql(
        "SELECT process_date, status, events_count, encode(digest, 'hex') \
            FROM audit_events_log ORDER BY 1",
    );
    assert_eq!(ledger.lines().collect::<Vec<_>>(), expected);
    assert_eq!(world.sql("SELECT count(*) FROM audit_event_conflicts"), "0");
}
