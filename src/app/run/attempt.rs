//! An attempt at a day, and what a writer does with it. Independent of the source of its events.

use chrono::{DateTime, Utc};

use super::super::shutdown::Shutdown;
use super::fetches::FetchDay;
use super::selector::Selector;
use crate::config::Token;
use crate::day::Month;
use crate::event::Event;
use crate::heroku::Cost;
use crate::report::day::{DayReport, StopReason};
use crate::store::{self, Provenance, Reader};

/// A day while it is read.
#[derive(Debug)]
pub(crate) struct DayAttempt<R> {
    pub(super) day: FetchDay,
    /// Which events are its own, once that is known.
    pub(super) selector: Option<Selector>,
    /// What reading it cost. Days of one fetch share the cost.
    pub(super) cost: Cost,
    /// Why it takes no more events.
    pub(super) stopped: Option<StopReason>,
    /// What its events were read from.
    pub(super) provenance: Provenance,
    /// What the writer keeps of it: a lease, or counts.
    pub(super) record: R,
}

/// What a day was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadFrom {
    /// Heroku's list of the day.
    List,
    /// The archive of a month, which knows what Heroku knew at that time.
    Archive { month: Month, as_of: DateTime<Utc> },
    /// Nothing. The day has settled, and an attempt to add to it broke off: its stored events are
    /// counted again.
    Stored,
}

impl ReadFrom {
    /// The time that the source of the events knows of, if it is not the present.
    pub(super) fn as_of(self) -> Option<DateTime<Utc>> {
        match self {
            Self::List | Self::Stored => None,
            Self::Archive { as_of, .. } => Some(as_of),
        }
    }
}

/// What becomes of the events that a run reads: a sync stores them, a dry run counts them.
pub(super) trait Writer: Send + Sync + 'static {
    /// What it keeps of a day while the day is read.
    type Record: Send + Sync;

    /// Begins each day, and reports those that can't begin. After a signal, days may be left out.
    fn begin(
        &self,
        days: &[FetchDay],
        reports: &mut Vec<DayReport>,
    ) -> impl Future<Output = Vec<DayAttempt<Self::Record>>> + Send;

    /// Takes events of the day's source from Heroku's list. The log shows them without `token`.
    fn write(
        &self,
        attempt: &mut DayAttempt<Self::Record>,
        events: &[&Event],
        token: &Token,
    ) -> impl Future<Output = store::Result<()>> + Send;

    /// Ends every day, and reports on it.
    fn finish(
        &self,
        attempts: Vec<DayAttempt<Self::Record>>,
        from: ReadFrom,
    ) -> impl Future<Output = Vec<DayReport>> + Send;

    /// Resolves when no day can be written any more.
    fn all_lost(
        &self,
        attempts: &[DayAttempt<Self::Record>],
    ) -> impl Future<Output = ()> + Send + 'static;

    /// Whether the day has settled, so that its stored events are only counted again.
    fn has_settled(&self, attempt: &DayAttempt<Self::Record>) -> bool;

    /// Whether the day was complete, with events, before this attempt.
    fn was_complete_with_events(
        &self,
        attempt: &DayAttempt<Self::Record>,
    ) -> impl Future<Output = store::Result<bool>> + Send;

    /// When the attempt began: by the database's clock, or by the plan's in a dry run.
    fn began_at(&self, attempt: &DayAttempt<Self::Record>) -> DateTime<Utc>;

    /// What is stored; `None` where there is no ledger yet.
    fn reader(&self) -> Option<&Reader>;

    /// The signal that ends the run.
    fn shutdown(&self) -> &Shutdown;

    /// Whether the database has been away for so long that no further day may begin.
    fn is_away(&self) -> bool;
}

impl<R> DayAttempt<R> {
    pub(super) fn new(day: FetchDay, record: R) -> Self {
        let (cost, provenance) = (Cost::default(), Provenance::default());
        Self { day, selector: None, cost, stopped: None, provenance, record }
    }

    /// Whether it still takes events.
    pub(super) fn is_open(&self) -> bool {
        self.stopped.is_none()
    }
}
