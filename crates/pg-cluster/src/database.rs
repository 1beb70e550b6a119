//! A database a test, on one server for all tests of the binary.
//!
//! The server is a cluster of this process, or the one that `AUDITSYNC_TEST_DATABASE_URL` names. The program
//! `pg-cluster` sets that variable for a command, so that a runner with one process a test shares one cluster, too.

use std::{
    env,
    process::Command,
    sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError},
};

use crate::{Cluster, Error, Session, binaries, conninfo, folder, tools};

/// The environment variable that names a server to create the tests' databases on.
pub const DATABASE_URL_VARIABLE: &str = "AUDITSYNC_TEST_DATABASE_URL";

/// The cluster that all tests of this process share: not durable, 200 connections. It goes when the process ends.
///
/// # Panics
///
/// If it can't start: a test without its database has failed. The message says what to install.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Result<Cluster, Error>> = OnceLock::new();
    match SHARED.get_or_init(|| Cluster::builder().setting("max_connections", "200").start()) {
        Ok(cluster) => cluster,
        Err(e) => panic!("{e}"),
    }
}

/// An empty database of its own for each call.
///
/// # Panics
///
/// If it can't be created, for the reason that [`shared`] gives.
pub fn fresh_database() -> Database {
    let server = match env::var(DATABASE_URL_VARIABLE) {
        Ok(url) if !url.is_empty() => Server::Elsewhere(url),
        _ => Server::Shared(shared()),
    };
    Database::create(server, None)
        .unwrap_or_else(|e| panic!("can't create a database for a test: {e}"))
}

/// A test's own database; on a server that outlives the tests, it is dropped with this value.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    server: Server,
    kept: Mutex<Option<Session>>,
}

#[derive(Clone, Debug)]
enum Server {
    Shared(&'static Cluster),
    Own(Arc<Cluster>),
    Elsewhere(String),
}

impl Database {
    /// An empty one on a cluster of the test's own, which lives at least as long as this value.
    pub fn on(cluster: &Arc<Cluster>) -> Result<Self, Error> {
        Self::create(Server::Own(Arc::clone(cluster)), None)
    }

    fn create(server: Server, template: Option<&str>) -> Result<Self, Error> {
        let name = format!("test-{}", folder::unique()).replace('-', "_");
        let url = match &server {
            Server::Shared(cluster) => cluster.url(&name),
            Server::Own(cluster) => cluster.url(&name),
            Server::Elsewhere(url) => conninfo::with_database(url, &name).ok_or(Error::BadUrl)?,
        };
        server.run(&tools::create(&name, template))?;
        Ok(Self { name, url, server, kept: Mutex::default() })
    }

    /// A new database with everything that is in this one, to which nobody else may be connected.
    pub fn copy(&self) -> Result<Self, Error> {
        // The server waits some seconds for the last one's process to go.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self::create(self.server.clone(), Some(&self.name))
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is on; `None` for a server from the environment, which is not ours to stop.
    pub fn cluster(&self) -> Option<&Cluster> {
        match &self.server {
            Server::Shared(cluster) => Some(cluster),
            Server::Own(cluster) => Some(cluster),
            Server::Elsewhere(_) => None,
        }
    }

    /// Runs a script in it, as [`Cluster::psql`] does, by a session that is kept for the next one. What a script sets
    /// in the server does not outlast it, and one that leaves a transaction open is an error.
    ///
    /// A script has to be whole: in an open quote psql waits for more.
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        let mut kept = match self.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            // A script may wait for a lock that another thread's script is to release.
            Err(TryLockError::WouldBlock) => return self.session()?.ask_and_forget(sql),
        };
        // The server may have cut it, or have been started anew.
        let alive = kept
            .take()
            .and_then(|mut session| session.ask_and_forget("").is_ok().then_some(session));
        let mut session = alive.map_or_else(|| self.session(), Ok)?;
        let rows = session.ask_and_forget(sql)?;
        *kept = Some(session);
        Ok(rows)
    }

    /// A session of the caller's own, which may hold a transaction.
    pub fn session(&self) -> Result<Session, Error> {
        self.session_at(&self.url)
    }

    /// The same at another address of it: another user, or a pooler.
    pub fn session_at(&self, url: &str) -> Result<Session, Error> {
        Session::open(self.server.psql()?, url)
    }
}

impl Server {
    /// Runs a script in the database one connects to for creating others.
    fn run(&self, sql: &str) -> Result<String, Error> {
        let url = match self {
            Self::Shared(cluster) => cluster.url("postgres"),
            Self::Own(cluster) => cluster.url("postgres"),
            Self::Elsewhere(url) => url.clone(),
        };
        tools::run_psql(self.psql()?, &url, sql)
    }

    fn psql(&self) -> Result<Command, Error> {
        match self {
            Self::Shared(cluster) => cluster.client("psql"),
            Self::Own(cluster) => cluster.client("psql"),
            Self::Elsewhere(_) => Ok(Command::new(binaries::client("psql")?)),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Server::Elsewhere(_) = self.server {
            let sql = format!(
                "DROP DATABASE IF EXISTS {} WITH (FORCE)",
                conninfo::identifier(&self.name)
            );
            if let Err(e) = self.server.run(&sql) {
                eprintln!("the test's database {} is left: {e}", self.name);
            }
        }
    }
}
