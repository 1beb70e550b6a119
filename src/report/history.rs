//! What happened to the days.

use serde::Serialize;

use super::run::counted;
use super::table::Plain;
use super::{Report, Text};
use crate::ledger::HistoryEntry;

/// `history`: the entries of the append-only record, newest last.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryReport {
    /// How many days it looks back, if not to the beginning.
    #[serde(skip)]
    pub days: Option<u32>,
    /// In the order in which they were written.
    pub entries: Vec<HistoryEntry>,
}

impl Report for HistoryReport {
    fn text(&self) -> Text {
        if self.entries.is_empty() {
            let lately = |days: u32| {
                format!(
                    "Nothing happened in the last {}. `--days N` looks further back.",
                    counted(u64::from(days), "day")
                )
            };
            return Text::of(&[&self
                .days
                .map_or_else(|| "Nothing ever happened to that.".to_owned(), lately)]);
        }
        let mut table = Plain::new(&[
            "AT (UTC)", "SOURCE", "DATE", ">#", "ACTION", "*OUTCOME", ">EVENTS", ">NEW",
        ]);
        let figure = |figure: Option<i32>| {
            figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
        };
        for entry in &self.entries {
            table.row(vec![
                entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                entry.source.clone(),
                entry.date.to_string(),
                entry.attempt.to_string(),
                entry.action.clone(),
                entry.outcome.clone(),
                figure(entry.events),
                figure(entry.new_events),
            ]);
        }
        let mut rows = table.lines().into_iter();
        let mut text = Text::default();
        text.row(&rows.next().unwrap_or_default());
        for (row, entry) in rows.zip(&self.entries) {
            text.row(&row);
            if let Some(detail) = detail(entry) {
                let _ = writeln!(text, "  {detail}");
            }
        }
        text
    }
}

/// What a row of the table leaves out: late events, the message, and who did it where a person did.
fn detail(entry: &HistoryEntry) -> Option<String> {
    let late = entry.late_events.filter(|late| *late > 0);
    let late = late.map(|late| format!("{} came late", counted(late as u64, "event")));
    let by_person = ["reset", "cleanup", "adopt"].contains(&&*entry.action);
    let by = by_person.then(|| format!("by {}", entry.by));
    let parts: Vec<String> = [late, entry.message.clone(), by].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
