//! Signed checkpoints: when a run keeps one, what it says, and what becomes of it when runs race or
//! are killed.

use auditsync::evidence::key::SigningKey;
use fake_heroku::{Match, Month};
use serde_json::Value;

use crate::support::checkpoints::{
    anchors, assert_signed, checkpoints, expected_text, key, kinds, preimages, verify,
};
use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{ACME, World, source, wait_for};

const ORIGIN: &str = "audit.example.com/acme";
const SIGNED: &str = "[evidence]\nsigning_key_env = \"SIGN\"\n";
const SYNC: &str = "sync --date 2024-09-28";

/// A world with a key that signs.
fn signing() -> (World, SigningKey) {
    let key = key(ORIGIN);
    let mut world = World::busy(&format!("{SIGNED}{ACME}"));
    world.set("SIGN", key.expose());
    (world, key)
}

fn sync(world: &World, day: &str) {
    let finished = world.run(&format!("sync --date {day}"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert!(!finished.stderr.contains("no checkpoint was signed"), "{finished:#?}");
}

#[test]
fn a_run_that_moved_the_head_announces_its_key_and_signs_the_seals() {
    let (world, key) = signing();
    let report = world.sync("--date 2024-09-28", 0);
    assert_eq!(kinds(&world), "genesis day key");
    assert_eq!(anchors(&world), ["3 checkpoint", "3 edge"]);
    assert_eq!(report["head"]["seq"], 3, "the head includes the seal of the key: {report:#}");
    sync(&world, "2024-09-27");
    assert_eq!(kinds(&world), "genesis day key day", "a key is announced once");
    assert_eq!(anchors(&world), ["3 checkpoint", "3 edge", "4 checkpoint", "4 edge"]);
    for (seq, note) in checkpoints(&world, ORIGIN) {
        assert_signed(&note, &expected_text(ORIGIN, &preimages(&world)[..seq]), &[&key]);
    }
    let report = verify(&world, "", 0);
    let compared = &report["anchors"][0];
    assert_eq!((&compared["kind"], &compared["count"]), (&"checkpoint".into(), &2.into()));
    verify(&world, &format!("--key {}", key.verifier()), 0);
}

#[test]
fn a_run_that_moved_no_head_and_a_dry_run_write_nothing() {
    let (world, _) = signing();
    sync(&world, "2024-09-28");
    let before = world.dump();
    sync(&world, "2024-09-28");
    assert_eq!(world.run("sync --dry-run --date 2024-09-27").status, 0);
    world
        .heroku
        .fault(Match::events("acme").always(), fake_heroku::Fault::status(403, "forbidden", "no"));
    assert_eq!(world.dump(), before);
    assert_eq!(world.run("sync --date 2024-09-26").status, 1);
    assert_eq!(anchors(&world).len(), 2, "a day that failed moves no head");
}

#[test]
fn a_run_reads_only_the_seals_behind_the_kept_edge() {
    let (world, key) = signing();
    for day in ["2024-09-28", "2024-09-27", "2024-09-26"] {
        sync(&world, day);
    }
    let true_text = "SELECT sealed FROM audit_seals WHERE seq = 2";
    let true_text = world.sql(true_text);
    world.sql("UPDATE audit_seals SET sealed = 'not read' WHERE seq = 2");
    sync(&world, "2024-09-25");
    world.sql(&format!("UPDATE audit_seals SET sealed = '{true_text}' WHERE seq = 2"));
    let notes = checkpoints(&world, ORIGIN);
    assert_eq!(notes.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_signed(&notes[3].1, &expected_text(ORIGIN, &preimages(&world)), &[&key]);
    verify(&world, "", 0);

    // Without an edge, or with one that is none, the run reads the entire chain.
    world.sql("DELETE FROM audit_anchors WHERE kind = 'edge'");
    sync(&world, "2024-09-24");
    world.sql("UPDATE audit_anchors SET anchor = 'x' WHERE kind = 'edge'");
    sync(&world, "2024-09-23");
    assert_eq!(checkpoints(&world, ORIGIN).len(), 6);
}

#[test]
fn a_chain_with_a_gap_is_not_signed() {
    let (world, _) = signing();
    sync(&world, "2024-09-28");
    world.sql("DELETE FROM audit_anchors; DELETE FROM audit_seals WHERE seq = 2");
    let finished = world.run("sync --date 2024-09-27");
    assert_eq!(finished.status, 0, "{finished:#?}");
    let says =
        "no checkpoint was signed: seals are missing in the database. Run `auditsync verify`";
    assert!(finished.stderr.contains(says), "{finished:#?}");
    assert_eq!(anchors(&world), [""; 0]);
}

#[test]
fn a_backfill_and_a_repair_that_stored_something_sign_too() {
    let (world, _) = signing();
    let finished = world.run("backfill --from 2024-09-27 --to 2024-09-28");
    assert_eq!(finished.status, 0, "{finished:#?}");
    assert_eq!(anchors(&world), ["4 checkpoint", "4 edge"]);

    let day = crate::support::date("2024-09-28");
    let mut events = world.heroku.day("acme", day);
    events.push(r#"{"id":"late-1","created_at":"2024-09-28T01:00:00Z","type":"app"}"#.into());
    world.heroku.put_day("acme", day, events);
    world.heroku.make_archive("acme", Month { year: 2024, month: 9 });
    let repair = || {
        let finished = world.run("reconcile --month 2024-09 --repair --output json");
        let months: Value = finished.json();
        months["months"][0]["days"].as_array().map_or(0, Vec::len)
    };
    assert!(repair() > 0);
    let signed = anchors(&world);
    assert!(signed.len() == 4 && kinds(&world).split(' ').count() > 4, "{signed:?}");
    repair();
    assert_eq!(anchors(&world), signed, "a repair with nothing to repair moves no head");
    verify(&world, "", 0);
}

#[test]
fn two_runs_at_once_leave_a_chain_and_checkpoints_that_are_right() {
    let key = key(ORIGIN);
    let mut world = World::busy(&format!(
        "{SIGNED}{}filter = {{ type = \"app\" }}\n{ACME}",
        source("a", "acme")
    ));
    world.set("SIGN", key.expose());
    assert_eq!(world.run("migrate").status, 0);
    for day in 20..26 {
        let hold = world.heroku.hold(Match::events("acme"));
        let runs = ["a", "acme"]
            .map(|source| world.spawn(&format!("sync --source {source} --date 2024-09-{day}")));
        wait_for("both to read", || hold.waiting() == 2);
        hold.release();
        for run in runs {
            let finished = run.wait();
            assert_eq!(finished.status, 0, "{finished:#?}");
        }
    }
    let days = kinds(&world).split(' ').filter(|kind| *kind == "day").count();
    assert_eq!(days, 12, "{}", kinds(&world));
    for (seq, note) in checkpoints(&world, ORIGIN) {
        assert_signed(&note, &expected_text(ORIGIN, &preimages(&world)[..seq]), &[&key]);
    }
    verify(&world, "", 0);
}

#[test]
fn a_kill_between_the_seal_of_a_key_and_its_checkpoint_is_repaired() {
    let (mut world, key) = signing();
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    assert_eq!(world.run("migrate").status, 0);
    proxy.forget();
    proxy.strike(1, "INSERT INTO audit_anchors", When::Before, Blow::Kill);
    let run = world.spawn(SYNC);
    proxy.program_is(run.child.id());
    assert_eq!(run.wait().status, -9);
    assert_eq!((kinds(&world).as_str(), anchors(&world).len()), ("genesis day key", 0));
    verify(&world, "", 0);
    proxy.forget();
    sync(&world, "2024-09-27");
    assert_eq!(kinds(&world), "genesis day key day");
    let notes = checkpoints(&world, ORIGIN);
    assert_eq!(notes.len(), 1);
    assert_signed(&notes[0].1, &expected_text(ORIGIN, &preimages(&world)), &[&key]);
    verify(&world, "", 0);
}

#[test]
fn a_key_that_can_t_be_used_fails_no_run_and_is_never_shown() {
    let good = key(ORIGIN);
    let secret = good.expose().splitn(5, '+').last().expect("a part").to_owned();
    let broken = good.expose().replace("PRIVATE+KEY+audit", "PRIVATE+KEY+Audit");
    let mut world = World::busy(&format!("{SIGNED}{ACME}"));
    for (day, value, says) in [
        (21, None, "SIGN is not set".to_owned()),
        (22, Some(""), "SIGN".to_owned()),
        (23, Some(secret.as_str()), "SIGN: is not a private key".to_owned()),
        (24, Some(&broken), "SIGN: has a hash that does not belong to its name".to_owned()),
        (
            25,
            Some(good.expose()),
            format!(
                "the key in SIGN has the name {ORIGIN}, and [evidence] origin is other.example"
            ),
        ),
    ] {
        if let Some(value) = value {
            world.set("SIGN", value);
        }
        if day == 25 {
            world.write_config(&format!("{SIGNED}origin = \"other.example\"\n{ACME}"));
        }
        let finished = world.run(&format!("sync --date 2024-09-{day}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        let says = format!("no checkpoint was signed: {says}");
        assert!(finished.stderr.contains(&says), "{says}: {finished:#?}");
        assert!(!format!("{finished:?}").contains(&secret), "{finished:#?}");
    }
    assert_eq!(anchors(&world), [""; 0]);
    assert!(!kinds(&world).contains("key"));
    // The name of the key is the origin, also where the file names it.
    world.write_config(&format!("{SIGNED}origin = \"{ORIGIN}\"\n{ACME}"));
    sync(&world, "2024-09-26");
    assert_eq!(checkpoints(&world, ORIGIN).len(), 1);
}
