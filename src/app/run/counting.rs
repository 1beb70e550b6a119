//! The writer of a dry run: counts events by comparison with the stored ones, and can't write.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::super::shutdown::Shutdown;
use super::attempt::{DayAttempt, ReadFrom, Writer};
use super::fetches::FetchDay;
use crate::config::Token;
use crate::day::DateRange;
use crate::event::Event;
use crate::fingerprints::fingerprint;
use crate::logging::{self, Novelty};
use crate::report::day::{DayReport, Outcome, StopReason};
use crate::store::{Error, Reader, Result, Sameness, Stored, Under, Via};

/// See the module.
#[derive(Debug)]
pub(super) struct CountingWriter {
    /// What is stored; `None` where there is no ledger yet.
    pub(super) reader: Option<Reader>,
    /// When the run was planned, by the earlier of both clocks.
    pub(super) now: DateTime<Utc>,
    pub(super) shutdown: Shutdown,
}

/// What was counted of a day.
#[derive(Debug)]
pub(super) struct Counted {
    begun: Instant,
    /// The fingerprints of the events so far.
    seen: HashSet<u64>,
    events: u64,
    new: u64,
    conflicts: u64,
}

impl CountingWriter {
    /// How many events of a day are stored.
    async fn stored(&self, day: &FetchDay) -> Result<u64> {
        let Some(reader) = &self.reader else { return Ok(0) };
        let date = day.key.date;
        let counts = reader.stored_counts(&day.key.source, DateRange::of(date)).await?;
        Ok(counts.get(&date).copied().unwrap_or_default())
    }

    async fn report(&self, mut attempt: DayAttempt<Counted>, from: ReadFrom) -> DayReport {
        if from == ReadFrom::Stored && attempt.is_open() {
            match self.stored(&attempt.day).await {
                Ok(events) => attempt.record.events = events,
                Err(error) => attempt.stopped = Some(StopReason::of_store(error)),
            }
        }
        let DayAttempt { day, cost, stopped, record, .. } = attempt;
        let report = DayReport {
            requests: u64::from(cost.requests),
            retries: u64::from(cost.retries),
            new_events: record.new,
            conflicts: record.conflicts,
            duration_ms: record.begun.elapsed().as_millis() as u64,
            ..DayReport::new(&day.shown(), Outcome::WouldSync)
        };
        match stopped {
            None => DayReport { events: record.events, ..report },
            Some(reason) => report.stopped(&day.source, &reason),
        }
    }
}

impl Writer for CountingWriter {
    type Record = Counted;

    async fn begin(
        &self,
        days: &[FetchDay],
        reports: &mut Vec<DayReport>,
    ) -> Vec<DayAttempt<Counted>> {
        if let Some(words) = self.reader.as_ref().and_then(Reader::lasting_outage) {
            let reason = StopReason::of_store(Error::NotStarted(words));
            reports.extend(days.iter().map(|day| day.failed(&reason)));
            return Vec::new();
        }
        let record = || {
            let (begun, seen) = (Instant::now(), HashSet::new());
            Counted { begun, seen, events: 0, new: 0, conflicts: 0 }
        };
        days.iter().map(|day| DayAttempt::new(day.clone(), record())).collect()
    }

    async fn write(
        &self,
        attempt: &mut DayAttempt<Counted>,
        events: &[&Event],
        token: &Token,
    ) -> Result<()> {
        let (FetchDay { key, source, .. }, record) = (&attempt.day, &mut attempt.record);
        let names: Vec<String> = source.names().map(ToString::to_string).collect();
        // A retry, or a page that overlaps another, brings an event again.
        let mut first_seen = events.to_vec();
        first_seen.retain(|event| record.seen.insert(fingerprint(&event.id)));
        let known = match &self.reader {
            Some(reader) => {
                let sameness = Sameness::Bytes(Via::Api);
                reader.compare(key, &names, &first_seen, sameness).await?
            }
            None => vec![None; first_seen.len()],
        };
        for (event, stored) in first_seen.into_iter().zip(known) {
            match stored {
                None => {
                    record.new += 1;
                    logging::new_event(source.events, Novelty::New, &source.name, event, token);
                }
                Some(Stored::Other(_)) => record.conflicts += 1,
                Some(Stored::Same(_)) => {}
            }
            // An event that is stored under another day does not belong to this one.
            record.events +=
                u64::from(stored.is_none_or(|stored| stored.under() == Under::ThisDay));
        }
        Ok(())
    }

    async fn finish(&self, attempts: Vec<DayAttempt<Counted>>, from: ReadFrom) -> Vec<DayReport> {
        let mut reports = Vec::new();
        for attempt in attempts {
            reports.push(self.report(attempt, from).await);
        }
        reports
    }

    /// A dry run holds no lease that it could lose.
    fn all_lost(&self, _: &[DayAttempt<Counted>]) -> impl Future<Output = ()> + Send + 'static {
        std::future::pending()
    }

    fn has_settled(&self, attempt: &DayAttempt<Counted>) -> bool {
        attempt.day.is_recount
    }

    async fn was_complete_with_events(&self, attempt: &DayAttempt<Counted>) -> Result<bool> {
        Ok(attempt.day.was_complete && self.stored(&attempt.day).await? > 0)
    }

    fn began_at(&self, _: &DayAttempt<Counted>) -> DateTime<Utc> {
        self.now
    }

    fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    fn is_away(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.lasting_outage().is_some())
    }
}
