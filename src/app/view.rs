//! A day under our lease: claimed, written to, and published or given back. Where its events come from is another's
//! business.

mod vanished;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::time::Instant;
use tracing::warn;

use vanished::Vanished;

use super::fetch::{FetchDay, NoSelector, Selector, advice};
use super::{App, Shutdown};
use crate::config::{EventLog, Source, Token};
use crate::day::{Month, end};
use crate::event::Event;
use crate::fingerprints::Fingerprints;
use crate::heartbeat::Heartbeat;
use crate::heroku;
use crate::logging;
use crate::logging::Novelty;
use crate::plan::Left;
use crate::report::run::{DayReport, Outcome};
use crate::store::{
    Blame, Claim, Error, Lease, Publication, Reader, Store, Totals, Unpublished, Via,
};

/// After a signal, how long the days in flight have to give their leases back. With the ping, less than five seconds.
pub(super) const TIME_TO_RELEASE: Duration = Duration::from_millis(2500);

/// So long after its last recheck, a day that an archive brought is not asked of Heroku's list any more.
const LONG_PAST: TimeDelta = TimeDelta::days(31);

/// What the history remembers of a settled day that nothing was read of.
const RECOUNTED: &str = "counted again after a repair broke off; Heroku was not asked";

/// What writing takes that all days have in common.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) store: Store,
    pub(super) reader: Reader,
    pub(super) event_log: EventLog,
    /// The last age at which a whole day is read again, if one is.
    pub(super) last_recheck: Option<Duration>,
    pub(super) shutdown: Shutdown,
}

impl Writing {
    /// Writing with `store` what the file says.
    pub(super) fn new(app: &App<'_>, store: Store, reader: Reader, shutdown: Shutdown) -> Self {
        let last_recheck = app.config.sync.recheck_after.last().copied();
        Self { store, reader, event_log: app.config.events, last_recheck, shutdown }
    }
}

/// A day under our lease, and what was done for it so far.
#[derive(Debug)]
pub(super) struct DayAttempt {
    pub(super) day: FetchDay,
    pub(super) lease: Lease,
    /// Which events are its own, once that is known.
    pub(super) selector: Option<Selector>,
    pub(super) totals: Totals,
    /// Why it gets no more events.
    pub(super) stopped: Option<StopReason>,
    claimed: Instant,
    /// What this reading saw that is stored under this day, where some was before: events may be listed no more.
    seen: Option<Fingerprints>,
    /// Whether this reading saw an event.
    pub(super) saw_any: bool,
}

/// Why a day is not published.
#[derive(Debug, Clone)]
pub(super) enum StopReason {
    /// Its lease was lost, or is about to be.
    LostLock,
    /// A signal came.
    Interrupted,
    /// Heroku refused or did not answer, or what it answered is not to be believed.
    Heroku(String),
    /// The database failed, or something that nobody thought of happened.
    Unexpected(String),
}

/// What a day was read from.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReadFrom {
    /// Heroku's list of the day.
    Api,
    /// The archive of a month, which knows what Heroku knew at that time.
    Archive { month: Month, as_of: DateTime<Utc> },
    /// Nothing: the day has settled, and an attempt to add to it broke off. What is stored of it is counted again.
    Stored,
}

impl ReadFrom {
    fn as_of(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Api | Self::Stored => None,
            Self::Archive { as_of, .. } => Some(as_of),
        }
    }
}

impl StopReason {
    pub(super) fn by_heroku(error: &heroku::Error, source: &Source) -> Self {
        Self::Heroku(format!("{error}. {}", advice(&error.fault, source)))
    }

    pub(super) fn by_selector(none: &NoSelector, source: &Source) -> Self {
        Self::Heroku(none.told(source))
    }

    pub(super) fn by_store(error: &Error) -> Self {
        match error {
            Error::LeaseLost => Self::LostLock,
            Error::OutOfTime => Self::Interrupted,
            error => Self::Unexpected(format!("{error}. See that the database is well")),
        }
    }
}

/// Claims the days. Those that can't be had are reported; those that a signal came before are left out.
pub(super) async fn claim(
    writing: &Writing,
    days: &[FetchDay],
    heartbeat: &mut Heartbeat,
    reports: &mut Vec<DayReport>,
) -> Vec<DayAttempt> {
    let mut views = Vec::new();
    for day in days {
        if writing.shutdown.is_asked() {
            break;
        }
        let claimed = Instant::now();
        let source = &day.source;
        match writing
            .store
            .claim(&day.key, &source.scope, source.lock.stale_after, day.wanted)
            .await
        {
            Ok(Claim::Claimed(lease)) => {
                heartbeat.keep(&writing.store, lease.renewal(), source.lock.heartbeat_every);
                views.push(DayAttempt::new(day.clone(), lease, claimed));
            }
            Ok(Claim::HeldBy(by)) => reports.push(
                DayReport::new(&day.key, Outcome::LockedElsewhere)
                    .because(format!("{by} is at it; nothing to do")),
            ),
            Ok(Claim::AlreadyWhole { events, attempt }) => reports.push(DayReport {
                events: u64::try_from(events).unwrap_or(0),
                attempt,
                ..DayReport::new(&day.key, Outcome::AlreadySynced)
            }),
            Err(error) => {
                reports.push(DayReport::new(&day.key, Outcome::Failed).because(error.to_string()));
            }
        }
    }
    views
}

/// Resolves when the lease of none of `views` can be relied on any more.
pub(super) fn all_lost(views: &[DayAttempt]) -> impl Future<Output = ()> + use<> {
    let trusts: Vec<_> = views.iter().map(|view| Arc::clone(view.lease.trust())).collect();
    async move { _ = join_all(trusts.iter().map(|trust| trust.ended())).await }
}

/// Publishes the days that were read whole, gives the others back, and reports on all.
pub(super) async fn finish_all(
    writing: &Writing,
    views: Vec<DayAttempt>,
    from: ReadFrom,
) -> Vec<DayReport> {
    let (interrupted, others): (Vec<_>, Vec<_>) =
        views.into_iter().partition(|view| matches!(view.stopped, Some(StopReason::Interrupted)));
    let mut reports = join_all(others.into_iter().map(|view| view.finish(writing, from))).await;
    reports.extend(release_all(writing, interrupted).await);
    reports
}

/// Gives all of `views` back, which a signal stopped.
async fn release_all(writing: &Writing, views: Vec<DayAttempt>) -> Vec<DayReport> {
    if views.is_empty() {
        return Vec::new();
    }
    let reports: Vec<DayReport> = views.iter().map(DayAttempt::report).collect();
    let held: Vec<(Lease, Totals)> =
        views.into_iter().map(|view| (view.lease, view.totals)).collect();
    let released =
        bounded(writing, writing.store.release_all(&held)).await.unwrap_or_else(|error| {
            warn!(
                days = held.len(),
                "the days could not be given back; their leases run out: {error}"
            );
            held.iter().map(|(lease, _)| lease.key().clone()).collect()
        });
    let held = held.iter().zip(reports).map(|((lease, _), report)| {
        let is_released = released.contains(lease.key());
        let (stop, left) = if is_released {
            (StopReason::Interrupted, Left::Pending)
        } else {
            (StopReason::LostLock, Left::Failed)
        };
        unpublished(DayReport { left, ..report }, stop, lease.trust().trouble())
    });
    held.collect()
}

impl DayAttempt {
    fn new(day: FetchDay, lease: Lease, claimed: Instant) -> Self {
        let totals = Totals::default();
        Self {
            day,
            lease,
            selector: None,
            totals,
            stopped: None,
            claimed,
            seen: None,
            saw_any: false,
        }
    }

    /// Stores those of `events` that are the source's own.
    pub(super) async fn take(&mut self, writing: &Writing, token: &Token, events: &[Event]) {
        let selector = self.selector.as_ref().expect("found before anything is read");
        let own: Vec<&Event> = events.iter().filter(|event| selector.takes(event)).collect();
        self.store(writing, token, &own, Via::Api).await;
    }

    /// Stores `events`, which are the source's own.
    pub(super) async fn store(
        &mut self,
        writing: &Writing,
        token: &Token,
        events: &[&Event],
        via: Via,
    ) {
        if let Err(error) = self.try_store(writing, token, events, via).await {
            self.stopped = Some(StopReason::by_store(&error));
        }
    }

    async fn try_store(
        &mut self,
        writing: &Writing,
        token: &Token,
        events: &[&Event],
        via: Via,
    ) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        self.saw_any = true;
        if !self.lease.trust().holds() {
            return Err(Error::LeaseLost);
        }
        let written = writing.store.write_events(&self.lease, events, via).await?;
        self.totals.new_events += written.new.len() as u32;
        self.totals.conflicts += written.new_conflicts;
        let stored_before = self.lease.stored_before();
        if via == Via::Api && stored_before > 0 {
            let seen = self
                .seen
                .get_or_insert_with(|| Fingerprints::with_capacity(stored_before as usize));
            // What is stored under another day must not stand for one of this day that is listed no more.
            let elsewhere: HashSet<&str> =
                written.elsewhere.iter().map(|event| event.id.as_str()).collect();
            events
                .iter()
                .filter(|event| !elsewhere.contains(&*event.id))
                .for_each(|event| seen.note(&event.id));
        }
        let source = &self.day.source.name;
        let novelty = if self.lease.tells_lateness() { Novelty::Late } else { Novelty::New };
        let id = |event: &Event| token.redact(&event.id).into_owned();
        for event in &written.new {
            logging::new_event(writing.event_log, novelty, source, event, token);
            if event.unusable_id {
                warn!(%source, date = %self.day.key.date, id = id(event), "an event has no usable id; its hash stands in");
            }
        }
        for event in &written.conflicting {
            warn!(%source, date = %self.day.key.date, id = id(event), "an event came with other bytes than are stored; both are kept");
        }
        for (event, reason) in &written.refused {
            warn!(%source, date = %self.day.key.date, id = id(event), reason, "the database does not take an event as JSON; its bytes are kept");
        }
        Ok(())
    }

    /// Publishes a day that was read whole, or gives it back with the reason.
    pub(super) async fn finish(mut self, writing: &Writing, from: ReadFrom) -> DayReport {
        self.totals.duration = self.claimed.elapsed();
        let vanished = match (&self.stopped, from) {
            (None, ReadFrom::Api) => self.find_vanished(writing).await,
            _ => Ok(Vanished::default()),
        };
        let vanished = vanished.unwrap_or_else(|error| {
            self.stopped = Some(StopReason::by_store(&error));
            Vanished::default()
        });
        let note = if matches!(from, ReadFrom::Stored) { None } else { self.note(from, &vanished) };
        let totals = self.totals;
        let report = DayReport { vanished_events: vanished.count, ..self.report() };
        let day = Publication {
            scope: &self.day.source.scope,
            totals,
            as_of: from.as_of(),
            settles_as_of: from.as_of(),
            // Of a day long past, Heroku's list may know no more than its archive, or nothing at all: there is nothing to
            // read again.
            last_recheck: writing
                .last_recheck
                .filter(|_| from.as_of().is_none() || !self.is_long_past(writing)),
            note: note.as_deref(),
        };
        let trust = Arc::clone(self.lease.trust());
        let publish = async |lease| match from {
            ReadFrom::Stored => writing.store.recount(lease, totals, RECOUNTED).await,
            ReadFrom::Api | ReadFrom::Archive { .. } => writing.store.publish(lease, day).await,
        };
        let (stop, lease) = match self.stopped {
            Some(stop) => (stop, Some(self.lease)),
            None => match bounded(writing, publish(self.lease)).await {
                Ok(published) => {
                    return DayReport {
                        events: u64::try_from(published.events).unwrap_or(0),
                        late_events: u64::from(published.late_events),
                        ..report
                    };
                }
                Err(Unpublished { error, lease }) => (StopReason::by_store(&error), lease),
            },
        };
        let given_back = give_back(writing, &stop, lease, totals).await;
        let trouble = trust.trouble();
        let left = match (&stop, &given_back) {
            (StopReason::Interrupted, Ok(())) => Left::Pending,
            _ => Left::Failed,
        };
        let report = DayReport { left, ..report };
        match given_back {
            Ok(()) => unpublished(report, stop, trouble),
            Err(Error::LeaseLost) => unpublished(report, StopReason::LostLock, trouble),
            Err(error) => {
                warn!(source = %self.day.source.name, date = %self.day.key.date,
                    "the day could not be given back; its lease runs out: {error}");
                unpublished(report, stop, trouble)
            }
        }
    }

    /// What is to be told of it so far.
    fn report(&self) -> DayReport {
        let totals = self.totals;
        DayReport {
            new_events: u64::from(totals.new_events),
            conflicts: u64::from(totals.conflicts),
            requests: u64::from(totals.requests),
            retries: u64::from(totals.retries),
            attempt: self.lease.attempt(),
            duration_ms: totals.duration.as_millis() as u64,
            ..DayReport::new(&self.day.key, Outcome::Synced)
        }
    }

    /// Whether the last recheck of the day would have been a month ago.
    fn is_long_past(&self, writing: &Writing) -> bool {
        let last =
            writing.last_recheck.and_then(|age| TimeDelta::from_std(age).ok()).unwrap_or_default();
        self.lease.claimed_at() - end(self.day.key.date) > last + LONG_PAST
    }

    /// What the history is to remember of a publishing.
    fn note(&self, from: ReadFrom, vanished: &Vanished) -> Option<String> {
        let mut parts = Vec::new();
        if let ReadFrom::Archive { month, .. } = from {
            parts.push(format!("from the archive of {month}"));
        }
        if let Some(scope) = self.lease.other_scope() {
            warn!(source = %self.day.source.name, date = %self.day.key.date, scope, "the day was read with another scope before; what was stored with that stays");
            parts.push(format!(
                "read before with the scope {scope}, what was stored with that stays"
            ));
        }
        if vanished.count > 0 {
            parts.push(format!(
                "{} stored events are not listed any more: {}",
                vanished.count,
                vanished.named.join(" ")
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Gives a day back. Without the lease, which ran out or will, there is nothing to give back.
async fn give_back(
    writing: &Writing,
    stop: &StopReason,
    lease: Option<Lease>,
    totals: Totals,
) -> Result<(), Error> {
    let store = &writing.store;
    match (stop, lease) {
        (StopReason::LostLock, _) | (_, None) => Ok(()),
        (StopReason::Interrupted, Some(lease)) => {
            bounded(writing, store.release(lease, totals)).await
        }
        (StopReason::Heroku(reason), Some(lease)) => {
            bounded(writing, store.fail(lease, Blame::Heroku, reason, totals)).await
        }
        (StopReason::Unexpected(reason), Some(lease)) => {
            bounded(writing, store.fail(lease, Blame::Unexpected, reason, totals)).await
        }
    }
}

/// The report of a day that was not published; `trouble` is what kept its lease from being renewed.
fn unpublished(report: DayReport, stop: StopReason, trouble: Option<String>) -> DayReport {
    let (outcome, error) = match stop {
        StopReason::LostLock => (
            Outcome::LostLock,
            trouble.map_or_else(
                || {
                    "its lease ran out, or another process took it over; nothing more was changed. Whoever holds the day \
                     finishes it, or else the next run"
                        .to_owned()
                },
                |trouble| format!("its lease could not be renewed and ran out; nothing more was changed. {trouble}"),
            ),
        ),
        StopReason::Interrupted => {
            (Outcome::Interrupted, "not finished, because a signal ended the run".to_owned())
        }
        StopReason::Heroku(text) | StopReason::Unexpected(text) => (Outcome::Failed, text),
    };
    DayReport { outcome, ..report }.because(error)
}

/// Awaits the database, which the lease bounds, for no longer than a signal leaves. Then `work` is dropped, with the lease
/// in it, which runs out.
async fn bounded<T, E: From<Error>>(
    writing: &Writing,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::select! {
        done = work => done,
        () = writing.shutdown.overdue(TIME_TO_RELEASE.saturating_sub(Duration::from_millis(500))) => Err(Error::OutOfTime.into()),
    }
}
