//! The calendar and the labels of a bag: they say what `export` says, in one form.

use std::fs;
use std::path::Path;

use super::{
    assert_python_accepts, assert_sound, copied, export, files, lines_of_python, python,
    rewrite_manifests, verify,
};
use crate::support::{ACME, Finished, World};

const RANGE: &str = "--from 2024-09-24 --to 2024-09-28";

/// The source and the state of each day.
fn rows(bag: &Path) -> Vec<String> {
    let coverage = fs::read_to_string(bag.join("data/coverage.csv")).expect("coverage");
    let cells = |line: &str| line.split(',').take(3).collect::<Vec<_>>().join(" ");
    coverage.lines().skip(1).map(cells).collect()
}

fn verify_as_text(bag: &Path) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_auditsync"));
    Finished::of(command.args(["verify", "--bag"]).arg(bag).env_clear()).stdout
}

#[test]
fn a_renamed_source_has_each_day_once_under_the_name_that_stores_it() {
    let world = World::busy(ACME);
    world.sync("--from 2024-09-24 --to 2024-09-25", 0);
    let renamed = ACME.replace("name = \"acme\"", "name = \"acme-eu\"");
    world.write_config(&format!("{renamed}previous_names = [\"acme\"]\n"));
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    let finished = world.run(&format!("export {RANGE} --out gap"));
    assert_eq!(finished.status, 1, "{finished:#?}");
    assert!(finished.stdout.contains("4 complete days of acme, acme-eu,"), "{finished:#?}");
    let gap = world.file().with_file_name("gap");
    assert_eq!(
        rows(&gap),
        [
            "acme 2024-09-24 complete",
            "acme 2024-09-25 complete",
            "acme-eu 2024-09-26 missing",
            "acme-eu 2024-09-27 complete",
            "acme-eu 2024-09-28 complete",
        ]
    );
    assert_sound(&gap, "");
    world.sync("--date 2024-09-26", 0);
    let bag = export(&world, RANGE, "bag", 0);
    let report = assert_sound(&bag, "");
    assert_eq!(report["days_checked"], 5, "{report:#}");
    let said = assert_python_accepts(&bag, &[]);
    assert!(said.contains("'acme complete: 2' 'acme-eu complete: 3'"), "{said}");
    assert!(!said.contains("NOT COMPLETE"), "{said}");
    let text = verify_as_text(&bag);
    for said in
        ["acme 2024-09-24..2024-09-25: 2 complete days\n", "acme-eu 2024-09-26..2024-09-28: 3"]
    {
        assert!(text.contains(said), "{text}");
    }
    assert!(!text.contains("NOT COMPLETE"), "{text}");
}

#[test]
fn a_source_that_left_the_file_has_the_days_that_it_owes_and_no_others() {
    let world = World::busy(ACME);
    world.sync("--date 2024-09-25", 0);
    world.sync("--date 2024-09-27", 0);
    world.write_config(&ACME.replace("name = \"acme\"", "name = \"other\""));
    let bag = export(&world, &format!("{RANGE} --source acme"), "bag", 1);
    assert_eq!(
        rows(&bag),
        ["acme 2024-09-25 complete", "acme 2024-09-26 missing", "acme 2024-09-27 complete"]
    );
    assert_sound(&bag, "");
    assert_python_accepts(&bag, &[]);
}

#[test]
fn a_row_that_is_left_out_is_counted_and_a_sealed_day_is_missing() {
    let world = World::busy(ACME);
    for day in ["2024-09-24", "2024-09-26", "2024-09-28"] {
        world.sync(&format!("--date {day}"), 0);
    }
    let bag = export(&world, &format!("{RANGE} --allow-gaps"), "bag", 0);
    let code = lines_of_python(&bag);
    for (day, status) in [("2024-09-25", 0), ("2024-09-26", 1), ("2024-09-24", 1)] {
        let copy = copied(&bag);
        change(copy.path(), "data/coverage.csv", |line| !line.contains(&format!(",{day},")));
        for name in files(copy.path()).iter().filter(|name| name.contains(&format!("/{day}."))) {
            fs::remove_file(copy.path().join(name)).expect("a file");
        }
        rewrite_manifests(copy.path());
        assert_eq!(verify(copy.path(), "").status, status, "{day}");
        if day != "2024-09-24" {
            assert_eq!(python(&code, copy.path(), &[]).status.code(), Some(status), "{day}");
        }
        if status == 0 {
            assert!(verify_as_text(copy.path()).contains("NOT IN THE BAG: 1 day"), "{day}");
        }
    }
}

#[test]
fn a_bag_without_a_complete_day_proves_nothing() {
    let world = World::busy(ACME);
    world.sync("--date 2024-09-20", 0);
    let bag = export(&world, &format!("{RANGE} --allow-gaps"), "bag", 0);
    assert_eq!(verify(&bag, "").status, 1);
    let output = python(&lines_of_python(&bag), &bag, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no complete day"), "{said}");
}

#[test]
fn labels_and_tables_have_one_form() {
    let world = World::new(ACME);
    world.sync("--from 2024-09-27 --to 2024-09-28", 0);
    let bag = export(&world, "--from 2024-09-27 --to 2024-09-28", "bag", 0);
    let changed = |name: &str, change: &dyn Fn(&str) -> String| {
        let copy = copied(&bag);
        let path = copy.path().join(name);
        let text = fs::read_to_string(&path).expect("a file");
        let new = change(&text);
        assert_ne!(new, text, "{name}");
        if name != "bag-info.txt" {
            fs::write(&path, &new).expect("a file");
        }
        rewrite_manifests(copy.path());
        if name == "bag-info.txt" {
            fs::write(&path, &new).expect("a file");
            let tags = copy.path().join("tagmanifest-sha256.txt");
            let hash = |text: &str| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text));
            let lines = fs::read_to_string(&tags).expect("a file");
            fs::write(&tags, lines.replace(&hash(&text), &hash(&new))).expect("a file");
        }
        let finished = verify(copy.path(), "");
        assert_eq!(finished.status, 1, "{name}: {finished:#?}");
        let problems = finished.json()["problems"].clone();
        problems[0]["detail"].as_str().expect("text").to_owned()
    };
    let info = "bag-info.txt";
    let oxum = |text: &str| text.replacen("Payload-Oxum: ", "Payload-Oxum: 1", 1);
    assert!(changed(info, &oxum).contains("Payload-Oxum is not "));
    let twice = |text: &str| format!("{text}Auditsync-Days: 2024-09-01..2024-09-30\n");
    assert!(changed(info, &twice).contains("line 9 is no label with a value, or repeats one"));
    let coverage = "data/coverage.csv";
    let marked = |text: &str| format!("\u{feff}{text}");
    assert!(changed(coverage, &marked).contains("its first line is not"));
    assert!(changed("data/index/acme/2024-09-27.csv", &marked).contains("its first line is not"));
    let pruned = |text: &str| text.replacen("complete", "pruned", 1);
    assert!(changed(coverage, &pruned).contains("the column state"));
    let reversed = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        format!("{}\n{}\n{}\n", lines[0], lines[2], lines[1])
    };
    assert!(changed(coverage, &reversed).contains("is not in the order"));
}

#[test]
fn a_bag_does_not_tell_how_the_file_is_called_and_where_the_api_is() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let days = "--from 2024-09-28 --to 2024-09-28";
    let bag = export(&world, days, "bag", 0);
    let other = world.file().with_file_name("other-name.toml");
    fs::copy(world.file(), &other).expect("a copy");
    let finished = world.run(&format!("export {days} --out again --config {}", other.display()));
    assert_eq!(finished.status, 0, "{finished:#?}");
    let again = world.file().with_file_name("again");
    for name in files(&bag) {
        assert_eq!(fs::read(bag.join(&name)).ok(), fs::read(again.join(&name)).ok(), "{name}");
    }
    let page = fs::read_to_string(bag.join("data/report.html")).expect("a page");
    assert!(!page.contains("127.0.0.1") && !page.contains(".toml"), "the process's own");
}

#[test]
fn a_target_that_can_not_be_written_is_named() {
    let world = World::new(ACME);
    world.sync("--date 2024-09-28", 0);
    let mut command =
        world.command("export --from 2024-09-28 --to 2024-09-28 --format bag --out -");
    let full = fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = command.stdout(full).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the bag can't be written: stdout: No space left"), "{said}");
}

/// Keeps the lines of a file that `keep` accepts.
fn change(bag: &Path, name: &str, keep: impl Fn(&&str) -> bool) {
    let path = bag.join(name);
    let text = fs::read_to_string(&path).expect("a file");
    let lines: String = text.split_inclusive('\n').filter(keep).collect();
    fs::write(&path, lines).expect("a file");
}
