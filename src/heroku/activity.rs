//! What a reading is about just now, for whoever looks on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

/// See the module. All clones are of the same reading.
#[derive(Debug, Clone, Default)]
pub struct Activity(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    events: AtomicU64,
    pages: AtomicU64,
    phase: Mutex<Phase>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing yet.
    #[default]
    Idle,
    /// The token's budget.
    Budget,
    /// Heroku's answer.
    Answer,
    /// The time of the next attempt.
    Retry(Instant),
}

impl Activity {
    /// How many events were read.
    pub fn events(&self) -> u64 {
        self.0.events.load(Ordering::Relaxed)
    }

    /// How many pages were read whole.
    pub fn pages(&self) -> u64 {
        self.0.pages.load(Ordering::Relaxed)
    }

    /// What is waited for, if it is something else than an answer.
    pub fn waits_for(&self) -> Option<String> {
        match *self.0.phase.lock().expect("no panic while locked") {
            Phase::Idle | Phase::Answer => None,
            Phase::Budget => Some("waiting for the token's budget".to_owned()),
            Phase::Retry(at) => {
                let left = at.saturating_duration_since(Instant::now());
                Some(format!(
                    "retrying in {} s",
                    left.as_secs() + u64::from(left.subsec_nanos() > 0)
                ))
            }
        }
    }

    pub(super) fn read(&self, events: usize) {
        self.0.events.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(super) fn turned_page(&self) {
        self.0.pages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asks_budget(&self) {
        self.set(Phase::Budget);
    }

    pub(super) fn asks_heroku(&self) {
        self.set(Phase::Answer);
    }

    pub(super) fn retries_in(&self, delay: Duration) {
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
    async fn waiting_is_told_and_the_time_to_the_next_attempt_counts_down() {
        let activity = Activity::default();
        assert_eq!(activity.waits_for(), None);
        activity.asks_budget();
        assert_eq!(activity.waits_for().as_deref(), Some("waiting for the token's budget"));
        activity.retries_in(Duration::from_secs(12));
        assert_eq!(activity.waits_for().as_deref(), Some("retrying in 12 s"));
        tokio::time::advance(Duration::from_millis(2500)).await;
        assert_eq!(activity.waits_for().as_deref(), Some("retrying in 10 s"));
        activity.asks_heroku();
        assert_eq!(activity.waits_for(), None);
    }
}
