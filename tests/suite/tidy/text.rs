//! Lines and files of a length that can be read, and words that stay out of the prose.

use std::path::PathBuf;

use super::source::texts;
use super::{EVERYWHERE, assert_none};

const LONGEST_LINE: usize = 100;
const LONGEST_FILE: usize = 400;

/// Lines that can't be shorter: a part of the path, a part of the line, and the reason.
const LONG_LINES: &[(&str, &str, &str)] =
    &[("", "https://", "an address that is broken in two can't be followed")];

/// Expressions of an earlier dialect that readers stumbled over, each with what to write instead.
const WORDS: &[(&str, &str)] = &[
    ("whoever", "say who"),
    ("disbelieve", "verify"),
    ("farewell", "disconnect"),
    ("goodbye", "disconnect"),
    ("ear for signals", "signal handler"),
    ("is at it", "is already doing it"),
    ("is told", "say what the program reports"),
    ("somebody sits", "a terminal"),
    ("tells of", "reports"),
];

fn too_wide(path: &str, text: &str) -> Vec<String> {
    let is_excepted = |line: &str| {
        LONG_LINES.iter().any(|(place, part, _)| path.contains(place) && line.contains(part))
    };
    let lines = text.lines().enumerate();
    let long = lines.filter(|(_, line)| line.chars().count() > LONGEST_LINE && !is_excepted(line));
    long.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.chars().count())).collect()
}

/// The text without the signs of comments, quotes and continued lines, as words with one space in
/// between, in lower case; and the number of the line of each word.
fn words(text: &str) -> Vec<(String, usize)> {
    let signs: &[char] =
        &['/', '!', '-', '#', '*', '"', '\\', '`', '.', ',', ':', ';', '(', ')', '?', '|'];
    let of = |(index, line): (usize, &str)| {
        let line = line.to_lowercase();
        let words: Vec<_> = line
            .split_whitespace()
            .map(|word| (word.trim_matches(signs).to_owned(), index + 1))
            .filter(|(word, _)| !word.is_empty())
            .collect();
        words
    };
    text.lines().enumerate().flat_map(of).collect()
}

fn unwanted(path: &str, text: &str) -> Vec<String> {
    let words = words(text);
    let mut found = Vec::new();
    for (unwanted, instead) in WORDS {
        let parts: Vec<&str> = unwanted.split(' ').collect();
        let hits = words
            .windows(parts.len())
            .filter(|window| window.iter().map(|(word, _)| word).eq(&parts));
        found.extend(hits.map(|hit| format!("{path}:{}: \"{unwanted}\": {instead}", hit[0].1)));
    }
    found
}

fn problems(texts: &[(PathBuf, String)], rule: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let of = |(path, text): &(PathBuf, String)| rule(path.to_str().expect("a path in UTF-8"), text);
    texts.iter().flat_map(of).collect()
}

#[test]
fn no_line_is_wider_than_100_columns() {
    let places = [EVERYWHERE, &["migrations", "sql"]].concat();
    assert_none("lines are too wide", &problems(&texts(&places, &["rs", "sql"]), too_wide));
}

#[test]
fn no_file_has_more_than_400_lines() {
    let long = problems(&texts(EVERYWHERE, &["rs"]), |path, text| {
        let lines = text.lines().count();
        (lines > LONGEST_FILE).then(|| format!("{path}: {lines} lines")).into_iter().collect()
    });
    assert_none("files are too long", &long);
}

#[test]
fn words_that_readers_stumbled_over_stay_out() {
    let places =
        [EVERYWHERE, &["migrations", "sql", "docs", "README.md", "ARCHITECTURE.md"]].concat();
    let places = [places, vec!["CONTRIBUTING.md", "SECURITY.md", "audit.toml", ".ci"]].concat();
    let mut texts = texts(&places, &["rs", "sql", "md", "toml", "snap", "txt"]);
    // These two show the words as bad examples.
    let shows_them = ["tidy/text.rs", "CONTRIBUTING.md"];
    texts.retain(|(path, _)| !shows_them.iter().any(|place| path.ends_with(place)));
    assert_none("words that readers stumble over", &problems(&texts, unwanted));
}

#[test]
fn a_wide_line_is_counted_in_characters() {
    let fits = "ä".repeat(LONGEST_LINE);
    assert_eq!(too_wide("a.rs", &format!("{fits}\n{fits}!\n")), ["a.rs:2: 101"]);
    assert_eq!(too_wide("a.rs", &format!("// https://{fits}")), [""; 0]);
}

#[test]
fn an_unwanted_word_is_found_across_lines_and_not_inside_of_others() {
    let text = "//! Whoever\n/// stays, \"somebody\\\n  sits\". Whoevers farewells: the process \
        is\n# at it.";
    assert_eq!(
        unwanted("a.rs", text),
        [
            "a.rs:1: \"whoever\": say who",
            "a.rs:3: \"is at it\": is already doing it",
            "a.rs:2: \"somebody sits\": a terminal"
        ]
    );
}
