//! Checkpoints, timestamps and edges that the database keeps.

use sha2::{Digest as _, Sha256};

use super::*;

/// An answer of `openssl ts -reply` for the SHA-256 of `seal`.
const GRANTED: &[u8] = include_bytes!("../../timestamp/granted.tsr");

/// A change of a note, and a part of what is said about it.
type ChangedNote = (fn(&str) -> String, &'static str);

/// A chain whose runs kept a checkpoint after each of the last two seals.
fn signed(key: &SigningKey) -> Chain {
    Chain::of(3).announcing(key).keeping(&[key]).more(1, 1).keeping(&[key])
}

#[test]
fn kept_checkpoints_of_the_chain_agree_and_are_counted() {
    let key = signing_key(ORIGIN);
    let (found, all) = signed(&key).compare(Anchors::new(Vec::new(), Vec::new()));
    assert_eq!((found, all), (nothing(), vec![compared("database", "checkpoint", 2, 5)]));
}

#[test]
fn an_altered_note_is_bad_and_names_its_seal() {
    let key = signing_key(ORIGIN);
    let good = signed(&key);
    let cases: [ChangedNote; 5] = [
        (
            |note| note.replace("0123abcd\n5", "0123abcd\n4"),
            "the text or the signature was changed",
        ),
        (
            |note| note.replace("0123abcd\n5", "0123abce\n5"),
            "the text or the signature was changed",
        ),
        (|note| note.trim_end().to_owned(), "so the note may be cut"),
        (|_| String::new(), "the note has no signatures: they follow an empty line"),
        (|_| "\u{1b}[31m".to_owned(), "line 1 of the note has a control character"),
    ];
    for (change, why) in cases {
        let mut chain = good.clone();
        let (.., bytes) = chain.kept.iter_mut().find(|kept| kept.0 == 5).expect("a checkpoint");
        *bytes = change(str::from_utf8(bytes).expect("text")).into_bytes();
        let found = chain.found(Vec::new());
        let [only] = &found[..] else { panic!("{found:?}") };
        assert!(only.starts_with("bad_note: the kept checkpoint of seal 5: "), "{only}");
        assert!(only.contains(why), "{only}");
    }
}

#[test]
fn a_note_that_stands_at_another_seal_is_bad() {
    let key = signing_key(ORIGIN);
    let mut chain = signed(&key);
    chain.kept[0].0 = 5;
    chain.kept.truncate(1);
    assert_eq!(
        chain.found(Vec::new()),
        ["bad_note: the kept checkpoint of seal 5: it is of seal 4"]
    );
}

#[test]
fn a_changed_seal_contradicts_every_later_checkpoint_once() {
    let key = signing_key(ORIGIN);
    let mut chain = signed(&key);
    let changed = chain.clone().texts[1].replace("4:acme", "4:evil");
    chain.texts[1] = changed;
    let found = chain.found(Vec::new());
    assert!(found[0].starts_with("altered: the kept edge of the tree at seal 4"), "{found:?}");
    let last = found.last().expect("a problem");
    assert!(last.starts_with("rewritten: differs from seal 4 on"), "{last}");
    assert!(last.contains("The kept checkpoint of seal 4 contradicts the chain, as does 1 more"));
}

#[test]
fn an_altered_edge_is_found() {
    let chain = Chain::of(3);
    let edge = chain.tree().to_bytes();
    assert_eq!(chain.clone().keep(3, "edge", edge.clone()).found(Vec::new()), nothing());
    let altered = "altered: the kept edge of the tree at seal 3 is another one";
    for bytes in [vec![], edge[1..].to_vec(), vec![0; edge.len()]] {
        assert_eq!(chain.clone().keep(3, "edge", bytes).found(Vec::new()), [altered]);
    }
    let moved = chain.keep(2, "edge", edge.clone()).keep(7, "edge", edge).found(Vec::new());
    assert_eq!(moved[0], "altered: the kept edge of the tree at seal 2 is another one");
    assert!(moved[1].contains("an anchor names seal 7 (the kept edge of seal 7)"), "{moved:?}");
}

#[test]
fn a_timestamp_must_be_of_the_seal_at_its_place() {
    // The seal of this text is the hash that was stamped.
    let mut chain = Chain::of(2);
    chain.texts[1] = "seal".to_owned();
    assert_eq!(chain.texts[1], "seal");
    let stamped = chain.clone().keep(2, "timestamp", GRANTED);
    let (found, all) = stamped.compare(Anchors::new(Vec::new(), Vec::new()));
    assert_eq!((found, all), (nothing(), vec![compared("database", "timestamp", 1, 2)]));
    let hash = hex::encode(Sha256::digest("seal"));
    assert_eq!(
        chain.clone().keep(1, "timestamp", GRANTED).found(Vec::new()),
        [format!(
            "bad_timestamp: the kept timestamp of seal 1: the timestamp is of another hash, {hash}"
        )]
    );
    let cut = chain.keep(2, "timestamp", &GRANTED[..100]).found(Vec::new());
    assert!(
        cut[0].starts_with("bad_timestamp: the kept timestamp of seal 2: the answer is not a"),
        "{cut:?}"
    );
}

#[test]
fn an_unknown_kind_of_anchor_is_malformed() {
    assert_eq!(
        Chain::of(2).keep(1, "note", "x").found(Vec::new()),
        ["malformed: the kept anchor of seal 1 has the unknown kind `note`"]
    );
}

#[test]
fn checkpoints_behind_the_end_show_that_the_chain_was_cut() {
    let key = signing_key(ORIGIN);
    let mut chain = signed(&key);
    chain.texts.truncate(4);
    let found = chain.found(Vec::new());
    let [only] = &found[..] else { panic!("{found:?}") };
    let wanted = "truncated: the chain ends with seal 4, and 2 anchors name seals up to 5 (the \
                  kept checkpoint of seal 5)";
    assert!(only.starts_with(wanted), "{only}");
}
