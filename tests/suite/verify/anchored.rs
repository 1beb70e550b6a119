//! What an attacker with the entire database can do, and which anchor finds it.

use auditsync::config::KeyName;
use auditsync::evidence::LogId;
use auditsync::evidence::checkpoint::Checkpoint;
use auditsync::evidence::key::SigningKey;
use auditsync::evidence::tree::TreeEdge;
use ring::rand::SystemRandom;

use super::{assert_clean, codes, found, reseal, verify};
use crate::support::{ACME, World};

const ORIGIN: &str = "auditsync/test";
const DAYS: [&str; 3] = ["2024-09-26", "2024-09-27", "2024-09-28"];

/// An answer of `openssl ts -reply` for the SHA-256 of `seal`.
const GRANTED: &[u8] = include_bytes!("../../../src/evidence/timestamp/granted.tsr");

fn new_key() -> SigningKey {
    let name = KeyName::parse(ORIGIN).expect("a name");
    SigningKey::generate(name, &SystemRandom::new()).expect("random bytes")
}

/// A world that synced three days, one after the other, and the log of its runs.
fn synced(world: &World) -> String {
    let logs = DAYS.map(|day| {
        let finished = world.run(&format!("sync --log-format logfmt --date {day}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        finished.stderr
    });
    logs.concat()
}

fn signing(key: &SigningKey) -> World {
    let mut world = World::new(&format!("[evidence]\nsigning_key_env = \"SIGN\"\n{ACME}"));
    world.set("SIGN", key.expose());
    world
}

fn head(report: &serde_json::Value) -> String {
    let text = |key: &str| report["head"][key].as_str().expect("a text").to_owned();
    format!("{}:{}", report["head"]["seq"], text("seal"))
}

fn notes(world: &World) -> String {
    world.sql(
        "SELECT convert_from(anchor, 'UTF8') FROM audit_anchors WHERE kind = 'checkpoint'
         ORDER BY seq",
    )
}

#[test]
fn a_chain_that_was_sealed_again_from_a_change_on_needs_an_anchor() {
    let world = World::new(ACME);
    let log = world.place("heads.log", &synced(&world));
    let before = head(&assert_clean(&world, &format!("--anchors {log}")));
    reseal::forge(&world, "2024-09-28");
    let report = assert_clean(&world, "");
    assert_eq!(report["anchors_compared"], 0, "nothing in the database shows it");
    let text = world.run("verify").stdout;
    assert!(text.contains("Nothing outside this database was compared"), "{text}");
    for anchors in [format!("--anchor {before}"), format!("--anchors {log}")] {
        let problems = found(&world, &anchors);
        assert!(problems[0].starts_with("rewritten: differs from seal 4 on"), "{problems:?}");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
    let problems = found(&world, &format!("--anchors {log}"));
    assert!(problems[0].contains("anchors agree up to seal 3"), "{problems:?}");
    assert!(problems[0].contains("this speaks for a rewritten chain"), "{problems:?}");
}

#[test]
fn results_that_were_kept_as_text_or_json_are_anchors() {
    let world = World::new(ACME);
    let mut results: Vec<String> = Vec::new();
    for (day, output) in [(DAYS[0], "text"), (DAYS[1], "json")] {
        results.push(world.run(&format!("sync --date {day} --output {output}")).stdout);
        results.push(world.run(&format!("status --output {output}")).stdout);
    }
    let kept = world.place("heads.txt", &results.concat());
    let report = assert_clean(&world, &format!("--anchors {kept}"));
    let anchor = &report["anchors"][0];
    assert_eq!(
        (&anchor["kind"], &anchor["count"], &anchor["seq"]),
        (&"head".into(), &4.into(), &3.into())
    );
    reseal::forge(&world, DAYS[1]);
    for result in &results[2..] {
        let kept = world.place("heads.txt", result);
        let problems = found(&world, &format!("--anchors {kept}"));
        assert!(problems[0].starts_with("rewritten: differs from seal 3"), "{problems:?}");
    }
    // A result of another chain is of no use.
    let other = World::new(ACME);
    other.sync(&format!("--date {}", DAYS[0]), 0);
    let kept = other.place("heads.txt", &results[0]);
    assert_eq!(codes(&other, &format!("--anchors {kept}")), ["foreign".to_owned()].into());
}

#[test]
fn a_tail_that_was_cut_off_needs_an_anchor() {
    let world = World::new(ACME);
    let log = world.place("heads.log", &synced(&world));
    world.sql(
        "DELETE FROM audit_seals WHERE seq = 4;
         DELETE FROM audit_events WHERE process_date = '2024-09-28';
         DELETE FROM audit_events_log WHERE process_date = '2024-09-28'",
    );
    assert_clean(&world, "");
    let problems = found(&world, &format!("--anchors {log}"));
    let truncated = "truncated: the chain ends with seal 3, and an anchor names seal 4 (line ";
    assert!(problems.len() == 1 && problems[0].starts_with(truncated), "{problems:?}");
}

#[test]
fn a_source_that_was_dropped_without_a_trace_needs_an_anchor() {
    let sources = format!(
        "{ACME}{}",
        crate::support::source("other", "acme") + "filter = { type = \"app\" }\n"
    );
    let world = World::new(&sources);
    let log = world.place("heads.log", &synced(&world));
    world.sql(
        "DELETE FROM audit_events WHERE source = 'other';
         DELETE FROM audit_events_log WHERE source = 'other';
         DELETE FROM audit_seals WHERE source = 'other';
         ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_pkey,
             DROP CONSTRAINT audit_seals_begin_once;
         UPDATE audit_seals AS s SET seq = place
         FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM audit_seals) AS n
         WHERE s.seq = n.seq",
    );
    reseal::seal_again(&world, 1, |_| ());
    assert_eq!(reseal::texts(&world).len(), 4);
    assert_clean(&world, "");
    let found = codes(&world, &format!("--anchors {log}"));
    assert!(found.contains("rewritten") && found.contains("truncated"), "{found:?}");
}

#[test]
fn a_chain_that_begins_again_is_found_by_its_log_and_by_heads() {
    let world = World::new(ACME);
    let log = world.place("heads.log", &synced(&world));
    let report = assert_clean(&world, "");
    let (before, id) = (head(&report), report["head"]["log"].as_str().expect("an id"));
    reseal::begin_again(&world, &LogId::from_bits(0xbad));
    assert_clean(&world, "");
    let new = format!("{:032x}", 0xbad);
    assert_eq!(
        found(&world, &format!("--log {id}")),
        [format!("foreign: the chain is of the log {new}, not of {id}, which --log names")]
    );
    assert_clean(&world, &format!("--log {new}"));
    assert_eq!(codes(&world, &format!("--anchors {log}")), ["foreign".to_owned()].into());
    let anchored = found(&world, &format!("--anchor {before}"));
    assert!(anchored[0].starts_with("rewritten: differs from seal 4 on"), "{anchored:?}");
}

#[test]
fn a_kept_checkpoint_finds_what_an_attacker_without_the_key_rewrites() {
    let key = new_key();
    let world = signing(&key);
    synced(&world);
    let report = assert_clean(&world, "");
    assert_eq!(report["anchors"][0]["kind"], "checkpoint", "{report:#}");
    assert_eq!(report["anchors"][0]["count"], 3, "{report:#}");
    let kept = notes(&world);
    reseal::forge(&world, "2024-09-27");
    let found = codes(&world, "");
    assert_eq!(found, ["altered", "rewritten"].map(str::to_owned).into());
    // The attacker can delete what the database keeps, but not the copies elsewhere.
    world.sql("DELETE FROM audit_anchors");
    assert_clean(&world, "");
    let copies = world.place("notes", &kept);
    let problems = super::found(&world, &format!("--anchors {copies}"));
    assert!(problems[0].starts_with("rewritten: differs from seal "), "{problems:?}");
}

#[test]
fn a_stranger_s_key_of_the_same_name_does_not_acquit_a_rewritten_chain() {
    let key = new_key();
    let mut world = signing(&key);
    synced(&world);
    let report = assert_clean(&world, "");
    let before = head(&report);
    // A typing mistake is no second database.
    let typed = format!(
        "{}{}",
        &before[..before.len() - 2],
        if before.ends_with("00") { "11" } else { "00" }
    );
    let problems = found(&world, &format!("--anchor {typed}"));
    assert!(problems[0].starts_with("rewritten: "), "{problems:?}");
    assert!(problems[0].contains("First check that the anchor was copied"), "{problems:?}");
    world.sql(
        "DELETE FROM audit_anchors; DELETE FROM audit_seals WHERE seq > 1;
         DELETE FROM audit_events; DELETE FROM audit_events_log",
    );
    world.set("SIGN", new_key().expose());
    synced(&world);
    assert_clean(&world, "");
    let problems = found(&world, &format!("--anchor {before}"));
    let [only] = &problems[..] else { panic!("{problems:#?}") };
    assert!(only.starts_with("rewritten: differs from seal "), "{only}");
    assert!(only.contains("is named only by the part that differs (seal 3)"), "{only}");
    assert!(!only.contains("holder of the key"), "{only}");
    let pinned = codes(&world, &format!("--anchor {before} --key {}", key.verifier()));
    assert_eq!(pinned, ["bad_note", "rewritten"].map(str::to_owned).into());
}

#[test]
fn a_note_by_another_key_and_a_broken_one_are_bad() {
    let (key, stranger) = (new_key(), new_key());
    let world = signing(&key);
    synced(&world);
    let mut tree = TreeEdge::default();
    for text in reseal::texts(&world) {
        tree.push(text.as_bytes());
    }
    let origin = key.verifier().name().clone();
    let note = Checkpoint { origin, size: tree.size(), root: tree.root() };
    let by_stranger = note.sign(&[&stranger]).to_string();
    let file = world.place("note", &by_stranger);
    let name = format!("{ORIGIN}+{}", key.verifier().id());
    assert_eq!(
        found(&world, &format!("--anchors {file}")),
        [format!("bad_note: line 1 of {file}: the note has no signature by {name}")]
    );
    let trusted = format!("--key {}", stranger.verifier());
    let found_by_pin = codes(&world, &trusted);
    assert_eq!(found_by_pin, ["bad_note".to_owned()].into());
    assert_clean(&world, &format!("--key {}", key.verifier()));

    let before = world.sql(
        "SELECT encode(anchor, 'hex') FROM audit_anchors WHERE seq = 3
                            AND kind = 'checkpoint'",
    );
    for (set, why) in [
        ("''::bytea", "the note has no signatures"),
        ("'evil'", "the note has no signatures"),
        ("set_byte(anchor, 20, get_byte(anchor, 20) # 1)", "kept checkpoint of seal 3"),
        ("substr(anchor, 1, length(anchor) - 1)", "so the note may be cut"),
    ] {
        let one = "seq = 3 AND kind = 'checkpoint'";
        world.sql(&format!("UPDATE audit_anchors SET anchor = {set} WHERE {one}"));
        let problems = found(&world, "");
        assert!(problems[0].starts_with("bad_note: "), "{set}: {problems:?}");
        assert!(problems[0].contains(why), "{set}: {problems:?}");
        world.sql(&format!("UPDATE audit_anchors SET anchor = '\\x{before}' WHERE {one}"));
    }
    assert_clean(&world, "");
}

#[test]
fn any_change_of_a_kept_anchor_is_found() {
    let world = signing(&new_key());
    synced(&world);
    world.sql("CREATE TABLE kept AS SELECT * FROM audit_anchors");
    for (kind, changes) in [
        ("checkpoint", &["seq = seq - 1", "seq = 99", "kind = 'evil'", "kind = 'timestamp'"][..]),
        ("edge", &["seq = seq - 1", "seq = 99", "kind = 'evil'", "anchor = ''", "anchor = 'evil'"]),
    ] {
        for change in changes {
            world.sql(&format!(
                "UPDATE audit_anchors SET {change} WHERE kind = '{kind}'
                 AND seq = (SELECT max(seq) FROM audit_anchors)"
            ));
            let report = verify(&world, "", 1);
            assert_eq!(report["ok"], false, "{kind}: {change}: {report:#}");
            world.sql("TRUNCATE audit_anchors; INSERT INTO audit_anchors SELECT * FROM kept");
        }
    }
    assert_clean(&world, "");
}

#[test]
fn a_timestamp_of_another_hash_or_of_nothing_is_bad() {
    let world = World::new(ACME);
    synced(&world);
    let insert = |bytes: &[u8]| {
        world.sql(&format!(
            "DELETE FROM audit_anchors; INSERT INTO audit_anchors (seq, kind, anchor)
             VALUES (2, 'timestamp', '\\x{}')",
            hex::encode(bytes)
        ));
    };
    insert(GRANTED);
    let problems = found(&world, "");
    let of_other =
        "bad_timestamp: the kept timestamp of seal 2: the timestamp is of another hash, ";
    assert!(problems.len() == 1 && problems[0].starts_with(of_other), "{problems:?}");
    insert(&GRANTED[..50]);
    let problems = found(&world, "");
    let broken = "bad_timestamp: the kept timestamp of seal 2: the answer is not a timestamp";
    assert!(problems.len() == 1 && problems[0].starts_with(broken), "{problems:?}");
}
