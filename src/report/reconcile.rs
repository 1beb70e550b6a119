//! What is stored against Heroku's archives.

mod ids;

use chrono::NaiveDate;
use serde::Serialize;

use super::run::counted;
use super::table::Plain;
use super::{Report, Text};
use crate::day::Month;

pub use ids::{Ids, ListId, Lists, Spool};

/// `reconcile`: each source's month.
#[derive(Debug, Serialize)]
pub struct ReconcileReport {
    /// The months, by source.
    pub months: Vec<MonthReport>,
}

/// One source's month.
#[derive(Debug, Serialize)]
pub struct MonthReport {
    /// The source.
    pub source: String,
    /// The month.
    pub month: Month,
    /// Whether the archive covers the whole month.
    pub complete: bool,
    /// The archive, of the whole account, if it could be had.
    pub archive: Option<ArchiveFacts>,
    /// The days that were compared.
    pub days: Vec<ReconciledDay>,
    /// Why nothing could be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why there was nothing to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an archive is.
#[derive(Debug, Clone, Serialize)]
pub struct ArchiveFacts {
    /// Its events, of all teams.
    pub events: u64,
    /// Its bytes as downloaded.
    pub bytes: u64,
    /// Their SHA-256 as lower-case hex, which is what Heroku says it is.
    pub checksum: String,
}

/// One day.
#[derive(Debug, Serialize)]
pub struct ReconciledDay {
    /// The UTC date.
    pub date: NaiveDate,
    /// The events that were stored.
    pub stored: u64,
    /// The source's events in the archive.
    pub archived: u64,
    /// Those of the archive that were not stored.
    pub missing_here: Ids,
    /// Those that are stored and not in the archive.
    pub missing_there: Ids,
    /// Those that are another JSON value there.
    pub differing: Ids,
    /// How many were taken in; only where a repair was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<u64>,
    /// Why a repair failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl MonthReport {
    /// A month of which nothing is known yet.
    pub fn new(source: &str, month: Month) -> Self {
        let source = source.to_owned();
        let (error, note) = (None, None);
        Self { source, month, complete: false, archive: None, days: Vec::new(), error, note }
    }
}

impl ReconciledDay {
    /// Whether a repair has something to do here.
    pub fn wants_repair(&self) -> bool {
        !self.missing_here.is_empty() || !self.differing.is_empty()
    }

    fn is_good(&self) -> bool {
        self.error.is_none() && (self.missing_here.is_empty() || self.repaired.is_some())
    }
}

impl ReconcileReport {
    /// Whether every month could be compared, and no event is missing here any more.
    pub fn is_good(&self) -> bool {
        self.months
            .iter()
            .all(|month| month.error.is_none() && month.days.iter().all(ReconciledDay::is_good))
    }
}

impl Report for ReconcileReport {
    fn text(&self) -> Text {
        let mut table = Plain::new(&[
            "SOURCE",
            "MONTH",
            ">DAYS",
            ">STORED",
            ">ARCHIVED",
            ">MISSING HERE",
            ">THERE",
            ">DIFFERING",
        ]);
        for month in &self.months {
            let sum = |figure: fn(&ReconciledDay) -> u64| {
                month.days.iter().map(figure).sum::<u64>().to_string()
            };
            table.row(vec![
                month.source.clone(),
                month.month.to_string(),
                month.days.len().to_string(),
                sum(|day| day.stored),
                sum(|day| day.archived),
                sum(|day| day.missing_here.count()),
                sum(|day| day.missing_there.count()),
                sum(|day| day.differing.count()),
            ]);
        }
        let mut text = Text::default();
        text.table(table);
        for month in &self.months {
            month.tell(&mut text);
        }
        if self.months.iter().all(|month| {
            month.error.is_none() && month.days.iter().all(|day| day.missing_here.is_empty())
        }) {
            text.blank();
            text.push("No event of the archive is missing here.");
        }
        text
    }
}

impl MonthReport {
    fn tell(&self, text: &mut Text) {
        for words in [&self.error, &self.note].into_iter().flatten() {
            text.blank();
            let _ = writeln!(text, "{} {}: {words}", self.source, self.month);
        }
        if let (false, Some(last), None) = (self.complete, self.days.last(), &self.error) {
            text.blank();
            let _ = writeln!(
                text,
                "{} {}: the archive reaches to {} so far",
                self.source, self.month, last.date
            );
        }
        for day in &self.days {
            for (ids, what) in [
                (&day.missing_here, "in the archive and not here"),
                (&day.missing_there, "here and not in the archive"),
                (&day.differing, "another value in the archive"),
            ] {
                if !ids.is_empty() {
                    let count = counted(ids.count(), "event");
                    text.blank();
                    let _ = writeln!(text, "{} {}: {count} {what}:", self.source, day.date);
                    // The document has them all.
                    ids.first().iter().for_each(|id| _ = writeln!(text, "  {id}"));
                    if ids.count() > ids.first().len() as u64 {
                        text.push("  …");
                    }
                }
            }
            if let Some(repaired) = day.repaired {
                let _ = writeln!(text, "  {} taken in", counted(repaired, "event"));
            }
            if let Some(error) = &day.error {
                let _ = writeln!(text, "  not repaired: {error}");
            }
        }
        if self.days.iter().any(|day| day.repaired.is_none() && !day.missing_here.is_empty()) {
            let Self { source, month, .. } = self;
            text.blank();
            let _ = writeln!(
                text,
                "`auditsync reconcile --source {source} --month {month} --repair` takes in what is missing."
            );
        }
    }
}
