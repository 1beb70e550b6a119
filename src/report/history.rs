//! The report of `history`.

use std::io;

use chrono::NaiveDate;
use serde::Serialize;

use super::columns::Column;
use super::output::Report;
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::ledger::HistoryEntry;

/// `history`: the entries of the append-only record, newest last.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HistoryReport {
    /// The sources that the user named, if any.
    #[serde(skip)]
    pub(crate) sources: Vec<String>,
    /// The date that the user named, if any.
    #[serde(skip)]
    pub(crate) date: Option<NaiveDate>,
    /// How many days the report looks back; `None` is without a limit.
    #[serde(skip)]
    pub(crate) days: Option<u32>,
    /// In the order in which they were written.
    pub(crate) entries: Vec<HistoryEntry>,
}

impl Report for HistoryReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.entries.is_empty() {
            return self.write_nothing(text);
        }
        let mut table = PlainTable::new([
            Column::text("AT (UTC)"),
            Column::name("SOURCE"),
            Column::text("DATE"),
            Column::number("#").dropped(1),
            Column::text("ACTION"),
            Column::state("OUTCOME"),
            Column::number("EVENTS").dropped(2),
            Column::number("NEW"),
        ]);
        let figure = |figure: Option<i32>| {
            figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
        };
        for entry in &self.entries {
            table.row([
                entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                entry.source.clone(),
                entry.date.to_string(),
                entry.attempt.to_string(),
                entry.action.as_str().to_owned(),
                entry.outcome.as_str().to_owned(),
                figure(entry.events),
                figure(entry.new_events),
            ]);
        }
        let mut rows = text.rows_of(&table).into_iter();
        text.row(&rows.next().unwrap_or_default())?;
        for (row, entry) in rows.zip(&self.entries) {
            text.row(&row)?;
            if let Some(detail) = detail(entry) {
                writeln!(text, "  {detail}")?;
            }
        }
        Ok(())
    }
}

impl HistoryReport {
    fn write_nothing(&self, text: &mut Text<'_>) -> io::Result<()> {
        let of = match &*self.sources {
            [] => String::new(),
            sources => format!(" of {}", sources.join(" or ")),
        };
        let about = self.date.map(|date| format!(" about {date}")).unwrap_or_default();
        match (self.date, self.days) {
            (Some(date), None) => writeln!(text, "No run ever touched {date}{of}."),
            (_, Some(days)) => {
                let days = counted(u64::from(days), "day");
                writeln!(text, "No entries{about}{of} in the last {days}.")?;
                text.line("To look further back, use `--days N`.")
            }
            (None, None) => writeln!(text, "No entries{of}."),
        }
    }
}

/// What the table omits: late events, the message, and the person who acted.
fn detail(entry: &HistoryEntry) -> Option<String> {
    let late = entry.late_events.filter(|late| *late > 0);
    let late = late.map(|late| format!("{} came late", counted(late as u64, "event")));
    let by = entry.action.is_by_person().then(|| format!("by {}", entry.by));
    let parts: Vec<String> = [late, entry.message.clone(), by].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
