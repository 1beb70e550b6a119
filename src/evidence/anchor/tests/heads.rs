//! Heads that were recorded elsewhere.

use super::*;

#[test]
fn heads_of_the_chain_agree_and_are_counted_by_origin() {
    let chain = Chain::of(5);
    let outside = vec![
        option(&chain.head(5)),
        line(&chain.head(2), at(2)),
        line(&chain.head(4), at(4)),
        line(&chain.head(2), at(2)),
    ];
    let (found, all) = chain.compare(Anchors::new(outside, Vec::new()));
    assert_eq!(found, nothing());
    assert_eq!(all, [compared("heads.log", "head", 3, 4), compared("--anchor", "head", 1, 5)]);
    let none = chain.compare(Anchors::new(Vec::new(), Vec::new()));
    assert_eq!(none, (nothing(), Vec::new()));
}

#[test]
fn a_head_is_compared_by_its_hash_and_not_by_its_number_alone() {
    let chain = Chain::of(5);
    let other = Head { seal: [7; 32], ..chain.head(3) };
    let found = chain.found(vec![option(&other), option(&chain.head(2))]);
    assert_eq!(
        found,
        ["rewritten: differs from seal 3 on: restored, failed over or rewritten. --anchor 3:… \
          contradicts the chain; anchors agree up to seal 2. The anchor has no time, so nothing \
          here tells them apart: compare the times of your backups and failovers. First check that \
          the anchor was copied without a mistake"]
    );
}

#[test]
fn several_anchors_that_differ_are_one_problem_from_the_first_seal_on() {
    let chain = Chain::of(6);
    let forged = [4, 6, 5].map(|seq| option(&Head { seal: [7; 32], ..chain.head(seq) }));
    let found = chain.found(forged.to_vec());
    let [only] = &found[..] else { panic!("{found:?}") };
    assert!(only.starts_with("rewritten: differs from seal 4 on: "), "{only}");
    assert!(
        only.contains(
            "--anchor 4:… contradicts the chain, as do 2 more; no anchor from elsewhere agrees \
             before it"
        ),
        "{only}"
    );
}

#[test]
fn a_head_of_another_log_is_foreign_and_says_nothing_of_this_chain() {
    let chain = Chain::of(3);
    let other = Chain { log: 0xdef, ..Chain::default() }.more(9, 1);
    let foreign = format!("foreign: line 1 of heads.log: it is of the log {:032x}", 0xdef);
    for seq in [2, 9] {
        assert_eq!(chain.found(vec![line(&other.head(seq), at(seq))]), [foreign.as_str()]);
    }
    // An anchor without a log is compared by its hash.
    let found = chain.found(vec![option(&other.head(2))]);
    assert!(found[0].starts_with("rewritten: differs from seal 2 on"), "{found:?}");
}

#[test]
fn heads_behind_the_end_of_the_chain_are_one_truncation() {
    let (chain, longer) = (Chain::of(3), Chain::of(9));
    let why = "restored from an older backup, failed over to a server that lagged behind, or cut \
               off. If a backup was restored, its time lies between these two seals";
    assert_eq!(
        chain.found(vec![option(&longer.head(4))]),
        [format!(
            "truncated: the chain ends with seal 3, and an anchor names seal 4 (--anchor 4:…): \
             {why}"
        )]
    );
    let several = [6, 9, 4, 3].map(|seq| option(&longer.head(seq)));
    assert_eq!(
        chain.found(several.to_vec()),
        [format!(
            "truncated: the chain ends with seal 3, and 3 anchors name seals up to 9 \
             (--anchor 9:…): {why}"
        )]
    );
    assert_eq!(
        Chain::default().found(vec![option(&longer.head(1))]),
        [format!(
            "truncated: the chain has no seal, and an anchor names seal 1 (--anchor 1:…): {why}"
        )]
    );
}

#[test]
fn heads_behind_the_end_of_the_chain_were_not_compared() {
    let (chain, longer) = (Chain::of(3), Chain::of(9));
    let beyond = [6, 9, 4].map(|seq| option(&longer.head(seq)));
    let note = file(&Chain::of(2).note(&[&signing_key(ORIGIN)]));
    let outside = beyond.into_iter().chain([option(&chain.head(2)), note]).collect();
    let (_, all) = chain.compare(Anchors::new(outside, Vec::new()));
    assert_eq!(all, [compared("--anchor", "head", 1, 2)]);
}

#[test]
fn an_anchor_of_a_seal_in_a_gap_names_that_seal() {
    let chain = Chain::of(5);
    let mut anchors = Anchors::new(vec![option(&chain.head(3))], Vec::new());
    for seq in [1, 2, 4, 5] {
        step(&mut anchors, seq, &chain.texts[seq as usize - 1], &[]);
    }
    anchors.absent(&KeptAnchor { seq: 3, kind: "timestamp", at: None, bytes: b"" });
    anchors.absent(&KeptAnchor { seq: 3, kind: "edge", at: None, bytes: b"" });
    let (problems, _) = anchors.finish(Some(&chain.head(5)));
    let said: Vec<_> = problems.iter().map(|found| (found.problem, &*found.detail)).collect();
    assert_eq!(
        said,
        [
            (ProblemKind::Missing, "--anchor 3:…: the chain has no seal 3"),
            (ProblemKind::Missing, "the kept timestamp of seal 3: the chain has no seal 3")
        ]
    );
}

#[test]
fn anchors_of_seals_without_a_readable_text_are_compared_by_hash() {
    let mut chain = Chain::of(4);
    chain.texts[2] = "no netstring".to_owned();
    let wanted = Head { seal: hash_of("no netstring"), ..chain.head(2) };
    assert_eq!(chain.found(vec![option(&Head { seq: 3, ..wanted })]), nothing());
    let found = chain.found(vec![option(&Head { seal: [1; 32], ..chain.head(3) })]);
    assert!(found[0].starts_with("rewritten: differs from seal 3 on"), "{found:?}");
}
