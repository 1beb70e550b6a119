//! What a session is doing right now, for the progress display.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

/// The current activity of a session. All clones show the same session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity(Arc<ActivityState>);

#[derive(Debug, Default)]
struct ActivityState {
    events: AtomicU64,
    pages: AtomicU64,
    phase: Mutex<Phase>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    /// Waiting for the token's budget.
    Budget,
    /// Waiting for Heroku.
    Answer,
    /// Waiting until the next attempt may begin.
    Retry(Instant),
}

impl Activity {
    /// How many events were read.
    pub(crate) fn events(&self) -> u64 {
        self.0.events.load(Ordering::Relaxed)
    }

    /// How many pages were read completely.
    pub(crate) fn pages(&self) -> u64 {
        self.0.pages.load(Ordering::Relaxed)
    }

    /// Describes what the session waits for, if it is not Heroku.
    pub(crate) fn waits_for(&self) -> Option<String> {
        match *self.0.phase.lock().expect("no panic while locked") {
            Phase::Idle | Phase::Answer => None,
            Phase::Budget => Some("waiting for the token's budget".to_owned()),
            Phase::Retry(at) => {
                let left = at.saturating_duration_since(Instant::now());
                let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                Some(format!("retrying in {seconds} s"))
            }
        }
    }

    pub(super) fn add_events(&self, events: usize) {
        self.0.events.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(super) fn add_page(&self) {
        self.0.pages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wait_for_budget(&self) {
        self.set(Phase::Budget);
    }

    pub(super) fn wait_for_answer(&self) {
        self.set(Phase::Answer);
    }

    pub(super) fn wait_for_retry(&self, delay: Duration) {
        self.set(Phase::Retry(Instant::now() + delay));
    }

    fn set(&self, phase: Phase) {
        *self.0.phase.lock().expect("no panic while locked") = phase;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_describes_waits_and_counts_down_to_the_next_attempt() {
        let activity = Activity::default();
        assert_eq!(activity.waits_for(), None);
        activity.wait_for_budget();
        assert_eq!(activity.waits_for().as_deref(), Some("waiting for the token's budget"));
        activity.wait_for_retry(Duration::from_secs(12));
        assert_eq!(activity.waits_for().as_deref(), Some("retrying in 12 s"));
        tokio::time::advance(Duration::from_millis(2500)).await;
        assert_eq!(activity.waits_for().as_deref(), Some("retrying in 10 s"));
        activity.wait_for_answer();
        assert_eq!(activity.waits_for(), None);
    }
}
