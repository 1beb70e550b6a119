//! A database that was restored, and went on from there, beside the one that it once was.

use auditsync::config::KeyName;
use auditsync::evidence::key::SigningKey;
use fake_heroku::Fixtures;
use ring::rand::SystemRandom;

use super::{assert_clean, found};
use crate::support::{ACME, World};

/// Syncs a day, and returns the log.
fn sync(world: &World, day: &str) -> String {
    let finished = world.run(&format!("sync --log-format logfmt --date {day}"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    finished.stderr
}

/// A world on a backup of another one, with the same file.
fn restored(world: &World, sources: &str) -> World {
    let copy = world.database.copy().expect("a copy");
    World::on(copy, Fixtures::committed(), sources)
}

/// Two worlds that were one up to seal 3: the log of the first one, and the restored one, which
/// went on later.
fn parted(sources: &str, key: Option<&SigningKey>) -> (World, String, World) {
    let mut first = World::new(sources);
    if let Some(key) = key {
        first.set("SIGN", key.expose());
    }
    let mut log = sync(&first, "2024-09-26") + &sync(&first, "2024-09-27");
    let mut second = restored(&first, sources);
    if let Some(key) = key {
        second.set("SIGN", key.expose());
    }
    log += &sync(&first, "2024-09-28");
    // The log has seconds, and the seals have microseconds.
    let wait = "SELECT pg_sleep(1.1)";
    second.sql(wait);
    sync(&second, "2024-09-25");
    sync(&second, "2024-09-28");
    (first, log, second)
}

#[test]
fn a_restored_backup_that_went_on_is_told_from_tampering_by_the_times() {
    let (first, log, second) = parted(ACME, None);
    assert_clean(&first, &format!("--anchors {}", first.place("log", &log)));
    assert_clean(&second, "");
    let problems = found(&second, &format!("--anchors {}", second.place("log", &log)));
    let [only] = &problems[..] else { panic!("{problems:#?}") };
    assert!(
        only.starts_with("rewritten: differs from seal 4 on: restored, failed over or rewritten."),
        "{only}"
    );
    assert!(only.contains("anchors agree up to seal 3"), "{only}");
    assert!(only.contains("this speaks for a restored backup, or a failover"), "{only}");
}

#[test]
fn a_restored_backup_that_did_not_go_on_is_truncated() {
    let first = World::new(ACME);
    let mut log = sync(&first, "2024-09-26");
    let second = restored(&first, ACME);
    log += &sync(&first, "2024-09-27");
    assert_clean(&second, "");
    let problems = found(&second, &format!("--anchors {}", second.place("log", &log)));
    let [only] = &problems[..] else { panic!("{problems:#?}") };
    assert!(only.starts_with("truncated: the chain ends with seal 2, and an anchor names seal 3"));
    assert!(only.contains("restored from an older backup"), "{only}");
}

#[test]
fn two_databases_that_one_key_signed_are_a_fork() {
    let name = KeyName::parse("auditsync/test").expect("a name");
    let key = SigningKey::generate(name, &SystemRandom::new()).expect("random bytes");
    let sources = format!("[evidence]\nsigning_key_env = \"SIGN\"\n{ACME}");
    let (first, log, second) = parted(&sources, Some(&key));
    assert_clean(&first, "");
    assert_clean(&second, "");
    let notes = first.sql(
        "SELECT convert_from(anchor, 'UTF8') FROM audit_anchors WHERE kind = 'checkpoint'
         ORDER BY seq",
    );
    for (name, anchors) in [("log", &log), ("notes", &notes)] {
        let problems = found(&second, &format!("--anchors {}", second.place(name, anchors)));
        let [only] = &problems[..] else { panic!("{problems:#?}") };
        assert!(only.starts_with("fork: differs from seal "), "{only}");
        assert!(only.contains("two databases that were once one"), "{only}");
        assert!(only.contains("anchors agree up to seal 4"), "{only}");
    }
    // The log of a run that ended before they parted agrees with both.
    let old = log.lines().find(|line| line.contains("head_seq=4")).expect("a line");
    for world in [&first, &second] {
        assert_clean(world, &format!("--anchors {}", world.place("old", old)));
    }
}
