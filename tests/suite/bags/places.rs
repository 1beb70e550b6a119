//! Where a bag goes: it never replaces anything, and gets its name only when it is complete.

use std::fs;

use super::{DAYS, export, files, signing_stage};
use crate::support::{ACME, World, wait_for};

fn synced() -> World {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    world
}

const DAY: &str = "--from 2024-09-28 --to 2024-09-28";

#[test]
fn an_existing_file_or_folder_is_never_replaced() {
    let world = synced();
    world.place("bag.tar.gz", "mine");
    let folder = world.file().with_file_name("bag");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("mine"), "").expect("a file");
    for out in ["bag.tar.gz", "bag", "missing/bag"] {
        let finished = world.run(&format!("export {DAY} --out {out}"));
        assert_eq!(finished.status, 2, "{finished:#?}");
        assert!(finished.stderr.contains(&format!("--out {out}")), "{finished:#?}");
    }
    assert_eq!(fs::read(world.file().with_file_name("bag.tar.gz")).expect("a file"), b"mine");
    assert_eq!(files(&folder), ["mine"]);
    fs::remove_file(folder.join("mine")).expect("a file");
    export(&world, DAY, "bag", 0);
    assert!(files(&folder).contains(&"bagit.txt".to_owned()), "an empty folder is taken");
}

#[test]
fn another_kind_of_archive_is_rejected_and_a_folder_is_called_so() {
    let world = synced();
    for (out, end) in
        [("x.zip", ".zip"), ("X.ZIP", ".zip"), ("x.tar.xz", ".tar.xz"), ("x.gz", ".gz")]
    {
        let finished = world.run(&format!("export {DAY} --out {out}"));
        assert_eq!(finished.status, 2, "{finished:#?}");
        let why = format!(
            "error: --out {out}: a bag is never a {end}. Give it a name that ends in .tar.gz, or \
             the plain name of a folder\n"
        );
        assert_eq!(finished.stderr, why);
        assert!(!world.file().with_file_name(out).exists(), "{out}");
    }
    for (out, wrote) in [("x", "Wrote the folder x: "), ("x.tgz", "Wrote x.tgz: ")] {
        let finished = world.run(&format!("export {DAY} --out {out}"));
        assert_eq!(finished.status, 0, "{finished:#?}");
        assert!(finished.stdout.starts_with(wrote), "{finished:#?}");
    }
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let world = synced();
    let before = fs::read_dir(world.file().parent().expect("a folder")).expect("a folder").count();
    world.sql("ALTER TABLE audit_event_conflicts RENAME TO away");
    for out in ["bag", "bag.tar.gz"] {
        let finished = world.run(&format!("export {DAY} --out {out}"));
        assert_eq!(finished.status, 3, "{finished:#?}");
    }
    let after = fs::read_dir(world.file().parent().expect("a folder")).expect("a folder").count();
    assert_eq!(before, after);
}

#[test]
fn a_key_that_can_not_be_read_fails_before_anything_is_written() {
    let (mut world, _) = signing_stage();
    for key in ["", "PRIVATE+KEY+x"] {
        world.set("SIGN", key);
        let finished = world.run(&format!("export {DAYS} --out bag"));
        assert_eq!(finished.status, 2, "{finished:#?}");
        assert!(finished.stderr.contains("the bag can't be signed: SIGN"), "{finished:#?}");
    }
    assert!(!world.file().with_file_name("bag").exists());
}

#[test]
fn a_changed_database_gives_a_bag_that_shows_it_and_fails() {
    let world = synced();
    world.sql("DELETE FROM audit_events WHERE event_id < '8'");
    let bag = export(&world, DAY, "bag", 1);
    let found = super::verify(&bag, "");
    assert_eq!(found.status, 1, "{found:#?}");
    assert_eq!(found.json()["problems"][0]["problem"], "missing", "{found:#?}");
    assert!(!super::python(&super::lines_of_python(&bag), &bag, &[]).status.success());
}

#[test]
fn a_bag_needs_neither_a_file_nor_a_database_and_takes_no_days() {
    let world = synced();
    let bag = export(&world, DAY, "bag", 0);
    super::assert_sound(&bag, "");
    for option in ["--source acme", "--from 2024-09-28", "--to 2024-09-28"] {
        assert_eq!(super::verify(&bag, option).status, 2, "{option}");
    }
}

#[test]
fn an_export_that_a_signal_ends_leaves_no_part_of_a_bag() {
    let world = synced();
    let names = || {
        let folder = world.file().parent().expect("a folder").to_owned();
        fs::read_dir(folder).expect("a folder").count()
    };
    let mut session = world.session(world.database.url());
    session.ask("BEGIN; LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE");
    for (signal, status) in [("TERM", 143), ("INT", 130)] {
        let running = world.spawn(&format!("export {DAY} --out bag"));
        // It waits for the lock, at most three seconds.
        wait_for("the folder that is being written", || names() == 2);
        wait_for("the lock", || {
            world.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"
        });
        running.signal(signal);
        let finished = running.wait();
        assert_eq!((finished.status, &*finished.stdout), (status, ""), "{finished:#?}");
        assert_eq!(names(), 1, "only the file is left");
    }
}
