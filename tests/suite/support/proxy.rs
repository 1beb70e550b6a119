//! A proxy between a client and PostgreSQL that strikes at the boundary of two steps.
//!
//! It knows the protocol's framing, and no more. A *step* is what a client sends before it waits for the server: the
//! start-up packet, a simple query, or everything up to a `Sync`. One step, chosen by its number, is the one at which
//! the program is killed, or its connection cut, either before the step reaches the server or after the server has
//! carried it out and before the client hears of it.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

#[path = "stream.rs"]
mod stream;

use stream::{Stream, Upstream, c_string, read, start_up};

/// Whether the server has carried out the step at which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// The step never reaches the server.
    Before,
    /// The server has carried it out; its answer is lost.
    After,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The program is killed (`SIGKILL`).
    Kill,
    /// The connection is cut; later ones are not.
    Cut,
    /// The connection is cut, and every later one.
    Gone,
    /// On this connection nothing comes through any more, and nothing tells of it.
    Silence,
    /// The same on every connection, and on later ones: a host that froze, whose kernel still takes what is sent.
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
    /// The steps so far, in the order in which they came, over all connections.
    steps: Vec<String>,
    strike: Option<Strike>,
    struck: bool,
    passage: Passage,
    /// How long each step is under way.
    delay: Duration,
    /// The process to kill.
    program: Option<u32>,
    closed: bool,
}

/// What becomes of connections and of what is sent on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Passage {
    /// All of it is passed on.
    #[default]
    Open,
    /// No connection is let through.
    Gone,
    /// Nothing comes through on any connection, ever.
    Frozen,
    /// Everything is held back for now.
    Paused,
}

/// To be done at a step that is still to come.
#[derive(Debug)]
struct Strike {
    /// How many steps that contain `text` are still to come, this one counted.
    left: usize,
    text: &'static str,
    when: When,
    blow: Blow,
}

/// One client's connection and the server's to it.
struct Line {
    /// The number of the step whose answer is withheld; `usize::MAX` for none.
    withheld: AtomicUsize,
    blow: Mutex<Blow>,
    /// Nothing comes through, not even that the server hung up.
    silent: AtomicBool,
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

    /// The URL that leads through the proxy.
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

    /// Makes the line slow: each step is so long under way.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    /// Holds everything back from now on, as a host does that freezes for a while, or lets it through again.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.shared.lock().passage = if paused { Passage::Paused } else { Passage::Open };
        self.shared.resumed.notify_all();
    }

    /// Forgets all that was, and lets everything through.
    pub(crate) fn forget(&self) {
        *self.shared.lock() = State::default();
    }

    /// Names the process that [`Blow::Kill`] kills, which waits for that.
    pub(crate) fn program_is(&self, process: u32) {
        self.shared.lock().program = Some(process);
        self.shared.program_known.notify_all();
    }

    /// Whether the strike has happened.
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

    /// Counts a step, and says what is to happen at it. A lone `Sync` only asks whether the server is there: no step.
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

    /// Lets it happen, but for what happens to the connection itself.
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

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let (closed, passage) = {
            let state = shared.lock();
            (state.closed, state.passage)
        };
        if closed {
            return;
        }
        if passage == Passage::Gone {
            continue;
        }
        if passage == Passage::Frozen {
            // Taken, and never answered.
            thread::spawn(move || client.map(|client| discard(&mut Stream::Tcp(client))));
            continue;
        }
        let (Ok(client), Ok(server)) = (client, shared.upstream.connect()) else { continue };
        // Each message is passed on by itself; none is to wait for more.
        client.set_nodelay(true).expect("a connection");
        let (shared, line) = (Arc::clone(shared), Arc::new(Line::new()));
        thread::spawn(move || {
            let (mut from_server, mut to_client) = (server.clone(), Stream::Tcp(client));
            let mut from_client = to_client.clone();
            let mut to_server = server;
            let (answering, theirs) = (Arc::clone(&line), Arc::clone(&shared));
            let answers = thread::spawn(move || {
                // An error is the end of a connection, as is everything that this returns.
                let ends =
                    answer(&mut from_server, &mut to_client, &answering, &theirs).unwrap_or(true);
                if ends && !answering.silent.load(Ordering::SeqCst) && !theirs.is_frozen() {
                    to_client.close();
                    from_server.close();
                }
            });
            let _ = ask(&mut from_client, &mut to_server, &line, &shared);
            from_client.close();
            to_server.close();
            let _ = answers.join();
        });
    }
}

/// Passes on what the client asks, until the connection is to end.
fn ask(client: &mut Stream, server: &mut Stream, line: &Line, shared: &Shared) -> io::Result<()> {
    let (mut step, mut sql) = (start_up(client)?, "start-up".to_owned());
    let mut text = sql.clone();
    for number in 0.. {
        match shared.count(std::mem::take(&mut text)) {
            Some((When::Before, blow)) => {
                shared.strike(blow);
                line.silent.store(blow.silences(), Ordering::SeqCst);
                return if blow.cuts() { Ok(()) } else { discard(client) };
            }
            Some((When::After, blow)) => {
                *line.blow.lock().unwrap_or_else(PoisonError::into_inner) = blow;
                line.withheld.store(number, Ordering::SeqCst);
            }
            None if shared.is_frozen() => return discard(client),
            None => {}
        }
        shared.delay();
        server.write_all(&step)?;
        step.clear();
        loop {
            let message = read(client)?;
            step.extend_from_slice(&message);
            match message[0] {
                b'Q' => {
                    text = format!("query {}", c_string(&message[5..]));
                    break;
                }
                b'P' => {
                    // The statement's name, which ought to be empty, comes first.
                    let name = c_string(&message[5..]);
                    sql = c_string(&message[5 + name.len() + 1..]);
                    text = format!("parse {name} {sql}");
                }
                b'B' => text = format!("execute {sql}"),
                b'S' => break,
                // Part of the start-up, or a farewell: nothing that the server carries out.
                b'p' | b'X' => {
                    server.write_all(&step)?;
                    step.clear();
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Passes on what the server answers. False when the client's end is to be awaited.
fn answer(
    server: &mut Stream,
    client: &mut Stream,
    line: &Line,
    shared: &Shared,
) -> io::Result<bool> {
    let mut answered = 0;
    loop {
        let message = read(server)?;
        if shared.is_frozen() {
            continue;
        }
        drop(
            shared.resumed.wait_while(shared.lock(), |state| {
                state.passage == Passage::Paused && !state.closed
            }),
        );
        let withheld = line.withheld.load(Ordering::SeqCst) == answered;
        if !withheld {
            client.write_all(&message)?;
        }
        // ReadyForQuery: the step is done.
        if message[0] == b'Z' {
            if withheld {
                let blow = *line.blow.lock().unwrap_or_else(PoisonError::into_inner);
                shared.strike(blow);
                line.silent.store(blow.silences(), Ordering::SeqCst);
                return Ok(blow.cuts());
            }
            answered += 1;
        }
    }
}

/// Reads until the client is gone.
fn discard(client: &mut Stream) -> io::Result<()> {
    io::copy(client, &mut io::sink()).map(drop)
}

impl Line {
    fn new() -> Self {
        Self {
            withheld: AtomicUsize::new(usize::MAX),
            blow: Mutex::new(Blow::Cut),
            silent: AtomicBool::new(false),
        }
    }
}
