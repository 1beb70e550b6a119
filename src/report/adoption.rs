//! What taking the Python logger's table over came to.

use chrono::NaiveDate;
use serde::Serialize;

use super::run::counted;
use super::{Report, Text};
use crate::config::Source;

/// `migrate`, where it found the Python logger's table.
#[derive(Debug, Clone, Serialize)]
pub struct AdoptionReport {
    /// Nothing was kept.
    pub dry_run: bool,
    /// The migrations that ran, or would.
    pub migrations: Vec<String>,
    /// Its days.
    pub adopted: TakenOver,
}

/// The days of its table.
#[derive(Debug, Clone, Serialize)]
pub struct TakenOver {
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
    /// Those that name no day of Heroku's audit trail, so that nothing comes of them.
    pub ignored: i64,
}

impl Report for AdoptionReport {
    fn text(&self) -> Text {
        let TakenOver { source, days, due, error, unproven, ignored, .. } = &self.adopted;
        let (takes, applies) =
            if self.dry_run { ("Would take", "Would apply") } else { ("Took", "Applied") };
        let days = counted(*days as u64, "day");
        let mut text = Text::default();
        let _ =
            writeln!(text, "{takes} the Python logger's table over: {days}, as those of {source}.");
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
        tell(*unproven, "SUCCESS", &[&word, &reset, "`migrate --reread` makes them all due"]);
        tell(*ignored, "ignored", &["no day of Heroku's audit trail, which begins on 2017-01-01"]);
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

/// `migrate --reread`: the days that the Python logger called complete, and that are due now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RereadDays {
    /// The source that they belong to.
    pub source: String,
    /// How many became due, or would.
    pub days: u64,
    /// The first of these…
    pub from: Option<NaiveDate>,
    /// …and the last.
    pub to: Option<NaiveDate>,
    /// Nothing was changed.
    #[serde(skip)]
    pub dry_run: bool,
    /// Whether a run without options reads the source.
    #[serde(skip)]
    pub enabled: bool,
}

impl RereadDays {
    /// No day of `source`.
    pub fn none(source: &Source) -> Self {
        Self {
            source: source.name.to_string(),
            days: 0,
            from: None,
            to: None,
            dry_run: true,
            enabled: source.enabled,
        }
    }

    /// The same for people.
    pub(super) fn text(&self) -> String {
        let Self { source, days, from, to, dry_run, enabled } = self;
        let (Some(from), Some(to)) = (from, to) else {
            return format!("{source} has no adopted day: nothing to read again.\n");
        };
        let days = counted(*days, "adopted day");
        let dates = if from == to { from.to_string() } else { format!("{from} .. {to}") };
        let run =
            if *enabled { "auditsync".to_owned() } else { format!("auditsync --source {source}") };
        if *dry_run {
            format!("Would make {days} of {source} due: {dates}. Nothing was changed.\n")
        } else {
            format!("Made {days} of {source} due: {dates}. The next `{run}` reads what is due.\n")
        }
    }
}
