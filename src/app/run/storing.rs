//! The writer of a sync: claims days, stores their events under the leases, and publishes or gives
//! back each day.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::time::Instant;
use tracing::warn;

use super::super::shutdown::Shutdown;
use super::attempt::{DayAttempt, ReadFrom, Writer};
use super::fetches::FetchDay;
use super::finish::finish_all;
use super::leased::{Leased, LeasedAttempt, LedgerWriter};
use crate::config::Token;
use crate::event::Event;
use crate::fingerprints::Fingerprints;
use crate::heartbeat::Heartbeat;
use crate::logging::{self, Novelty};
use crate::report::day::{DayReport, StopReason};
use crate::store::{AttemptStats, Claim, Error, Reader, Result, Via, Written};

impl Writer for LedgerWriter {
    type Record = Leased;

    async fn begin(&self, days: &[FetchDay], reports: &mut Vec<DayReport>) -> Vec<LeasedAttempt> {
        let mut attempts = Vec::new();
        for day in days {
            if self.shutdown.is_asked() {
                break;
            }
            match self.claim(day).await {
                Ok(attempt) => attempts.push(attempt),
                Err(report) => reports.push(report),
            }
        }
        attempts
    }

    async fn write(
        &self,
        attempt: &mut LeasedAttempt,
        events: &[&Event],
        token: &Token,
    ) -> Result<()> {
        self.store_events(attempt, events, Via::Api, token).await
    }

    async fn finish(&self, attempts: Vec<LeasedAttempt>, from: ReadFrom) -> Vec<DayReport> {
        finish_all(self, attempts, from).await
    }

    fn all_lost(&self, attempts: &[LeasedAttempt]) -> impl Future<Output = ()> + Send + 'static {
        let trusts: Vec<_> =
            attempts.iter().map(|attempt| Arc::clone(attempt.record.lease.trust())).collect();
        async move { _ = join_all(trusts.iter().map(|trust| trust.ended())).await }
    }

    fn has_settled(&self, attempt: &LeasedAttempt) -> bool {
        attempt.record.lease.was_settled()
    }

    async fn was_complete_with_events(&self, attempt: &LeasedAttempt) -> Result<bool> {
        let lease = &attempt.record.lease;
        Ok(lease.was_complete() && lease.stored_before() > 0)
    }

    fn began_at(&self, attempt: &LeasedAttempt) -> DateTime<Utc> {
        attempt.record.lease.claimed_at()
    }

    fn reader(&self) -> Option<&Reader> {
        Some(&self.reader)
    }

    fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    fn is_away(&self) -> bool {
        self.store.lasting_outage().is_some()
    }
}

impl LedgerWriter {
    /// Claims one day; `Err` holds the report of a day that can't be claimed.
    async fn claim(&self, day: &FetchDay) -> Result<LeasedAttempt, DayReport> {
        let (key, source, claimed) = (&day.key, &day.source, Instant::now());
        let stale_after = source.lock.stale_after;
        match self.store.claim(key, &source.scope, stale_after, day.claimable).await {
            Ok(Claim::Claimed(lease)) => {
                let lease = lease.of(source);
                let every = source.lock.heartbeat_every;
                let heartbeat = Heartbeat::start(&self.store, lease.renewal(), every);
                let stats = AttemptStats::default();
                let (seen, saw_any) = (None, false);
                let record = Leased { lease, stats, claimed, seen, saw_any, heartbeat };
                Ok(DayAttempt::new(day.clone(), record))
            }
            Ok(Claim::HeldBy(by)) => Err(DayReport::held(&day.shown(), &by)),
            Ok(Claim::AlreadyComplete { events, attempt }) => {
                Err(DayReport::complete(&day.shown(), events, attempt))
            }
            Err(error) => {
                let reason = StopReason::Store(Arc::new(error));
                Err(day.failed(&reason))
            }
        }
    }

    /// Stores `events`, which are the day's own, under its lease.
    pub(super) async fn store_events(
        &self,
        attempt: &mut LeasedAttempt,
        events: &[&Event],
        via: Via,
        token: &Token,
    ) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let record = &mut attempt.record;
        record.saw_any = true;
        if !record.lease.trust().holds() {
            return Err(Error::LeaseLost);
        }
        let written = self.store.write_events(&record.lease, events, via).await?;
        record.stats.new_events += written.new.len() as u32;
        record.stats.conflicts += written.new_conflicts;
        if via == Via::Api {
            record.note_seen(events, &written);
        }
        log_written(attempt, &written, token);
        Ok(())
    }
}

/// Logs the new events, and those that need a look.
fn log_written(attempt: &LeasedAttempt, written: &Written<'_>, token: &Token) {
    let (source, date) = (&attempt.day.source.name, attempt.day.key.date);
    let is_late = attempt.record.lease.counts_late_events();
    let novelty = if is_late { Novelty::Late } else { Novelty::New };
    let id = |event: &Event| token.redact(&event.id).into_owned();
    for event in &written.new {
        logging::new_event(attempt.day.source.events, novelty, source, event, token);
        if event.unusable_id {
            warn!(%source, %date, id = id(event), "an event has no usable id; its hash is \
                used");
        }
    }
    for event in &written.conflicting {
        warn!(%source, %date, id = id(event), "an event differs from the stored one; both are \
            kept");
    }
    for (event, reason) in &written.refused {
        warn!(%source, %date, id = id(event), reason, "the database rejects an event as JSON; \
            its bytes are kept");
    }
}

impl Leased {
    /// Notes the events that are stored under this day. An event that is stored under another day
    /// must not pass for one of this day that Heroku lists no longer.
    fn note_seen(&mut self, events: &[&Event], written: &Written<'_>) {
        let stored_before = self.lease.stored_before();
        if stored_before == 0 {
            return;
        }
        let seen =
            self.seen.get_or_insert_with(|| Fingerprints::with_capacity(stored_before as usize));
        let elsewhere: HashSet<&str> =
            written.elsewhere.iter().map(|event| event.id.as_str()).collect();
        let here = events.iter().filter(|event| !elsewhere.contains(&*event.id));
        here.for_each(|event| seen.note(&event.id));
    }
}
