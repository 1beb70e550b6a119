//! Whether the database is unreachable or read-only, found out once for all days of a run.
//!
//! The first failure begins an outage, and a success ends it. Work without a lease waits until the
//! outage has lasted for [`PATIENCE`] since it began, not since its own first failure. From then on
//! no further day is started until work under a lease succeeds. The begin and the end are logged.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::error::{Error, OutageKind};

/// How long to wait for a database that is down, refuses or is locked, where no lease sets a limit.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The outage that goes on, if there is one.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Option<Ongoing>>);

#[derive(Debug)]
struct Ongoing {
    since: Instant,
    kind: OutageKind,
    message: String,
}

impl Outage {
    /// Notes a failure of an attempt that began at `began`.
    pub(super) fn note(&self, kind: OutageKind, began: Instant, error: &Error) {
        let mut ongoing = self.lock();
        match &mut *ongoing {
            Some(known) if known.kind == kind => known.message = error.to_string(),
            // An unreachable database outweighs one that refuses to write.
            Some(_) if kind != OutageKind::Unreachable => {}
            _ => {
                warn!(patience = %humantime::format_duration(PATIENCE), "retrying: {error}");
                *ongoing = Some(Ongoing { since: began, kind, message: error.to_string() });
            }
        }
    }

    /// Notes that the database answered a statement.
    pub(super) fn note_answer(&self) {
        self.end(|kind| kind == OutageKind::Unreachable);
    }

    /// Notes that the database committed.
    pub(super) fn note_commit(&self) {
        self.end(|kind| matches!(kind, OutageKind::Unreachable | OutageKind::ReadOnly));
    }

    /// Notes that an operation succeeded, so no lock blocks it any more.
    pub(super) fn note_done(&self, operation: &'static str) {
        self.end(|kind| kind == OutageKind::Locked(operation));
    }

    fn end(&self, ends: impl Fn(OutageKind) -> bool) {
        let mut ongoing = self.lock();
        if let Some(over) = ongoing.take_if(|ongoing| ends(ongoing.kind)) {
            let seconds = over.since.elapsed().as_secs_f64();
            info!(seconds, "the database is back");
        }
    }

    /// When an outage of this kind began, if there is one.
    pub(super) fn since(&self, kind: OutageKind) -> Option<Instant> {
        self.lock().as_ref().filter(|ongoing| ongoing.kind == kind).map(|ongoing| ongoing.since)
    }

    /// The database's message, if no further day is to be started.
    pub(super) fn lasting(&self) -> Option<String> {
        let ongoing = self.lock();
        let ongoing = ongoing.as_ref()?;
        let is_lock = matches!(ongoing.kind, OutageKind::Locked(_));
        let lasts = ongoing.since.elapsed() >= PATIENCE && !is_lock;
        lasts.then(|| ongoing.message.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ongoing>> {
        self.0.lock().expect("no panic while locked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Error = Error::Busy { operation: "claim the day" };

    #[tokio::test(start_paused = true)]
    async fn an_outage_stops_new_days_only_after_the_patience() {
        let outage = Outage::default();
        outage.note(OutageKind::ReadOnly, Instant::now(), &REFUSED);
        tokio::time::advance(Duration::from_millis(14_999)).await;
        assert_eq!(outage.lasting(), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(PATIENCE, Duration::from_secs(15));
        assert!(outage.lasting().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_failure_does_not_restart_the_outage() {
        let outage = Outage::default();
        let began = Instant::now();
        outage.note(OutageKind::Unreachable, began, &REFUSED);
        tokio::time::advance(Duration::from_secs(10)).await;
        outage.note(OutageKind::Unreachable, Instant::now(), &REFUSED);
        assert_eq!(outage.since(OutageKind::Unreachable), Some(began));
        assert_eq!(outage.since(OutageKind::ReadOnly), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_unreachable_and_only_a_commit_ends_read_only() {
        let outage = Outage::default();
        for (kind, answer_ends, commit_ends) in [
            (OutageKind::Unreachable, true, true),
            (OutageKind::ReadOnly, false, true),
            (OutageKind::Locked("claim"), false, false),
        ] {
            for (end, ends) in [
                (Outage::note_answer as fn(&Outage), answer_ends),
                (Outage::note_commit, commit_ends),
            ] {
                outage.note(kind, Instant::now(), &REFUSED);
                end(&outage);
                assert_eq!(outage.since(kind).is_none(), ends, "{kind:?}");
                outage.end(|_| true);
            }
        }
        outage.note(OutageKind::Locked("claim"), Instant::now(), &REFUSED);
        outage.note_done("store");
        assert!(outage.since(OutageKind::Locked("claim")).is_some());
        outage.note_done("claim");
        assert!(outage.since(OutageKind::Locked("claim")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_stops_no_other_day() {
        let outage = Outage::default();
        outage.note(OutageKind::Locked("claim"), Instant::now(), &REFUSED);
        tokio::time::advance(2 * PATIENCE).await;
        assert_eq!(outage.lasting(), None);
    }
}
