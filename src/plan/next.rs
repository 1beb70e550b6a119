//! What the next run makes of a day that this one did not finish.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

use super::{PlanInput, Planned, Selection, is_due_at_any_age, recheck_has_come, window};
use crate::config::Source;
use crate::day::{DateRange, last_over};
use crate::ledger::LedgerRow;

/// How a run leaves the row of a day that it did not finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Left {
    /// As it was.
    #[default]
    Untouched,
    /// PENDING.
    Pending,
    /// FAILED or ERROR; or PROCESSING under a lease that runs out.
    Failed,
}

/// Whether the next run reads a day, if it has no options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NextRun {
    /// It does not.
    Leaves,
    /// It does if it starts on this UTC date or before.
    ReadsUntil(NaiveDate),
    /// It does, whenever it starts.
    Reads,
}

/// Whether a day is due at any age, by what its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyAge {
    /// If the row stays as it is.
    pub untouched: bool,
    /// If the attempt of this run fails.
    pub failed: bool,
}

impl AnyAge {
    pub(super) fn of(known: &PlanInput<'_, '_>, row: Option<&LedgerRow>) -> Self {
        let ages = known.next_recheck_after;
        let after_a_failure = |row: &LedgerRow| LedgerRow { settled: false, ..row.clone() };
        Self {
            untouched: row.is_some_and(|row| is_due_at_any_age(ages, known.now, row)),
            failed: row.is_some_and(|row| recheck_has_come(ages, known.now, &after_a_failure(row))),
        }
    }
}

/// The days that a run without options catches up, by this run's date.
#[derive(Debug, Clone)]
pub struct CatchUp {
    window: DateRange,
    days: u32,
    /// The first day that each source has in the ledger.
    first_days: HashMap<String, NaiveDate>,
}

impl CatchUp {
    /// The same days as a plan of what is due looks at.
    pub fn of(known: &PlanInput<'_, '_>) -> Self {
        let window = window(Selection::Due, last_over(known.now), known.catch_up_days);
        let first_days =
            known.days.iter().map(|(source, days)| (source.clone(), days.first)).collect();
        Self { window, days: known.catch_up_days, first_days }
    }

    /// How many days it looks back.
    pub fn days(&self) -> u32 {
        self.days
    }

    /// This run gave the day a row.
    pub fn note_row(&mut self, source: &str, date: NaiveDate) {
        let first = self.first_days.entry(source.to_owned()).or_insert(date);
        *first = date.min(*first);
    }

    /// Whether the next run reads `day` if this one leaves it so.
    pub fn next_run(&self, day: &Planned<'_>, left: Left) -> NextRun {
        let at_any_age = match left {
            Left::Untouched => day.any_age.untouched,
            Left::Failed => day.any_age.failed,
            Left::Pending => true,
        };
        if !day.source.enabled {
            NextRun::Leaves
        } else if at_any_age {
            NextRun::Reads
        } else if self.reaches(day.source, day.key.date) {
            NextRun::ReadsUntil(day.key.date + Days::new(u64::from(self.days)))
        } else {
            NextRun::Leaves
        }
    }

    fn reaches(&self, source: &Source, date: NaiveDate) -> bool {
        let first = self.first_days.get(source.name.as_ref()).copied();
        let owed_from = super::owed_from(source, first, self.window.to);
        date >= owed_from && self.window.contains(date)
    }
}
