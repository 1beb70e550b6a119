//! The days that a source's very first run leaves to a backfill.

use chrono::Days;

use super::input::{PlanInput, Selection};
use crate::config::SourceName;
use crate::day::{DateRange, last_over};

/// The days before yesterday that a source must cover, and that its very first run does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderDays {
    /// The source, which has no day in the ledger yet.
    pub source: SourceName,
    /// From `since` to the day before yesterday.
    pub dates: DateRange,
}

/// The older days of each source that has `since` and no day in the ledger. A run of named days
/// leaves out what its user did not name, so it has none.
pub fn older_days(input: &PlanInput<'_, '_>, selection: Selection) -> Vec<OlderDays> {
    if selection != Selection::Due {
        return Vec::new();
    }
    let newest = last_over(input.now) - Days::new(1);
    let unread =
        input.sources.iter().filter(|source| !input.days.contains_key(source.name.as_ref()));
    let older = unread.filter_map(|source| {
        let dates = DateRange::new(source.since?, newest);
        (!dates.is_empty()).then(|| OlderDays { source: source.name.clone(), dates })
    });
    older.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LAST_OVER, NOW, config, date};
    use super::*;
    use crate::config::Source;
    use crate::ledger::SourceDays;

    /// The older days of a source with `more` in its section, and this first day in the ledger.
    fn older(more: &str, first: Option<&str>, selection: Selection) -> Vec<String> {
        let config = config(more);
        let sources: Vec<&Source> = config.sources.iter().collect();
        let days = first
            .map(|first| ("a".to_owned(), SourceDays { first: date(first), settled: [].into() }));
        let input = PlanInput {
            sources: &sources,
            rows: &[],
            days: &days.into_iter().collect(),
            now: NOW.parse().expect("a time"),
            rereads: true,
        };
        let older = older_days(&input, selection).into_iter();
        older.map(|days| format!("{} {}", days.source, days.dates)).collect()
    }

    #[test]
    fn a_first_run_with_since_leaves_the_days_before_yesterday() {
        let due = |since, first| older(&format!("since = \"{since}\""), first, Selection::Due);
        assert_eq!(due("2024-09-01", None), ["a 2024-09-01..2024-09-27"]);
        assert_eq!(due("2024-09-27", None), ["a 2024-09-27"]);
        for since in [LAST_OVER, "2024-09-29"] {
            assert_eq!(due(since, None), [""; 0], "{since}");
        }
        assert_eq!(due("2024-09-01", Some(LAST_OVER)), [""; 0], "not the first run");
        assert_eq!(older("", None, Selection::Due), [""; 0]);
    }

    #[test]
    fn a_run_of_named_days_has_none() {
        let named = Selection::Named(DateRange::of(date("2024-09-20")));
        assert_eq!(older("since = \"2024-09-01\"", None, named), [""; 0]);
    }
}
