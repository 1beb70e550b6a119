//! An export to a file, and its summary.

use std::fs;
use std::process::Stdio;

use super::{export, last_logged};
use crate::support::{ACME, World, wait_for};

const DAY: &str = "--from 2024-09-28 --to 2024-09-28";

fn world() -> World {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world
}

/// The names in the world's folder.
fn names(world: &World) -> Vec<String> {
    let folder = world.file().parent().expect("a folder").to_owned();
    let entries = fs::read_dir(folder).expect("the folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

#[test]
fn the_name_of_a_file_decides_its_format_and_its_summary_is_a_result() {
    let world = world();
    let stdout = export(&world, DAY, 0).stdout;
    let file = world.place("day.ndjson", "an older export");
    let finished = export(&world, &format!("{DAY} --out {file} --output json"), 0);
    assert_eq!(fs::read_to_string(&file).expect("the file"), stdout);
    let summary = finished.json();
    assert_eq!(
        (&summary["format"], &summary["path"], &summary["events_exported"]),
        (&"ndjson".into(), &file.as_str().into(), &450.into())
    );
    assert_eq!(summary["bytes_written"], stdout.len());
    assert_eq!((&summary["days_exported"], &summary["days_incomplete"]), (&1.into(), &0.into()));
    assert_eq!((&summary["gaps"], &summary["last_seq"]), (&serde_json::json!([]), &().into()));
    assert_eq!(summary["head"]["seq"], 2);
    assert_eq!(last_logged(&finished, "events").as_deref(), Some("450"));
    let csv = export(&world, &format!("{DAY} --out day.CSV"), 0);
    assert!(
        csv.stdout.starts_with("Exported 450 events of 1 complete day to day.CSV: "),
        "{csv:#?}"
    );
    assert!(csv.stdout.contains("\nHead: 2:"), "{csv:#?}");
    assert_eq!(names(&world), ["audit.toml", "day.CSV", "day.ndjson"]);
}

#[test]
fn an_export_that_fails_leaves_the_older_file_and_no_other_one() {
    let world = world();
    let file = world.place("day.csv", "an older export");
    let mut session = world.session(world.database.url());
    session.ask("BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE");
    let finished = world.run(&format!("export {DAY} --out {file}"));
    assert_eq!(finished.status, 3, "{finished:#?}");
    assert_eq!(fs::read_to_string(&file).expect("the file"), "an older export");
    assert_eq!(names(&world), ["audit.toml", "day.csv"]);
    session.ask("ROLLBACK");
    assert_eq!(world.run(&format!("export {DAY} --out {file}")).status, 0);
    assert!(fs::read_to_string(&file).expect("the file").starts_with("source,date,"));
}

#[test]
fn an_export_that_a_signal_ends_leaves_the_older_file_and_no_other_one() {
    let world = world();
    let file = world.place("day.csv", "an older export");
    let mut session = world.session(world.database.url());
    session.ask("BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE");
    for (signal, status) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let running = world.spawn(&format!("export {DAY} --out {file}"));
        // It waits for the lock, at most three seconds.
        wait_for("the file that is being written", || names(&world).len() == 3);
        wait_for("the lock", || {
            world.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"
        });
        running.signal(signal);
        let finished = running.wait();
        assert_eq!((finished.status, &*finished.stdout), (status, ""), "{finished:#?}");
        assert_eq!(fs::read_to_string(&file).expect("the file"), "an older export");
        assert_eq!(names(&world), ["audit.toml", "day.csv"]);
    }
}

#[test]
fn a_failure_after_the_first_line_writes_no_document_behind_it() {
    let world = World::busy(ACME);
    world.sync("--from 2024-09-24 --to 2024-09-26", 0);
    world.sql("UPDATE audit_seals SET sealed = 'x' WHERE seq = 3");
    let finished = export(&world, "--after 1 --output json", 1);
    assert!(finished.stderr.contains("the seal 3 can't be read"), "{finished:#?}");
    assert!(!finished.stdout.is_empty() && !finished.stdout.contains("exit_status"));
    assert!(!finished.stderr.contains("last_seq"), "{finished:#?}");
    // Without a head, no number can be compared.
    world.sql("UPDATE audit_seals SET sealed = 'x' WHERE seq = 4");
    let finished = export(&world, "--after 1", 2);
    assert!(finished.stderr.contains("the last seal of this database can't be read"));
}

#[test]
fn a_device_is_written_to_and_a_full_one_is_a_failure() {
    let world = world();
    let finished = export(&world, &format!("{DAY} --format csv --out /dev/full"), 1);
    assert!(finished.stderr.contains("/dev/full can't be written: "), "{finished:#?}");
    export(&world, &format!("{DAY} --format csv --out /dev/null"), 0);
    let null = fs::metadata("/dev/null").expect("a device");
    assert!(!null.is_file(), "it is still a device");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = world.command(&format!("export {DAY}"));
    let status = command.stdout(Stdio::from(full)).stderr(Stdio::null()).status().expect("an end");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_link_stays_a_link_to_the_exported_file() {
    let world = world();
    let file = world.place("real.csv", "old");
    let link = world.file().with_file_name("link.csv");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    export(&world, &format!("{DAY} --out link.csv"), 0);
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert_ne!(fs::read_to_string(&file).expect("the file"), "old");
}

#[test]
fn an_export_of_nothing_has_headings_and_exits_0() {
    let world = World::new(ACME);
    world.sync("--date 2017-01-01", 0);
    let day = "--from 2017-01-01 --to 2017-01-01";
    assert_eq!(export(&world, day, 0).stdout, "");
    assert_eq!(export(&world, &format!("{day} --format csv"), 0).stdout.lines().count(), 1);
}
