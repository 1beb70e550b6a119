//! What a run is asked to do, and which days that makes due.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::clock;
use super::super::context::bring_up_to_date;
use super::super::failure::Failure;
use super::remaining::ReadCommand;
use crate::config::Source;
use crate::day::{DateRange, last_over};
use crate::evidence::Head;
use crate::plan::{CatchUp, PlanInput, Planned, Selection, Verdict, plan, window};
use crate::store::{
    EveryDay, Holder, LedgerSnapshot, Reader, Rereads, Schema, SnapshotQuery, SnapshotResult, Store,
};

/// What a run is asked to do.
#[derive(Debug)]
pub(crate) struct RunRequest<'a> {
    pub(crate) sources: Vec<&'a Source>,
    pub(crate) selection: Selection,
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
    /// The head of the chain of seals at that time.
    pub(super) head: Option<Head>,
}

/// The days of `range`, which must be over.
pub(crate) fn named(range: DateRange) -> Result<Selection, Failure> {
    let DateRange { from, to } = range;
    if from > to {
        return Err(Failure::usage(format!("--from {from} is after --to {to}")));
    }
    let selection = Selection::Named(range);
    refuse_unfinished(selection, last_over(clock::here()))?;
    Ok(selection)
}

/// Refuses days that are not over.
fn refuse_unfinished(selection: Selection, last_over: NaiveDate) -> Result<(), Failure> {
    match selection {
        Selection::Named(DateRange { to, .. }) if to > last_over => Err(Failure::usage(format!(
            "{to} is not over in UTC: Heroku may still add events to it. The newest day that can \
             be synced is {last_over}"
        ))),
        _ => Ok(()),
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
        Selection::Due if !rechecks(request) => (EveryDay::Skip, Rereads::Skip),
        Selection::Due => (EveryDay::Skip, Rereads::Include),
        Selection::Named(_) => (EveryDay::Include, Rereads::Skip),
    };
    // The widest window holds that of every source.
    let days = request.sources.iter().map(|source| source.due.catch_up_days).max();
    let window_at = |now| window(selection, last_over(now), days.unwrap_or_default());
    let mut now = clock::here();
    loop {
        let query =
            SnapshotQuery { sources: &request.sources, window: window_at(now), every_day, rereads };
        let result = reader.snapshot(&query).await?;
        let SnapshotResult::Ready(snapshot) = result else { return Ok(result) };
        let (here, there) = (clock::here(), snapshot.now);
        // If the database has another date than this machine, other days are due than the query
        // asked for.
        if window_at(here.min(there)) == window_at(now) {
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
    refuse_unfinished(request.selection, last_over(now))?;
    let input = PlanInput {
        sources: &request.sources,
        rows,
        days,
        now,
        rereads: request.rereads == Rereads::Include,
    };
    let (days, catch_up) = (plan(&input, request.selection), CatchUp::of(&input));
    Ok(Plan { days, now, catch_up, head: head.clone() })
}
