//! Holds: requests wait until a test releases them, so that tests need no sleeps to order events.

use std::sync::Arc;

use tokio::sync::watch;

use crate::journal::Recorded;
use crate::matching::Match;

/// Matching requests wait at a hold. Releasing or dropping it lets them and all later ones
/// continue.
#[derive(Debug)]
#[must_use = "dropping a hold releases it"]
pub struct Hold {
    gate: Arc<Gate>,
}

impl Hold {
    /// Wait until a request is waiting.
    pub async fn arrived(&self) {
        self.arrived_at_least(1).await;
    }

    /// Wait until this many requests are waiting.
    pub async fn arrived_at_least(&self, count: usize) {
        let mut waiting = self.gate.waiting.subscribe();
        waiting.wait_for(|waiting| *waiting >= count).await.expect("the gate keeps the sender");
    }

    /// The number of waiting requests. A request whose client has left does not count.
    pub fn waiting(&self) -> usize {
        *self.gate.waiting.borrow()
    }

    /// Let all matching requests continue, now and later.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.gate.open.send_replace(true);
    }
}

#[derive(Debug)]
pub(crate) struct Gate {
    matching: Match,
    open: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Gate {
    pub(crate) fn new(matching: Match) -> (Arc<Self>, Hold) {
        let gate = Arc::new(Self {
            matching,
            open: watch::Sender::new(false),
            waiting: watch::Sender::new(0),
        });
        (Arc::clone(&gate), Hold { gate })
    }

    pub(crate) fn holds(&self, asked: &Recorded) -> bool {
        !*self.open.borrow() && self.matching.meets(asked)
    }

    pub(crate) async fn pass(&self) {
        struct Place<'a>(&'a watch::Sender<usize>);
        impl Drop for Place<'_> {
            fn drop(&mut self) {
                self.0.send_modify(|waiting| *waiting -= 1);
            }
        }
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _place = Place(&self.waiting);
        self.open.subscribe().wait_for(|open| *open).await.expect("the gate keeps the sender");
    }
}
