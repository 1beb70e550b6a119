//! A proxy between a client and PostgreSQL that strikes at the boundary of two steps.
//!
//! It knows only the protocol's framing. A *step* is what a client sends before it waits for the
//! server: the start-up packet, a simple query, or everything up to a `Sync`. At one step, chosen
//! by its number, the proxy kills the program or cuts its connection. That happens either before
//! the step reaches the server, or after the server has executed it and before the client gets the
//! answer.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

#[path = "relay.rs"]
mod relay;
#[path = "stream.rs"]
mod stream;

use relay::accept;
use stream::Upstream;

/// Whether the server has executed the step when the blow falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// The step never reaches the server.
    Before,
    /// The server has executed it; its answer is lost.
    After,
}

/// What happens at the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The program is killed (`SIGKILL`).
    Kill,
    /// The connection is cut; later ones are not.
    Cut,
    /// The connection is cut, and every later one.
    Gone,
    /// This connection passes nothing on any more, and gives no sign of it.
    Silence,
    /// The same for every connection, and for later ones: a frozen host whose kernel still accepts
    /// what is sent.
    Freeze,
}

/// A running proxy. It ends with this value.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    port: u16,
    url: String,
}

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    state: Mutex<State>,
    program_known: Condvar,
    resumed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The steps so far, in the order of arrival, over all connections.
    steps: Vec<String>,
    strike: Option<Strike>,
    struck: bool,
    passage: Passage,
    /// How long each step is delayed.
    delay: Duration,
    /// The process to kill.
    program: Option<u32>,
    closed: bool,
}

/// What happens to connections and to what is sent on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Passage {
    /// All of it is passed on.
    #[default]
    Open,
    /// No connection is accepted.
    Gone,
    /// Nothing is passed on, on any connection, ever.
    Frozen,
    /// Everything is held back for now.
    Paused,
}

/// The blow planned for a later step.
#[derive(Debug)]
struct Strike {
    /// How many steps that contain `text` are still to come, including this one.
    left: usize,
    text: &'static str,
    when: When,
    blow: Blow,
}

impl Proxy {
    /// Starts one in front of the server of this URL.
    pub(crate) fn start(url: &str) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("an address").port();
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = address.split_once('/').expect("a database");
        let (user, place) = authority.rsplit_once('@').unwrap_or(("postgres", authority));
        let (host, number) = place.rsplit_once(':').unwrap_or((place, "5432"));
        let upstream = match query.split('&').find_map(|option| option.strip_prefix("host=")) {
            Some(folder) => Upstream::Socket(format!("{folder}/.s.PGSQL.{number}")),
            None => Upstream::Tcp(format!("{host}:{number}")),
        };
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::default(),
            program_known: Condvar::new(),
            resumed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self {
            shared,
            port,
            url: format!("{scheme}://{user}@127.0.0.1:{port}/{database}?sslmode=disable"),
        }
    }

    /// The URL through the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The port of 127.0.0.1 that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Strikes at the `n`-th step from now that contains `text`.
    pub(crate) fn strike(&self, n: usize, text: &'static str, when: When, blow: Blow) {
        let mut state = self.shared.lock();
        state.strike = Some(Strike { left: n, text, when, blow });
        state.struck = false;
    }

    /// Makes the line slow: each step is delayed by this.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    /// From now on holds everything back, like a temporarily frozen host, or passes it on again.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.shared.lock().passage = if paused { Passage::Paused } else { Passage::Open };
        self.shared.resumed.notify_all();
    }

    /// Forgets all steps and blows, and passes everything on.
    pub(crate) fn forget(&self) {
        *self.shared.lock() = State::default();
    }

    /// Sets the process that [`Blow::Kill`] kills. The blow waits for that.
    pub(crate) fn program_is(&self, process: u32) {
        self.shared.lock().program = Some(process);
        self.shared.program_known.notify_all();
    }

    /// Whether the blow has fallen.
    pub(crate) fn has_struck(&self) -> bool {
        self.shared.lock().struck
    }

    /// The steps so far.
    pub(crate) fn steps(&self) -> Vec<String> {
        self.shared.lock().steps.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.resumed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_frozen(&self) -> bool {
        self.lock().passage == Passage::Frozen
    }

    /// Counts a step and returns what happens at it. A lone `Sync` only asks whether the server is
    /// there, so it is no step.
    fn count(&self, step: String) -> Option<(When, Blow)> {
        if step.is_empty() {
            return None;
        }
        let mut state = self.lock();
        let due = state.strike.as_mut().is_some_and(|strike| {
            strike.left -= usize::from(step.contains(strike.text));
            strike.left == 0
        });
        state.steps.push(step);
        let strike = if due { state.strike.take() } else { None };
        strike.map(|strike| (strike.when, strike.blow))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a slow line takes time; nothing waits for it in order to be right"
    )]
    fn delay(&self) {
        let state = self
            .resumed
            .wait_while(self.lock(), |state| state.passage == Passage::Paused && !state.closed);
        let delay = state.unwrap_or_else(PoisonError::into_inner).delay;
        thread::sleep(delay);
    }

    /// Carries the blow out, except for what happens to the connection itself.
    fn strike(&self, blow: Blow) {
        let mut state = self.lock();
        if blow == Blow::Kill {
            let known = self.program_known.wait_while(state, |state| state.program.is_none());
            state = known.unwrap_or_else(PoisonError::into_inner);
            let process = state.program.expect("just waited for").to_string();
            let killed =
                Command::new("kill").args(["-s", "KILL", &process]).status().expect("kill");
            assert!(killed.success());
        }
        state.struck = true;
        state.passage = match blow {
            Blow::Gone => Passage::Gone,
            Blow::Freeze => Passage::Frozen,
            Blow::Kill | Blow::Cut | Blow::Silence => Passage::Open,
        };
    }
}

impl Blow {
    fn cuts(self) -> bool {
        matches!(self, Self::Cut | Self::Gone)
    }

    fn silences(self) -> bool {
        matches!(self, Self::Silence | Self::Freeze)
    }
}
