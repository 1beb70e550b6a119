//! What taking the Python logger's table over came to.

use chrono::NaiveDate;
use serde::Serialize;

use super::run::counted;
use super::{Report, Text};

/// `migrate`, where it found the Python logger's table.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptionReport {
    /// Nothing was kept.
    pub dry_run: bool,
    /// The migrations that ran, or would.
    pub migrations: Vec<String>,
    /// Its days.
    pub adopted: AdoptedDays,
}

/// The days of its table.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptedDays {
    /// The source that they belong to.
    pub source: String,
    /// All of them.
    pub days: i64,
    /// Those that are due now.
    pub due: i64,
    /// Those that are ERROR, as they were.
    pub error: i64,
    /// Those that are SUCCESS by its word alone.
    pub unproven: i64,
    /// The first of these…
    pub unproven_from: Option<NaiveDate>,
    /// …and the last.
    pub unproven_to: Option<NaiveDate>,
}

impl Report for AdoptionReport {
    fn text(&self) -> Text {
        let AdoptedDays { source, days, due, error, unproven, .. } = &self.adopted;
        let (takes, applies) = if self.dry_run { ("Would take", "Would apply") } else { ("Took", "Applied") };
        let days = counted(*days as u64, "day");
        let mut text = Text::default();
        let _ = writeln!(text, "{takes} the Python logger's table over: {days}, as those of {source}.");
        let mut tell = |days: i64, status: &str, lines: &[&str]| {
            let first = format!("{days:>5} {status}");
            let labels = [first.as_str()].into_iter().chain(std::iter::repeat(""));
            lines
                .iter()
                .zip(labels)
                .filter(|_| days > 0)
                .for_each(|(line, label)| text.push(&format!("{label:<15}{line}")));
        };
        tell(*due, "due", &["the next `auditsync` reads them"]);
        tell(*error, "ERROR", &["due within `catch_up_days`; `--from` and `--to` read older ones"]);
        let word = format!("by its word alone{}: it stored no events", self.unproven_range());
        let reset = format!("`auditsync reset --source {source} DATE…` makes such a day due");
        let lines: &[&str] =
            if self.dry_run { &[&word, &reset, "`migrate --reread` makes them all due"] } else { &[&word, &reset] };
        tell(*unproven, "SUCCESS", lines);
        self.migrations.iter().for_each(|migration| text.push(&format!("{applies} {migration}.")));
        text
    }
}

impl AdoptionReport {
    /// From when to when days stand by the old logger's word alone.
    fn unproven_range(&self) -> String {
        match (self.adopted.unproven_from, self.adopted.unproven_to) {
            (Some(from), Some(to)) if from != to => format!(", {from} to {to}"),
            (Some(day), _) => format!(", {day}"),
            _ => String::new(),
        }
    }
}
