//! The state that the servers and the handle share.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::watch;

use crate::faults::{Fault, Script};
use crate::gate::Gate;
use crate::journal::{Journal, Recorded};
use crate::listing::Paging;
use crate::model::Model;
use crate::quota::Buckets;

/// Everything that changes, behind one lock that is never held across an await.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) model: Model,
    pub(crate) paging: Paging,
    pub(crate) gzip: bool,
    pub(crate) buckets: Buckets,
    pub(crate) script: Script,
    pub(crate) gates: Vec<Arc<Gate>>,
    pub(crate) journal: Journal,
    /// The address of the archive host.
    pub(crate) archive_base: String,
}

/// The state, shared.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Changes when the hanging requests are released.
    pub(crate) hangs: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn new(model: Model, archive_base: String) -> Self {
        let state = State {
            model,
            paging: Paging::default(),
            gzip: true,
            buckets: Buckets::default(),
            script: Script::default(),
            gates: Vec::new(),
            journal: Journal::default(),
            archive_base,
        };
        Self { state: Mutex::new(state), hangs: watch::Sender::new(()) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock has already failed its test. The other tests need not fail too.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Record a request, and wait while it is held. Return its index in the journal.
    pub(crate) async fn arrive(&self, asked: &Recorded, violations: Vec<String>) -> usize {
        let (place, gates) = {
            let mut state = self.lock();
            state.journal.requests.push(asked.clone());
            state.journal.violations.extend(violations);
            let gates: Vec<_> =
                state.gates.iter().filter(|gate| gate.holds(asked)).cloned().collect();
            (state.journal.requests.len() - 1, gates)
        };
        for gate in gates {
            gate.pass().await;
        }
        place
    }

    /// Take the fault for this request. A fault that only delays is waited for here.
    pub(crate) async fn fault(&self, asked: &Recorded) -> Option<Fault> {
        // Subscribe before the fault is taken: a test that sees it taken may release it at once.
        let mut hangs = self.hangs.subscribe();
        let fault = self.lock().script.take(asked);
        match fault {
            Some(Fault::Hang) => {
                hangs.changed().await.expect("the state keeps the sender");
                None
            }
            Some(Fault::Delay(by)) => {
                tokio::time::sleep(by).await;
                None
            }
            fault => fault,
        }
    }

    pub(crate) fn answered(&self, place: usize, status: u16) {
        if let Some(recorded) = self.lock().journal.requests.get_mut(place) {
            recorded.status = Some(status);
        }
    }

    /// Take one request from a user's quota. `false` if it is empty.
    pub(crate) fn charge(&self, user: &str) -> bool {
        self.lock().buckets.take(user, Instant::now())
    }
}
