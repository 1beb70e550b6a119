//! The heartbeat: keeps the leases of a fetch alive while its work is slow, on a timer of its own.
//!
//! It promises that a beat never waits for Heroku, only for the database, and that when the beats fail nothing is done
//! but tell: the lease's own [`Trust`](crate::store::Trust) ends in time to stop the work.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{debug, warn};

use crate::store::{Error, Renewal, Store};

/// The beats of some leases; dropping it ends them.
#[derive(Debug, Default)]
pub struct Heartbeat {
    beats: JoinSet<()>,
}

impl Heartbeat {
    /// Renews the lease of `renewal` every `every`, until it is lost or this is dropped.
    pub fn keep(&mut self, store: &Store, renewal: Renewal, every: Duration) {
        let store = store.clone();
        self.beats.spawn(async move {
            let mut timer = interval_at(Instant::now() + every, every);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                timer.tick().await;
                if !renew(&store, &renewal, every).await {
                    return;
                }
            }
        });
    }
}

/// Renews a lease, and tries again while the database fails; false when it is lost.
async fn renew(store: &Store, renewal: &Renewal, every: Duration) -> bool {
    let key = renewal.key();
    let mut failures = 0_u32;
    loop {
        match store.renew(renewal).await {
            Ok(()) => {
                debug!(source = %key.source, date = %key.date, failures, "lease renewed");
                return true;
            }
            Err(Error::LeaseLost) if renewal.trust().is_giving_up() => return false,
            Err(Error::LeaseLost) => {
                warn!(source = %key.source, date = %key.date, "the lease was lost to another process, or ran out");
                return false;
            }
            Err(error) => {
                // The first failure says why; each further one would say the same.
                if failures == 0 {
                    warn!(source = %key.source, date = %key.date, "the lease could not be renewed yet; trying again: {error}");
                } else {
                    debug!(source = %key.source, date = %key.date, failures, "the lease could not be renewed yet: {error}");
                }
                failures += 1;
                if !renewal.trust().holds() {
                    return false;
                }
                tokio::time::sleep(every / 10).await;
            }
        }
    }
}
