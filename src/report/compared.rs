//! What the history says of the days that one run compared with an archive, as sums.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::group::grouped;
use super::text::counted;
use crate::ledger::{HistoryAction, HistoryEntry, HistoryOutcome};

/// What stands before the checksum in the message of a comparison.
const CHECKSUM: &str = "; archive sha256 ";

/// The message of one compared day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison<'e> {
    /// The words between the figures.
    words: Vec<&'e str>,
    figures: Vec<u64>,
    checksum: &'e str,
}

impl<'e> Comparison<'e> {
    /// The comparison that `entry` records, if it records one.
    pub(super) fn of(entry: &'e HistoryEntry) -> Option<Self> {
        let message = entry.message.as_deref().filter(|_| is_comparison(entry))?;
        let (found, checksum) = message.split_once(CHECKSUM)?;
        let words = found.split(|c: char| c.is_ascii_digit()).filter(|word| !word.is_empty());
        let figures = found.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
        let figures: Vec<u64> = figures.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { words: words.collect(), figures, checksum })
    }

    /// What days that are summed have in common: the words and the archive.
    pub(super) fn likeness(&self) -> String {
        [&self.words.join("<figure>"), CHECKSUM, self.checksum].concat()
    }

    fn add(&mut self, other: &Self) {
        for (sum, figure) in self.figures.iter_mut().zip(&other.figures) {
            *sum += figure;
        }
    }

    fn message(&self) -> String {
        let mut message = String::new();
        for (place, words) in self.words.iter().enumerate() {
            message.push_str(words);
            message.extend(self.figures.get(place).map(ToString::to_string));
        }
        message
    }
}

fn is_comparison(entry: &HistoryEntry) -> bool {
    entry.action == HistoryAction::Reconcile
}

/// The outcome of entries that are one line. Compared days do not agree if one of them differs.
pub(super) fn outcome<'e>(days: &[&'e HistoryEntry]) -> &'e HistoryOutcome {
    let differs = days.iter().find(|day| day.outcome != HistoryOutcome::Agrees);
    &differs.unwrap_or(&days[0]).outcome
}

/// The sums of compared days, and which of them differ. `None` if these are no compared days.
pub(super) fn summed(days: &[&HistoryEntry]) -> Option<String> {
    let mut comparisons = days.iter().map(|day| Comparison::of(day));
    let mut sum = comparisons.next().flatten()?;
    comparisons.flatten().for_each(|comparison| sum.add(&comparison));
    let differs = |day: &&&HistoryEntry| day.outcome != HistoryOutcome::Agrees;
    let differing: BTreeSet<NaiveDate> = days.iter().filter(differs).map(|day| day.date).collect();
    let ranges = grouped(&differing, |date| (*date, ()));
    let ranges: Vec<String> = ranges.iter().map(|group| group.dates.to_string()).collect();
    let agreeing = match (days.len() - differing.len()) as u64 {
        _ if days.len() == 1 || differing.is_empty() => String::new(),
        1 => format!("; 1 day agrees, not {}", ranges.join(" ")),
        agreeing => format!("; {} agree, not {}", counted(agreeing, "day"), ranges.join(" ")),
    };
    Some([&*sum.message(), &*agreeing, CHECKSUM, sum.checksum].concat())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn entry(day: u32, message: &str, outcome: HistoryOutcome) -> HistoryEntry {
        HistoryEntry {
            at: DateTime::UNIX_EPOCH,
            run_id: Uuid::nil(),
            source: "acme".to_owned(),
            date: NaiveDate::from_ymd_opt(2024, 9, day).expect("a date"),
            attempt: 1,
            action: HistoryAction::Reconcile,
            outcome,
            events: Some(1),
            new_events: None,
            late_events: None,
            requests: None,
            retries: None,
            duration_ms: None,
            message: Some(message.to_owned()),
            by: "run.1".to_owned(),
        }
    }

    #[test]
    fn compared_days_are_summed_with_those_that_differ() {
        let message =
            |n: u32| format!("archive {n} events, stored 7, missing 0; archive sha256 a1");
        let days = [1, 2, 3, 5].map(|day| {
            let outcome = if day < 2 { HistoryOutcome::Agrees } else { HistoryOutcome::Differs };
            entry(day, &message(day), outcome)
        });
        let days: Vec<&HistoryEntry> = days.iter().collect();
        let likeness = |day: &HistoryEntry| Comparison::of(day).expect("a comparison").likeness();
        assert_eq!(likeness(days[0]), likeness(days[1]));
        assert_eq!(
            summed(&days).as_deref(),
            Some(
                "archive 11 events, stored 28, missing 0; 1 day agrees, not 2024-09-02..2024-09-03 \
                 2024-09-05; archive sha256 a1"
            )
        );
        assert_eq!(outcome(&days), &HistoryOutcome::Differs);
        assert_eq!(summed(&days[..1]), Some(message(1)));
        assert_eq!(outcome(&days[..1]), &HistoryOutcome::Agrees);
    }

    #[test]
    fn another_text_or_archive_is_not_summed() {
        let day = |message| entry(1, message, HistoryOutcome::Agrees);
        let (one, other) = (day("archive 1; archive sha256 a"), day("archive 1; archive sha256 b"));
        let likeness = |day| Comparison::of(day).map(|comparison| comparison.likeness());
        assert_ne!(likeness(&one), likeness(&other));
        for odd in ["archive 1", "archive 99999999999999999999; archive sha256 a"] {
            assert_eq!(summed(&[&day(odd)]), None, "{odd}");
        }
        let publish = HistoryEntry { action: HistoryAction::Publish, ..one };
        assert_eq!(summed(&[&publish]), None);
    }
}
