//! A running cluster: where to reach it, and its life.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Binaries, Builder, Error, conninfo, folder::Folder, server, server::Server};

/// A PostgreSQL cluster of this process alone; dropping it stops the server and removes its folder.
///
/// Its superuser is `postgres`, needs no password, and has a database of the same name. Encoding UTF-8, collation C,
/// time zone UTC.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) server: Mutex<Server>,
    pub(crate) binaries: Binaries,
    pub(crate) folder: Folder,
    pub(crate) port: u16,
    pub(crate) tcp: bool,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Cuts connections, rolls back, writes a checkpoint: what an operator does.
    Fast,
    /// Drops everything, as a crash does; the next start recovers all that was committed.
    Immediate,
}

impl Cluster {
    /// A cluster for tests: Unix socket only, not durable. Change what you need, then [`Builder::start`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The URL of a database, over the Unix socket; understood by libpq and sqlx.
    pub fn url(&self, database: &str) -> String {
        conninfo::over_socket(self.socket_dir(), self.port, database)
    }

    /// The URL of a database over TCP, if the cluster was built with [`Builder::tcp`].
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        Some(conninfo::over_tcp(self.port()?, database))
    }

    /// The port on 127.0.0.1, if the cluster was built with [`Builder::tcp`]. It outlives restarts.
    pub fn port(&self) -> Option<u16> {
        self.tcp.then_some(self.port)
    }

    /// The folder of the Unix socket. It vanishes with the cluster, so other files of a test may live here, too.
    pub fn socket_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a program of this PostgreSQL version: `psql`, `pg_dump`, `pgbench`, …
    pub fn bin(&self, program: &str) -> PathBuf {
        self.binaries.bin(program)
    }

    /// A program that runs as the server's user, in the cluster's folder: for those that refuse root, as the server does.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.folder.command(program.as_ref());
        server::without_pg_variables(&mut command);
        command
    }

    /// The end of the server's log.
    pub fn log(&self) -> String {
        self.folder.end_of_log()
    }

    /// Stops the server, and keeps its data for [`Cluster::start`].
    pub fn stop(&self, shutdown: Shutdown) -> Result<(), Error> {
        self.lock().stop(&self.folder, shutdown)
    }

    /// Starts the server again over the same data, at the same address. Does nothing if it runs.
    pub fn start(&self) -> Result<(), Error> {
        self.lock().start(&self.binaries, &self.folder, self.port)
    }

    /// Stops the server and starts it again; no other call comes in between.
    pub fn restart(&self, shutdown: Shutdown) -> Result<(), Error> {
        let mut server = self.lock();
        server.stop(&self.folder, shutdown)?;
        server.start(&self.binaries, &self.folder, self.port)
    }

    /// A test that panicked while it held the server leaves it usable for the others.
    fn lock(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
