//! Which key may sign.

use super::*;

#[test]
fn the_key_that_the_chain_names_signs_from_its_seal_on() {
    let key = signing_key(ORIGIN);
    let early = Chain::of(2).keeping(&[&key]).announcing(&key).keeping(&[&key]);
    assert_eq!(
        early.found(Vec::new()),
        ["bad_note: the kept checkpoint of seal 2: no key is known: the chain has no seal of \
          kind key so far"]
    );
}

#[test]
fn a_note_by_another_key_is_bad_wherever_it_is_kept() {
    let (key, other) = (signing_key(ORIGIN), signing_key(ORIGIN));
    let chain = Chain::of(2).announcing(&key);
    let name = format!("{ORIGIN}+{}", key.verifier().id());
    let kept = chain.clone().keeping(&[&other]).found(Vec::new());
    assert_eq!(
        kept,
        [format!("bad_note: the kept checkpoint of seal 3: the note has no signature by {name}")]
    );
    let outside = chain.found(vec![file(&chain.note(&[&other]))]);
    assert_eq!(
        outside,
        [format!("bad_note: line 1 of notes: the note has no signature by {name}")]
    );
    let beyond = chain.clone().more(2, 1).note(&[&other]);
    assert_eq!(
        chain.found(vec![file(&beyond)]),
        [format!("bad_note: line 1 of notes: the note has no signature by {name}")]
    );
}

#[test]
fn a_note_of_another_origin_is_bad_although_the_key_signed_it() {
    let key = signing_key("someone/else");
    let chain = Chain::of(2).announcing(&key).keeping(&[&key]);
    assert_eq!(
        chain.found(Vec::new()),
        [format!(
            "bad_note: the kept checkpoint of seal 3: it is of the log {ORIGIN}, not someone/else"
        )]
    );
}

#[test]
fn a_new_key_replaces_the_old_one_from_its_seal_on() {
    let (old, new) = (signing_key(ORIGIN), signing_key(ORIGIN));
    let before = Chain::of(1).announcing(&old).keeping(&[&old]);
    let rotated = before.announcing(&new);
    let both = rotated.clone().keeping(&[&new, &old]).more(1, 1).keeping(&[&new]);
    assert_eq!(both.found(Vec::new()), nothing());
    let late = rotated.more(1, 1).keeping(&[&old]).found(Vec::new());
    assert!(late[0].starts_with("bad_note: the kept checkpoint of seal 4"), "{late:?}");
}

#[test]
fn a_pinned_key_counts_instead_of_the_keys_that_the_chain_names() {
    let (key, stranger) = (signing_key(ORIGIN), signing_key(ORIGIN));
    let pinned =
        |chain: &Chain| chain.compare(Anchors::new(Vec::new(), vec![key.verifier().clone()])).0;
    let good = Chain::of(1).announcing(&key).keeping(&[&key]);
    assert_eq!(pinned(&good), nothing());
    // The forger of a chain can announce a key, too.
    let forged = Chain::of(1).announcing(&stranger).keeping(&[&stranger]);
    assert_eq!(forged.found(Vec::new()), nothing());
    let found = pinned(&forged);
    assert!(found[0].starts_with("bad_note: the kept checkpoint of seal 2"), "{found:?}");
}

#[test]
fn a_checkpoint_that_both_keys_sign_hands_over_to_the_new_key() {
    let (old, new) = (signing_key(ORIGIN), signing_key(ORIGIN));
    let rotated = Chain::of(1).announcing(&old).keeping(&[&old]).announcing(&new);
    let pinned =
        |chain: &Chain| chain.compare(Anchors::new(Vec::new(), vec![old.verifier().clone()])).0;
    let announced = rotated.clone().keeping(&[&new, &old]).more(1, 1).keeping(&[&new]);
    assert_eq!(pinned(&announced), nothing());
    // Without the old key's word, the new key is a stranger's.
    let alone = rotated.clone().keeping(&[&new]).found(Vec::new());
    assert_eq!(alone, nothing(), "the chain names it");
    let found = pinned(&rotated.keeping(&[&new]));
    assert!(found[0].starts_with("bad_note: the kept checkpoint of seal 3"), "{found:?}");
}

#[test]
fn a_seal_of_kind_key_without_a_key_is_malformed() {
    let mut chain = Chain::of(1);
    chain.add(Sealed::of_key("no key"), TimeDelta::zero());
    assert_eq!(chain.found(Vec::new()), ["malformed: seal 2: its body names no key"]);
}
