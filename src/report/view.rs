//! The summary of an export as NDJSON or CSV.

use std::io;

use serde::Serialize;

use super::output::Report;
use super::text::{Text, counted};
use crate::coverage::Gap;
use crate::evidence::Head;

/// `, 1 due again`: the days that were complete, if there are any.
pub(super) fn due_again(days: u64) -> String {
    if days == 0 { String::new() } else { format!(", {days} due again") }
}

/// What was exported.
#[derive(Debug, Serialize)]
pub(crate) struct ViewReport {
    /// `ndjson` or `csv`.
    pub(crate) format: &'static str,
    /// The file; `None` for stdout.
    pub(crate) path: Option<String>,
    /// The complete days of the range; `None` for an export by seals.
    pub(crate) days_exported: Option<u64>,
    /// The days of the range that are gaps.
    pub(crate) days_incomplete: Option<u64>,
    /// The days that were complete, and are due or being read again. They are no gaps.
    pub(crate) days_due_again: Option<u64>,
    /// The seals whose events were exported.
    pub(crate) seals_exported: Option<u64>,
    pub(crate) events_exported: u64,
    pub(crate) bytes_written: u64,
    /// The days that are not complete, as ranges.
    pub(crate) gaps: Vec<Gap>,
    /// The seal up to which everything was exported; `None` for an export by days.
    pub(crate) last_seq: Option<i64>,
    /// The head of the chain that the export is from.
    pub(crate) head: Option<Head>,
}

impl Report for ViewReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let events = counted(self.events_exported, "event");
        let of = match (self.days_exported, self.seals_exported) {
            (Some(days), _) => {
                let again = due_again(self.days_due_again.unwrap_or_default());
                format!(" of {}{again}", counted(days, "complete day"))
            }
            (None, Some(seals)) => format!(" of {}", counted(seals, "seal")),
            (None, None) => String::new(),
        };
        let out = self.path.as_deref().unwrap_or("stdout");
        let bytes = counted(self.bytes_written, "byte");
        writeln!(text, "Exported {events}{of} to {out}: {bytes}.")?;
        if let Some(days) = self.days_incomplete.filter(|days| *days > 0) {
            let are = if days == 1 { "is" } else { "are" };
            writeln!(text, "{} {are} not complete:", counted(days, "day"))?;
            for Gap { source, dates } in &self.gaps {
                writeln!(text, "  {source} {dates}")?;
            }
        }
        if let Some(seq) = self.last_seq {
            writeln!(text, "To export what is sealed later, use `--after {seq}`.")?;
        }
        text.head(self.head.as_ref())
    }
}
