//! Passes the messages of a client and the server on, step by step.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::stream::{Stream, c_string, read, start_up};
use super::{Blow, Passage, Shared, When};

/// One client's connection and the server's to it.
struct Line {
    /// The number of the step whose answer is withheld; `usize::MAX` for none.
    withheld: AtomicUsize,
    blow: Mutex<Blow>,
    /// Nothing is passed on, not even that the server hung up.
    silent: AtomicBool,
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

pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
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
            // Accepted, and never answered.
            thread::spawn(move || client.map(|client| discard(&mut Stream::Tcp(client))));
            continue;
        }
        let (Ok(client), Ok(server)) = (client, shared.upstream.connect()) else { continue };
        // Each message is passed on by itself; none has to wait for more.
        client.set_nodelay(true).expect("a connection");
        let (shared, line) = (Arc::clone(shared), Arc::new(Line::new()));
        thread::spawn(move || {
            let (mut from_server, mut to_client) = (server.clone(), Stream::Tcp(client));
            let mut from_client = to_client.clone();
            let mut to_server = server;
            let (answering, theirs) = (Arc::clone(&line), Arc::clone(&shared));
            let answers = thread::spawn(move || {
                // An error ends a connection, as does every return from here.
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

/// Passes on what the client sends, until the connection has to end.
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
                    // The statement's name, which should be empty, comes first.
                    let name = c_string(&message[5..]);
                    sql = c_string(&message[5 + name.len() + 1..]);
                    text = format!("parse {name} {sql}");
                }
                b'B' => text = format!("execute {sql}"),
                b'S' => break,
                // Part of the start-up, or a disconnection: the server executes nothing.
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

/// Passes on what the server answers. False if the client has to disconnect first.
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
        // `ReadyForQuery`: the step is done.
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

/// Reads until the client has disconnected.
fn discard(client: &mut Stream) -> io::Result<()> {
    io::copy(client, &mut io::sink()).map(drop)
}
