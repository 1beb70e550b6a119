//! One fetch: begin its days, read Heroku's list to its end, and finish each day.

use std::sync::Arc;

use super::attempt::{DayAttempt, ReadFrom, Writer, write_own};
use super::empty_day::EmptyDays;
use super::fetches::Fetch;
use super::selector::Selector;
use crate::heroku::{self, Batch, Client, Cost, DayReader, Read, Teams};
use crate::logging;
use crate::report::day::{DayReport, StopReason};

/// What the fetches of a run share.
pub(super) struct Reading<W> {
    pub(super) client: Client,
    pub(super) teams: Teams,
    pub(super) empty_days: EmptyDays,
    pub(super) writer: W,
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
    fetch: Fetch,
) -> Vec<DayReport> {
    let writer = &reading.writer;
    let mut reports = Vec::new();
    let attempts = writer.begin(&fetch.days, &mut reports).await;
    // A settled day comes here only after a repair of it broke off. Its list may be gone by now.
    let (settled, mut open): (Vec<_>, Vec<_>) =
        attempts.into_iter().partition(|attempt| writer.has_settled(attempt));
    if !settled.is_empty() {
        reports.extend(writer.finish(settled, ReadFrom::Stored).await);
    }
    if !open.is_empty() {
        read(&reading, &fetch, &mut open).await;
        reports.extend(writer.finish(open, ReadFrom::List).await);
    }
    reports.iter().for_each(logging::day);
    reports
}

/// Reads the list into the days. A day that is not stopped afterwards was read completely.
async fn read<W: Writer>(
    reading: &Reading<W>,
    fetch: &Fetch,
    attempts: &mut [DayAttempt<W::Record>],
) {
    let mut reader = reading.client.read_day(&fetch.query, &fetch.session);
    let all_lost = reading.writer.all_lost(attempts);
    let mut cost = Cost::default();
    let work = async {
        find_selectors(reading, fetch, attempts, &mut cost).await;
        let end = read_through(reading, fetch, &mut reader, attempts).await?;
        if end == (End::Complete { is_empty: true }) {
            reading.empty_days.verify(reading, fetch, attempts, &mut cost).await;
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
    cost += reader.cost();
    for attempt in attempts {
        attempt.cost = cost;
        attempt.stopped = attempt.stopped.take().or_else(|| stopped.clone());
    }
}

async fn find_selectors<W: Writer>(
    reading: &Reading<W>,
    fetch: &Fetch,
    attempts: &mut [DayAttempt<W::Record>],
    cost: &mut Cost,
) {
    for attempt in attempts {
        let (source, applied) = (&attempt.day.source, &fetch.query.filter);
        let asked = (&reading.client, &reading.teams, &fetch.session);
        match Selector::find(asked, source, applied, cost).await {
            Ok(selector) => attempt.selector = Some(selector),
            Err(error) => attempt.stopped = Some(StopReason::Team(Arc::new(error))),
        }
    }
}

/// Reads a list to its end. While a batch is written, the next one is read.
async fn read_through<W: Writer>(
    reading: &Reading<W>,
    fetch: &Fetch,
    reader: &mut DayReader<'_>,
    attempts: &mut [DayAttempt<W::Record>],
) -> Result<End, heroku::Error> {
    if !attempts.iter().any(DayAttempt::is_open) {
        return Ok(End::NoneOpen);
    }
    let mut is_empty = true;
    let mut read = reader.next().await?;
    while let Read::Batch(batch) = read {
        is_empty &= batch.is_empty();
        let (write, next) = (write(reading, fetch, attempts, &batch), reader.next());
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

/// Writes a batch to every open day; false when none is open any more.
async fn write<W: Writer>(
    reading: &Reading<W>,
    fetch: &Fetch,
    attempts: &mut [DayAttempt<W::Record>],
    batch: &Batch,
) -> bool {
    for attempt in attempts.iter_mut().filter(|attempt| attempt.is_open()) {
        write_own(&reading.writer, attempt, batch, &fetch.session.token).await;
    }
    attempts.iter().any(DayAttempt::is_open)
}
