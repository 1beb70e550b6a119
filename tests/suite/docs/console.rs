//! Blocks of a terminal: commands, and what a page says that they print.

use std::sync::LazyLock;

use chrono::{NaiveDate, TimeDelta};
use regex::{Captures, Regex};

/// Stands for any number of lines.
const ELISION: &str = "…";

/// What differs from run to run, and a word for it. Widths of columns differ with it.
static CHANGING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (r"\d\d:\d\d:\d\d", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"\b\d+\.\d+s\b", "SECONDS"),
        (r"\b\d+ms\b", "MILLISECONDS"),
        (r"\b\d+h\b", "HOURS"),
        // A page shows no commit, and need not change with each version.
        (r"(^|, )auditsync \d+\.\d+\.\d+\S*( \(.*\))?$", ""),
        (r"\b[0-9a-f]{64} of log [0-9a-f]{32}\b", "SEAL of log ID"),
        (r"\b[0-9a-f]+… of log [0-9a-f]+…", "SEAL of log ID"),
        (r" +", " "),
    ];
    rules.map(|(rule, word)| (Regex::new(rule).expect("a rule"), word)).into()
});

static DATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b20\d\d-\d\d-\d\d\b").expect("a rule"));

/// One command of a block, and the lines that it prints there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The lines as they are in the page.
    pub(super) typed: String,
    /// What a shell gets: without prompt and comment.
    pub(super) command: String,
    pub(super) output: Vec<String>,
}

/// The commands of a block.
pub(super) fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.split("   #").next().unwrap_or_default();
            let command = command.split("  #").next().unwrap_or_default().trim_end().to_owned();
            goes_on = command.ends_with('\\');
            steps.push(Step { typed: line.to_owned(), command, output: Vec::new() });
            continue;
        }
        let step = steps.last_mut().unwrap_or_else(|| panic!("no command comes before `{line}`"));
        if goes_on {
            for text in [&mut step.typed, &mut step.command] {
                *text = format!("{text}\n{line}");
            }
            goes_on = line.ends_with('\\');
        } else {
            step.output.push(line.to_owned());
        }
    }
    // An empty line may part two commands.
    for step in &mut steps {
        while step.output.last().is_some_and(String::is_empty) {
            step.output.pop();
        }
    }
    steps
}

/// Whether a command printed what a page shows; [`ELISION`] stands for any lines.
pub(super) fn agrees(shown: &[String], printed: &str) -> bool {
    let shown: Vec<String> = shown.iter().map(|line| steady(line)).collect();
    let printed: Vec<String> = printed.trim_end().lines().map(steady).collect();
    matches(&shown, &printed)
}

fn matches(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == ELISION => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((line, rest)) => printed.first() == Some(line) && matches(rest, &printed[1..]),
    }
}

/// A line without what differs from run to run.
fn steady(line: &str) -> String {
    CHANGING.iter().fold(line.trim_end().to_owned(), |line, (rule, word)| {
        rule.replace_all(&line, *word).into_owned()
    })
}

/// The text with each date in it moved.
pub(super) fn moved(text: &str, by: TimeDelta) -> String {
    let moved = |date: &Captures<'_>| match date[0].parse::<NaiveDate>() {
        Ok(date) => (date + by).to_string(),
        Err(_) => date[0].to_owned(),
    };
    DATE.replace_all(text, moved).into_owned()
}

#[test]
fn a_block_is_split_into_commands_and_what_they_print() {
    let found = steps("$ one -a   # why\n$ two \\\n      --more\nA  1.5s\n\n$ three\n");
    let step = |typed: &str, command: &str, output: &[&str]| Step {
        typed: typed.to_owned(),
        command: command.to_owned(),
        output: output.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(
        found,
        [
            step("$ one -a   # why", "one -a", &[]),
            step("$ two \\\n      --more", "two \\\n      --more", &["A  1.5s"]),
            step("$ three", "three", &[]),
        ]
    );
}

#[test]
fn shown_output_agrees_only_if_no_word_differs() {
    let shown = ["SOURCE  TIME", "acme    0.1s", "…", "1 day."].map(str::to_owned);
    assert!(agrees(&shown, "SOURCE   TIME\nacme    12.4s\n1 day.\n"));
    assert!(agrees(&shown, "SOURCE TIME\nacme 0.0s\na\nb\n1 day.\n"));
    assert!(!agrees(&shown, "SOURCE TIME\nacme 0.0s\n2 days.\n"));
    assert!(!agrees(&shown, "SOURCE TIME\nglobex 0.0s\n1 day.\n"));
    assert!(!agrees(&shown[..2], "SOURCE TIME\nacme 0.0s\n1 day.\n"));
    assert_eq!(moved("from 2024-09-28, 2024-09", TimeDelta::days(3)), "from 2024-10-01, 2024-09");
}
