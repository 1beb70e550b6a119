//! A running cluster: its address and its life cycle.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Binaries, Builder, Error, conninfo, folder::Folder, server, server::Server};

/// A PostgreSQL cluster of this process. Dropping it stops the server and removes its folder.
///
/// Its superuser is `postgres`, without a password and with a database of the same name. The
/// encoding is UTF-8, the collation C, the time zone UTC.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) server: Mutex<Server>,
    pub(crate) binaries: Binaries,
    pub(crate) folder: Folder,
    pub(crate) port: u16,
    pub(crate) tcp: bool,
}

/// How to stop a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Cut connections, roll back, and write a checkpoint, as an operator would.
    Fast,
    /// Drop everything, like a crash. The next start recovers all commits.
    Immediate,
}

impl Cluster {
    /// The options of a cluster for tests: Unix socket only, not durable. Change them, then call
    /// [`Builder::start`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The URL of a database over the Unix socket, for libpq and sqlx.
    pub fn url(&self, database: &str) -> String {
        conninfo::over_socket(self.socket_dir(), self.port, database)
    }

    /// The URL of a database over TCP, if the cluster was built with [`Builder::tcp`].
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        Some(conninfo::over_tcp(self.port()?, database))
    }

    /// The port on 127.0.0.1, if the cluster was built with [`Builder::tcp`]. A restart keeps it.
    pub fn port(&self) -> Option<u16> {
        self.tcp.then_some(self.port)
    }

    /// The folder of the Unix socket. It is removed with the cluster, so a test may keep other
    /// files in it.
    pub fn socket_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a program of this PostgreSQL version: `psql`, `pg_dump`, `pgbench`, …
    pub fn bin(&self, program: &str) -> PathBuf {
        self.binaries.bin(program)
    }

    /// A program that runs as the server's user, in the cluster's folder. Some programs, like the
    /// server, refuse root.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.folder.command(program.as_ref());
        server::without_pg_variables(&mut command);
        command
    }

    /// The end of the server's log.
    pub fn log(&self) -> String {
        self.folder.end_of_log()
    }

    /// Stop the server, and keep its data for [`Cluster::start`].
    pub fn stop(&self, shutdown: Shutdown) -> Result<(), Error> {
        self.lock().stop(&self.folder, shutdown)
    }

    /// Start the server again with the same data and address. Do nothing if it runs.
    pub fn start(&self) -> Result<(), Error> {
        self.lock().start(&self.binaries, &self.folder, self.port)
    }

    /// Stop the server and start it again, with no other call in between.
    pub fn restart(&self, shutdown: Shutdown) -> Result<(), Error> {
        let mut server = self.lock();
        server.stop(&self.folder, shutdown)?;
        server.start(&self.binaries, &self.folder, self.port)
    }

    /// A test that panicked while it held the lock leaves the server usable.
    fn lock(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
