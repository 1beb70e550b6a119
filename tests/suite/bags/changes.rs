//! Every file of a bag, changed in every way: found by our program and by the lines of Python.
//!
//! Each change takes two processes. So these tests try a third of the changes, and all of them if
//! `AUDITSYNC_EVERY_CHANGE` is set, as `.ci/run` does.

use std::fs;
use std::path::{Path, PathBuf};

use auditsync::evidence::key::SigningKey;

use super::{
    copied, export, files, lines_of_python, python, rewrite_manifests, signed_bag, signing_stage,
    verify,
};
use crate::support::World;

#[derive(Debug, Clone, Copy)]
enum Change {
    FlipFirst,
    FlipMiddle,
    FlipLast,
    Cut,
    Append,
    Remove,
    Rename,
}

const CHANGES: [Change; 7] = [
    Change::FlipFirst,
    Change::FlipMiddle,
    Change::FlipLast,
    Change::Cut,
    Change::Append,
    Change::Remove,
    Change::Rename,
];

/// The changes to try, each with its file.
fn chosen(files: &[String], changes: &[Change]) -> Vec<(String, Change)> {
    let step = if std::env::var_os("AUDITSYNC_EVERY_CHANGE").is_some() { 1 } else { 3 };
    let of_file = |(place, name): (usize, &String)| {
        let name = name.clone();
        let chosen = changes.iter().enumerate().filter(move |(at, _)| (place + at) % step == 0);
        chosen.map(move |(_, change)| (name.clone(), *change)).collect::<Vec<_>>()
    };
    files.iter().enumerate().flat_map(of_file).collect()
}

/// Makes the change. Returns whether something changed.
fn make(change: Change, path: &Path) -> bool {
    let before = fs::read(path).expect("a file");
    let mut bytes = before.clone();
    let end = bytes.len().saturating_sub(1);
    let mut flip = |at: usize| bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1);
    match change {
        Change::FlipFirst => flip(0),
        Change::FlipMiddle => flip(end / 2),
        Change::FlipLast => flip(end),
        Change::Cut => bytes.truncate(end),
        Change::Append => bytes.push(b'\n'),
        Change::Remove => {
            fs::remove_file(path).expect("a file");
            return true;
        }
        Change::Rename => {
            fs::rename(path, path.with_extension("other")).expect("a new name");
            return true;
        }
    }
    fs::write(path, &bytes).expect("a file");
    bytes != before
}

/// Files, or parts of files, that no seal covers: only the signature vouches for them.
fn is_vouched_for_by_the_signature_alone(name: &str) -> bool {
    ["data/VERIFY.md", "data/report.html", "bag-info.txt", "data/anchors/", "data/coverage.csv"]
        .iter()
        .chain(["data/index/", "data/conflicts/"].iter())
        .any(|begin| name.starts_with(begin))
}

/// A signed bag with late events, conflicts, a day from an archive, and one that is due.
fn small_bag() -> (World, SigningKey, PathBuf) {
    let (world, key) = signing_stage();
    let days = "--from 2024-09-22 --to 2024-09-25 --allow-gaps";
    let bag = export(&world, days, "bag", 0);
    (world, key, bag)
}

#[test]
fn every_change_of_every_file_is_found() {
    let (_world, _, bag) = small_bag();
    let code = lines_of_python(&bag);
    let mut changed = 0;
    for (name, change) in chosen(&files(&bag), &CHANGES) {
        let copy = copied(&bag);
        if !make(change, &copy.path().join(&name)) {
            continue;
        }
        changed += 1;
        // Without the note, the bag is an unsigned one, which is sound.
        let found = verify(copy.path(), "");
        let is_note = name == "bag.note" && matches!(change, Change::Remove);
        assert_eq!(found.status, i32::from(!is_note), "{change:?} {name}: {found:#?}");
        // Python does not look at what follows the text of the note.
        if name != "bag.note" {
            let output = python(&code, copy.path(), &[]);
            assert!(!output.status.success(), "{change:?} {name}: {output:#?}");
        }
    }
    assert!(changed > 50, "{changed}");
}

#[test]
fn every_change_with_rewritten_manifests_is_found_with_the_key_at_least() {
    let (_world, key, bag) = small_bag();
    let (code, key) = (lines_of_python(&bag), format!("--key {}", key.verifier()));
    let changes = [Change::FlipMiddle, Change::Remove, Change::Rename];
    for (name, change) in chosen(&files(&bag), &changes) {
        let copy = copied(&bag);
        // The manifests are made again anyway.
        let is_about_files = name == "bag.note" || name.contains("manifest");
        if is_about_files || !make(change, &copy.path().join(&name)) {
            continue;
        }
        rewrite_manifests(copy.path());
        assert_eq!(verify(copy.path(), &key).status, 1, "signed: {change:?} {name}");
        assert!(!python(&code, copy.path(), &["signed"]).status.success(), "{change:?} {name}");
        fs::remove_file(copy.path().join("bag.note")).expect("the note");
        if is_vouched_for_by_the_signature_alone(&name) {
            continue;
        }
        assert_eq!(verify(copy.path(), "").status, 1, "unsigned: {change:?} {name}");
        // For Python, the declaration is a file like any other.
        if name != "bagit.txt" {
            assert!(!python(&code, copy.path(), &[]).status.success(), "{change:?} {name}");
        }
    }
}

#[test]
fn a_file_that_was_added_is_found() {
    let (_world, _, bag) = signed_bag();
    let code = lines_of_python(&bag);
    for name in [
        "more.txt",
        "data/more.txt",
        "data/anchors/checkpoint-999.note",
        "data/events/acme/2024-09-30.events",
        "data/index/acme/2024-09-30.csv",
    ] {
        let copy = copied(&bag);
        fs::write(copy.path().join(name), "x").expect("a file");
        assert_eq!(verify(copy.path(), "").status, 1, "{name}");
        assert!(!python(&code, copy.path(), &[]).status.success(), "{name}");
        fs::remove_file(copy.path().join("bag.note")).expect("the note");
        rewrite_manifests(copy.path());
        assert_eq!(verify(copy.path(), "").status, 1, "rewritten: {name}");
        // Python does not look into anchors.
        if !name.contains("anchors") {
            assert!(!python(&code, copy.path(), &[]).status.success(), "rewritten: {name}");
        }
    }
}
