//! The accept loop around the embedded server.
//!
//! `PgliteServer` would bring a loop of its own, but that one ends for good at the first client that resets its
//! connection, as every client does that is killed. Here such a client costs a line on stderr.

use std::{
    error::Error,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::mpsc::Sender,
    thread,
};

use pglite_oxide::{PgliteProxy, install_into, preload_runtime_module};

use crate::News;

/// Installs the server and its empty database in a folder, tells the URL, and serves for ever, all on a thread.
pub(crate) fn start(folder: PathBuf, tell: Sender<News>) {
    thread::spawn(move || {
        let failed = match serve(folder, &tell) {
            Ok(never) => match never {},
            Err(e) => e,
        };
        tell.send(News::Failed(failed))
    });
}

fn serve(
    folder: PathBuf,
    tell: &Sender<News>,
) -> Result<std::convert::Infallible, Box<dyn Error + Send + Sync>> {
    // What can fail, and what takes long, comes before the URL: the first client shall not wait for it.
    let installed = install_into(&folder)?;
    preload_runtime_module(&installed.paths)?;
    let proxy = PgliteProxy::new(folder);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    tell.send(News::Ready(format!(
        "postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    )))?;
    loop {
        let connection =
            thread::scope(|scope| scope.spawn(|| proxy.accept_tcp_once(&listener)).join());
        match connection {
            Ok(Ok(())) => {}
            Ok(Err(e)) => eprintln!("embedded-postgres: a connection was lost: {e:#}"),
            Err(_) => eprintln!(
                "embedded-postgres: the server crashed; it starts anew with the next connection"
            ),
        }
    }
}
