//! A bag that can't be read is not called wrong: exit status 2, and the place that is at fault. A
//! bag whose files keep a reader waiting, or never end, is wrong.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{copied, export, lines_of_python, python, rewrite_manifests, verify};
use crate::support::{ACME, Finished, World};

/// What stands in place of a file, and how it is made.
type NamedKind<'k> = (&'k str, &'k dyn Fn(&Path));

fn small() -> (World, PathBuf) {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let bag = export(&world, "--from 2024-09-28 --to 2024-09-28", "bag", 0);
    (world, bag)
}

/// Packs a bag with `tar`.
fn packed(bag: &Path, into: &TempDir) -> PathBuf {
    let archive = into.path().join("packed.tar.gz");
    let tar = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(bag).arg(".").status();
    assert!(tar.expect("tar").success());
    archive
}

fn problems(finished: &Finished) -> Vec<(String, String)> {
    let report = finished.json();
    let problems = report["problems"].as_array().expect("problems").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    problems.map(|one| (text(&one["problem"]), text(&one["detail"]))).collect()
}

#[test]
fn a_bag_comes_through_a_pipe_too() {
    let (_world, bag) = small();
    let folder = TempDir::new().expect("a folder");
    let bytes = fs::read(packed(&bag, &folder)).expect("a tar");
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditsync"));
    command.args(["verify", "--bag", "/dev/stdin"]).env_clear();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(&bytes).expect("bytes");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{output:#?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 complete day"), "{output:#?}");
}

#[test]
fn a_temporary_folder_that_can_not_be_used_says_nothing_about_the_bag() {
    let (_world, bag) = small();
    let folder = TempDir::new().expect("a folder");
    let archive = packed(&bag, &folder);
    let gone = folder.path().join("gone");
    // The limit of a file's size stands for a full disk: a write fails.
    let limited = "ulimit -f 1; trap '' XFSZ; exec \"$@\"";
    for (temporary, shell) in [(gone.as_path(), "exec \"$@\""), (folder.path(), limited)] {
        let mut command = Command::new("bash");
        command.args(["-c", shell, "bash", env!("CARGO_BIN_EXE_auditsync"), "verify", "--bag"]);
        command.arg(&archive).env_clear().env("TMPDIR", temporary);
        let finished = Finished::of(&mut command);
        assert_eq!((finished.status, &*finished.stdout), (2, ""), "{finished:#?}");
        let place = format!("temporary folder {} (TMPDIR)", temporary.display());
        assert!(finished.stderr.contains(&place), "{finished:#?}");
    }
}

#[test]
fn a_damaged_archive_is_one_problem_and_its_files_are_none() {
    let (_world, bag) = small();
    let folder = TempDir::new().expect("a folder");
    let archive = packed(&bag, &folder);
    let bytes = fs::read(&archive).expect("a tar");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for damaged in [&bytes[..bytes.len() / 2], &bytes[..bytes.len() - 3], &flipped] {
        fs::write(&archive, damaged).expect("a file");
        let finished = verify(&archive, "");
        assert_eq!(finished.status, 1, "{finished:#?}");
        let found = problems(&finished);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].0 == "malformed" && found[0].1.starts_with("packed.tar.gz: "));
    }
}

#[test]
fn what_is_no_regular_file_is_a_problem_and_keeps_nobody_waiting() {
    let (_world, bag) = small();
    let code = lines_of_python(&bag);
    let endless = |path: &Path| symlink("/dev/zero", path).expect("a link");
    let folder = |path: &Path| fs::create_dir(path).expect("a folder");
    let socket = |path: &Path| _ = UnixListener::bind(path).expect("a socket");
    let pipe = |path: &Path| {
        assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    };
    let names = [
        "bagit.txt",
        "bag-info.txt",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
        "data/coverage.csv",
        "data/seals.netstrings",
        "data/index/acme/2024-09-28.csv",
        "data/events/acme/2024-09-28.events",
    ];
    let kinds: [NamedKind<'_>; 4] =
        [("pipe", &pipe), ("endless", &endless), ("folder", &folder), ("socket", &socket)];
    for (kind, make) in kinds {
        for name in names {
            let copy = copied(&bag);
            let path = copy.path().join(name);
            fs::remove_file(&path).expect("a file");
            make(&path);
            let finished = verify(copy.path(), "");
            assert_eq!(finished.status, 1, "{kind} {name}: {finished:#?}");
            assert!(!problems(&finished).is_empty(), "{kind} {name}");
            assert_found_by_python(&code, copy.path(), &format!("{kind} {name}"));
        }
        // A note is no file that the manifests name.
        let copy = copied(&bag);
        make(&copy.path().join("bag.note"));
        let found = verify(copy.path(), "").status;
        assert_eq!(found, i32::from(kind != "folder"), "an empty folder is no file: {kind}");
    }
}

#[test]
fn a_name_of_any_bytes_and_a_file_of_any_size_are_problems() {
    let (_world, bag) = small();
    let copy = copied(&bag);
    fs::write(copy.path().join(OsStr::from_bytes(b"data/\xff")), "x").expect("a file");
    let finished = verify(copy.path(), "");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let is_named = |(_, detail): &(String, String)| detail.contains("its name is not UTF-8");
    assert!(problems(&finished).iter().any(is_named), "{finished:#?}");
    assert_found_by_python(&lines_of_python(&bag), copy.path(), "a name");
    // Sparse files: they take no room.
    for name in ["bagit.txt", "bag-info.txt", "bag.note", "manifest-sha256.txt"] {
        let copy = copied(&bag);
        let file = fs::File::options().create(true).append(true).open(copy.path().join(name));
        file.expect("a file").set_len(64 * 1024 * 1024).expect("a size");
        if name != "manifest-sha256.txt" {
            rewrite_manifests(copy.path());
        }
        let finished = verify(copy.path(), "");
        assert_eq!(finished.status, 1, "{name}: {finished:#?}");
        assert!(problems(&finished).len() < 400, "{name}");
    }
}

#[test]
fn a_file_that_may_not_be_read_says_nothing_about_the_bag() {
    let (_world, bag) = small();
    let copy = copied(&bag);
    let path = copy.path().join("data/coverage.csv");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("permissions");
    // Who may read everything can't try this.
    if fs::read(&path).is_err() {
        let finished = verify(copy.path(), "");
        assert_eq!(finished.status, 2, "{finished:#?}");
        assert!(finished.stderr.contains("coverage.csv: Permission denied"), "{finished:#?}");
    }
}

/// Python says that something is wrong, and ends by itself.
#[track_caller]
fn assert_found_by_python(code: &str, bag: &Path, what: &str) {
    let output = python(code, bag, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{what}: {said}");
    assert!(said.starts_with("'NOT OK; ") || said.starts_with("\"NOT OK; "), "{what}: {said}");
}
