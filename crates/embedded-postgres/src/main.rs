//! A PostgreSQL that needs nothing installed: the server itself, compiled to WebAssembly, inside this program.
//!
//! It is for the first run on a machine without PostgreSQL, and for nothing else. It prints one line,
//! `DATABASE_URL=postgresql://…`, once it takes connections. It serves until its input ends, so that it goes with the
//! program that started it, or until Ctrl-C or SIGTERM; then it removes its files, whether or not a client is connected.
//!
//! What it can't do:
//!
//! - **One connection at a time.** The next one is accepted, but hears nothing until the first has closed. A pool must
//!   be of size one; programs take turns.
//! - A query is never interrupted: `statement_timeout` and its like can be set, and do nothing.
//! - No TLS, no password; it listens on 127.0.0.1 alone.
//!
//! The unpacked server, 100 MB, stays in the user's cache folder (`pglite-oxide`) for the next start. A `kill -9` of this
//! very program leaves its `embedded-postgres-…` in the temporary folder.

mod folder;
mod server;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
    sync::mpsc::{self, Sender},
    thread,
};

use folder::Folder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the threads tell the one that decides.
enum News {
    /// The server takes connections at this URL.
    Ready(String),
    /// The server can't go on.
    Failed(Box<dyn Error + Send + Sync>),
    /// The input ended, or a signal came.
    Enough,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("embedded-postgres: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The threads end with the process: none of them can be interrupted, the server least of all.
fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (tell, news) = mpsc::channel();
    on_signal(tell.clone())?;
    on_end_of_input(tell.clone());
    let folder = Folder::create()?;
    server::start(folder.path().to_owned(), tell);
    for news in news {
        match news {
            News::Ready(url) => {
                println!("DATABASE_URL={url}");
                io::stdout().flush()?;
            }
            News::Failed(e) => return Err(e),
            News::Enough => break,
        }
    }
    Ok(())
}

fn on_end_of_input(tell: Sender<News>) {
    thread::spawn(move || {
        // An input that can't be read has ended, too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        tell.send(News::Enough)
    });
}

fn on_signal(tell: Sender<News>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _context = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::spawn(move || {
        runtime.block_on(either(&mut interrupt, &mut terminate));
        tell.send(News::Enough)
    });
    Ok(())
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
