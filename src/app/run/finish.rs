//! How a day under our lease ends: published, or given back with the reason.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tracing::warn;

use super::attempt::{DayAttempt, ReadFrom};
use super::fetches::FetchDay;
use super::leased::{Leased, LeasedAttempt, LedgerWriter};
use super::schedule::TIME_TO_RELEASE;
use super::vanished::{Vanished, find_vanished};
use crate::day::{Month, end};
use crate::heartbeat::Heartbeat;
use crate::ledger::FailureStatus;
use crate::plan::Left;
use crate::report::day::{DayReport, Outcome, StopReason};
use crate::store::{
    AttemptStats, Error, Lease, Provenance, Publication, Published, SealedArchive, Unpublished,
};

/// The part of [`TIME_TO_RELEASE`] that is left for the report.
const TIME_TO_REPORT: Duration = Duration::from_millis(500);

/// A day from an archive is not read from Heroku's list this long after its last recheck.
const LONG_PAST: TimeDelta = TimeDelta::days(31);

/// What the history says of a settled day whose events were only counted.
const RECOUNTED: &str = "counted again after a repair broke off; no request was sent to Heroku";

/// Publishes the days that were read completely, gives the others back, and reports on all.
pub(super) async fn finish_all(
    writer: &LedgerWriter,
    mut attempts: Vec<LeasedAttempt>,
    from: ReadFrom,
) -> Vec<DayReport> {
    // The days of an archive are read together, so they share the time.
    let sharing = match from {
        ReadFrom::Archive { .. } => u32::try_from(attempts.len()).unwrap_or(u32::MAX),
        ReadFrom::List | ReadFrom::Stored => 1,
    };
    for DayAttempt { cost, record, .. } in &mut attempts {
        record.stats.requests = cost.requests;
        record.stats.retries = cost.retries;
        record.stats.duration = record.claimed.elapsed() / sharing;
    }
    let (interrupted, others): (Vec<_>, Vec<_>) = attempts
        .into_iter()
        .partition(|attempt| matches!(attempt.stopped, Some(StopReason::Interrupted)));
    let finished = others.into_iter().map(|attempt| finish(attempt, writer, from));
    let mut reports = join_all(finished).await;
    reports.extend(release_all(writer, interrupted).await);
    reports
}

/// Gives back all days that a signal stopped, in one statement.
async fn release_all(writer: &LedgerWriter, attempts: Vec<LeasedAttempt>) -> Vec<DayReport> {
    if attempts.is_empty() {
        return Vec::new();
    }
    let reports: Vec<DayReport> = attempts.iter().map(report).collect();
    let sources: Vec<_> = attempts.iter().map(|attempt| attempt.day.source.clone()).collect();
    // The heartbeats go on until the days are given back.
    let (held, _heartbeats): (Vec<(Lease, AttemptStats)>, Vec<Heartbeat>) = attempts
        .into_iter()
        .map(|attempt| attempt.record)
        .map(|Leased { lease, stats, heartbeat, .. }| ((lease, stats), heartbeat))
        .unzip();
    let released = bounded(writer, writer.store.release_all(&held)).await.unwrap_or_else(|error| {
        let days = held.len();
        warn!(days, "the days could not be given back; their leases expire: {error}");
        held.iter().map(|(lease, _)| lease.key().clone()).collect()
    });
    let days = held.iter().zip(&sources).zip(reports);
    let days = days.map(|(((lease, _), source), report)| {
        let (reason, left) = if released.contains(lease.key()) {
            (StopReason::Interrupted, Left::Pending)
        } else {
            (StopReason::LostLock { trouble: lease.trust().trouble() }, Left::Failed)
        };
        DayReport { left, ..report }.stopped(source, &reason)
    });
    days.collect()
}

/// Publishes a day that was read completely, or gives it back with the reason.
async fn finish(mut attempt: LeasedAttempt, writer: &LedgerWriter, from: ReadFrom) -> DayReport {
    let vanished = match (&attempt.stopped, from) {
        (None, ReadFrom::List) => find_vanished(&mut attempt, writer).await,
        _ => Ok(Vanished::default()),
    };
    let vanished = vanished.unwrap_or_else(|error| {
        attempt.stopped = Some(StopReason::of_store(error));
        Vanished::default()
    });
    let report = DayReport { vanished_events: vanished.count, ..report(&attempt) };
    let note = note(&attempt, from, &vanished);
    let DayAttempt { day, stopped, record, provenance, .. } = attempt;
    let publication =
        Publication { note: note.as_deref(), ..publication(&day, &record, from, &provenance) };
    // The heartbeat goes on until the day is published or given back.
    let Leased { lease, stats, heartbeat: _heartbeat, .. } = record;
    let trust = Arc::clone(lease.trust());
    let (reason, lease) = match stopped {
        Some(reason) => (reason, Some(lease)),
        None => match publish(writer, lease, publication, from).await {
            Ok(published) => {
                return DayReport {
                    events: u64::try_from(published.events).unwrap_or(0),
                    late_events: u64::from(published.late_events),
                    ..report
                };
            }
            Err(Unpublished { error, lease }) => (StopReason::of_store(error), lease),
        },
    };
    let given_back = match lease {
        Some(lease) => bounded(writer, give_back(writer, lease, stats, &reason, &day)).await,
        // It expired, or will.
        None => Ok(()),
    };
    let left = match (&reason, &given_back) {
        (StopReason::Interrupted, Ok(())) => Left::Pending,
        _ => Left::Failed,
    };
    let reason = match (reason, given_back) {
        (StopReason::LostLock { .. }, _) | (_, Err(Error::LeaseLost)) => {
            StopReason::LostLock { trouble: trust.trouble() }
        }
        (reason, Ok(())) => reason,
        (reason, Err(error)) => {
            warn!(source = %day.source.name, date = %day.key.date,
                "the day could not be given back; its lease expires: {error}");
            reason
        }
    };
    DayReport { left, ..report }.stopped(&day.source, &reason)
}

/// What is published of a day.
fn publication<'a>(
    day: &'a FetchDay,
    record: &Leased,
    from: ReadFrom,
    provenance: &'a Provenance,
) -> Publication<'a> {
    // Heroku's list of an old day may hold less than its archive, so no recheck reads it again.
    let reads_again = from.as_of().is_none() || !is_long_past(day, &record.lease);
    Publication {
        scope: &day.source.scope,
        stats: record.stats,
        as_of: from.as_of(),
        settles_as_of: from.as_of(),
        last_recheck: last_recheck(day).filter(|_| reads_again),
        note: None,
        provenance,
    }
}

/// The last age at which the day is read again once it is complete, if there is one.
fn last_recheck(day: &FetchDay) -> Option<Duration> {
    day.source.due.recheck_after.last().copied()
}

/// Whether the last recheck of the day would have been a month ago.
fn is_long_past(day: &FetchDay, lease: &Lease) -> bool {
    let last = last_recheck(day).and_then(|age| TimeDelta::from_std(age).ok());
    lease.claimed_at() - end(day.key.date) > last.unwrap_or_default() + LONG_PAST
}

async fn publish(
    writer: &LedgerWriter,
    lease: Lease,
    day: Publication<'_>,
    from: ReadFrom,
) -> Result<Published, Unpublished> {
    let store = &writer.store;
    bounded(writer, async {
        match from {
            ReadFrom::Stored => store.recount(lease, day.stats, RECOUNTED).await,
            ReadFrom::List | ReadFrom::Archive { .. } => store.publish(lease, day).await,
        }
    })
    .await
}

/// Gives a day back with the reason.
async fn give_back(
    writer: &LedgerWriter,
    lease: Lease,
    stats: AttemptStats,
    reason: &StopReason,
    day: &FetchDay,
) -> Result<(), Error> {
    let store = &writer.store;
    let message = &reason.message(&day.source, day.key.date);
    match reason {
        // Nothing is held any more.
        StopReason::LostLock { .. } => Ok(()),
        StopReason::Interrupted => store.release(lease, stats).await,
        StopReason::Store(_) => store.fail(lease, FailureStatus::Error, message, stats).await,
        _ => store.fail(lease, FailureStatus::Failed, message, stats).await,
    }
}

/// What is known of an attempt before it ends.
fn report(attempt: &LeasedAttempt) -> DayReport {
    let stats = attempt.record.stats;
    DayReport {
        new_events: u64::from(stats.new_events),
        conflicts: u64::from(stats.conflicts),
        requests: u64::from(stats.requests),
        retries: u64::from(stats.retries),
        attempt: attempt.record.lease.attempt(),
        duration_ms: stats.duration.as_millis() as u64,
        ..DayReport::new(&attempt.day.shown(), Outcome::Synced)
    }
}

/// What the history is to say of a published day.
fn note(attempt: &LeasedAttempt, from: ReadFrom, vanished: &Vanished) -> Option<String> {
    let mut parts = Vec::new();
    match from {
        ReadFrom::Stored => return None,
        ReadFrom::Archive { month, .. } => parts.push(from_archive(month, &attempt.provenance)),
        ReadFrom::List => {}
    }
    if let Some(scope) = attempt.record.lease.other_scope() {
        warn!(source = %attempt.day.source.name, date = %attempt.day.key.date, scope,
            "the day was read with another scope before; the events of that scope stay");
        parts.push(format!("read with another scope before: {scope}"));
    }
    if vanished.count > 0 {
        let ids = vanished.named.join(" ");
        parts.push(format!("{} stored events are no longer listed: {ids}", vanished.count));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Names the archive that a day was read from, as Heroku described it.
fn from_archive(month: Month, provenance: &Provenance) -> String {
    let mut words = format!("from the archive of {month}");
    if let Some(SealedArchive { checksum, bytes, .. }) = &provenance.archive {
        let _ = write!(words, ", sha256 {checksum}, {bytes} bytes");
    }
    if let Some(name) = &provenance.kept_as {
        let _ = write!(words, ", kept as {name}");
    }
    words
}

/// Waits for the database no longer than a signal allows. Then the work is dropped with its lease,
/// which expires.
async fn bounded<T, E: From<Error>>(
    writer: &LedgerWriter,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::select! {
        done = work => done,
        () = writer.shutdown.overdue(TIME_TO_RELEASE.saturating_sub(TIME_TO_REPORT)) => {
            Err(Error::OutOfTime.into())
        }
    }
}
