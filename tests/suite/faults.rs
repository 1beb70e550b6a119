//! Bad answers of Heroku: each answer has a class, and none makes a day look complete.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use bytes::Bytes;
use fake_heroku::{Fault, Match, Paging};

use crate::support::{ACME, DAY, World, date, day, of_each_day, truth, wait_for};

const ON_DAY: &str = "--date 2024-09-28";

fn first_page() -> Match {
    Match::events("acme").day(date(DAY)).page(1)
}

fn body(bytes: &'static str) -> Fault {
    Fault::body(200, "application/json", Bytes::from_static(bytes.as_bytes()))
}

fn assert_synced_after(world: &World, retries: u64) {
    let report = world.sync(ON_DAY, 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], retries);
    world.assert_complete("acme", DAY, &truth(world, "acme", DAY, |_| true));
    assert_eq!(world.heroku.faults_left(), [""; 0]);
}

#[test]
fn passing_faults_are_retried_and_the_day_is_complete() {
    let faults = [
        Fault::status(500, "internal", "error occurred, we are notified"),
        Fault::status(503, "unavailable", "API is unavailable"),
        Fault::status(408, "timeout", "too slow"),
        Fault::rate_limit(None),
        Fault::rate_limit(Some("0")),
        Fault::CutBody { after_bytes: 0 },
        Fault::CutBody { after_bytes: 5000 },
        Fault::TrailingGarbage,
        body("<html><body>Bad gateway</body></html>"),
        body("{\"id\":\"ok\"}"),
        body("[{\"id\":\"a\""),
        body("["),
        body("[{\"id\":}]"),
        body(""),
    ];
    for fault in faults {
        let world = World::new(ACME);
        let case = format!("{fault:?}");
        world.heroku.fault(first_page(), fault);
        crate::support::note(&case);
        assert_synced_after(&world, 1);
    }
}

#[test]
fn a_list_that_stays_cut_fails_the_day_and_never_completes_it() {
    for fault in
        [body("[]x"), body("[{\"id\":\"a\"}"), body("null"), Fault::CutBody { after_bytes: 3000 }]
    {
        let world = World::new(ACME);
        crate::support::note(&format!("{fault:?}"));
        world.heroku.fault(first_page().always(), fault);
        let report = world.sync(ON_DAY, 1);
        assert_eq!(day(&report, "acme", DAY)["outcome"], "failed");
        assert_eq!(day(&report, "acme", DAY)["requests"], 3, "as often as the policy allows");
        assert_eq!(world.sql("SELECT status FROM audit_events_log"), "FAILED");
    }
}

#[test]
fn lasting_faults_are_not_retried_and_quote_heroku_and_the_request_id() {
    for (code, id) in [
        (400, "bad_request"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (410, "gone"),
        (422, "invalid_params"),
    ] {
        let world = World::new(ACME);
        world.heroku.fault(first_page(), Fault::status(code, id, "What Heroku says"));
        let report = world.sync(ON_DAY, 1);
        let row = day(&report, "acme", DAY);
        assert_eq!((&row["outcome"], &row["requests"]), (&"failed".into(), &1.into()), "{code}");
        let error = row["error"].as_str().expect("an error");
        assert!(
            error.contains(&format!("{id}: What Heroku says")) && error.contains(", request "),
            "{error}"
        );
        assert_eq!(
            world.sql("SELECT status, error_message FROM audit_events_log"),
            format!("FAILED|{error}")
        );
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let world = World::new(ACME);
    let elsewhere = format!("{}/elsewhere", world.heroku.archive_url_base());
    world.heroku.fault(first_page(), Fault::Redirect { location: elsewhere });
    let report = world.sync(ON_DAY, 1);
    assert_eq!(day(&report, "acme", DAY)["requests"], 1);
    assert_eq!(world.heroku.requests().len(), 1);
}

#[test]
fn a_206_without_a_new_next_range_is_an_error() {
    for fault in [Fault::NoNextRange, Fault::RepeatPage] {
        let world = World::new(ACME);
        world.heroku.set_paging(Paging::Pages { default: 100, max: 100 });
        world.heroku.fault(Match::events("acme").always(), fault);
        let report = world.sync(ON_DAY, 1);
        let error = day(&report, "acme", DAY)["error"].to_string();
        assert!(error.contains("no usable Next-Range"), "{error}");
    }
}

#[test]
fn a_page_that_fails_midway_is_reread_without_the_pages_before() {
    let world = World::new(ACME);
    world.heroku.set_gzip(false);
    world.heroku.set_paging(Paging::Pages { default: 100, max: 100 });
    world.heroku.fault(Match::events("acme").page(3), Fault::CutBody { after_bytes: 20_000 });
    assert_synced_after(&world, 1);
    let pages: Vec<_> =
        world.heroku.requests_for("acme", date(DAY)).iter().map(|request| request.page).collect();
    assert_eq!(pages, [1, 2, 3, 3, 4, 5].map(Some));
}

#[test]
fn an_answer_that_never_comes_times_out_and_is_retried() {
    let file = format!(
        "request_timeout = \"300ms\"\n[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 2\n{ACME}"
    );
    for fault in [Fault::Hang, Fault::Trickle { chunk: 10, every: Duration::from_millis(50) }] {
        let world = World::new(&file);
        world.heroku.fault(first_page(), fault);
        assert_synced_after(&world, 1);
    }
}

#[test]
fn retry_after_overrides_the_policy_and_ends_it_when_longer() {
    let world = World::new(ACME);
    world.heroku.fault(first_page(), Fault::rate_limit(Some("1")));
    assert_synced_after(&world, 1);
    let requests = world.heroku.requests_for("acme", date(DAY));
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1), "the requested wait");

    let world = World::new(ACME);
    world.heroku.fault(first_page(), Fault::rate_limit(Some("86400")));
    let report = world.sync(ON_DAY, 1);
    let row = day(&report, "acme", DAY);
    assert_eq!(row["requests"], 1);
    assert!(
        row["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("Heroku limits this token: 429")),
        "{row:#}"
    );
}

#[test]
fn a_source_s_own_policy_affects_only_that_source() {
    let globex = "[[source]]\nname = \"globex\"\naccount = \"globex\"\n\
        token_env = \"GLOBEX_TOKEN\"\n[source.retry]\nmax_attempts = 5\n";
    let world = World::new(&format!("{ACME}{globex}"));
    world.heroku.fault(Match::any().always(), Fault::status(503, "unavailable", "no"));
    let report = world.sync(ON_DAY, 1);
    assert_eq!(day(&report, "acme", DAY)["requests"], 3);
    assert_eq!(day(&report, "globex", DAY)["requests"], 5);
}

#[test]
fn a_warning_of_heroku_is_shown_without_terminal_controls() {
    let world = World::new(ACME);
    let header = Fault::Header { name: "X-Heroku-Warning".into(), value: "deprecated soon".into() };
    world.heroku.fault(first_page(), header);
    let finished = world.run(ON_DAY);
    assert!(finished.stderr.contains("Heroku warns: deprecated soon"), "{finished:#?}");
}

#[test]
fn a_token_that_heroku_echoes_appears_nowhere() {
    let world = World::new(ACME);
    world.heroku.fault(first_page(), Fault::EchoToken { status: 403 });
    let finished = world.run(&format!("{ON_DAY} --output json -vv"));
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert!(finished.stdout.contains("[token]"), "the echo was there: {finished:#?}");
    for text in [finished.stdout, finished.stderr, world.dump()] {
        assert!(!text.contains("HRKU-demo-acme-0001"), "{text}");
    }
}

#[test]
fn after_three_exhausted_days_in_a_row_further_days_get_one_attempt() {
    let world = World::new(&format!("[sync]\nconcurrency = 1\n{ACME}"));
    world.heroku.fault(Match::events("acme").always(), Fault::status(503, "unavailable", "down"));
    let report = world.sync("--from 2024-09-20 --to 2024-09-25", 1);
    assert_eq!(of_each_day(&report, "requests"), [3, 3, 3, 1, 1, 1]);
    assert!(
        day(&report, "acme", "2024-09-25")["error"]
            .as_str()
            .is_some_and(|error| error.contains("one attempt only"))
    );
}

#[test]
fn pace_and_burst_are_kept_for_a_token_across_sources_that_share_it() {
    let limit = "[rate_limit]\nrequests_per_hour = 36000\nburst = 2\nreserve = 0\n[sync]\n\
        concurrency = 8\n";
    let world = World::busy(&format!("{limit}{ACME}"));
    world.sync("--from 2024-09-01 --to 2024-09-12", 0);
    let mut times: Vec<_> = world.heroku.requests().iter().map(|request| request.at).collect();
    times.sort();
    assert_eq!(times.len(), 12);
    // Ten a second after a burst of two: the n-th request comes no earlier than (n - 2) tenths of a
    // second after the first.
    for (n, at) in times.iter().enumerate().skip(2) {
        // The first may arrive late on a busy machine.
        let earliest =
            Duration::from_millis(100 * (n as u64 - 1)).saturating_sub(Duration::from_millis(200));
        assert!(*at - times[0] >= earliest, "request {n} came after {:?}", *at - times[0]);
    }
}

#[test]
fn the_reserve_of_the_quota_is_left_alone() {
    let limit = "[rate_limit]\nrequests_per_hour = 36000\nburst = 30\nreserve = 10\n[sync]\n\
        concurrency = 1\n";
    let world = World::new(&format!("{limit}{ACME}"));
    world.heroku.set_remaining("audit@acme.example.com", 6);
    let begun = std::time::Instant::now();
    world.sync("--from 2024-09-01 --to 2024-09-02", 0);
    // The first answer says that 5 are left, 5 below the reserve. That takes four seconds at
    // Heroku's 4,500 an hour.
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn a_limited_token_does_not_delay_the_others() {
    let globex =
        "[[source]]\nname = \"globex\"\naccount = \"globex\"\ntoken_env = \"GLOBEX_TOKEN\"\n";
    let retry = "[retry]\nmax_elapsed = \"10m\"\n[sync]\nconcurrency = 2\n";
    let world = World::new(&format!("{retry}{ACME}{globex}"));
    // Ten of acme's days wait for a minute, with two slots in total. globex's ten days come after
    // them in the plan.
    world.heroku.fault(Match::events("acme").always(), Fault::rate_limit(Some("60")));
    let run = world.spawn("--from 2024-09-01 --to 2024-09-10");
    let globex =
        "SELECT count(*) FROM audit_events_log WHERE source = 'globex' AND status = 'SUCCESS'";
    wait_for("the other token's days", || {
        world.sql("SELECT to_regclass('audit_events_log') IS NOT NULL") == "t"
            && world.sql(globex) == "10"
    });
    assert_eq!(
        world.sql(
            "SELECT count(*) FROM audit_events_log WHERE source = 'acme' AND status = 'PROCESSING'"
        ),
        "2"
    );
    run.signal("TERM");
    assert_eq!(run.wait().status, 143);
}

/// A Heroku whose pages are all the same, and each promises another under a new name.
fn in_circles() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 8192]);
            let body = r#"[{"id":"a"},{"id":"b"}]"#;
            let head = format!(
                "Next-Range: id ]{number}..; max=2\r\nContent-Length: {}\r\nConnection: close",
                body.len()
            );
            let _ = write!(stream, "HTTP/1.1 206 Partial Content\r\n{head}\r\n\r\n{body}");
        }
    });
    format!("http://{address}")
}

#[test]
fn pages_in_a_circle_are_an_error_whatever_their_ranges() {
    let world = World::new(ACME);
    let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_attempts = 2\n";
    world.write_file(&format!("[api]\nbase_url = \"{}\"\n{retry}{ACME}", in_circles()));
    let report = world.sync(ON_DAY, 1);
    let row = day(&report, "acme", DAY);
    assert!(
        row["error"].as_str().is_some_and(|error| error.contains("does not continue the list")),
        "{row:#}"
    );
    assert_eq!(row["requests"], 3, "the second page is the first again, twice");
}
