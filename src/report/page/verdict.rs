//! The first line of the page.

use chrono::NaiveDate;

use super::figures::counted;
use super::source::SourceView;

/// What the page says of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PageVerdict {
    /// No source is behind.
    Ok,
    /// A source is behind.
    Behind,
    /// No day of the range must be covered.
    Empty,
}

/// The verdict with its words.
#[derive(Debug, Clone)]
pub(crate) struct VerdictLine {
    pub(crate) verdict: PageVerdict,
    /// `3 sources, complete through 2024-09-28`.
    pub(crate) text: String,
    /// The command that helps.
    pub(crate) command: Option<String>,
}

impl PageVerdict {
    /// The word before the line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Behind => "BEHIND",
            Self::Empty => "EMPTY",
        }
    }
}

impl VerdictLine {
    /// The verdict on sources, of which the worst comes first.
    pub(super) fn of(sources: &[&SourceView]) -> Self {
        let older = older_gaps(sources);
        let is_behind = |source: &&&SourceView| source.is_behind || source.was_never_synced;
        let behind: Vec<&&SourceView> = sources.iter().filter(is_behind).collect();
        if let Some(worst) = behind.first() {
            let others = match behind.len() - 1 {
                0 => String::new(),
                others => format!(", and {} behind", counted(others as u64, "other source")),
            };
            let says = if worst.was_never_synced { " " } else { ": " };
            return Self {
                verdict: PageVerdict::Behind,
                text: format!("{}{says}{}{others}{older}", worst.name, worst.gap_text()),
                command: worst.command(),
            };
        }
        let covered: Vec<&&SourceView> =
            sources.iter().filter(|source| source.owed() > 0).collect();
        let through: Option<NaiveDate> =
            covered.iter().filter_map(|source| source.complete_through()).min();
        let (verdict, text) = match through {
            Some(through) => {
                let sources = counted(covered.len() as u64, "source");
                (PageVerdict::Ok, format!("{sources}, complete through {through}"))
            }
            None if covered.is_empty() => {
                (PageVerdict::Empty, "no source must cover a day of this range".to_owned())
            }
            None => (PageVerdict::Ok, "no source is late; the days are not complete yet".into()),
        };
        Self { verdict, text: text + &unread_gaps(sources) + &older, command: None }
    }
}

/// `; 787 older days are not complete`, if there are any before the range.
fn older_gaps(sources: &[&SourceView]) -> String {
    match sources.iter().map(|source| source.gaps_before).sum() {
        0 => String::new(),
        1 => "; 1 older day is not complete".to_owned(),
        days => format!("; {} are not complete", counted(days, "older day")),
    }
}

/// `; acme (disabled): 2 days missing since 2024-09-27`: the gaps that no run reads.
fn unread_gaps(sources: &[&SourceView]) -> String {
    let mut unread = sources
        .iter()
        .filter_map(|source| Some((source, source.note.filter(|_| source.oldest_gap.is_some())?)));
    let Some((first, note)) = unread.next() else { return String::new() };
    let others = match unread.count() {
        0 => String::new(),
        others => format!(", and gaps in {}", counted(others as u64, "other source")),
    };
    format!("; {} ({note}): {}{others}", first.name, first.gap_text())
}
