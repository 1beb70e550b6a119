//! Events that Heroku should not send, and bags that someone made to do harm.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use fake_heroku::{Fixtures, Model};
use tempfile::TempDir;

use super::{assert_python_accepts, assert_sound, export, verify};
use crate::support::{ACME, World, date};

#[test]
fn events_of_any_form_pass_through_a_bag_unchanged() {
    let deep = format!(r#"{{"id":"deep","a":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));
    let large = format!(r#"{{"id":"large","n":{}}}"#, "9".repeat(6000));
    let odd: Vec<Bytes> = [
        r#"{"id":"a,\"b\"\r\nc","x":1}"#.as_bytes(),
        b"{\"id\":\"lines\",\n\r\n\"x\":1}",
        b"{\"id\":\"caf\xe9\"}",
        b"{\"id\":7}",
        b"{\"id\":\"\"}",
        b"{\"x\":\"no id\"}",
        b"[1,2]",
        b"\"text\"",
        br#"{"id":"\ud800"}"#,
        br#"{"id":"\u0000"}"#,
        br#"{"id":"\u00e9\uD83D\uDE00","id":"twice"}"#,
        "{\"id\":\"\u{202e}ü\u{2028}\"}".as_bytes(),
        br#"{"id":"=1+1"}"#,
        deep.as_bytes(),
        large.as_bytes(),
    ]
    .into_iter()
    .map(Bytes::copy_from_slice)
    .collect();
    let count = odd.len();
    let mut model: Model = Fixtures::committed().into();
    model.put_day("acme", date("2024-09-20"), odd.clone());
    let world = World::with(model, ACME);
    world.sync("--date 2024-09-20", 0);
    let bag = export(&world, "--from 2024-09-20 --to 2024-09-20", "bag", 0);
    let bytes = fs::read(bag.join("data/events/acme/2024-09-20.events")).expect("events");
    for event in &odd {
        let found = bytes.windows(event.len()).any(|window| window == event);
        assert!(found, "{}", String::from_utf8_lossy(event));
    }
    assert_eq!(assert_sound(&bag, "")["events_checked"], count);
    assert_python_accepts(&bag, &[]);
}

#[test]
fn what_is_no_bag_is_named_and_never_sound() {
    let folder = TempDir::new().expect("a folder");
    let place = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    assert_eq!(verify(Path::new("/nowhere"), "").status, 2);
    for (path, says) in [
        (folder.path().to_owned(), "the file manifest-sha256.txt is gone"),
        (place("empty.tar", b""), "the file manifest-sha256.txt is gone"),
        (place("text.tgz", &[b'x'; 2000]), "text.tgz: "),
        (place("half.tar.gz", &[0x1f, 0x8b, 8, 0, 0]), "half.tar.gz: "),
    ] {
        let finished = verify(&path, "");
        assert_eq!(finished.status, 1, "{finished:#?}");
        assert!(finished.stdout.contains(says), "{finished:#?}");
    }
    for path in [place("empty", b""), place("text", &[b'x'; 2000])] {
        let finished = verify(&path, "");
        assert_eq!(finished.status, 2, "{finished:#?}");
        assert!(finished.stderr.contains("which --bag names: it is no bag: "), "{finished:#?}");
    }
}

#[test]
fn a_tar_writes_nothing_outside_its_folder() {
    let folder = TempDir::new().expect("a folder");
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir_all(&inside).expect("a folder");
    fs::write(folder.path().join("victim"), "before").expect("a file");
    std::os::unix::fs::symlink(&outside, inside.join("link")).expect("a link");
    for words in [&["-P", "-cf", "bad.tar", "in/../victim"][..], &["-cf", "bad.tar", "in/link"]] {
        let tar = Command::new("tar").args(words).current_dir(folder.path()).status();
        assert!(tar.expect("tar").success());
        fs::write(folder.path().join("victim"), "after").expect("a file");
        let finished = verify(&folder.path().join("bad.tar"), "");
        assert_eq!(finished.status, 1, "{finished:#?}");
        assert!(finished.stdout.contains("no file or folder with a plain name"), "{finished:#?}");
        assert_eq!(fs::read(folder.path().join("victim")).expect("a file"), b"after");
        assert!(!outside.exists());
    }
}

#[test]
fn a_link_in_a_bag_is_no_file_of_it() {
    let (_world, _, bag) = super::signed_bag();
    let copy = super::copied(&bag);
    let info = copy.path().join("bag-info.txt");
    fs::rename(&info, copy.path().with_extension("info")).expect("a new name");
    std::os::unix::fs::symlink(copy.path().with_extension("info"), &info).expect("a link");
    assert_eq!(verify(copy.path(), "").status, 1);
    fs::remove_file(copy.path().with_extension("info")).expect("a file");
}

#[test]
fn a_source_whose_name_would_leave_the_folder_is_refused() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world.sql("UPDATE audit_events_log SET source = '../../x'");
    let finished = world.run("export --from 2024-09-28 --to 2024-09-28 --out bag");
    assert_eq!(finished.status, 2, "{finished:#?}");
    assert!(finished.stderr.contains("which no file can name"), "{finished:#?}");
    assert!(!world.file().with_file_name("bag").exists());
}

#[test]
fn a_reader_that_has_enough_ends_an_export_quietly() {
    let world = World::new(ACME);
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    let mut command =
        world.command("export --from 2024-09-27 --to 2024-09-28 --format bag --out -");
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(0), "{output:#?}");
    std::io::stderr().flush().expect("a flush");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_bag_that_someone_packed_by_hand_is_a_bag() {
    let (_world, _, bag) = super::signed_bag();
    let folder = TempDir::new().expect("a folder");
    let archive = folder.path().join("packed.tar.gz");
    let tar = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&bag).arg(".").status();
    assert!(tar.expect("tar").success());
    assert_sound(&archive, "");
}
