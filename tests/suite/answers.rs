//! Each answer of Heroku has a class: here those that are no answer or that contradict themselves.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fake_heroku::{Fault, Match};
use serde_json::Value;

use crate::support::raw::{http, serve};
use crate::support::{ACME, DAY, World, date, day, note, numbered, source, truth};

const ON_DAY: &str = "--date 2024-09-28";
const THREE: [&str; 3] = [r#"{"id":"a","x":"]}"}"#, r#"{"id":"b"}"#, r#"{"id":"c","y":[1,{}]}"#];

fn first_page() -> Match {
    Match::events("acme").day(date(DAY)).page(1)
}

/// A world whose Heroku is at `url`.
fn world_at(url: &str) -> World {
    let world = World::new(ACME);
    let retry = "[retry]\ninitial_interval = \"5ms\"\nmax_interval = \"20ms\"\nmax_attempts = 3\n";
    world.write_file(&format!(
        "[api]\nbase_url = \"{url}\"\nconnect_timeout = \"5s\"\n{retry}{ACME}"
    ));
    world
}

fn error(report: &Value) -> &str {
    day(report, "acme", DAY)["error"].as_str().expect("an error")
}

/// The length of a body as the fake compresses it.
fn gzipped_as_sent(body: &str) -> usize {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body.as_bytes()).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes").len()
}

/// Damages the answer for one account after another, each at another byte. Every day must be
/// complete after one more request.
fn spoiled_at_every_byte(gzip: bool, fault: impl Fn(usize) -> Fault) {
    let events: Vec<Bytes> = THREE.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
    let plain = THREE.iter().map(|text| text.len()).sum::<usize>() + THREE.len() + 1;
    let length = if gzip { gzipped_as_sent(&format!("[{}]", THREE.join(","))) } else { plain };
    let world = World::new(&format!("[rate_limit]\nburst = 1000\n{}", numbered::accounts(length)));
    world.heroku.set_gzip(gzip);
    for cut in 0..length {
        let account = format!("a{cut:03}");
        world.heroku.add_account(&account, "audit@acme.example.com");
        world.heroku.put_day(&account, date(DAY), events.clone());
        world.heroku.fault(Match::events(&account), fault(cut));
    }
    note(&format!("{length} bytes, {:?}", fault(1)));
    let report = world.sync(&format!("--date {DAY}"), 0);
    for (cut, day) in report["days"].as_array().expect("days").iter().enumerate() {
        let row = (&day["outcome"], &day["events"], &day["requests"], &day["retries"]);
        assert_eq!(
            row,
            (&"synced".into(), &3.into(), &2.into(), &1.into()),
            "cut at {cut} of {length}"
        );
    }
    assert_eq!(world.heroku.faults_left(), [""; 0]);
    assert_eq!(world.sql("SELECT count(*) FROM audit_events"), (3 * length).to_string());
}

#[test]
fn a_page_that_breaks_off_at_any_byte_is_requested_again() {
    for gzip in [false, true] {
        spoiled_at_every_byte(gzip, |after_bytes| Fault::CutBody { after_bytes });
    }
}

#[test]
fn a_page_cut_at_any_byte_with_a_proper_end_is_requested_again() {
    for gzip in [false, true] {
        spoiled_at_every_byte(gzip, |after_bytes| Fault::EndBody { after_bytes });
    }
}

#[test]
fn a_body_falsely_declared_as_gzip_is_retried() {
    let world = World::new(ACME);
    world.heroku.set_gzip(false);
    world.heroku.fault(
        first_page(),
        Fault::Header { name: "content-encoding".into(), value: "gzip".into() },
    );
    let report = world.sync(ON_DAY, 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 1);
    world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
}

#[test]
fn gzip_with_a_wrong_checksum_is_retried() {
    let mut spoiled = fake_heroku::gzip(br#"[{"id":"a"}]"#).to_vec();
    let checksum = spoiled.len() - 8;
    spoiled[checksum] ^= 1;
    let url = serve(move |number, _| {
        let body = if number == 0 {
            spoiled.clone()
        } else {
            fake_heroku::gzip(br#"[{"id":"a"}]"#).to_vec()
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat()
    });
    let report = world_at(&url).sync(ON_DAY, 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 1);
}

#[test]
fn a_wrong_content_length_is_retried() {
    let body = r#"[{"id":"a"},{"id":"b"}]"#;
    let url = serve(move |number, _| {
        let expected = match number {
            0 => body.len() + 7,
            1 => body.len() - 7,
            _ => body.len(),
        };
        format!("HTTP/1.1 200 OK\r\nContent-Length: {expected}\r\nConnection: close\r\n\r\n{body}")
            .into_bytes()
    });
    let report = world_at(&url).sync(ON_DAY, 0);
    let row = day(&report, "acme", DAY);
    assert_eq!((&row["retries"], &row["events"]), (&2.into(), &2.into()), "{row:#}");
}

#[test]
fn an_answer_that_is_not_http_or_has_impossible_headers_is_retried() {
    let url = serve(|number, _| match number {
        0 => b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec(),
        1 => b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n[]".to_vec(),
        _ => http("200 OK", "", "[{}]"),
    });
    let report = world_at(&url).sync(ON_DAY, 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 2);
}

#[test]
fn a_304_and_other_answers_without_a_list_are_retried() {
    for status in [201, 202, 204, 205, 304] {
        let world = World::new(ACME);
        note(&format!("{status}"));
        world.heroku.fault(first_page(), Fault::body(status, "application/json", ""));
        let report = world.sync(ON_DAY, 0);
        assert_eq!(day(&report, "acme", DAY)["retries"], 1);
        world.assert_complete("acme", DAY, &truth(&world, "acme", DAY, |_| true));
    }
}

#[test]
fn without_a_connection_the_day_fails_after_all_retries_and_says_why() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let plain = serve(|_, _| http("200 OK", "", "[]")).replace("http://", "https://");
    let leaves = serve(|_, _| Vec::new());
    for (url, why) in [
        (format!("http://{closed}"), "can't reach 127.0.0.1"),
        (
            "https://no-such-host.invalid".to_owned(),
            "no-such-host.invalid ([api] base_url): its name can't be resolved",
        ),
        (plain, "it does not speak TLS"),
        (leaves, "broke: connection closed"),
    ] {
        let world = world_at(&url);
        let report = world.sync(ON_DAY, 1);
        let row = day(&report, "acme", DAY);
        assert_eq!((&row["outcome"], &row["requests"]), (&"failed".into(), &3.into()), "{url}");
        let error = error(&report);
        assert!(error.contains("Check the address and the network"), "{error}");
        assert!(error.contains(why), "{url}: {error}");
        assert_eq!(world.sql("SELECT status FROM audit_events_log"), "FAILED");
    }
}

#[test]
fn any_error_body_is_accepted_and_heroku_s_message_is_reported() {
    for (body, expected) in [
        ("", "403 Forbidden ("),
        ("<html><h1>Forbidden</h1>", "403 Forbidden: "),
        ("[]", "403 Forbidden ("),
        ("{\"id\":\"forbidden\"", "403 Forbidden ("),
        ("\u{0}", "403 Forbidden: "),
        (r#"{"id":null,"message":null}"#, "403 Forbidden ("),
        (r#"{"id":"forbidden"}"#, "403 Forbidden: forbidden ("),
        (r#"{"message":"No, you don't"}"#, "403 Forbidden: No, you don't ("),
        (r#"{"id":7,"message":"No, you don't"}"#, "403 Forbidden: No, you don't ("),
        (r#"{"id":"forbidden","message":["no"]}"#, "403 Forbidden: forbidden ("),
        (r#"{"id":"a","id":"forbidden","message":"No"}"#, "403 forbidden: No ("),
    ] {
        let world = World::new(ACME);
        world.heroku.fault(first_page(), Fault::body(403, "text/html", body));
        let report = world.sync(ON_DAY, 1);
        assert!(
            error(&report).starts_with(&format!("Heroku refused: {expected}")),
            "{body}: {}",
            error(&report)
        );
        assert_eq!(day(&report, "acme", DAY)["requests"], 1);
    }
}

#[test]
fn an_error_keeps_its_class_when_its_body_breaks_off_or_never_ends() {
    let url = serve(|_, _| {
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 999\r\n\r\n{\"id\":\"forb".to_vec()
    });
    let report = world_at(&url).sync(ON_DAY, 1);
    assert!(error(&report).starts_with("Heroku refused: 403 Forbidden ("), "{}", error(&report));

    let world = World::new(ACME);
    world.heroku.fault(first_page(), Fault::body(403, "text/plain", vec![b'x'; 32 * 1024 * 1024]));
    let report = world.sync(ON_DAY, 1);
    assert!(
        error(&report).starts_with("Heroku refused: 403 Forbidden: text/plain"),
        "{}",
        error(&report)
    );
}

#[test]
fn retry_after_may_be_a_date_and_the_policy_replaces_an_unreadable_one() {
    let world = World::new(ACME);
    let date_in =
        |seconds| httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds));
    world.heroku.fault(first_page(), Fault::rate_limit(Some(&date_in(3))));
    let report = world.sync(ON_DAY, 0);
    assert_eq!(day(&report, "acme", DAY)["retries"], 1);
    let requests = world.heroku.requests_for("acme", date(DAY));
    // A date has whole seconds, so the wait is up to a second shorter.
    assert!(requests[1].at - requests[0].at >= Duration::from_millis(1500), "the requested wait");

    for odd in ["", "soon", "-5", "1e9", "99999999999999999999999", "Sat, 28 Sep 2024 10:00:00 GMT"]
    {
        let world = World::new(ACME);
        note(odd);
        world.heroku.fault(first_page(), Fault::rate_limit(Some(odd)));
        let report = world.sync(ON_DAY, 0);
        assert_eq!(day(&report, "acme", DAY)["retries"], 1);
        let requests = world.heroku.requests_for("acme", date(DAY));
        assert!(
            requests[1].at - requests[0].at < Duration::from_secs(5),
            "the policy's own wait is short"
        );
    }
}

#[test]
fn no_redirect_is_followed_so_no_other_host_sees_the_token() {
    for code in [300, 301, 302, 303, 305, 307, 308] {
        let world = World::new(ACME);
        let location =
            format!("{}/enterprise-accounts/acme/events", world.heroku.archive_url_base());
        let headers =
            vec![("location".to_owned(), location), ("refresh".to_owned(), "0".to_owned())];
        let (id, message) = ("moved".to_owned(), "elsewhere".to_owned());
        world
            .heroku
            .fault(first_page(), Fault::Status { code, id, message, retry_after: None, headers });
        let report = world.sync(ON_DAY, 1);
        assert_eq!(day(&report, "acme", DAY)["requests"], 1, "{code}");
        assert!(error(&report).contains("Heroku's API does not redirect"), "{}", error(&report));
        assert_eq!(world.heroku.requests().len(), 1, "{code}");
        assert_eq!(world.heroku.violations(), [""; 0]);
    }
}

#[test]
fn a_rejected_account_does_not_affect_another_with_the_same_token() {
    let others = source("hooli", "hooli") + &source("umbrella", "umbrella");
    let world = World::new(&format!("{others}{ACME}"));
    world.heroku.add_account("hooli", "someone@example.com");
    world.heroku.add_account("umbrella", "someone@example.com");
    world.heroku.grant("umbrella", "audit@acme.example.com", &["view"]);
    let report = world.sync("--from 2024-09-27 --to 2024-09-28", 1);
    for date in ["2024-09-27", DAY] {
        for (source, expected) in [("hooli", "404 not_found"), ("umbrella", "403 forbidden")] {
            let row = day(&report, source, date);
            assert_eq!((&row["outcome"], &row["requests"]), (&"failed".into(), &1.into()));
            assert!(row["error"].as_str().is_some_and(|error| error.contains(expected)), "{row:#}");
        }
        assert_eq!(day(&report, "acme", date)["outcome"], "synced");
    }
}
