//! Whether the next run reads a day that this one did not finish.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

use super::input::{PlanInput, Planned, Selection, owed_from, window};
use crate::config::Source;
use crate::day::last_over;

/// How a run leaves the row of a day that it did not finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Left {
    /// Unchanged.
    #[default]
    Untouched,
    /// PENDING.
    Pending,
    /// FAILED or ERROR; or PROCESSING under a lease that will end.
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

/// The days that the next run without options catches up.
#[derive(Debug, Clone)]
pub struct CatchUp {
    last_over: NaiveDate,
    /// The first day of each source in the ledger.
    first_days: HashMap<String, NaiveDate>,
}

impl CatchUp {
    /// The days that a plan of due days looks at.
    pub fn of(input: &PlanInput<'_, '_>) -> Self {
        let first_days =
            input.days.iter().map(|(source, days)| (source.clone(), days.first)).collect();
        Self { last_over: last_over(input.now), first_days }
    }

    /// Takes into account that this run inserted a row for the day.
    pub fn note_row(&mut self, source: &str, date: NaiveDate) {
        let first = self.first_days.entry(source.to_owned()).or_insert(date);
        *first = date.min(*first);
    }

    /// Whether the next run reads `day` if this run leaves its row as `left`.
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
            NextRun::ReadsUntil(day.key.date + Days::new(u64::from(day.source.due.catch_up_days)))
        } else {
            NextRun::Leaves
        }
    }

    fn reaches(&self, source: &Source, date: NaiveDate) -> bool {
        let first = self.first_days.get(source.name.as_ref()).copied();
        let window = window(Selection::Due, self.last_over, source.due.catch_up_days);
        date >= owed_from(source, first, self.last_over) && window.contains(date)
    }
}

#[cfg(test)]
mod tests;
