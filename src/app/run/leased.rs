//! A day under our lease: claims it, and stores events under the lease.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::super::context::App;
use super::super::shutdown::Shutdown;
use super::attempt::DayAttempt;
use super::fetches::FetchDay;
use crate::config::{EventLog, Token};
use crate::event::Event;
use crate::fingerprints::Fingerprints;
use crate::heartbeat::Heartbeat;
use crate::logging::{self, Novelty};
use crate::report::day::{DayReport, StopReason};
use crate::store::{AttemptStats, Claim, Error, Lease, Reader, Result, Store, Via, Written};

/// Writes days to the ledger and their events to the store.
#[derive(Debug, Clone)]
pub(crate) struct LedgerWriter {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
    pub(super) event_log: EventLog,
    /// The last age at which a complete day is read again, if there is one.
    pub(super) last_recheck: Option<Duration>,
    pub(crate) shutdown: Shutdown,
}

/// A day under our lease, and what this attempt did to it.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(super) lease: Lease,
    pub(super) stats: AttemptStats,
    pub(super) claimed: Instant,
    /// What this reading saw of the events that are stored under this day, if some were before:
    /// Heroku may list fewer now.
    pub(super) seen: Option<Fingerprints>,
    /// Whether this reading saw an event.
    pub(super) saw_any: bool,
    /// Renews the lease until this is dropped.
    pub(super) heartbeat: Heartbeat,
}

/// An attempt at a day under our lease.
pub(crate) type LeasedAttempt = DayAttempt<Leased>;

impl LedgerWriter {
    /// A writer on `store` that follows the file.
    pub(crate) fn new(app: &App<'_>, store: Store, reader: Reader, shutdown: Shutdown) -> Self {
        let last_recheck = app.config.sync.recheck_after.last().copied();
        Self { store, reader, event_log: app.config.events, last_recheck, shutdown }
    }

    /// Claims one day; `Err` holds the report of a day that can't be claimed.
    pub(super) async fn claim(&self, day: &FetchDay) -> Result<LeasedAttempt, DayReport> {
        let (key, source, claimed) = (&day.key, &day.source, Instant::now());
        let stale_after = source.lock.stale_after;
        match self.store.claim(key, &source.scope, stale_after, day.claimable).await {
            Ok(Claim::Claimed(lease)) => {
                let every = source.lock.heartbeat_every;
                let heartbeat = Heartbeat::start(&self.store, lease.renewal(), every);
                let stats = AttemptStats::default();
                let (seen, saw_any) = (None, false);
                let record = Leased { lease, stats, claimed, seen, saw_any, heartbeat };
                Ok(DayAttempt::new(day.clone(), record))
            }
            Ok(Claim::HeldBy(by)) => Err(DayReport::held(key, &by)),
            Ok(Claim::AlreadyComplete { events, attempt }) => {
                Err(DayReport::complete(key, events, attempt))
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
        self.log_written(attempt, &written, token);
        Ok(())
    }

    fn log_written(&self, attempt: &LeasedAttempt, written: &Written<'_>, token: &Token) {
        let (source, date) = (&attempt.day.source.name, attempt.day.key.date);
        let is_late = attempt.record.lease.counts_late_events();
        let novelty = if is_late { Novelty::Late } else { Novelty::New };
        let id = |event: &Event| token.redact(&event.id).into_owned();
        for event in &written.new {
            logging::new_event(self.event_log, novelty, source, event, token);
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
