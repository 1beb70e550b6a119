//! Timestamps of the head: what is sent and kept, and an authority that does not do its part.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use auditsync::evidence::timestamp;
use serde_json::Value;

use crate::support::authority::{Authority, assert_accepts, assert_rejects, folder};
use crate::support::authority::{make_authority, reply};
use crate::support::checkpoints::{anchors, codes, verify};
use crate::support::{ACME, World, raw};

fn stamping(url: &str) -> World {
    World::busy(&format!("[evidence]\ntimestamp_url = \"{url}\"\n{ACME}"))
}

/// The last seal, in hexadecimal digits.
fn head(world: &World) -> String {
    world.sql("SELECT encode(seal, 'hex') FROM audit_seals ORDER BY seq DESC LIMIT 1")
}

#[test]
fn a_run_that_moved_the_head_keeps_the_answer_of_the_authority() {
    let Some(authority) = Authority::start() else { return };
    let world = stamping(&format!("{}/tsr", authority.url));
    let report = world.sync("--date 2024-09-28", 0);
    let (head, seal) = (head(&world), report["head"]["seal"].as_str().expect("a seal").to_owned());
    assert_eq!(head, seal);
    let (request, body) = authority.requests.try_recv().expect("a request");
    assert!(request.starts_with("POST /tsr HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/timestamp-query\r\n"), "{request}");
    let hash = hex::decode(&seal).expect("hex").try_into().expect("32 bytes");
    assert_eq!((body.len(), body.as_slice()), (59, &timestamp::request(&hash)[..]));

    assert_eq!(anchors(&world), ["2 timestamp"]);
    let kept = world.sql("SELECT encode(anchor, 'hex') FROM audit_anchors");
    let path = authority.folder.path();
    let answer = std::fs::read(path.join("answer")).expect("the answer");
    assert_eq!(kept, hex::encode(answer), "unchanged");
    let check = |seal: &str| format!("ts -verify -digest {seal} -in answer -CAfile ca.pem");
    assert_accepts(path, &check(&seal));
    assert_rejects(path, &check(&"5f".repeat(32)));

    world.sync("--date 2024-09-28", 0);
    assert!(authority.requests.try_recv().is_err(), "no request where nothing was stored");
    let report = verify(&world, "", 0);
    let compared = &report["anchors"][0];
    assert_eq!((&compared["kind"], &compared["count"]), (&"timestamp".into(), &1.into()));
    world.sql("UPDATE audit_anchors SET seq = 1");
    assert_eq!(codes(&verify(&world, "", 1)), ["bad_timestamp"]);
}

#[test]
fn an_altered_timestamp_is_found_wherever_the_signature_reaches() {
    let Some(authority) = Authority::start() else { return };
    let world = stamping(&format!("{}/tsr", authority.url));
    world.sync("--date 2024-09-28", 0);
    world.sql("CREATE TABLE kept AS SELECT * FROM audit_anchors");
    let year = "UPDATE audit_anchors SET anchor = overlay(anchor PLACING '19'::bytea FROM
                position('\\x180f'::bytea IN anchor) + 2)";
    let length = world.sql("SELECT octet_length(anchor) FROM audit_anchors");
    let length: u32 = length.parse().expect("a number");
    // The answer's second field is its status, in bytes 4 to 8, which nobody signs.
    let random = fastrand::Rng::with_seed(3).choose_multiple(9..length, 12);
    let flips = random.into_iter().map(|at| {
        format!(
            "UPDATE audit_anchors SET anchor = set_byte(anchor, {at}, get_byte(anchor, {at}) # 1)"
        )
    });
    for change in flips.chain([year.to_owned()]) {
        world.sql(&change);
        let altered = world.sql("SELECT a.anchor <> k.anchor FROM audit_anchors a, kept k");
        assert_eq!(altered, "t", "{change}");
        assert_eq!(codes(&verify(&world, "", 1)), ["bad_timestamp"], "{change}");
        world.sql("TRUNCATE audit_anchors; INSERT INTO audit_anchors SELECT * FROM kept");
    }
    verify(&world, "", 0);
}

#[test]
fn an_authority_that_fails_costs_a_warning_and_nothing_else() {
    let Some(folder) = folder() else { return };
    make_authority(folder.path());
    let rejection = reply(folder.path(), "sha512", &timestamp::request(&[0; 32]));
    let other = reply(folder.path(), "sha256", &timestamp::request(&[0; 32]));
    let endless = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &vec![b'0'; 1_000_000]].concat();
    let elsewhere = raw::serve(|_, head| panic!("no redirect may be followed: {head}"));
    let moved = format!("Location: {elsewhere}/\r\n");
    for (day, answer, says) in [
        (20, raw::http("500 Internal Server Error", "", "no"), "it answered 500 Internal"),
        (21, raw::http("200 OK", "", "<html>Welcome!</html>"), "the answer is not a timestamp"),
        (22, raw::http_bytes("200 OK", "", &rejection), "the authority made no timestamp"),
        (23, raw::http_bytes("200 OK", "", &other), "the timestamp is of another hash"),
        (24, raw::http("302 Found", &moved, ""), "it answered 302 Found"),
        (25, endless, "its answer is longer than 65536 bytes"),
        (26, raw::http("200 OK", "", ""), "the answer is not a timestamp"),
        (27, Vec::new(), "the connection to 127.0.0.1"),
    ] {
        let world = stamping(&raw::serve_bodies(move |_, _| answer.clone()));
        let finished = world.run(&format!("sync --date 2024-09-{day}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        let warning = format!("no timestamp was obtained from 127.0.0.1: {says}");
        assert_eq!(finished.stderr.matches(&warning).count(), 1, "{says}: {finished:#?}");
        assert_eq!(finished.stderr.matches("WARNING").count(), 1, "{finished:#?}");
        assert_eq!(anchors(&world), [""; 0]);
        verify(&world, "", 0);
    }
    let finished = stamping("http://127.0.0.1:1/").run("sync --date 2024-09-28");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(finished.stderr.contains("connection refused"), "{finished:#?}");
}

/// A day with so few events that nobody has to read the log meanwhile.
const QUIET: &str = "sync --date 2024-09-20 --output json";

/// An authority that never answers, and a message for each request that it gets.
fn silent() -> (String, mpsc::Receiver<()>) {
    let (heard, requests) = mpsc::channel();
    let url = raw::serve_bodies(move |_, _| {
        let _ = heard.send(());
        loop {
            std::thread::park();
        }
    });
    (url, requests)
}

#[test]
fn an_authority_that_never_answers_is_waited_for_ten_seconds() {
    let (url, requests) = silent();
    let world = stamping(&url);
    let mut run = world.spawn(QUIET);
    // The report does not wait.
    let out = run.child.stdout.as_mut().expect("a pipe");
    let mut documents = serde_json::Deserializer::from_reader(out).into_iter::<Value>();
    let report = documents.next().expect("a report").expect("JSON");
    assert_eq!(report["head"]["seq"], 2, "{report:#}");
    requests.recv_timeout(Duration::from_secs(5)).expect("a request");
    let begun = Instant::now();
    let finished = run.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
    let waited = begun.elapsed();
    assert!(Duration::from_secs(8) < waited && waited < Duration::from_secs(15), "{waited:?}");
    assert!(finished.stderr.contains("127.0.0.1: it did not answer in time"), "{finished:#?}");
    assert_eq!(anchors(&world), [""; 0]);
}

#[test]
fn a_signal_ends_a_run_that_waits_for_an_authority() {
    let (url, requests) = silent();
    for (signal, status) in [("TERM", 143), ("INT", 130)] {
        let world = stamping(&url);
        let run = world.spawn(QUIET);
        requests.recv_timeout(Duration::from_mins(1)).expect("a request");
        let sent = Instant::now();
        run.signal(signal);
        let finished = run.wait();
        assert!(sent.elapsed() < Duration::from_secs(5), "{signal}: {:?}", sent.elapsed());
        assert_eq!(finished.status, status, "{finished:#?}");
        assert_eq!(finished.json()["days"][0]["outcome"], "synced", "{finished:#?}");
        assert_eq!(anchors(&world), [""; 0]);
    }
}
