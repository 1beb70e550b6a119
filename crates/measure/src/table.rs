//! The printed table: each row as soon as it is known; the machine and the versions below.

use std::fmt::Display;
use std::process::Command;
use std::time::Duration;

/// The rows so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    begun: bool,
    notes: Vec<String>,
}

impl Table {
    /// Print a row: what was measured, the result, and the goal.
    pub(crate) fn row(
        &mut self,
        measure: impl Display,
        figure: impl Display,
        target: impl Display,
    ) {
        if !self.begun {
            println!("| measure | auditsync | target |\n|---|---|---|");
            self.begun = true;
        }
        println!("| {measure} | {figure} | {target} |");
    }

    /// Keep a line for below the table.
    pub(crate) fn note(&mut self, note: impl Display) {
        self.notes.push(note.to_string());
    }

    /// Print the lines below the table.
    pub(crate) fn end(&self) {
        println!("\n({})", machine());
        for note in &self.notes {
            println!("- {note}");
        }
    }
}

/// The median.
pub(crate) fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("figures are comparable"));
    values[values.len() / 2]
}

/// How many times as long `a` is as `b`.
pub(crate) fn ratio(a: Duration, b: Duration) -> String {
    format!("{:.2}", a.as_secs_f64() / b.as_secs_f64())
}

/// Format KiB as MiB.
pub(crate) fn mib(kib: i64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

fn machine() -> String {
    let first_line = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().next()?.replace("psql (PostgreSQL)", "PostgreSQL");
        line.split(" (").next().map(str::to_owned)
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("an unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let versions =
        [("psql", "--version"), ("curl", "--version"), ("jq", "--version"), ("uname", "-sr")];
    let versions: Vec<String> =
        versions.iter().filter_map(|(program, argument)| first_line(program, argument)).collect();
    let date =
        chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).format("%Y-%m-%d");
    format!(
        "{date}; {cores} cores, {}; {}",
        cpu.trim_matches([' ', ':', '\t']),
        versions.join(", ")
    )
}
