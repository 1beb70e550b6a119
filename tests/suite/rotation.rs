//! A key that signs checkpoints is replaced by another.

use std::time::Duration;

use auditsync::evidence::Sealed;
use auditsync::evidence::key::SigningKey;
use fake_heroku::Match;

use crate::support::checkpoints::{
    anchors, assert_signed, checkpoints, codes, expected_text, key, kinds, preimages, verify,
};
use crate::support::proxy::{Blow, Proxy, When};
use crate::support::{ACME, Finished, World, wait_for};

const ORIGIN: &str = "audit.example.com/acme";
const SIGNED: &str = "[evidence]\nsigning_key_env = \"SIGN\"\n";
const ROTATED: &str =
    "[evidence]\nsigning_key_env = \"SIGN\"\nprevious_signing_key_env = \"OLD\"\n";
const NOT_SIGNED: &str = "no checkpoint was signed";
const NEEDS_OLD: &str = "no checkpoint was signed: another key of this name signed before. Set \
    [evidence] previous_signing_key_env to the variable that holds it";

/// A world in which a key has signed.
fn signed() -> (World, SigningKey) {
    let old = key(ORIGIN);
    let mut world = World::busy(&format!("{SIGNED}{ACME}"));
    world.set("SIGN", old.expose());
    world.set("OLD", old.expose());
    sync(&world, 20);
    assert_eq!(kinds(&world), "genesis day key");
    (world, old)
}

fn sync(world: &World, day: u32) -> Finished {
    let finished = world.run(&format!("sync --date 2024-09-{day}"));
    assert_eq!(finished.status, 0, "{finished:#?}");
    finished
}

fn use_keys(world: &mut World, evidence: &str, new: &SigningKey) {
    world.write_config(&format!("{evidence}{ACME}"));
    world.set("SIGN", new.expose());
}

/// Checks who signed each checkpoint.
fn assert_signers(world: &World, signers: &[&[&SigningKey]]) {
    let (notes, preimages) = (checkpoints(world, ORIGIN), preimages(world));
    assert_eq!(notes.len(), signers.len(), "{notes:?}");
    for ((seq, note), keys) in notes.iter().zip(signers) {
        assert_signed(note, &expected_text(ORIGIN, &preimages[..*seq]), keys);
    }
}

#[test]
fn a_key_that_replaces_another_is_announced_by_both() {
    let (mut world, old) = signed();
    let new = key(ORIGIN);
    use_keys(&mut world, ROTATED, &new);
    let finished = sync(&world, 21);
    assert!(!finished.stderr.contains(NOT_SIGNED), "{finished:#?}");
    assert_eq!(kinds(&world), "genesis day key day key");
    use_keys(&mut world, SIGNED, &new);
    sync(&world, 22);
    assert_signers(&world, &[&[&old], &[&new, &old], &[&new]]);
    for trusted in [String::new(), format!("--key {}", old.verifier())] {
        let report = verify(&world, &trusted, 0);
        assert_eq!(report["anchors"][0]["count"], 3, "{report:#}");
    }
    let stranger = key(ORIGIN);
    let report = verify(&world, &format!("--key {}", stranger.verifier()), 1);
    assert!(codes(&report).iter().all(|code| *code == "bad_note"), "{report:#}");
}

#[test]
fn without_the_old_key_a_new_one_of_its_name_signs_nothing() {
    let (mut world, old) = signed();
    let new = key(ORIGIN);
    use_keys(&mut world, SIGNED, &new);
    for day in 21..23 {
        let finished = sync(&world, day);
        assert!(finished.stderr.contains(NEEDS_OLD), "{finished:#?}");
    }
    // Another key is not the old one.
    use_keys(&mut world, ROTATED, &new);
    world.set("OLD", key(ORIGIN).expose());
    let finished = sync(&world, 23);
    assert!(finished.stderr.contains(NEEDS_OLD), "{finished:#?}");
    assert_eq!(kinds(&world), "genesis day key day day day");
    world.unset("OLD");
    let finished = sync(&world, 24);
    assert!(finished.stderr.contains("no checkpoint was signed: OLD is not set"), "{finished:#?}");
    assert_signers(&world, &[&[&old]]);
    verify(&world, "", 0);
    // The old one can go on, and signs once.
    world.set("OLD", old.expose());
    use_keys(&mut world, ROTATED, &old);
    sync(&world, 25);
    assert_signers(&world, &[&[&old], &[&old]]);
}

#[test]
fn a_key_with_a_new_name_needs_no_old_key() {
    let (mut world, old) = signed();
    let new = key("audit.example.com/acme-2");
    use_keys(&mut world, SIGNED, &new);
    let finished = sync(&world, 21);
    assert!(!finished.stderr.contains(NOT_SIGNED), "{finished:#?}");
    assert_eq!(kinds(&world), "genesis day key day key");
    let report = verify(&world, "", 0);
    assert_eq!(report["anchors"][0]["count"], 2, "{report:#}");
    // Nothing tells those who trust only the old one that the new one is not a stranger's.
    let report = verify(&world, &format!("--key {}", old.verifier()), 1);
    assert_eq!(codes(&report), ["bad_note"], "{report:#}");
    verify(&world, &format!("--key {} --key {}", old.verifier(), new.verifier()), 0);
}

#[test]
fn a_change_that_no_checkpoint_announced_still_needs_the_old_key() {
    let (mut world, old) = signed();
    let new = key(ORIGIN);
    use_keys(&mut world, ROTATED, &new);
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    proxy.strike(1, "INSERT INTO audit_anchors", When::Before, Blow::Kill);
    let run = world.spawn("sync --date 2024-09-21");
    proxy.program_is(run.child.id());
    assert_eq!(run.wait().status, -9);
    assert_eq!(kinds(&world), "genesis day key day key");
    proxy.forget();
    use_keys(&mut world, SIGNED, &new);
    let finished = sync(&world, 22);
    assert!(finished.stderr.contains(NEEDS_OLD), "{finished:#?}");
    use_keys(&mut world, ROTATED, &new);
    sync(&world, 23);
    assert_eq!(kinds(&world), "genesis day key day key day day");
    use_keys(&mut world, SIGNED, &new);
    sync(&world, 24);
    assert_signers(&world, &[&[&old], &[&new, &old], &[&new]]);
    verify(&world, &format!("--key {}", old.verifier()), 0);
}

#[test]
fn a_run_signs_nothing_behind_the_seal_of_another_key() {
    let (mut world, _) = signed();
    let proxy = Proxy::start(world.database.url());
    world.set("DATABASE_URL", proxy.url());
    let hold = world.heroku.hold(Match::events("acme"));
    let run = world.spawn("sync --date 2024-09-21");
    wait_for("the request", || hold.waiting() > 0);
    proxy.slow_down(Duration::from_millis(200));
    hold.release();
    // The run has found its own key in the chain, and reads the seals next.
    let reads_seals = |step: &String| step.contains("kind = 'edge'");
    wait_for("the signing", || proxy.steps().iter().any(reads_seals));
    let fields = Sealed::of_key(&key(ORIGIN).verifier().to_string()).fields();
    let fields = fields.iter().map(|field| format!("'{field}'")).collect::<Vec<_>>().join(", ");
    world.sql(&format!("SELECT auditsync_seal(NULL, ARRAY[{fields}])"));
    let finished = run.wait();
    assert_eq!(finished.status, 0, "{finished:#?}");
    let says = "no checkpoint was signed: another run announced another key meanwhile";
    assert!(finished.stderr.contains(says), "{finished:#?}");
    assert_eq!(kinds(&world), "genesis day key day key");
    assert_eq!(anchors(&world).len(), 2);
    verify(&world, "", 0);
}
