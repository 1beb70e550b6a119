//! What the lines of Python find without the program, and that they never end in a traceback.

use std::fs;
use std::path::{Path, PathBuf};

use super::{copied, export, lines_of_python, python, rewrite_manifests, verify};
use crate::support::{ACME, World};

const INDEX: &str = "data/index/acme/2024-09-28.csv";
const COVERAGE: &str = "data/coverage.csv";
const SEALS: &str = "data/seals.netstrings";

/// What is changed, and how.
type NamedChange<'c> = (&'c str, &'c dyn Fn(&str) -> String);

fn small() -> (World, PathBuf) {
    let world = World::new(ACME);
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    let bag = export(&world, "--from 2024-09-27 --to 2024-09-28", "bag", 0);
    (world, bag)
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes))
}

/// Both find what is wrong, and Python says so by itself.
#[track_caller]
fn assert_found(code: &str, bag: &Path, what: &str) {
    let finished = verify(bag, "");
    assert_eq!(finished.status, 1, "{what}: {finished:#?}");
    let output = python(code, bag, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{what}: {said}");
    assert!(said.starts_with(['\'', '"']) && said[1..].starts_with("NOT OK; "), "{what}: {said}");
    assert!(!said.contains("Traceback"), "{what}: {said}");
}

/// Changes the bytes of a file, and then the manifests.
fn changed(bag: &Path, name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let copy = copied(bag);
    let path = copy.path().join(name);
    let before = fs::read(&path).expect("a file");
    let after = change(before.clone());
    assert_ne!(before, after, "{name}");
    fs::write(&path, after).expect("a file");
    rewrite_manifests(copy.path());
    copy
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(bytes).replacen(from, to, 1).into_bytes()
}

#[test]
fn damage_of_any_kind_is_a_problem_and_no_traceback() {
    let (_world, bag) = small();
    let code = lines_of_python(&bag);
    let first_row = |bytes: &[u8], column: usize, value: &str| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let row = text.lines().nth(1).expect("a row");
        let mut cells: Vec<&str> = row.split(',').collect();
        cells[column] = value;
        text.replacen(row, &cells.join(","), 1).into_bytes()
    };
    for name in [COVERAGE, INDEX, SEALS, "data/events/acme/2024-09-28.events"] {
        let copy = copied(&bag);
        fs::remove_file(copy.path().join(name)).expect("a file");
        assert_found(&code, copy.path(), &format!("{name} gone"));
        rewrite_manifests(copy.path());
        assert_found(&code, copy.path(), &format!("{name} gone from the manifests, too"));
        for (what, bytes) in [("empty", &b""[..]), ("NUL", b"\0"), ("Latin-1", b"\xe9\n")] {
            let copy = changed(&bag, name, |_| bytes.to_vec());
            assert_found(&code, copy.path(), &format!("{name} {what}"));
            let copy = changed(&bag, name, |before| [&before, bytes, b"x"].concat());
            assert_found(&code, copy.path(), &format!("{name} with {what} at its end"));
        }
    }
    for value in ["-1", "", "1e1", "99999999999999999999"] {
        let copy = changed(&bag, INDEX, |bytes| first_row(&bytes, 1, value));
        assert_found(&code, copy.path(), &format!("bytes {value}"));
    }
    for (name, column, value) in [(COVERAGE, 7, ""), (COVERAGE, 7, "["), (INDEX, 4, "x")] {
        let copy = changed(&bag, name, |bytes| first_row(&bytes, column, value));
        assert_found(&code, copy.path(), &format!("{name} {column} {value}"));
    }
    let copy = changed(&bag, COVERAGE, |bytes| {
        bytes.split_inclusive(|byte| *byte == b'\n').next().expect("a header").to_vec()
    });
    assert_found(&code, copy.path(), "a header alone");
}

#[test]
fn each_file_stands_once_in_its_own_manifest() {
    let (_world, bag) = small();
    let code = lines_of_python(&bag);
    let wrong = format!("{}  {COVERAGE}\n", hash(b"other"));
    let payload = |change: &dyn Fn(&str) -> String| {
        let copy = copied(&bag);
        let path = copy.path().join("manifest-sha256.txt");
        let text = fs::read_to_string(&path).expect("a file");
        fs::write(&path, change(&text)).expect("a file");
        let tags = copy.path().join("tagmanifest-sha256.txt");
        let lines = fs::read_to_string(&tags).expect("a file");
        let new = lines.replace(&hash(text.as_bytes()), &hash(change(&text).as_bytes()));
        fs::write(&tags, new).expect("a file");
        copy
    };
    let changes: [NamedChange<'_>; 4] = [
        ("a wrong line first", &|text| format!("{wrong}{text}")),
        ("a line twice", &|text| format!("{text}{}\n", text.lines().next().expect("a line"))),
        ("another end of line", &|text| text.replace('\n', "\u{c}")),
        ("capitals", &|text| text.replace('a', "A")),
    ];
    for (what, change) in changes {
        assert_found(&code, payload(change).path(), what);
    }
    let line = |text: &str| text.lines().find(|line| line.ends_with(COVERAGE)).map(str::to_owned);
    let moved = payload(&|text| text.replace(&format!("{}\n", line(text).expect("a line")), ""));
    let tags = moved.path().join("tagmanifest-sha256.txt");
    let of_payload = fs::read_to_string(bag.join("manifest-sha256.txt")).expect("a file");
    let text = fs::read_to_string(&tags).expect("a file");
    fs::write(&tags, format!("{text}{}\n", line(&of_payload).expect("a line"))).expect("a file");
    assert_found(&code, moved.path(), "in the other manifest");
}

#[test]
fn ids_states_and_anchors_are_those_of_the_events_and_the_chain() {
    let (_world, bag) = small();
    let code = lines_of_python(&bag);
    let index = fs::read_to_string(bag.join(INDEX)).expect("an index");
    let last: Vec<&str> = index.lines().last().expect("a row").split(',').collect();
    let relabelled = format!("sha256:{}", last[2]);
    let copy = changed(&bag, INDEX, |bytes| replaced(&bytes, last[0], &relabelled));
    assert_found(&code, copy.path(), "the last id");
    for state in ["failed,FAILED", "due,PENDING", "syncing,PROCESSING", "missing,"] {
        let copy = changed(&bag, COVERAGE, |bytes| replaced(&bytes, "complete,SUCCESS", state));
        assert_found(&code, copy.path(), state);
    }
    let copy = copied(&bag);
    fs::create_dir_all(copy.path().join("data/anchors")).expect("a folder");
    fs::write(copy.path().join("data/anchors/anything.bin"), "x").expect("a file");
    rewrite_manifests(copy.path());
    assert_found(&code, copy.path(), "no anchor");
}

#[test]
fn a_chain_that_is_sealed_again_has_the_form_of_a_chain() {
    let (_world, bag) = small();
    let code = lines_of_python(&bag);
    let resealed = |change: &dyn Fn(&str) -> String| {
        changed(&bag, SEALS, |bytes| {
            let text = String::from_utf8(bytes).expect("text");
            // The last seal: nothing names it.
            let at = text.rfind(":17:auditsync-seal-v1,").expect("a seal");
            let begin = text[..at].rfind(',').expect("a comma") + 1;
            let last = change(text[at + 1..].strip_suffix(',').expect("a comma"));
            format!("{}{}:{last},", &text[..begin], last.len()).into_bytes()
        })
    };
    let log = |text: &str| text[24..56].to_owned();
    let changes: [NamedChange<'_>; 4] = [
        ("19 fields", &|text| format!("{text}0:,")),
        ("another log", &|text| text.replacen(&log(text), &"0".repeat(32), 1)),
        ("another format", &|text| text.replacen("auditsync-seal-v1", "auditsync-seal-v2", 1)),
        ("a second genesis", &|text| text.replacen(",3:day,", ",7:genesis,", 1)),
    ];
    for (what, change) in changes {
        assert_found(&code, resealed(change).path(), what);
    }
}
