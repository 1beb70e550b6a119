//! Where an archive's file is fetched from: rejected addresses, and redirects.

use std::sync::{Arc, Mutex};

use fake_heroku::{Fault, Host, Match, Month, gzip};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::raw::http;
use crate::support::{ACME, DAY, World, day, https, truth};

const SEPTEMBER: Month = Month { year: 2024, month: 9 };
const BACKFILL: &str = "backfill --via archive --from 2024-09-28 --to 2024-09-28";
const INFO: &str = "/enterprise-accounts/acme/archives/2024/09";

/// Reads the day from the archive.
fn backfill(world: &World, status: i32) -> Value {
    let finished = world.run(&format!("{BACKFILL} --output json"));
    assert_eq!(finished.status, status, "{finished:#?}");
    finished.json()
}

fn error(report: &Value) -> String {
    day(report, "acme", DAY)["error"].as_str().expect("an error").to_owned()
}

fn assert_day_is_complete(world: &World) {
    world.assert_complete("acme", DAY, &truth(world, "acme", DAY, |_| true));
}

/// How often an address was requested, and how often the archive host was contacted.
fn asked(world: &World) -> (usize, usize) {
    let requests = world.heroku.requests();
    let downloads = requests.iter().filter(|request| request.host == Host::Archive).count();
    (requests.iter().filter(|request| request.path == INFO).count(), downloads)
}

/// The status of every ledger row. Failed days are due again.
fn assert_nothing_is_complete(world: &World) {
    assert_eq!(
        world
            .sql("SELECT count(*) FROM audit_events_log WHERE status NOT IN ('PENDING', 'FAILED')"),
        "0"
    );
    assert_eq!(world.sql("SELECT count(*) FROM audit_events"), "0");
}

#[test]
fn a_refused_address_is_replaced_once() {
    for refusal in [
        Fault::expired_address(),
        Fault::skewed_clock(),
        Fault::storage(400, "AuthorizationQueryParametersError", "no"),
        Fault::storage(401, "Unauthorized", "no"),
        Fault::storage(404, "NoSuchKey", "The specified key does not exist."),
        Fault::body(410, "text/html", "<html>gone</html>"),
        Fault::body(451, "text/plain", ""),
    ] {
        let world = World::new(ACME);
        world.heroku.fault(Match::download(), refusal);
        let report = backfill(&world, 0);
        assert_eq!(day(&report, "acme", DAY)["retries"], 1);
        assert_eq!(asked(&world), (2, 2));
        assert_day_is_complete(&world);
    }
}

#[test]
fn a_second_refusal_names_the_host_and_its_message_and_no_permission() {
    for (refusal, expected) in [
        (Fault::expired_address(), "403 Forbidden AccessDenied: Request has expired"),
        (
            Fault::skewed_clock(),
            "403 Forbidden RequestTimeTooSkewed: The difference between the request time",
        ),
        (Fault::storage(401, "Unauthorized", "a &amp; b"), "401 Unauthorized: a &amp; b"),
        (Fault::storage(404, "NoSuchKey", ""), "404 Not Found: NoSuchKey"),
        (Fault::body(410, "text/html", "<html>gone</html>"), "410 Gone."),
    ] {
        let world = World::new(ACME);
        world.heroku.fault(Match::download().always(), refusal);
        let error = error(&backfill(&world, 1));
        assert!(
            error.starts_with("127.0.0.1 refused the address") && error.contains(expected),
            "{error}"
        );
        assert!(
            error.contains("permissions are not the reason") && !error.contains("`manage`"),
            "{error}"
        );
        assert_eq!(
            error.contains("this machine's clock"),
            error.contains("RequestTimeTooSkewed"),
            "{error}"
        );
        assert_eq!(asked(&world), (2, 2));
        assert_nothing_is_complete(&world);
    }
}

#[test]
fn a_new_address_is_requested_only_once_despite_other_failures() {
    let world = World::new(ACME);
    for fault in [
        Fault::storage(503, "SlowDown", "Please reduce your request rate."),
        Fault::expired_address(),
        Fault::CutBody { after_bytes: 100 },
        Fault::expired_address(),
    ] {
        world.heroku.fault(Match::download(), fault);
    }
    let error = error(&backfill(&world, 1));
    assert!(error.contains("and a new one too: 403 Forbidden AccessDenied"), "{error}");
    assert_eq!(asked(&world), (4, 4));
}

#[test]
fn passing_failures_of_the_host_are_retried_by_the_policy() {
    for (code, attempts) in [(500, 3), (503, 3), (408, 3), (429, 3), (206, 3), (304, 3)] {
        let world = World::new(ACME);
        world.heroku.fault(
            Match::download().always(),
            Fault::storage(code, "SlowDown", "Reduce your rate"),
        );
        let error = error(&backfill(&world, 1));
        assert!(error.contains("from 127.0.0.1, 3 attempts in"), "{error}");
        for untrue in ["rate_limit", "base_url", "limits this token", "manage"] {
            assert!(!error.contains(untrue), "{untrue}: {error}");
        }
        assert_eq!(error.contains("SlowDown: Reduce your rate"), code != 304, "{error}");
        assert_eq!(asked(&world), (attempts, attempts), "{code}");
    }
}

#[test]
fn an_error_of_heroku_s_while_requesting_a_new_address_is_reported() {
    let world = World::new(ACME);
    world
        .heroku
        .fault(Match::path(INFO), Fault::Header { name: "x-first".into(), value: "good".into() });
    world.heroku.fault(
        Match::path(INFO),
        Fault::status(403, "forbidden", "You do not have the manage permission"),
    );
    world.heroku.fault(Match::download(), Fault::expired_address());
    let error = error(&backfill(&world, 1));
    assert!(
        error.contains("403 forbidden") && error.contains("the permission `manage`"),
        "{error}"
    );
    assert_eq!(asked(&world), (2, 1));
}

#[test]
fn up_to_three_redirects_are_followed_without_identifying_headers() {
    for (count, code) in [(1, 301), (1, 303), (2, 302), (3, 307), (3, 308)] {
        let world = World::new(ACME);
        let url = world.heroku.archive_url("acme", SEPTEMBER);
        let relative = url.rsplit_once('/').expect("a path").1.to_owned();
        for location in [&*url, &relative, &url].into_iter().take(count) {
            world.heroku.fault(Match::download(), Fault::redirect(code, Some(location)));
        }
        let report = backfill(&world, 0);
        assert_day_is_complete(&world);
        assert_eq!(asked(&world), (1, 1 + count));
        assert_eq!(day(&report, "acme", DAY)["requests"], 2 + count, "each redirect is a request");
        assert_eq!(world.heroku.violations(), [""; 0]);
    }
}

#[test]
fn a_redirect_that_is_not_followed_is_an_error_without_its_address() {
    let secret = "a-secret-of-24-characters";
    let address = |scheme: &str| format!("{scheme}://elsewhere.example/{secret}?s={secret}");
    let redirect = |location: &str| Fault::redirect(302, Some(location));
    for (fault, times, expected) in [
        (redirect(&format!("/{secret}")), 4, "this is the fourth redirect in a row"),
        (Fault::redirect(307, None), 1, "names no address"),
        (redirect(" "), 1, "names no address"),
        (redirect(&format!("http://[{secret}")), 1, "can't be read"),
        (redirect(&address("ftp")), 1, "leads to another scheme"),
        (redirect(&address("https")), 1, "leads to another scheme"),
        (redirect(&format!("data:,{secret}")), 1, "leads to another scheme"),
        (redirect(&format!("http://me:{secret}@127.0.0.1/")), 1, "holds credentials"),
        (Fault::redirect(300, Some(secret)), 1, "of this kind is not followed"),
        (Fault::redirect(305, Some(secret)), 1, "of this kind is not followed"),
    ] {
        let mut world = World::new(ACME);
        world.set("RUST_LOG", "auditsync=trace");
        world.heroku.fault(Match::download().times(times), fault);
        let finished = world.run(&format!("{BACKFILL} --output json"));
        assert_eq!(finished.status, 1, "{finished:#?}");
        let error = error(&finished.json());
        assert!(
            error.starts_with("127.0.0.1 redirects the download") && error.contains(expected),
            "{expected}: {error}"
        );
        assert!(!format!("{finished:?}").contains(secret), "{finished:#?}");
        assert_eq!(asked(&world), (1, times), "{expected}");
        assert_nothing_is_complete(&world);
    }
}

#[test]
fn after_a_redirect_the_host_that_refused_is_named() {
    let world = World::new(ACME);
    let url = world.heroku.archive_url("acme", SEPTEMBER);
    let elsewhere = url.replace("127.0.0.1", "localhost");
    for _ in 0..2 {
        world.heroku.fault(Match::download(), Fault::redirect(307, Some(&elsewhere)));
        world.heroku.fault(Match::download(), Fault::expired_address());
    }
    let error = error(&backfill(&world, 1));
    assert!(error.starts_with("localhost refused the address"), "{error}");
    assert_eq!(asked(&world), (2, 4));
}

#[test]
fn a_host_s_message_shows_no_part_of_the_address_and_no_escapes() {
    let mut world = World::new(&format!("{ACME}since = \"2024-09-28\"\n"));
    world.set("RUST_LOG", "auditsync=trace");
    let signature = "0123feedbeef4567";
    let url = format!(
        "{}?X-Amz-Signature={signature}&X-Amz-Expires=300",
        world.heroku.archive_url("acme", SEPTEMBER)
    );
    let info = json!({ "url": url, "checksum": "00" }).to_string();
    world.heroku.fault(Match::path(INFO).always(), Fault::body(200, "application/json", info));
    let key = url.rsplit_once('/').expect("a key").1.split('?').next().expect("a key").to_owned();
    let message = format!(
        "{url} or /{key}, signed {signature} for HRKU-demo-acme-0001-not-a-secret \
         \u{1b}[2J\u{202e}end"
    );
    world
        .heroku
        .fault(Match::download().always(), Fault::storage(403, "SignatureDoesNotMatch", &message));
    for command in [BACKFILL, "reconcile --month 2024-09"] {
        let finished = world.run(&format!("{command} --output json"));
        let all = format!("{}{}", finished.stdout, finished.stderr);
        assert!(
            all.contains("127.0.0.1 refused the address") && all.contains("SignatureDoesNotMatch"),
            "{all}"
        );
        for secret in [&*key, signature, "HRKU-", "\u{1b}", "\\u001b", "\u{202e}", "X-Amz"] {
            assert!(!all.contains(secret), "{secret:?} in {all}");
        }
    }
}

#[test]
fn reconcile_and_the_check_of_an_empty_day_report_a_refused_address() {
    let world = World::new(&format!("{ACME}since = \"2024-09-28\"\n"));
    world.sync("--date 2024-09-28", 0);
    world.heroku.fault(Match::download().times(4), Fault::expired_address());
    let finished = world.run("reconcile --month 2024-09 --output json");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let report = finished.json();
    let reason = report["months"][0]["error"].as_str().expect("an error").to_owned();
    assert!(reason.contains("refused the address") && !reason.contains("`manage`"), "{reason}");
    let empty = world.sync("--date 2024-09-02", 1);
    let reason = day(&empty, "acme", "2024-09-02")["error"].as_str().expect("an error").to_owned();
    assert!(reason.contains("AccessDenied: Request has expired"), "{reason}");
    assert_eq!(world.heroku.faults_left(), [""; 0]);
}

#[test]
fn a_content_encoding_does_not_change_the_checksum_of_an_archive() {
    let world = World::new(&format!("{ACME}since = \"2024-09-28\"\n"));
    world.heroku.change_archive("acme", SEPTEMBER, |archive| {
        archive.content_encoding = Some("gzip".into());
    });
    backfill(&world, 0);
    assert_day_is_complete(&world);
    let finished = world.run("reconcile --month 2024-09 --output json");
    assert_eq!(finished.status, 0, "{finished:#?}");
    // A header that misdescribes a plain file changes nothing either.
    world.heroku.put_archive("acme", Month { year: 2024, month: 7 }, &b"[]"[..]);
    world.heroku.change_archive("acme", Month { year: 2024, month: 7 }, |archive| {
        archive.content_encoding = Some("br".into());
    });
    let finished = world.run("backfill --via archive --from 2024-07-01 --to 2024-07-01");
    assert_eq!(finished.status, 0, "{finished:#?}");
}

/// A Heroku behind TLS, with an archive of one event whose host answers with the redirect that
/// `redirect` makes from its own address.
fn encrypted(
    redirect: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (World, Arc<Mutex<Vec<String>>>) {
    let file = gzip(br#"[{"id":"a","created_at":"2024-09-28T01:00:00Z"}]"#);
    let checksum = hex::encode(Sha256::digest(&file));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let (address, certificate) = https::serve(move |address, head| {
        let path = head.split(' ').nth(1).expect("a path");
        seen.lock().expect("no panic").push(head.to_ascii_lowercase());
        let found = |location: &str| {
            http("302 Found", &format!("Location: {location}\r\nSet-Cookie: a=b\r\n"), "")
        };
        match path {
            INFO => http(
                "200 OK",
                "",
                &json!({ "url": format!("{address}/first"), "checksum": checksum,
                         "created_at": "2024-10-01T00:02:24.870Z" })
                .to_string(),
            ),
            "/first" => found(&redirect(address)),
            "/second" => found("third"),
            "/third" => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    file.len()
                );
                [head.as_bytes(), &file].concat()
            }
            _ => http("404 Not Found", "", "{}"),
        }
    });
    let mut world = World::new(ACME);
    world
        .write_file(&format!("[api]\nbase_url = \"{address}\"\n[retry]\nmax_attempts = 1\n{ACME}"));
    let file = world.place("certificate.pem", &certificate);
    world.set("SSL_CERT_FILE", &file);
    (world, heads)
}

#[test]
fn a_redirect_to_https_is_followed_without_token_referer_or_cookie() {
    let (world, heads) = encrypted(|address| format!("{address}/second"));
    backfill(&world, 0);
    assert_eq!(world.sql("SELECT event_id FROM audit_events"), "a");
    let heads = heads.lock().expect("no panic");
    let downloads: Vec<&String> =
        heads.iter().filter(|head| !head.starts_with(&format!("get {INFO}"))).collect();
    assert_eq!(downloads.len(), 3);
    for head in downloads {
        for name in ["authorization:", "referer:", "cookie:", "hrku-"] {
            assert!(!head.contains(name), "{head}");
        }
    }
}

#[test]
fn a_redirect_from_https_to_http_is_an_error_and_not_requested() {
    let plain = World::new(ACME);
    let url = plain.heroku.archive_url("acme", SEPTEMBER);
    let (world, _) = encrypted(move |_| url.clone());
    let error = error(&backfill(&world, 1));
    assert!(
        error.starts_with("localhost redirects the download") && error.contains("another scheme"),
        "{error}"
    );
    assert_eq!(plain.heroku.requests().len(), 0);
}
