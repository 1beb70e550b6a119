//! A PostgreSQL that needs no installation: the server itself, compiled to WebAssembly, inside this
//! program.
//!
//! Use it only for the first run on a machine without PostgreSQL. It prints one line,
//! `DATABASE_URL=postgresql://…`, once it accepts connections. It serves until its input ends, or
//! until Ctrl-C or SIGTERM. So it ends with the program that started it. Then it removes its files,
//! even if a client is connected.
//!
//! Its limits:
//!
//! - **One connection at a time.** It accepts the next one, but does not answer until the first has
//!   closed. A pool must have size one, and programs must take turns.
//! - It never interrupts a query: `statement_timeout` and the like can be set, and have no effect.
//! - It has no TLS and no password, and listens on 127.0.0.1 only.
//!
//! The unpacked server, 100 MB, stays in the user's cache folder (`pglite-oxide`) for the next
//! start. After a `kill -9` of this program, its folder `embedded-postgres-…` stays in the
//! temporary folder.

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

/// A message from a thread to the main thread.
enum News {
    /// The server accepts connections at this URL.
    Ready(String),
    /// The server can't continue.
    Failed(Box<dyn Error + Send + Sync>),
    /// The input has ended, or a signal has arrived.
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

/// The threads end with the process. None of them can be interrupted, least of all the server.
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
        // An input that can't be read counts as ended.
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
