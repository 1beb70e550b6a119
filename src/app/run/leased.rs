//! A day under our lease, and the writer that holds it.

use tokio::time::Instant;

use super::super::shutdown::Shutdown;
use super::attempt::DayAttempt;
use crate::fingerprints::Fingerprints;
use crate::heartbeat::Heartbeat;
use crate::store::{AttemptStats, Lease, Reader, Store};

/// The writer of a sync: see `storing`, which claims and stores, and `finish`.
#[derive(Debug, Clone)]
pub(crate) struct LedgerWriter {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
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
    /// A writer on `store`.
    pub(crate) fn new(store: Store, reader: Reader, shutdown: Shutdown) -> Self {
        Self { store, reader, shutdown }
    }
}
