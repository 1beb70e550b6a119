//! The house keeps its order: arrows between rooms, rooms without I/O, files and functions that one can take in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/` from the door to the cellar. A room uses those below it, and none beside it.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["app"],
    &["cli", "heartbeat"],
    &["logging"],
    &["report"],
    &["store", "heroku"],
    &["plan", "coverage", "fingerprints"],
    &["ledger"],
    &["event", "day"],
    &["retry"],
    &["config"],
    &["text", "fuzz", "calendar"],
];

/// The rooms whose answers depend on nothing but what they are given.
const WITHOUT_IO: &[&str] =
    &["plan", "coverage", "fingerprints", "ledger", "event", "day", "calendar"];

/// What I/O, or a clock, begins with.
const IO: &[&str] = &[
    "sqlx",
    "reqwest",
    "tokio",
    "std::fs",
    "std::env",
    "std::process",
    "TcpStream",
    "UdpSocket",
    "Instant",
    "SystemTime",
    "Utc::now",
];

const LONGEST_FILE: usize = 400;
const MOST_ARGUMENTS: usize = 5;

/// A file of Rust, without its comments.
struct Source {
    path: PathBuf,
    lines: Vec<String>,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a file of ours is text");
        let lines = text.lines().map(|line| without_comment(line).to_owned()).collect();
        Self { path: path.strip_prefix(root).expect("it is below").to_owned(), lines }
    }

    /// The modules that lead to it: `app`, `sync`, `day`.
    fn modules(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let parts = path.iter().skip(1).map(|part| part.to_str().expect("text").to_owned());
        parts.filter(|part| part != "mod").collect()
    }

    /// The rooms that it names: behind `crate::`, or behind so many `super::` that they lead out of its own.
    fn rooms_used(&self) -> BTreeSet<String> {
        let text = self.lines.join("\n");
        let mut named = Vec::new();
        for begin in ["crate::".to_owned(), "super::".repeat(self.modules().len())] {
            for (at, _) in text.match_indices(&begin) {
                let rest = &text[at + begin.len()..];
                match rest.strip_prefix('{').and_then(|list| list.split_once("};")) {
                    Some((list, _)) => named.extend(list.split(',').map(first_word)),
                    None => named.push(first_word(rest)),
                }
            }
        }
        named.into_iter().filter(|name| floor(name).is_some()).map(str::to_owned).collect()
    }
}

/// A line up to its comment. No text of ours holds two slashes behind a space.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        ""
    } else {
        line.split(" // ").next().unwrap_or_default()
    }
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The files below these folders of the repository.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut left, mut found) =
        (folders.iter().map(|folder| root.join(folder)).collect::<Vec<_>>(), Vec::new());
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(Source::read(root, &path));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 10, "the files are found");
    found
}

fn none(kind: &str, found: &[String]) {
    assert!(found.is_empty(), "{kind}:\n{}", found.join("\n"));
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let mut wrong = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| source.path != Path::new("src/lib.rs")) {
        let own = source.modules().swap_remove(0);
        let at = floor(&own).unwrap_or_else(|| panic!("the room {own} has its floor in this test"));
        let used = source.rooms_used().into_iter().filter(|room| *room != own);
        let upward = used.filter(|room| floor(room).is_some_and(|other| other <= at));
        wrong.extend(upward.map(|room| format!("{} uses {room}", source.path.display())));
    }
    none("rooms use others that are not below them", &wrong);
}

#[test]
fn rooms_without_io_do_none() {
    let mut wrong = Vec::new();
    for source in
        sources(&["src"]).iter().filter(|source| WITHOUT_IO.contains(&&*source.modules()[0]))
    {
        for (number, line) in source.lines.iter().enumerate() {
            let words = IO.iter().filter(|word| line.contains(**word));
            wrong.extend(
                words.map(|word| format!("{}:{}: {word}", source.path.display(), number + 1)),
            );
        }
    }
    none("I/O in rooms that do none", &wrong);
}

#[test]
fn sql_stands_in_the_store_alone() {
    let verbs = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "CREATE TABLE ",
        "ALTER TABLE ",
        "BEGIN ",
    ];
    let mut wrong = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| source.modules()[0] != "store") {
        for (number, line) in source.lines.iter().enumerate() {
            if line.contains("sqlx") || verbs.iter().any(|verb| line.contains(&format!("\"{verb}")))
            {
                wrong.push(format!("{}:{}: {}", source.path.display(), number + 1, line.trim()));
            }
        }
    }
    none("SQL outside of the store", &wrong);
}

#[test]
fn no_file_is_longer_than_one_can_take_in() {
    let all = sources(&["src", "tests", "crates", "benches"]);
    let long = all.iter().filter(|source| source.lines.len() > LONGEST_FILE);
    let long: Vec<_> = long
        .map(|source| format!("{}: {} lines", source.path.display(), source.lines.len()))
        .collect();
    none("files are too long", &long);
}

#[test]
fn no_function_has_more_arguments_than_one_can_hold_in_mind() {
    let mut wrong = Vec::new();
    for source in sources(&["src", "tests", "crates", "benches"]) {
        let text = source.lines.join("\n");
        for (at, _) in text.match_indices("fn ") {
            let Some((name, arguments)) = signature(&text[at + 3..]) else { continue };
            if arguments > MOST_ARGUMENTS {
                wrong.push(format!("{}: {name} has {arguments}", source.path.display()));
            }
        }
    }
    none("functions have too many arguments", &wrong);
}

#[test]
fn no_function_of_the_program_takes_a_boolean_that_its_callers_could_not_read() {
    // What a trait asks for.
    const ASKED_FOR: &str = "record_bool";
    let mut wrong = Vec::new();
    for source in sources(&["src"]).into_iter().filter(|source| !source.path.ends_with("tests.rs"))
    {
        let text = source.lines.join("\n");
        for (at, _) in text.match_indices("fn ") {
            let Some((name, _)) = signature(&text[at + 3..]) else { continue };
            let ends =
                ["{", ";\n"].map(|end| text[at..].find(end).map_or(text.len(), |end| at + end));
            let end = ends[0].min(ends[1]);
            let arguments = text[at..end].split("->").next().unwrap_or_default();
            if arguments.contains(": bool") && name != ASKED_FOR {
                wrong.push(format!("{}: {name}", source.path.display()));
            }
        }
    }
    none("functions take a boolean", &wrong);
}

/// Name and number of arguments of the function that stands here, if one does; `self` counts.
fn signature(text: &str) -> Option<(&str, usize)> {
    let name = first_word(text);
    let open = text.find('(').filter(|_| !name.is_empty())?;
    if !text[name.len()..open].starts_with('<') && open != name.len() {
        return None;
    }
    let (mut depth, mut arguments, mut is_empty, mut before) = (0, 0, true, ' ');
    for c in text[open..].chars() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if matches!(before, '-' | '=') => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            ',' if depth == 1 => {
                arguments += 1;
                is_empty = true;
            }
            _ => {}
        }
        if depth == 0 {
            return Some((name, arguments + usize::from(!is_empty)));
        }
        is_empty &= c.is_whitespace() || matches!(c, '(' | ',');
        before = c;
    }
    None
}

#[test]
fn what_the_map_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the map");
    let code = sources(&["src", "tests"])
        .into_iter()
        .flat_map(|source| source.lines)
        .collect::<Vec<_>>()
        .join("\n");
    let named: Vec<&str> = map.split('`').skip(1).step_by(2).collect();
    let is_test = |word: &str| word.matches('_').count() > 2 && !word.contains(['/', ' ', '.']);
    let tests: Vec<&str> = named.iter().copied().filter(|word| is_test(word)).collect();
    assert!(tests.len() > 20, "the map names tests: {tests:?}");
    let lost = tests.into_iter().filter(|test| !code.contains(&format!("fn {test}(")));
    let files = named.iter().filter(|word| word.starts_with("src/") || word.starts_with("tests/"));
    let gone = files.copied().filter(|path| !path.contains(' ') && !root.join(path).exists());
    none(
        "the map names what is not there",
        &lost.chain(gone).map(str::to_owned).collect::<Vec<_>>(),
    );
}

#[test]
fn what_keeps_order_would_tell_of_disorder() {
    assert_eq!(
        signature("plain(a: A, b: Vec<(A, B)>, c: impl Fn(A, B) -> C) -> D {"),
        Some(("plain", 3))
    );
    assert_eq!(
        signature("generic<T: Into<U>, U>(\n    self,\n    t: T,\n) {}"),
        Some(("generic", 2))
    );
    assert_eq!(signature("none() {"), Some(("none", 0)));
    assert_eq!(signature("(A, B) -> C"), None);
    let source =
        |path: &str, text: &str| Source { path: path.into(), lines: vec![text.to_owned()] };
    let used = |path, text| source(path, text).rooms_used().into_iter().collect::<Vec<_>>();
    assert_eq!(
        used(
            "src/app/sync/day.rs",
            "use super::super::fetch::Job; use crate::store::{Lease, event};"
        ),
        ["store"]
    );
    assert_eq!(
        used("src/plan.rs", "use super::store::Lease; use crate::{heroku, day::DayKey};"),
        ["day", "heroku", "store"]
    );
    assert_eq!(used("src/heroku/mod.rs", "super::store"), ["store"]);
    assert!(floor("main") < floor("store") && floor("store") == floor("heroku"));
}
