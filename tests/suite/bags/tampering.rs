//! What someone does who changes a bag, and knows how it is made.

use std::fs;
use std::path::Path;

use super::{
    assert_sound, copied, export, lines_of_python, python, rewrite_manifests, signed_bag, verify,
};
use crate::support::{ACME, World};

/// The codes that `verify --bag` finds.
fn codes(bag: &Path, arguments: &str) -> Vec<String> {
    let finished = verify(bag, arguments);
    let report = finished.json();
    let problems = report["problems"].as_array().expect("problems").iter();
    problems.map(|one| one["problem"].as_str().expect("a code").to_owned()).collect()
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes))
}

/// The preimages of a bag's chain.
fn preimages(bag: &Path) -> Vec<String> {
    let text = fs::read_to_string(bag.join("data/seals.netstrings")).expect("seals");
    let (mut rest, mut found) = (text.as_str(), Vec::new());
    while let Some((length, behind)) = rest.split_once(':') {
        let length: usize = length.parse().expect("a length");
        found.push(behind[..length].to_owned());
        rest = &behind[length + 1..];
    }
    found
}

fn write_preimages(bag: &Path, preimages: &[String]) {
    let text: String = preimages.iter().map(|text| format!("{}:{text},", text.len())).collect();
    fs::write(bag.join("data/seals.netstrings"), text).expect("a file");
}

/// Withholds a day of acme: its files, its line in the calendar.
fn withhold(bag: &Path, day: &str) {
    for (folder, extension) in [("events", "events"), ("index", "csv")] {
        fs::remove_file(bag.join(format!("data/{folder}/acme/{day}.{extension}"))).expect("a file");
    }
    let path = bag.join("data/coverage.csv");
    let coverage = fs::read_to_string(&path).expect("coverage");
    let is_other = |line: &&str| !line.contains(&format!(",{day},"));
    let left: Vec<&str> = coverage.lines().filter(is_other).collect();
    fs::write(&path, left.join("\n") + "\n").expect("a file");
}

fn three_days() -> (World, std::path::PathBuf) {
    let world = World::new(ACME);
    for day in ["2024-09-25", "2024-09-26", "2024-09-28"] {
        world.sync(&format!("--date {day}"), 0);
    }
    world.sync("--date 2024-09-27", 0);
    let bag = export(&world, "--from 2024-09-25 --to 2024-09-28", "bag", 0);
    (world, bag)
}

#[test]
fn a_day_that_is_withheld_with_its_seal_breaks_the_chain() {
    let (_world, bag) = three_days();
    let code = lines_of_python(&bag);
    for day in ["2024-09-25", "2024-09-26", "2024-09-28"] {
        let copy = copied(&bag);
        withhold(copy.path(), day);
        let mut seals = preimages(copy.path());
        seals.retain(|seal| !seal.contains(&format!(",10:{day},")));
        write_preimages(copy.path(), &seals);
        rewrite_manifests(copy.path());
        assert!(codes(copy.path(), "").contains(&"missing".to_owned()), "{day}");
        assert!(!python(&code, copy.path(), &[]).status.success(), "{day}");
    }
}

#[test]
fn a_day_that_is_withheld_with_the_end_of_the_chain_needs_an_anchor() {
    let (world, bag) = three_days();
    let [_, head, _] = world.head();
    let head = head.split(' ').nth(1).expect("a head");
    let (code, copy) = (lines_of_python(&bag), copied(&bag));
    // The last seal is that of the 27th, so the days around it stay.
    let mut seals = preimages(copy.path());
    seals.pop();
    write_preimages(copy.path(), &seals);
    for (folder, extension) in [("events", "events"), ("index", "csv")] {
        let name = format!("data/{folder}/acme/2024-09-27.{extension}");
        fs::remove_file(copy.path().join(name)).expect("a file");
    }
    let path = copy.path().join("data/coverage.csv");
    let coverage = fs::read_to_string(&path).expect("coverage");
    let lines = coverage.lines().map(|line| {
        if line.contains(",2024-09-27,") {
            "acme,2024-09-27,missing,,,,,,,".into()
        } else {
            line.to_owned()
        }
    });
    fs::write(&path, lines.map(|line| line + "\n").collect::<String>()).expect("a file");
    rewrite_manifests(copy.path());
    assert_eq!(codes(copy.path(), ""), ["altered"], "bag-info.txt names the head");
    let info = copy.path().join("bag-info.txt");
    let text = fs::read_to_string(&info).expect("info");
    let last = seals.last().expect("a seal");
    let new = format!("{}:{}", seals.len(), hash(last.as_bytes()));
    fs::write(&info, text.replace(head, &new)).expect("a file");
    rewrite_manifests(copy.path());
    assert_eq!(codes(copy.path(), &format!("--anchor {head}")), ["truncated"]);
    assert!(python(&code, copy.path(), &[]).status.success(), "nothing in the bag shows it");
    assert!(!python(&code, copy.path(), &[head]).status.success());
}

#[test]
fn an_event_that_is_changed_with_everything_but_the_seals_is_found() {
    let (_world, bag) = three_days();
    let (code, copy) = (lines_of_python(&bag), copied(&bag));
    let events = copy.path().join("data/events/acme/2024-09-26.events");
    let bytes = fs::read(&events).expect("events");
    let line = bytes.split(|byte| *byte == b'\n').next().expect("an event");
    let changed = String::from_utf8_lossy(line).replacen("create", "delete", 1);
    let rest = &bytes[line.len()..];
    fs::write(&events, [changed.as_bytes(), rest].concat()).expect("a file");
    let index = copy.path().join("data/index/acme/2024-09-26.csv");
    let text = fs::read_to_string(&index).expect("an index");
    fs::write(&index, text.replace(&hash(line), &hash(changed.as_bytes()))).expect("a file");
    rewrite_manifests(copy.path());
    assert_eq!(codes(copy.path(), ""), ["altered"]);
    assert!(!python(&code, copy.path(), &[]).status.success());
}

#[test]
fn each_column_of_the_index_and_the_calendar_that_is_sealed_is_checked() {
    let (_world, bag) = three_days();
    let code = lines_of_python(&bag);
    let change = |name: &str, row: usize, column: usize, value: &str| {
        let copy = copied(&bag);
        let path = copy.path().join(name);
        let text = fs::read_to_string(&path).expect("a table");
        let lines = text.lines().enumerate().map(|(at, line)| {
            // The only quotes are around the scope.
            let (before, scope, after) = match line.split('"').collect::<Vec<_>>()[..] {
                [before, .., after] => {
                    (before, &line[before.len()..line.len() - after.len()], after)
                }
                _ => (line, "", ""),
            };
            let mut cells: Vec<String> = before.split(',').map(str::to_owned).collect();
            if let Some(last) = cells.last_mut() {
                last.push_str(scope);
            }
            let behind = after.split(',').skip(1).map(str::to_owned);
            if !after.is_empty() {
                cells.extend(behind);
            }
            if at == row {
                value.clone_into(&mut cells[column]);
            }
            cells.join(",") + "\n"
        });
        fs::write(&path, lines.collect::<String>()).expect("a file");
        rewrite_manifests(copy.path());
        copy
    };
    let index = "data/index/acme/2024-09-26.csv";
    for (name, column, value) in [
        (index, 0, "another"),
        (index, 1, "7"),
        (index, 2, &"ab".repeat(32)),
        (index, 3, "elsewhere"),
        (index, 4, "2"),
        ("data/coverage.csv", 0, "other"),
        ("data/coverage.csv", 1, "2024-09-24"),
        ("data/coverage.csv", 2, "due"),
        ("data/coverage.csv", 3, "PENDING"),
        ("data/coverage.csv", 4, "0"),
        ("data/coverage.csv", 5, "8"),
        ("data/coverage.csv", 6, &"cd".repeat(32)),
        ("data/coverage.csv", 7, "\"{\"\"account\"\": \"\"globex\"\"}\""),
    ] {
        let copy = change(name, 1, column, value);
        assert_eq!(verify(copy.path(), "").status, 1, "{name} {column} {value}");
        // The lines of Python leave `via` to the program.
        if name != index || column != 3 {
            let output = python(&code, copy.path(), &[]);
            assert!(!output.status.success(), "{name} {column} {value}");
        }
    }
}

#[test]
fn a_calendar_without_the_attempt_of_a_day_says_so() {
    let (_world, bag) = three_days();
    let copy = copied(&bag);
    change_coverage(copy.path(), |line| {
        let mut cells: Vec<&str> = line.splitn(6, ',').collect();
        if cells[1] == "2024-09-26" {
            cells[4] = "";
        }
        cells.join(",") + "\n"
    });
    let finished = verify(copy.path(), "");
    assert_eq!(finished.status, 1, "{finished:#?}");
    let said = "does not say which attempt was the last";
    assert!(finished.stdout.contains(said), "{finished:#?}");
    assert!(!finished.stdout.contains("-2147483648"), "{finished:#?}");
}

#[test]
fn a_note_by_another_key_or_of_another_bag_is_bad() {
    let (world, key, bag) = signed_bag();
    let stranger = crate::support::checkpoints::key("audit.example.com/acme");
    let arguments = format!("--key {}", stranger.verifier());
    assert!(codes(&bag, &arguments).contains(&"bad_note".to_owned()));
    assert_sound(&bag, &format!("--key {}", key.verifier()));
    let other = export(&world, "--from 2024-09-20 --to 2024-09-21", "other", 0);
    let copy = copied(&bag);
    fs::copy(other.join("bag.note"), copy.path().join("bag.note")).expect("a copy");
    assert_eq!(codes(copy.path(), ""), ["bad_note"]);
    fs::remove_file(copy.path().join("bag.note")).expect("a file");
    assert_sound(copy.path(), "");
    assert_eq!(codes(copy.path(), &format!("--key {}", key.verifier())), ["bad_note"]);
    assert!(!python(&lines_of_python(&bag), copy.path(), &["signed"]).status.success());
}

#[test]
fn a_day_that_is_called_missing_is_found_whatever_the_form_of_its_date() {
    let (_world, bag) = three_days();
    let code = lines_of_python(&bag);
    for date in ["2024-09-27", "20240927", "2024-W39-5"] {
        let copy = copied(&bag);
        for (folder, extension) in [("events", "events"), ("index", "csv")] {
            let name = format!("data/{folder}/acme/2024-09-27.{extension}");
            fs::remove_file(copy.path().join(name)).expect("a file");
        }
        change_coverage(copy.path(), |line| {
            if line.contains(",2024-09-27,") {
                format!("acme,{date},missing,,,,,,,\n")
            } else {
                format!("{line}\n")
            }
        });
        assert_eq!(verify(copy.path(), "").status, 1, "{date}");
        assert!(!python(&code, copy.path(), &[]).status.success(), "{date}");
    }
}

#[test]
fn a_row_that_stands_twice_and_a_second_copy_of_a_day_are_found() {
    let (_world, bag) = three_days();
    let code = lines_of_python(&bag);
    let copy = copied(&bag);
    change_coverage(copy.path(), |line| {
        let before =
            if line.contains(",2024-09-27,") { "acme,2024-09-27,missing,,,,,,,\n" } else { "" };
        format!("{before}{line}\n")
    });
    assert_eq!(verify(copy.path(), "").status, 1);
    assert!(!python(&code, copy.path(), &[]).status.success());
    for name in ["data/conflicts/acme/2024-09-27.csv", "data/events2/acme/2024-09-27.events"] {
        let copy = copied(&bag);
        let path = copy.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "event_id,bytes,sha256,attempt,seen_at\n").expect("a file");
        rewrite_manifests(copy.path());
        assert_eq!(verify(copy.path(), "").status, 1, "{name}");
        let python = python(&code, copy.path(), &[]);
        assert_eq!(python.status.success(), name.contains("conflicts"), "{name}");
    }
}

/// Writes the calendar of an unsigned bag anew, line by line.
fn change_coverage(bag: &Path, change: impl Fn(&str) -> String) {
    let path = bag.join("data/coverage.csv");
    let coverage = fs::read_to_string(&path).expect("coverage");
    fs::write(&path, coverage.lines().map(change).collect::<String>()).expect("a file");
    rewrite_manifests(bag);
}
