//! The heartbeat renews a lease on its own timer while the work is slow.
//!
//! A renewal never waits for Heroku, only for the database. If renewals fail, the heartbeat only
//! warns: the lease's own [`Trust`](crate::store::Trust) ends in time to stop the work.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{debug, warn};

use crate::store::{Error, Renewal, Store};

/// Renews one lease. Dropping it ends the renewals.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    _task: JoinSet<()>,
}

impl Heartbeat {
    /// Renews the lease of `renewal` at each interval `every`, until the lease is lost or this is
    /// dropped.
    pub(crate) fn start(store: &Store, renewal: Renewal, every: Duration) -> Self {
        let store = store.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut timer = interval_at(Instant::now() + every, every);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                timer.tick().await;
                if !renew(&store, &renewal, every).await {
                    return;
                }
            }
        });
        Self { _task: task }
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
                warn!(source = %key.source, date = %key.date, "the lease was lost to another \
                    process, or ran out");
                return false;
            }
            Err(error) => {
                // The first failure says why; each further one would say the same.
                if failures == 0 {
                    warn!(source = %key.source, date = %key.date, "the lease could not be renewed \
                        yet; retrying: {error}");
                } else {
                    debug!(source = %key.source, date = %key.date, failures, "the lease could not \
                        be renewed yet: {error}");
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
