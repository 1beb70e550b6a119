//! The report of `history`.

use std::io;

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::columns::Column;
use super::compared::{Comparison, outcome, summed};
use super::group::{DayGroup, grouped};
use super::output::Report;
use super::reason::{for_all, likeness};
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::ledger::{HistoryAction, HistoryEntry, HistoryOutcome};

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
    /// How many claims are not among the entries.
    #[serde(skip)]
    pub(crate) hidden_claims: usize,
    /// In the order in which they were written.
    pub(crate) entries: Vec<HistoryEntry>,
}

/// What the entries of a group have in common.
#[derive(PartialEq, Eq, Hash)]
struct Likeness<'a> {
    run_id: Uuid,
    source: &'a str,
    by: &'a str,
    action: &'a HistoryAction,
    /// `None` of a compared day: the days of one archive are one line.
    outcome: Option<&'a HistoryOutcome>,
    has_events: bool,
    message: Option<String>,
}

impl<'a> Likeness<'a> {
    fn of(entry: &'a HistoryEntry) -> Self {
        let comparison = Comparison::of(entry);
        let message = entry.message.as_ref().map(|message| match &comparison {
            Some(comparison) => comparison.likeness(),
            None => likeness(message, entry.date),
        });
        Self {
            run_id: entry.run_id,
            source: &entry.source,
            by: &entry.by,
            action: &entry.action,
            outcome: comparison.is_none().then_some(&entry.outcome),
            has_events: entry.events.is_some(),
            message,
        }
    }
}

impl Report for HistoryReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        if self.entries.is_empty() {
            return self.write_nothing(text);
        }
        let groups = self.groups();
        let mut table = PlainTable::new([
            Column::text("AT (UTC)"),
            Column::name("SOURCE"),
            Column::text("DATES"),
            Column::number("#").dropped(1),
            Column::text("ACTION"),
            Column::state("OUTCOME"),
            Column::number("EVENTS").dropped(2),
            Column::number("NEW"),
        ]);
        for group in &groups {
            let entry = group.first();
            let at = group.days.iter().map(|entry| entry.at).min().unwrap_or(entry.at);
            table.row([
                at.format("%Y-%m-%d %H:%M:%S").to_string(),
                entry.source.clone(),
                group.dates.to_string(),
                group.span(|entry| entry.attempt),
                entry.action.as_str().to_owned(),
                outcome(&group.days).as_str().to_owned(),
                figure(group, |entry| entry.events),
                figure(group, |entry| entry.new_events),
            ]);
        }
        let mut rows = text.rows_of(&table).into_iter();
        text.row(&rows.next().unwrap_or_default())?;
        for (row, group) in rows.zip(&groups) {
            text.row(&row)?;
            if let Some(detail) = detail(group) {
                writeln!(text, "  {detail}")?;
            }
        }
        Ok(())
    }
}

/// The sum of a figure, if an entry has it.
fn figure(group: &DayGroup<'_, HistoryEntry>, of: impl Fn(&HistoryEntry) -> Option<i32>) -> String {
    let figures: Vec<i64> =
        group.days.iter().filter_map(|entry| of(entry)).map(i64::from).collect();
    if figures.is_empty() { "-".to_owned() } else { figures.iter().sum::<i64>().to_string() }
}

impl HistoryReport {
    /// The entries of one run about consecutive days with the same outcome and reason.
    fn groups(&self) -> Vec<DayGroup<'_, HistoryEntry>> {
        let entries = &self.entries;
        grouped(entries, |entry| (entry.date, Likeness::of(entry)))
    }

    fn write_nothing(&self, text: &mut Text<'_>) -> io::Result<()> {
        let of = match &*self.sources {
            [] => String::new(),
            sources => format!(" of {}", sources.join(" or ")),
        };
        let about = self.date.map(|date| format!(" about {date}")).unwrap_or_default();
        match (self.date, self.days) {
            (Some(date), None) if self.hidden_claims == 0 => {
                writeln!(text, "No run ever touched {date}{of}.")
            }
            (_, Some(days)) => {
                let days = counted(u64::from(days), "day");
                writeln!(text, "No entries{about}{of} in the last {days}.")?;
                text.line("To look further back, use `--days N`.")
            }
            (_, None) => writeln!(text, "No entries{about}{of}."),
        }?;
        match self.hidden_claims as u64 {
            0 => Ok(()),
            claims => {
                writeln!(text, "To see {} too, use `--all`.", counted(claims, "claim"))
            }
        }
    }
}

/// What the table omits: late events, the message, and the person who acted.
fn detail(group: &DayGroup<'_, HistoryEntry>) -> Option<String> {
    let entry = group.first();
    let late = group.sum(|entry| entry.late_events.unwrap_or_default().max(0) as u64);
    let late = (late > 0).then(|| format!("{} came late", counted(late, "event")));
    let message = summed(&group.days).or_else(|| {
        let message = entry.message.as_ref()?;
        Some(for_all(message, entry.date, &[group.dates]).into_owned())
    });
    let by = entry.action.is_by_person().then(|| format!("by {}", entry.by));
    let parts: Vec<String> = [late, message, by].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
