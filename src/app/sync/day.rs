//! The way of one fetch: claim its days, read, store, and publish each or give it back.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tracing::warn;

use super::super::fetch::{End, Job, JobDay, Selector, Sink, advice, read_through};
use super::{Context, TIME_TO_RELEASE};
use crate::config::{Source, Token};
use crate::event::Event;
use crate::heroku::{self, Batch, Cost};
use crate::lease::Heartbeat;
use crate::report;
use crate::report::run::{DayReport, Outcome};
use crate::store::{Blame, Claim, Error, Lease, Published, Totals, Trust, Unpublished};

/// A day under our lease, and what was done for it so far.
#[derive(Debug)]
struct View {
    day: JobDay,
    lease: Lease,
    /// Known once Heroku was asked for the account's teams, where the source is one.
    selector: Option<Selector>,
    claimed: Instant,
    /// Events of this reading that belong to the source.
    seen: u64,
    totals: Totals,
    /// Why it gets no more events.
    stopped: Option<Stop>,
}

/// Why a day is not published.
#[derive(Debug, Clone)]
enum Stop {
    /// Its lease was lost, or is about to be.
    LostLock,
    /// A signal came.
    Interrupted,
    /// Heroku refused or did not answer.
    Heroku(String),
    /// The database failed, or something that nobody thought of happened.
    Unexpected(String),
}

/// Why reading ended before the day was whole, for all of its views.
#[derive(Debug)]
enum Broken {
    Here(Stop),
    Heroku(heroku::Error),
}

impl Stop {
    fn by_heroku(error: &heroku::Error, source: &Source) -> Self {
        Self::Heroku(format!("{error}. {}", advice(&error.fault, source)))
    }

    fn by_store(error: &Error, source: &Source) -> Self {
        match error {
            Error::LeaseLost => Self::LostLock,
            Error::OutOfTime => Self::Interrupted,
            error => {
                let advice = "The day is due again; see that the database is well, then run auditsync again";
                Self::Unexpected(format!("{error}. {advice} (`--source {}`)", source.name))
            }
        }
    }
}

/// Does the work of one fetch, and reports on each of its days.
pub(super) async fn work(context: Arc<Context>, job: Job) -> Vec<DayReport> {
    let mut reports = Vec::new();
    let mut heartbeat = Heartbeat::default();
    let mut views = claim(&context, &job, &mut heartbeat, &mut reports).await;
    if !views.is_empty() {
        read(&context, &job, &mut views).await;
        reports.extend(join_all(views.into_iter().map(|view| finish(&context, view))).await);
    }
    reports.iter().for_each(report::log::day);
    reports
}

/// Claims the days; those that can't be had are reported.
async fn claim(context: &Context, job: &Job, heartbeat: &mut Heartbeat, reports: &mut Vec<DayReport>) -> Vec<View> {
    let mut views = Vec::new();
    for day in &job.days {
        if context.shutdown.is_asked() {
            break;
        }
        let claimed = Instant::now();
        match context.store.claim(&day.key, &day.source.scope, day.source.lock.stale_after).await {
            Ok(Claim::Claimed(lease)) => {
                heartbeat.keep(&context.store, lease.pulse(), day.source.lock.heartbeat_every);
                views.push(View {
                    day: day.clone(),
                    lease,
                    selector: None,
                    claimed,
                    seen: 0,
                    totals: Totals::default(),
                    stopped: None,
                });
            }
            Ok(Claim::HeldBy(by)) => reports.push(
                DayReport::new(&day.key, Outcome::LockedElsewhere).because(format!("{by} is at it; nothing to do")),
            ),
            Ok(Claim::AlreadyWhole { events, attempt }) => reports.push(DayReport {
                events: u64::try_from(events).unwrap_or(0),
                attempt,
                ..DayReport::new(&day.key, Outcome::AlreadySynced)
            }),
            Err(error) => reports.push(DayReport::new(&day.key, Outcome::Failed).because(error.to_string())),
        }
    }
    views
}

/// Reads the day into the views. Afterwards each view that is not stopped was read whole.
async fn read(context: &Context, job: &Job, views: &mut [View]) {
    let mut reader = context.client.read_day(&job.query, &job.asker);
    let trusts: Vec<_> = views.iter().map(|view| Arc::clone(view.lease.trust())).collect();
    let all_lost = join_all(trusts.iter().map(|trust| trust.ended()));
    let mut cost = Cost::default();
    let reading = async {
        find_selectors(context, job, views, &mut cost).await;
        if views.iter().all(|view| view.stopped.is_some()) {
            return Ok(End::NobodyLeft);
        }
        read_through(&mut reader, &mut Storing { context, token: &job.asker.token, views: &mut *views }).await
    };
    // What is dropped here stops at once: a request is closed, a transaction rolled back.
    let read = tokio::select! {
        biased;
        () = context.shutdown.asked() => Err(Broken::Here(Stop::Interrupted)),
        _ = all_lost => Err(Broken::Here(Stop::LostLock)),
        read = reading => read.map_err(Broken::Heroku),
    };
    cost += reader.cost();
    for view in views {
        view.totals.requests = cost.requests;
        view.totals.retries = cost.retries;
        if let (None, Err(broken)) = (&view.stopped, &read) {
            view.stopped = Some(match broken {
                Broken::Here(stop) => stop.clone(),
                Broken::Heroku(error) => Stop::by_heroku(error, &view.day.source),
            });
        }
    }
}

async fn find_selectors(context: &Context, job: &Job, views: &mut [View], cost: &mut Cost) {
    for view in views {
        let source = &view.day.source;
        match context.teams.selector(&context.client, source, &job.asker, cost).await {
            Ok(selector) => view.selector = Some(selector),
            Err(none) => view.stopped = Some(Stop::Heroku(none.told(source))),
        }
    }
}

/// Stores each batch for every view, under that view's own lease.
struct Storing<'a> {
    context: &'a Context,
    token: &'a Token,
    views: &'a mut [View],
}

impl Sink for Storing<'_> {
    async fn take(&mut self, batch: &Batch) -> bool {
        for view in self.views.iter_mut().filter(|view| view.stopped.is_none()) {
            if let Err(error) = view.store(self.context, self.token, batch).await {
                view.stopped = Some(Stop::by_store(&error, &view.day.source));
            }
        }
        self.views.iter().any(|view| view.stopped.is_none())
    }
}

impl View {
    async fn store(&mut self, context: &Context, token: &Token, batch: &Batch) -> Result<(), Error> {
        let selector = self.selector.as_ref().expect("found before anything is read");
        let events: Vec<&Event> = batch.iter().filter(|event| selector.takes(event)).collect();
        if events.is_empty() {
            return Ok(());
        }
        self.seen += events.len() as u64;
        if !self.lease.trust().holds() {
            return Err(Error::LeaseLost);
        }
        let written = context.store.write_events(&self.lease, &events, "api").await?;
        self.totals.new_events += written.new.len() as u32;
        self.totals.conflicts += written.new_conflicts;
        let source = &self.day.source.name;
        let id = |event: &Event| token.hide_in(&event.id).into_owned();
        for event in &written.new {
            report::log::new_event(context.event_log, source, event, token);
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
}

/// Publishes a day that was read whole, or gives it back with the reason.
async fn finish(context: &Context, mut view: View) -> DayReport {
    view.totals.duration = view.claimed.elapsed();
    let (source, totals) = (view.day.source, view.totals);
    let report = DayReport {
        new_events: u64::from(totals.new_events),
        conflicts: u64::from(totals.conflicts),
        requests: u64::from(totals.requests),
        retries: u64::from(totals.retries),
        attempt: view.lease.attempt(),
        duration_ms: totals.duration.as_millis() as u64,
        ..DayReport::new(&view.day.key, Outcome::Synced)
    };
    let (store, trust) = (&context.store, Arc::clone(view.lease.trust()));
    let (stop, lease) = match view.stopped {
        Some(stop) => (stop, Some(view.lease)),
        None => match bounded(context, &trust, store.publish(view.lease, &source.scope, totals)).await {
            Ok(published) => {
                warn_if_vanished(&view.day.key, view.seen, published);
                return DayReport {
                    events: u64::try_from(published.events).unwrap_or(0),
                    late_events: u64::from(published.late_events),
                    ..report
                };
            }
            Err(Unpublished { error, lease }) => (Stop::by_store(&error, &source), lease),
        },
    };
    // Without the lease, which ran out or will, there is nothing to give back.
    let given_back = match (&stop, lease) {
        (Stop::LostLock, _) | (_, None) => Ok(()),
        (Stop::Interrupted, Some(lease)) => bounded(context, &trust, store.release(lease, totals)).await,
        (Stop::Heroku(reason), Some(lease)) => {
            bounded(context, &trust, store.fail(lease, Blame::Heroku, reason, totals)).await
        }
        (Stop::Unexpected(reason), Some(lease)) => {
            bounded(context, &trust, store.fail(lease, Blame::Unexpected, reason, totals)).await
        }
    };
    match given_back {
        Ok(()) => unpublished(report, stop),
        Err(Error::LeaseLost) => unpublished(report, Stop::LostLock),
        Err(error) => {
            warn!(source = %source.name, date = %view.day.key.date, "the day could not be given back; its lease runs out: {error}");
            unpublished(report, stop)
        }
    }
}

fn unpublished(report: DayReport, stop: Stop) -> DayReport {
    let (outcome, error) = match stop {
        Stop::LostLock => (
            Outcome::LostLock,
            "its lease was lost to another process, or ran out, so nothing more was changed; whoever holds it finishes it"
                .to_owned(),
        ),
        Stop::Interrupted => {
            (Outcome::Interrupted, "the run was ended by a signal; the day is due again".to_owned())
        }
        Stop::Heroku(text) | Stop::Unexpected(text) => (Outcome::Failed, text),
    };
    DayReport { outcome, ..report }.because(error)
}

/// Awaits the database, but not for ever one that has fallen silent: no longer than the lease lasts, and once a signal
/// came, no longer than there is time for.
async fn bounded<T, E: From<Error>>(
    context: &Context,
    trust: &Trust,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let silent = async {
        trust.ended().await;
        tokio::time::sleep(TIME_TO_RELEASE).await;
    };
    tokio::select! {
        done = work => done,
        () = context.shutdown.overdue(TIME_TO_RELEASE.saturating_sub(Duration::from_millis(500))) => Err(Error::OutOfTime.into()),
        () = silent => Err(Error::CommitUnknown.into()),
    }
}

/// Heroku is not believed silently when it has nothing to say about a day that it had events for.
fn warn_if_vanished(key: &crate::day::DayKey, seen: u64, published: Published) {
    if seen == 0 && published.events > 0 {
        warn!(source = %key.source, date = %key.date, stored = published.events,
            "Heroku lists no event for a day that events are stored of; what is stored stays");
    }
}
