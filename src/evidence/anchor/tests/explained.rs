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
        "rewritten: differs from seal 5 on: restored, failed over or rewritten. line 1 of \
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

#[test]
fn two_histories_that_one_key_signed_are_a_fork() {
    let key = signing_key(ORIGIN);
    let chain = Chain::of(2).announcing(&key).keeping(&[&key]).more(2, 1);
    let elsewhere = file(&chain.note(&[&key]));
    let here = restored(&chain, 3, TimeDelta::hours(1)).keeping(&[&key]);
    let found = only(here.found(vec![elsewhere.clone()]));
    assert!(
        found.starts_with(
            "fork: differs from seal 5 on: restored, failed over or rewritten. line 1 of notes \
             contradicts the chain; anchors agree up to seal 3. The signing key signed this \
             chain, too, up to seal 6."
        ),
        "{found}"
    );
    // A log line of the other history shows the same.
    let found = only(here.found(vec![line(&chain.head(4), at(4))]));
    assert!(found.starts_with("fork: differs from seal 4 on"), "{found}");
    // Without a later signature here, anyone can have made these seals.
    let unsigned = restored(&chain, 3, TimeDelta::hours(1));
    let found = only(unsigned.found(vec![elsewhere]));
    assert!(found.starts_with("rewritten: differs from seal 5 on"), "{found}");
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
