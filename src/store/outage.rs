//! Whether the database is out of reach, or accepts no writes: found out once for all days of a run.
//!
//! The first failure begins an outage, and a success ends it. What holds no lease waits until the outage has lasted for
//! [`PATIENCE`], counted from its beginning and not from its own first failure. From then on no further day is begun
//! until one that holds a lease gets through. An outage is logged when it begins and when it ends.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::Error;

/// How long a database that is down, refuses or is locked is waited for where no lease says so.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Option<Ongoing>>);

#[derive(Debug)]
struct Ongoing {
    since: Instant,
    kind: Kind,
    words: String,
}

/// What the database does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It does not answer, or takes no connection.
    Unreachable,
    /// It answers, and accepts no writes.
    ReadOnly,
    /// Somebody has locked what this was to do.
    Locked(&'static str),
}

impl Outage {
    /// Notes a failure of this kind, of an attempt that began at `began`.
    pub(super) fn note(&self, kind: Kind, began: Instant, error: &Error) {
        let mut ongoing = self.lock();
        match &mut *ongoing {
            Some(known) if known.kind == kind => known.words = error.to_string(),
            // What is not reached at all is more than what refuses to write.
            Some(known) if kind != Kind::Unreachable => _ = known,
            _ => {
                warn!(patience = %humantime::format_duration(PATIENCE), "trying again: {error}");
                *ongoing = Some(Ongoing { since: began, kind, words: error.to_string() });
            }
        }
    }

    /// Notes that the database answered a question.
    pub(super) fn answered(&self) {
        self.end(|kind| kind == Kind::Unreachable);
    }

    /// Notes that the database committed.
    pub(super) fn wrote(&self) {
        self.end(|kind| matches!(kind, Kind::Unreachable | Kind::ReadOnly));
    }

    /// Notes that what was locked was done.
    pub(super) fn did(&self, doing: &'static str) {
        self.end(|kind| kind == Kind::Locked(doing));
    }

    fn end(&self, ends: impl Fn(Kind) -> bool) {
        let mut ongoing = self.lock();
        if let Some(over) = ongoing.take_if(|ongoing| ends(ongoing.kind)) {
            let seconds = over.since.elapsed().as_secs_f64();
            info!(seconds, "the database is back");
        }
    }

    /// The moment at which an outage of this kind began, if there is one.
    pub(super) fn since(&self, kind: Kind) -> Option<Instant> {
        self.lock().as_ref().filter(|ongoing| ongoing.kind == kind).map(|ongoing| ongoing.since)
    }

    /// The database's words, if no further day is to be begun.
    pub(super) fn refuses_more(&self) -> Option<String> {
        let ongoing = self.lock();
        let ongoing = ongoing.as_ref()?;
        let lasts = ongoing.since.elapsed() >= PATIENCE && !matches!(ongoing.kind, Kind::Locked(_));
        lasts.then(|| ongoing.words.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ongoing>> {
        self.0.lock().expect("no panic while locked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Error = Error::Busy { doing: "claim the day" };

    #[tokio::test(start_paused = true)]
    async fn an_outage_stops_new_days_after_the_patience_and_not_before() {
        let outage = Outage::default();
        outage.note(Kind::ReadOnly, Instant::now(), &REFUSED);
        tokio::time::advance(Duration::from_millis(14_999)).await;
        assert_eq!(outage.refuses_more(), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(PATIENCE, Duration::from_secs(15));
        assert!(outage.refuses_more().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_failure_does_not_begin_the_outage_anew() {
        let outage = Outage::default();
        let began = Instant::now();
        outage.note(Kind::Unreachable, began, &REFUSED);
        tokio::time::advance(Duration::from_secs(10)).await;
        outage.note(Kind::Unreachable, Instant::now(), &REFUSED);
        assert_eq!(outage.since(Kind::Unreachable), Some(began));
        assert_eq!(outage.since(Kind::ReadOnly), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_what_was_unreachable_and_only_a_commit_what_refused_writes() {
        let outage = Outage::default();
        for (kind, answer_ends, commit_ends) in [
            (Kind::Unreachable, true, true),
            (Kind::ReadOnly, false, true),
            (Kind::Locked("claim"), false, false),
        ] {
            for (end, ends) in
                [(Outage::answered as fn(&Outage), answer_ends), (Outage::wrote, commit_ends)]
            {
                outage.note(kind, Instant::now(), &REFUSED);
                end(&outage);
                assert_eq!(outage.since(kind).is_none(), ends, "{kind:?}");
                outage.end(|_| true);
            }
        }
        outage.note(Kind::Locked("claim"), Instant::now(), &REFUSED);
        outage.did("store");
        assert!(outage.since(Kind::Locked("claim")).is_some());
        outage.did("claim");
        assert!(outage.since(Kind::Locked("claim")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_stops_no_other_day() {
        let outage = Outage::default();
        outage.note(Kind::Locked("claim"), Instant::now(), &REFUSED);
        tokio::time::advance(2 * PATIENCE).await;
        assert_eq!(outage.refuses_more(), None);
    }
}
