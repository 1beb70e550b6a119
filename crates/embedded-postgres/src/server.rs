//! The accept loop around the embedded server.
//!
//! The loop of `PgliteServer` ends for good when a client resets its connection, as a killed client
//! does. In this loop such a client only costs a line on stderr.

use std::{
    error::Error,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::mpsc::Sender,
    thread,
};

use pglite_oxide::{PgliteProxy, install_into, preload_runtime_module};

use crate::News;

/// Install the server with an empty database in a folder, send the URL, and serve for ever, on a
/// thread.
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
    // Do whatever can fail or takes long before sending the URL, so that the first client need not
    // wait.
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
