//! What a bag holds, and that everyone finds it sound.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{
    DAYS, assert_python_accepts, assert_sound, copied, export, files, lines_of_python, signed_bag,
    signing_stage, verify,
};
use crate::support::authority::{assert_accepts, folder};
use crate::support::{ACME, Finished, World};
use crate::verify::stage::staged;

#[test]
fn a_bag_is_sound_for_our_program_for_python_and_for_sha256sum() {
    let (world, key, bag) = signed_bag();
    let [_, head, _] = world.head();
    let head = head.split(' ').nth(1).expect("a head").to_owned();
    let report = assert_sound(&bag, &format!("--anchor {head} --key {}", key.verifier()));
    let figures = ["days_checked", "seals_checked", "events_unsealed"].map(|key| &report[key]);
    assert_eq!(figures, [16, 26, 1], "{report:#}");
    assert_eq!(report["bag"]["signed_by"], "audit.example.com/acme", "{report:#}");
    let said = assert_python_accepts(&bag, &["signed", &head]);
    assert!(said.starts_with("OK 2024-09-20 to 2024-09-27, head 26:"), "{said}");
    assert!(said.contains("'acme NOT COMPLETE, due: 1'"), "{said}");
    let sums = ["-c", "--quiet", "--strict", "tagmanifest-sha256.txt", "manifest-sha256.txt"];
    let sums = Command::new("sha256sum").args(sums).current_dir(&bag).output().expect("sha256sum");
    assert!(sums.status.success() && sums.stdout.is_empty(), "{sums:#?}");
    // `.ci/bagit` checks it, too.
    if let Some(folder) = std::env::var_os("AUDITSYNC_BAGS") {
        let folder = Path::new(&folder);
        fs::create_dir_all(folder).expect("a folder");
        fs::rename(copied(&bag).keep(), folder.join("bag")).expect("a new place");
    }
}

#[test]
fn the_page_in_a_bag_has_at_most_forty_lines_of_python_without_packages() {
    let (_world, _, bag) = signed_bag();
    let code = lines_of_python(&bag);
    assert!(code.lines().count() <= 40, "{}", code.lines().count());
    // The command on the page takes out the same lines.
    let command = "sed -n '/^```python/,/^```$/p' data/VERIFY.md | sed '1d;$d'";
    assert!(fs::read_to_string(bag.join("data/VERIFY.md")).expect("a page").contains(command));
    let taken = Command::new("sh").args(["-c", command]).current_dir(&bag).output().expect("sh");
    assert_eq!(String::from_utf8_lossy(&taken.stdout), code);
}

#[test]
fn openssl_verifies_the_signature_of_a_bag_as_its_page_says() {
    let Some(_) = folder() else { return };
    let (_world, key, bag) = signed_bag();
    fs::write(bag.join("key.pem"), key.verifier().to_pem()).expect("a file");
    let page = fs::read_to_string(bag.join("data/VERIFY.md")).expect("a page");
    let block = page.split("```sh\n").find(|block| block.starts_with("sed '/^$/")).expect("lines");
    let lines = block.split("\n```").next().expect("lines").replace("/tmp/", "./");
    let checked = Command::new("sh").args(["-ec", &lines]).current_dir(&bag).output().expect("sh");
    assert!(checked.status.success(), "{checked:#?}");
    assert_accepts(
        &bag,
        "pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature",
    );
}

#[test]
fn every_day_of_the_range_is_in_the_calendar_with_its_state() {
    let (_world, _, bag) = signed_bag();
    let coverage = fs::read_to_string(bag.join("data/coverage.csv")).expect("coverage");
    let states: BTreeMap<&str, &str> = coverage
        .lines()
        .filter(|line| line.starts_with("acme,"))
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|cells| (cells[1], cells[2]))
        .collect();
    let expected = [
        ("2024-09-20", "complete"),
        ("2024-09-21", "complete"),
        ("2024-09-22", "complete"),
        ("2024-09-23", "complete"),
        ("2024-09-24", "complete"),
        ("2024-09-25", "due"),
        ("2024-09-26", "syncing"),
        ("2024-09-27", "complete"),
    ];
    assert_eq!(states, expected.into());
}

#[test]
fn the_same_database_gives_the_same_bag_as_a_folder_a_file_and_a_stream() {
    let (world, _, bag) = signed_bag();
    let again = export(&world, &format!("{DAYS} --allow-gaps"), "again", 0);
    assert_eq!(files(&bag), files(&again));
    for name in files(&bag) {
        assert_eq!(fs::read(bag.join(&name)).ok(), fs::read(again.join(&name)).ok(), "{name}");
    }
    let plain = export(&world, &format!("{DAYS} --allow-gaps"), "bag-file.tar", 0);
    let archives = ["one.tar.gz", "two.tgz"];
    let [one, two] = archives.map(|out| export(&world, &format!("{DAYS} --allow-gaps"), out, 0));
    assert_eq!(fs::read(&one).expect("a file"), fs::read(&two).expect("a file"));
    let stream = format!("export {DAYS} --format bag --out - --allow-gaps");
    let streamed = world.command(&stream).output().expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&streamed.stderr), "", "nothing may mix with the bag");
    let stream = world.file().with_file_name("bag.tar");
    fs::write(&stream, streamed.stdout).expect("a file");
    assert_eq!(fs::read(&plain).expect("a file"), fs::read(&stream).expect("a file"));
    for archive in [&one, &stream] {
        let unpacked = unpack(archive);
        for name in files(&bag) {
            let file = fs::read(unpacked.path().join(&name)).ok();
            assert_eq!(file, fs::read(bag.join(&name)).ok(), "{name}");
        }
        assert_eq!(assert_sound(archive, ""), assert_sound(&bag, ""));
    }
    let listed = Command::new("tar").arg("-tzf").arg(&one).output().expect("tar");
    let listed = String::from_utf8(listed.stdout).expect("names");
    let top = "auditsync-2024-09-20-2024-09-27/";
    let names: Vec<&str> = listed.lines().map(|name| name.strip_prefix(top).expect(name)).collect();
    let (payload, tags): (Vec<&str>, Vec<&str>) =
        names.iter().copied().partition(|name| name.starts_with("data/"));
    assert!(payload.is_sorted() && tags.is_sorted(), "{names:?}");
    assert_eq!(names, [payload, tags].concat(), "the payload comes first");
}

/// The bag in a tar, unpacked by `tar`.
fn unpack(archive: &Path) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(archive).args(["--strip-components", "1", "-C"]).arg(folder.path());
    let output = tar.output().expect("tar");
    assert!(output.status.success(), "{output:#?}");
    folder
}

#[test]
fn a_bag_with_days_of_the_python_logger_says_that_they_are_adopted() {
    let world = staged();
    let bag = export(&world, "--from 2024-09-10 --to 2024-09-27 --source acme", "bag", 1);
    let report = assert_sound(&bag, "");
    assert_eq!(report["days_baseline"], 2, "{report:#}");
    let coverage = fs::read_to_string(bag.join("data/coverage.csv")).expect("coverage");
    assert!(coverage.contains("acme,2024-09-10,adopted,SUCCESS,0,1000,,,,\n"), "{coverage}");
    assert!(coverage.contains("acme,2024-09-12,missing,,,,,,,\n"), "{coverage}");
    let said = assert_python_accepts(&bag, &[]);
    for state in ["adopted", "missing", "due", "syncing"] {
        assert!(said.contains(&format!("'acme NOT COMPLETE, {state}: ")), "{said}");
    }
    let text = verify_as_text(&bag);
    assert!(text.contains("acme 2024-09-10..2024-09-27: 5 complete days, NOT COMPLETE: 13 days"));
    assert!(text.contains("The chain seals 7 other days, which this bag does not hold."), "{text}");
    assert!(text.contains("The bag is not signed."), "{text}");
    let page = fs::read_to_string(bag.join("data/report.html")).expect("the report");
    assert!(page.contains("BEHIND"), "the report knows of the gap before the first day");
}

fn verify_as_text(bag: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditsync"));
    let finished = Finished::of(command.args(["verify", "--bag"]).arg(bag).env_clear());
    assert_eq!(finished.status, 0, "{finished:#?}");
    finished.stdout
}

#[test]
fn a_gap_fails_an_export_that_does_not_accept_it_and_the_bag_is_written() {
    let world = World::new(ACME);
    world.sync("--from 2024-09-26 --to 2024-09-27", 0);
    for (days, arguments, status) in [
        ("--from 2024-09-26 --to 2024-09-28", "", 1),
        ("--from 2024-09-26 --to 2024-09-28", "--allow-gaps", 0),
        ("--from 2024-09-26 --to 2024-09-27", "", 0),
    ] {
        let out = format!("bag{}{}", &days[days.len() - 2..], arguments);
        let bag = export(&world, &format!("{days} {arguments}"), &out, status);
        assert_sound(&bag, "");
        assert_python_accepts(&bag, &[]);
    }
}

#[test]
fn a_timestamp_in_a_bag_is_compared_with_its_seal() {
    let (world, _) = signing_stage();
    let answer = include_bytes!("../../../src/evidence/timestamp/granted.tsr");
    world.sql(&format!(
        "INSERT INTO audit_anchors (seq, kind, anchor) VALUES (3, 'timestamp', '\\x{}')",
        hex::encode(answer)
    ));
    let bag = export(&world, &format!("{DAYS} --allow-gaps"), "bag", 1);
    assert!(files(&bag).contains(&"data/anchors/timestamp-3.tsr".to_owned()));
    let found = verify(&bag, "");
    assert_eq!(found.status, 1, "{found:#?}");
    assert_eq!(found.json()["problems"][0]["problem"], "bad_timestamp", "{found:#?}");
}
