//! What taking the Python logger's table over came to.

use std::fmt::Write as _;

use chrono::NaiveDate;
use serde::Serialize;

use super::Report;
use super::run::counted;

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
    fn text(&self) -> String {
        let AdoptedDays { source, days, due, error, .. } = &self.adopted;
        let verb = if self.dry_run { "Would take" } else { "Took" };
        let mut text = format!(
            "{verb} the Python logger's table over, with {} as those of {source}; their times stay.\n",
            counted(*days as u64, "day")
        );
        if *due > 0 {
            let _ = writeln!(text, "- {} due: the next `auditsync` reads {}.", are(*due), them(*due));
        }
        if *error > 0 {
            let _ = writeln!(
                text,
                "- {} ERROR: due within `catch_up_days`; `auditsync --source {source} --from DATE --to DATE` reads any.",
                are(*error)
            );
        }
        self.tell_unproven(&mut text);
        let verb = if self.dry_run { "Would apply" } else { "Applied" };
        text.extend(self.migrations.iter().map(|migration| format!("{verb} {migration}.\n")));
        text
    }
}

impl AdoptionReport {
    /// Says which days nobody can prove, and what to do about them.
    fn tell_unproven(&self, text: &mut String) {
        let AdoptedDays { source, unproven, unproven_from, unproven_to, .. } = &self.adopted;
        if *unproven == 0 {
            return;
        }
        let range = match (unproven_from, unproven_to) {
            (Some(from), Some(to)) if from != to => format!(", {from} to {to}"),
            (Some(day), _) => format!(", {day}"),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "- {} SUCCESS by that logger's word alone{range}: it stored no events, so no event is here and there is no\n  \
             digest. `auditsync reset --source {source} DATE…` makes such a day due{}.",
            are(*unproven),
            if self.dry_run { "; `--reread` makes them all due at once" } else { "" }
        );
    }
}

fn are(days: i64) -> String {
    format!("{} {}", counted(days as u64, "day"), if days == 1 { "is" } else { "are" })
}

fn them(days: i64) -> &'static str {
    if days == 1 { "it" } else { "them" }
}
