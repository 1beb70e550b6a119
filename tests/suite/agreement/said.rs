//! A text whose numbers a document accounts for, one by one.

use std::fmt::Display;

use chrono::NaiveDate;
use serde_json::Value;

/// A text. What the document accounts for is removed from it; at the end, no digit may be left.
pub(super) struct Said {
    all: String,
    rest: String,
}

impl Said {
    /// The text without its last line, which names the head and the program, and without times:
    /// these are of one run.
    pub(super) fn of(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("Head: ") && !line.starts_with("auditsync "));
        let rest: Vec<String> = lines.map(without_times).collect();
        Self { all: text.to_owned(), rest: rest.join("\n") + "\n" }
    }

    /// The text says this, with these very numbers.
    pub(super) fn says(&mut self, part: impl Display) -> &mut Self {
        let part = part.to_string();
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let place = self.rest.match_indices(&part).map(|(place, _)| place).find(|place| {
            !is_digit(self.rest[..*place].chars().next_back())
                && !is_digit(self.rest[place + part.len()..].chars().next())
        });
        let place = place.unwrap_or_else(|| panic!("not said: {part}\n{}", self.all));
        self.rest.replace_range(place..place + part.len(), "");
        self
    }

    /// A row of a table has these cells.
    pub(super) fn row(&mut self, cells: &[String]) -> &mut Self {
        let mut lines: Vec<&str> = self.rest.lines().collect();
        let cells_of = |line: &str| -> Vec<String> {
            let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            cells.map(str::to_owned).collect()
        };
        let place = lines.iter().position(|line| cells_of(line) == cells);
        lines.remove(place.unwrap_or_else(|| panic!("no row {cells:?}\n{}", self.all)));
        self.rest = lines.join("\n") + "\n";
        self
    }

    /// A line begins with this, and what follows changes from run to run.
    pub(super) fn has_line(&mut self, beginning: &str) -> &mut Self {
        let mut lines: Vec<&str> = self.rest.lines().collect();
        let place = lines.iter().position(|line| line.starts_with(beginning));
        lines.remove(place.unwrap_or_else(|| panic!("no line {beginning}\n{}", self.all)));
        self.rest = lines.join("\n") + "\n";
        self
    }

    /// The text has no number that the document did not account for.
    pub(super) fn and_no_other_number(&self) {
        let more: Vec<&str> =
            self.rest.lines().filter(|line| line.contains(|c: char| c.is_ascii_digit())).collect();
        assert!(more.is_empty(), "more numbers: {more:#?}\n{}", self.all);
    }
}

/// The line with `TIME` for each cell such as `0.7s`.
fn without_times(line: &str) -> String {
    let is_time = |word: &str| {
        word.strip_suffix('s').is_some_and(|number| {
            number.contains('.') && number.bytes().all(|byte| b".0123456789".contains(&byte))
        })
    };
    let words = line.split(' ').map(|word| if is_time(word) { "TIME" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A list of the document.
pub(super) fn list<'d>(document: &'d Value, key: &str) -> &'d [Value] {
    document[key].as_array().unwrap_or_else(|| panic!("no list {key} in {document:#}"))
}

/// A text of the document.
pub(super) fn words(document: &Value, key: &str) -> String {
    document[key].as_str().unwrap_or_else(|| panic!("no text {key} in {document:#}")).to_owned()
}

/// A number of the document.
pub(super) fn number(document: &Value, key: &str) -> u64 {
    document[key].as_u64().unwrap_or_else(|| panic!("no number {key} in {document:#}"))
}

/// `1 day`, `2 days`.
pub(super) fn counted(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// The entries as runs of consecutive days with equal `keys`.
pub(super) fn runs<'d>(days: &'d [Value], keys: &[&str]) -> Vec<Vec<&'d Value>> {
    let mut runs: Vec<Vec<&Value>> = Vec::new();
    let mut days: Vec<&Value> = days.iter().collect();
    days.sort_by_key(|day| date(day));
    for day in days {
        let continues = |run: &&mut Vec<&Value>| {
            let last = run[run.len() - 1];
            date(last) + chrono::Days::new(1) == date(day)
                && keys.iter().all(|key| last[key] == day[key])
        };
        match runs.iter_mut().find(continues) {
            Some(run) => run.push(day),
            None => runs.push(vec![day]),
        }
    }
    runs
}

/// The dates of a run of days.
pub(super) fn dates(run: &[&Value]) -> String {
    let (first, last) = (date(run[0]), date(run[run.len() - 1]));
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}

/// The sum of a figure.
pub(super) fn sum<'d>(days: impl IntoIterator<Item = &'d Value>, key: &str) -> u64 {
    days.into_iter().map(|day| number(day, key)).sum()
}

fn date(day: &Value) -> NaiveDate {
    words(day, "date").parse().expect("a date")
}

/// A number of bytes as people read it.
pub(super) fn sized(bytes: u64) -> String {
    if bytes < 1000 { format!("{bytes} B") } else { format!("{:.1} kB", bytes as f64 / 1000.0) }
}
