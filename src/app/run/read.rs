//! One fetch: begin its days, read Heroku's list to its end, and finish each day.

use std::sync::Arc;

use super::attempt::{DayAttempt, ReadFrom, Writer};
use super::empty_day::EmptyDays;
use super::fetches::Fetch;
use super::schedule::Job;
use super::selector::Selector;
use crate::config::Token;
use crate::event::Event;
use crate::heroku::{self, Batch, Client, DayReader, Read, Session, Teams};
use crate::logging;
use crate::report::counted;
use crate::report::day::{DayReport, StopReason};

/// What the fetches of a run share.
pub(super) struct Reading<W> {
    pub(super) teams: Teams,
    pub(super) empty_days: EmptyDays,
    pub(super) writer: W,
}

/// A fetch, and the session that does it.
#[derive(Debug)]
pub(super) struct FetchJob {
    fetch: Fetch,
    session: Session,
}

impl FetchJob {
    pub(super) fn new(fetch: Fetch, client: &Client) -> Self {
        let session = client.session(&fetch.token, &fetch.retry);
        Self { fetch, session }
    }
}

impl Job for FetchJob {
    fn token(&self) -> &Token {
        &self.fetch.token
    }

    fn days(&self) -> usize {
        self.fetch.days.len()
    }

    fn name(&self) -> String {
        let names: Vec<&str> = self.fetch.days.iter().map(|day| day.key.source.as_ref()).collect();
        format!("{} {}", self.fetch.query.date, names.join(", "))
    }

    fn activity(&self) -> impl Fn() -> String + Clone + Send + Sync + 'static {
        let activity = self.session.activity().clone();
        move || {
            let (events, pages) = (activity.events(), activity.pages());
            let read = format!("{}, {}", counted(events, "event"), counted(pages, "page"));
            activity.waits_for().map_or(read.clone(), |waits_for| format!("{read}, {waits_for}"))
        }
    }
}

/// How reading ended, if Heroku did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The list was read to its proper end. `is_empty` says that it held nothing.
    Complete { is_empty: bool },
    /// No day takes any more.
    NoneOpen,
}

/// Does the work of one fetch, and reports on each of its days.
pub(super) async fn read_fetch<W: Writer>(
    reading: Arc<Reading<W>>,
    job: FetchJob,
) -> Vec<DayReport> {
    let writer = &reading.writer;
    let mut reports = Vec::new();
    let attempts = writer.begin(&job.fetch.days, &mut reports).await;
    // A settled day comes here only after a repair of it broke off. Its list may be gone by now.
    let (settled, mut open): (Vec<_>, Vec<_>) =
        attempts.into_iter().partition(|attempt| writer.has_settled(attempt));
    if !settled.is_empty() {
        reports.extend(writer.finish(settled, ReadFrom::Stored).await);
    }
    if !open.is_empty() {
        read(&reading, &job, &mut open).await;
        reports.extend(writer.finish(open, ReadFrom::List).await);
    }
    reports.iter().for_each(logging::day);
    reports
}

/// Reads the list into the days. A day that is not stopped afterwards was read completely.
async fn read<W: Writer>(
    reading: &Reading<W>,
    job: &FetchJob,
    attempts: &mut [DayAttempt<W::Record>],
) {
    let mut reader = job.session.read_day(&job.fetch.query);
    let all_lost = reading.writer.all_lost(attempts);
    let work = async {
        find_selectors(&reading.teams, job, attempts).await;
        let end = read_through(reading, job, &mut reader, attempts).await?;
        if end == (End::Complete { is_empty: true }) {
            let (query, session) = (&job.fetch.query, &job.session);
            reading.empty_days.verify(&reading.writer, session, query, attempts).await;
        }
        Ok(())
    };
    // What is dropped here stops at once: a request is closed, a transaction is rolled back.
    let stopped = tokio::select! {
        biased;
        () = reading.writer.shutdown().asked() => Some(StopReason::Interrupted),
        () = all_lost => Some(StopReason::LostLock { trouble: None }),
        read = work => read.err().map(|error| StopReason::Heroku(Arc::new(error))),
    };
    let request_id = reader.request_id();
    for attempt in attempts {
        attempt.cost = job.session.cost();
        attempt.provenance.request_id = request_id.map(str::to_owned);
        attempt.stopped = attempt.stopped.take().or_else(|| stopped.clone());
    }
}

async fn find_selectors<R>(teams: &Teams, job: &FetchJob, attempts: &mut [DayAttempt<R>]) {
    for attempt in attempts {
        let (source, applied) = (&attempt.day.source, &job.fetch.query.filter);
        match Selector::find(teams, &job.session, source, applied).await {
            Ok(selector) => attempt.selector = Some(selector),
            Err(error) => attempt.stopped = Some(StopReason::Team(Arc::new(error))),
        }
    }
}

/// Reads a list to its end. While a batch is written, the next one is read.
async fn read_through<W: Writer>(
    reading: &Reading<W>,
    job: &FetchJob,
    reader: &mut DayReader,
    attempts: &mut [DayAttempt<W::Record>],
) -> Result<End, heroku::Error> {
    if !attempts.iter().any(DayAttempt::is_open) {
        return Ok(End::NoneOpen);
    }
    let mut is_empty = true;
    let mut read = reader.next().await?;
    while let Read::Batch(batch) = read {
        is_empty &= batch.is_empty();
        let (write, next) =
            (write(&reading.writer, &job.fetch.token, attempts, &batch), reader.next());
        tokio::pin!(write, next);
        // Once no day is open, the rest of Heroku's answer does not matter.
        let next = tokio::select! {
            is_open = &mut write => if is_open { next.await } else { return Ok(End::NoneOpen) },
            next = &mut next => if write.await { next } else { return Ok(End::NoneOpen) },
        };
        read = next?;
    }
    Ok(End::Complete { is_empty })
}

/// Writes a batch to every open day, to each its own events; false when none is open any more.
async fn write<W: Writer>(
    writer: &W,
    token: &Token,
    attempts: &mut [DayAttempt<W::Record>],
    batch: &Batch,
) -> bool {
    for attempt in attempts.iter_mut().filter(|attempt| attempt.is_open()) {
        let selector = attempt.selector.as_ref().expect("found before anything is read");
        let own: Vec<&Event> = batch.iter().filter(|event| selector.takes(event)).collect();
        if let Err(error) = writer.write(attempt, &own, token).await {
            attempt.stopped = Some(StopReason::of_store(error));
        }
    }
    attempts.iter().any(DayAttempt::is_open)
}
