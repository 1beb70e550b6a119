//! What a plan is made from, and what it consists of.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::verdict::{AnyAge, Verdict};
use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::config::Source;
use crate::day::{DateRange, DayKey};
use crate::ledger::{LedgerRow, SourceDays};

/// Which days the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The due days.
    Due,
    /// Every day of a range.
    Named(DateRange),
}

/// What planning looks at.
#[derive(Debug)]
pub struct PlanInput<'k, 's> {
    /// The sources to plan for.
    pub sources: &'k [&'s Source],
    /// Their ledger rows: those in the [`window`] that may be due, and every PENDING row.
    pub rows: &'k [LedgerRow],
    /// What is known of a source's days without rows, by the source's present name.
    pub days: &'k HashMap<String, SourceDays>,
    /// The present time.
    pub now: DateTime<Utc>,
    /// Whether this run reads complete days again. The next run, which has no options, does.
    pub rereads: bool,
}

impl PlanInput<'_, '_> {
    /// The ages at which this run reads the complete days of `source` again.
    pub(super) fn recheck_after<'s>(&self, source: &'s Source) -> &'s [Duration] {
        if self.rereads { &source.due.recheck_after } else { &[] }
    }
}

/// One day of a plan.
#[derive(Debug, Clone)]
pub struct Planned<'s> {
    /// The day, with the name under which it is stored, or will be.
    pub key: DayKey,
    /// Its source, which may have another name by now.
    pub source: &'s Source,
    /// What to do about it.
    pub verdict: Verdict,
    /// Whether it is due at any age.
    pub any_age: AnyAge,
    /// Whether the day was complete at some time, by its row.
    pub was_complete: bool,
}

impl Planned<'_> {
    /// The day, with the present name of its source.
    pub fn shown(&self) -> DayKey {
        DayKey::new(&self.source.name, self.key.date)
    }
}

/// The dates whose rows a plan needs, in addition to the PENDING rows of any age.
pub fn window(selection: Selection, last_over: NaiveDate, catch_up_days: u32) -> DateRange {
    match selection {
        Selection::Due => {
            let from = last_over - Days::new(u64::from(catch_up_days.saturating_sub(1)));
            DateRange::new(from.max(AUDIT_TRAIL_BEGINS), last_over)
        }
        Selection::Named(range) => range,
    }
}

/// The first day that a source must cover. `first` is its first day in the ledger, `last_over` the
/// newest day that is over.
pub(super) fn owed_from(
    source: &Source,
    first: Option<NaiveDate>,
    last_over: NaiveDate,
) -> NaiveDate {
    match (source.since, first) {
        // The very first run reads only yesterday; `since` counts from the second run on.
        (since, None) => since.map_or(last_over, |since| since.max(last_over)),
        (Some(since), Some(_)) => since,
        (None, Some(first)) => first,
    }
}
