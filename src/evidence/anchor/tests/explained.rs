//! What speaks for which explanation.

use super::*;

/// The chain up to this seal, and then other seals, made this much later.
fn restored(chain: &Chain, up_to: usize, later: TimeDelta) -> Chain {
    let mut restored = chain.clone();
    restored.texts.truncate(up_to);
    restored.kept.retain(|(seq, ..)| *seq <= up_to as i64);
    let day = DAY.parse().expect("a date");
    for attempt in 7..10 {
        restored.add(Sealed::of_day(SealKind::Reset, "acme", day, attempt), later);
    }
    restored
}

fn only(found: Vec<String>) -> String {
    let [only] = <[String; 1]>::try_from(found).expect("one problem");
    only
}

#[test]
fn a_seal_made_after_the_anchor_speaks_for_a_restored_backup() {
    let chain = Chain::of(6);
    let here = restored(&chain, 4, TimeDelta::hours(1));
    let found = only(here.found(vec![line(&chain.head(4), at(4)), line(&chain.head(5), at(5))]));
    assert_eq!(
        found,
        "rewritten: differs from seal 5 on: restored, failed over or rewritten. Line 1 of \
         heads.log contradicts the chain; anchors agree up to seal 4. Seal 5 was made here at \
         2024-09-29T01:05:00Z, after the anchor was recorded (2024-09-29T00:05:00Z): this speaks \
         for a restored backup, or a failover, after which runs went on"
    );
}

#[test]
fn a_seal_that_claims_to_be_older_than_the_anchor_speaks_for_rewriting() {
    let chain = Chain::of(6);
    let here = restored(&chain, 4, TimeDelta::seconds(-1));
    let found = only(here.found(vec![line(&chain.head(5), at(5))]));
    assert!(
        found.contains(
            "Seal 5 claims to be made here at 2024-09-29T00:04:59Z, before the anchor was \
             recorded (2024-09-29T00:05:00Z): this speaks for a rewritten chain"
        ),
        "{found}"
    );
}

/// Two histories that part after seal 3, which names a key. Both go on for three seals, and the
/// second one is signed.
fn parted(key: &SigningKey) -> (Chain, Chain) {
    let chain = Chain::of(2).announcing(key).keeping(&[key]).more(3, 1);
    let here = restored(&chain, 3, TimeDelta::hours(1)).keeping(&[key]);
    (chain, here)
}

#[test]
fn two_histories_that_one_key_signed_are_a_fork() {
    let key = signing_key(ORIGIN);
    let (chain, here) = parted(&key);
    let fork = "The signing key signed this chain, too, up to seal 6.";
    // A note that was kept elsewhere shows that the key is no stranger's.
    let elsewhere = file(&chain.note(&[&key]));
    let found = only(here.found(vec![elsewhere.clone()]));
    assert!(
        found.starts_with(
            "fork: differs from seal 6 on: restored, failed over or rewritten. Line 1 of notes \
             contradicts the chain; no anchor from elsewhere agrees before it. "
        ) && found.contains(fork),
        "{found}"
    );
    // So does a log line from the time after the key was announced.
    let lines = [3, 4].map(|seq| line(&chain.head(seq), at(seq)));
    let found = only(here.found(lines.to_vec()));
    assert!(found.starts_with("fork: differs from seal 4 on"), "{found}");
    assert!(found.contains("anchors agree up to seal 3") && found.contains(fork), "{found}");
    // So does the key itself.
    let pinned = Anchors::new(vec![lines[1].clone()], vec![key.verifier().clone()]);
    let found = only(here.compare(pinned).0);
    assert!(found.starts_with("fork: ") && found.contains(fork), "{found}");
    // Without a later signature here, anyone can have made these seals.
    let unsigned = restored(&chain, 3, TimeDelta::hours(1));
    let found = only(unsigned.found(vec![elsewhere]));
    assert!(found.starts_with("rewritten: differs from seal 6 on"), "{found}");
    assert!(!found.contains("signed"), "{found}");
}

#[test]
fn a_key_that_only_the_differing_part_names_acquits_nobody() {
    let (key, stranger) = (signing_key(ORIGIN), signing_key(ORIGIN));
    let chain = Chain::of(2).announcing(&key).keeping(&[&key]).more(3, 1).keeping(&[&key]);
    let forged = |up_to: usize| {
        let mut chain = restored(&chain, up_to, TimeDelta::seconds(-1));
        chain.kept.clear();
        chain.announcing(&stranger).keeping(&[&stranger]).more(2, 5).keeping(&[&stranger])
    };
    let said = |seq: i64| {
        format!(
            "the key that signed them is named only by the part that differs (seal {seq}), so \
             they prove nothing. Compare with --key"
        )
    };
    // The original's key is gone, with all that names it.
    let here = forged(2);
    for anchors in [
        vec![option(&chain.head(6))],
        vec![line(&chain.head(3), at(3)), line(&chain.head(6), at(6))],
        vec![line(&chain.head(2), at(2)), option(&chain.head(4))],
    ] {
        let found = only(here.found(anchors));
        assert!(found.starts_with("rewritten: differs from seal "), "{found}");
        assert!(found.contains(&said(6)) && !found.contains("holder of the key"), "{found}");
    }
    // The original's key stays, and the forger replaces it.
    let here = forged(4);
    let found = only(here.found(vec![option(&chain.head(4)), option(&chain.head(6))]));
    assert!(found.starts_with("rewritten: differs from seal 6 on"), "{found}");
    assert!(found.contains("anchors agree up to seal 4"), "{found}");
    let found = only(here.found(vec![option(&chain.head(5))]));
    assert!(found.contains(&said(8)), "{found}");
    // A note of the original shows it too: the stranger's key did not sign it.
    let note = file(&chain.note(&[&key]));
    let found = only(here.found(vec![note.clone()]));
    assert!(found.starts_with("rewritten: differs from seal 6 on"), "{found}");
    assert!(found.contains(&said(8)), "{found}");
    let found = forged(2).found(vec![note]);
    assert!(found[0].starts_with("bad_note: line 1 of notes"), "{found:?}");
}

#[test]
fn what_the_chain_s_own_home_keeps_does_not_count_as_agreeing() {
    let key = signing_key(ORIGIN);
    let (chain, here) = parted(&key);
    let found = only(here.found(vec![option(&chain.head(5))]));
    assert!(found.starts_with("rewritten: differs from seal 5 on"), "{found}");
    assert!(found.contains("no anchor from elsewhere agrees before it"), "{found}");
    assert!(found.contains("named only by the part that differs (seal 3)"), "{found}");
    assert!(
        found.ends_with(". First check that the anchor was copied without a mistake"),
        "{found}"
    );
}

#[test]
fn a_key_that_a_vouched_key_announced_is_vouched_for() {
    let (old, new) = (signing_key(ORIGIN), signing_key(ORIGIN));
    let chain = Chain::of(2).announcing(&old).keeping(&[&old]).more(2, 1);
    let here = restored(&chain, 3, TimeDelta::hours(1)).announcing(&new);
    let anchors = || vec![line(&chain.head(3), at(3)), line(&chain.head(4), at(4))];
    let announced = here.clone().keeping(&[&new, &old]).more(1, 9).keeping(&[&new]);
    let found = only(announced.found(anchors()));
    assert!(found.starts_with("fork: differs from seal 4 on"), "{found}");
    assert!(found.contains("too, up to seal 8"), "{found}");
    let alone = here.keeping(&[&new]).more(1, 9).keeping(&[&new]);
    let found = only(alone.found(anchors()));
    assert!(found.starts_with("rewritten: differs from seal 4 on"), "{found}");
    assert!(found.contains("(seal 7), so they prove nothing"), "{found}");
}

#[test]
fn a_restored_chain_that_is_still_shorter_both_differs_and_ends_early() {
    let chain = Chain::of(9);
    let here = restored(&chain, 4, TimeDelta::hours(1));
    let found = here.found(vec![line(&chain.head(5), at(5)), line(&chain.head(9), at(9))]);
    assert!(found[0].starts_with("rewritten: differs from seal 5 on"), "{found:?}");
    assert!(
        found[1].starts_with("truncated: the chain ends with seal 7, and an anchor names seal 9"),
        "{found:?}"
    );
}
