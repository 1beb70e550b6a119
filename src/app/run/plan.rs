//! What a run is asked to do, and which days that makes due.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::super::clock;
use super::super::context::bring_up_to_date;
use super::super::days_over::named_days;
use super::super::failure::Failure;
use super::remaining::ReadCommand;
use crate::config::Source;
use crate::day::last_over;
use crate::evidence::Head;
use crate::moment::NamedDay;
use crate::plan::{
    CatchUp, OlderDays, PlanInput, Planned, Selection, Verdict, older_days, plan, window,
};
use crate::store::{
    EveryDay, Holder, LedgerSnapshot, Reader, Rereads, Schema, SnapshotQuery, SnapshotResult, Store,
};

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub(crate) struct RunRequest<'a> {
    pub(crate) sources: Vec<&'a Source>,
    pub(crate) selection: NamedSelection,
    /// Whether complete days are read again when their time has come.
    pub(crate) rereads: Rereads,
    pub(crate) mode: Mode,
    /// The command that was typed. It decides what is read.
    pub(crate) command: ReadCommand,
}

/// Whether a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    /// It reads and counts.
    DryRun,
}

/// What is due, and when that was found out.
#[derive(Debug)]
pub(crate) struct Plan<'s> {
    pub(crate) days: Vec<Planned<'s>>,
    pub(crate) now: DateTime<Utc>,
    /// What the next run catches up.
    pub(super) catch_up: CatchUp,
    /// What the very first run of a source leaves to a backfill.
    pub(super) older: Vec<OlderDays>,
    /// The head of the chain of seals at that time.
    pub(super) head: Option<Head>,
}

/// The days that the user asks for, before it is known what time it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NamedSelection {
    /// The due days.
    Due,
    /// The days from the first one to the last one, or to yesterday.
    Days(NamedDay, Option<NamedDay>),
}

impl NamedSelection {
    /// The days, where it is `now`. Those that are not over are refused.
    pub(crate) fn at(self, now: DateTime<Utc>) -> Result<Selection, Failure> {
        let Self::Days(from, to) = self else { return Ok(Selection::Due) };
        let so = ": Heroku may still add events to it";
        let first = |to| Ok(to);
        named_days((Some(from), to), now, so, first).map(Selection::Named)
    }
}

/// Plans what is to be written. An older schema is brought up to date first.
pub(crate) async fn plan_to_write<'s>(
    reader: &Reader,
    holder: &Holder,
    request: &'s RunRequest<'s>,
) -> Result<(Plan<'s>, Store), Failure> {
    let store = Store::new(reader, holder);
    let mut result = snapshot(reader, request).await?;
    if matches!(result, SnapshotResult::NotReady(_)) {
        bring_up_to_date(&store).await?;
        result = snapshot(reader, request).await?;
    }
    match result {
        SnapshotResult::Ready(snapshot) => {
            let plan = plan_days(request, &snapshot)?;
            // A run that finds nothing due writes nothing, so the question is not worth a
            // statement.
            if plan.days.iter().any(|day| matches!(day.verdict, Verdict::Due(_))) {
                reader.require_writable().await?;
            }
            Ok((plan, store))
        }
        SnapshotResult::NotReady(schema) => Err(schema.into_error().into()),
    }
}

/// Plans without writing. Returns also whether there is a ledger.
pub(crate) async fn plan_only<'s>(
    reader: &Reader,
    request: &'s RunRequest<'s>,
) -> Result<(Plan<'s>, bool), Failure> {
    let (snapshot, has_ledger) = match snapshot(reader, request).await? {
        SnapshotResult::Ready(snapshot) => (snapshot, true),
        SnapshotResult::NotReady(Schema::Absent | Schema::Behind(_)) => {
            let now = clock::now(reader).await?;
            let (rows, days) = (Vec::new(), HashMap::new());
            (LedgerSnapshot { now, rows, days, head: None }, false)
        }
        SnapshotResult::NotReady(other) => return Err(other.into_error().into()),
    };
    Ok((plan_days(request, &snapshot)?, has_ledger))
}

/// The ledger as a plan needs it; `now` is the earlier of both clocks.
async fn snapshot(reader: &Reader, request: &RunRequest<'_>) -> Result<SnapshotResult, Failure> {
    let selection = request.selection;
    let (every_day, rereads) = match selection {
        NamedSelection::Due if !rechecks(request) => (EveryDay::Skip, Rereads::Skip),
        NamedSelection::Due => (EveryDay::Skip, Rereads::Include),
        NamedSelection::Days(..) => (EveryDay::Include, Rereads::Skip),
    };
    // The widest window holds that of every source.
    let days = request.sources.iter().map(|source| source.due.catch_up_days).max();
    let days = days.unwrap_or_default();
    let window_at =
        |now| selection.at(now).map(|selection| window(selection, last_over(now), days));
    let mut now = clock::here();
    loop {
        let (sources, window) = (&*request.sources, window_at(now)?);
        let query = SnapshotQuery { sources, window, every_day, rereads };
        let result = reader.snapshot(&query).await?;
        let SnapshotResult::Ready(snapshot) = result else { return Ok(result) };
        let (here, there) = (clock::here(), snapshot.now);
        // If the database has another date than this machine, other days are due than the query
        // asked for.
        if window_at(here.min(there))? == window_at(now)? {
            let now = clock::earlier(here, there);
            return Ok(SnapshotResult::Ready(LedgerSnapshot { now, ..snapshot }));
        }
        now = here.min(there);
    }
}

/// Whether this request reads complete days of a source again.
fn rechecks(request: &RunRequest<'_>) -> bool {
    request.rereads == Rereads::Include
        && request.sources.iter().any(|source| !source.due.recheck_after.is_empty())
}

fn plan_days<'s>(
    request: &'s RunRequest<'s>,
    snapshot: &LedgerSnapshot,
) -> Result<Plan<'s>, Failure> {
    let LedgerSnapshot { now, rows, days, head } = snapshot;
    let now = *now;
    let selection = request.selection.at(now)?;
    let input = PlanInput {
        sources: &request.sources,
        rows,
        days,
        now,
        rereads: request.rereads == Rereads::Include,
    };
    let older = older_days(&input, selection);
    let (days, catch_up) = (plan(&input, selection), CatchUp::of(&input));
    Ok(Plan { days, now, catch_up, older, head: head.clone() })
}
