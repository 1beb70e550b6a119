//! What the verdict says where no source is behind.

use chrono::{DateTime, Utc};

use super::behind::{LagRule, SourceGaps};
use super::source::Coverage;

/// The most names that the verdict gives.
const NAMED: usize = 3;

/// What the verdict says where no source is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodNews {
    /// `3 sources, complete through 2024-09-28`.
    pub summary: String,
    /// The gaps that leave no source behind and still need a look.
    pub others: Vec<SourceGaps>,
}

/// What is good about these sources at `now`, if none of them is behind.
pub fn good_news(sources: &[Coverage], rule: &LagRule, now: DateTime<Utc>) -> GoodNews {
    let mut others: Vec<SourceGaps> =
        sources.iter().filter_map(|source| source.other_gaps(rule, now)).collect();
    // Sources that are alike become one line.
    others.sort_by(|a, b| (&a.reason, &a.command).cmp(&(&b.reason, &b.command)));
    let synced = sources.iter().filter(|source| source.enabled);
    let owing: Vec<&Coverage> = synced.filter(|source| source.covered_to.is_some()).collect();
    if owing.is_empty() {
        let summary = nothing_due(sources) + &complete_range(sources, rule);
        return GoodNews { summary, others };
    }
    let through = owing.iter().map(|source| source.covered_through(rule)).min().flatten();
    let count = owing.len();
    let count = if count == 1 { "1 source".to_owned() } else { format!("{count} sources") };
    let summary = match through {
        Some(through) => format!("{count}, complete through {through}"),
        // The other gaps say why.
        None => count,
    };
    GoodNews { summary, others }
}

/// Why no day is due.
fn nothing_due(sources: &[Coverage]) -> String {
    if sources.is_empty() {
        return "no source is enabled, so no day is due".to_owned();
    }
    if sources.iter().any(|source| source.enabled) {
        return "no source must cover a day yet".to_owned();
    }
    let (disabled, absent): (Vec<_>, Vec<_>) = sources.iter().partition(|source| source.in_file);
    let parts = [(disabled, "disabled"), (absent, "not in the file")];
    let parts = parts.iter().filter(|(sources, _)| !sources.is_empty());
    let parts: Vec<String> = parts.map(|(sources, what)| are(sources, what)).collect();
    format!("{}, so no day is due", parts.join(" and "))
}

/// `; complete through 2024-09-28`, if all that is stored of sources that are not enabled is
/// complete.
fn complete_range(sources: &[Coverage], rule: &LagRule) -> String {
    let stored = || sources.iter().filter(|source| source.covered_to.is_some());
    let is_complete = |source: &Coverage| source.covered_through(rule) == source.covered_to;
    match stored().filter_map(|source| source.covered_to).min() {
        Some(through) if stored().all(is_complete) => format!("; complete through {through}"),
        _ => String::new(),
    }
}

/// `acme is disabled`.
fn are(sources: &[&Coverage], what: &str) -> String {
    let names: Vec<&str> = sources.iter().take(NAMED).map(|source| &*source.source).collect();
    let names = names.join(", ");
    match sources.len().saturating_sub(NAMED) {
        0 if sources.len() == 1 => format!("{names} is {what}"),
        0 => format!("{names} are {what}"),
        more => format!("{names} and {more} more are {what}"),
    }
}
