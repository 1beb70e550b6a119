//! One database per test, on one server for all tests of the binary.
//!
//! The server is a cluster of this process, or the one that `AUDITSYNC_TEST_DATABASE_URL` names.
//! The program `pg-cluster` sets that variable for a command. Thus a test runner with one process
//! per test shares one cluster, too.

use std::{
    env,
    process::Command,
    sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError},
};

use crate::{Cluster, Error, Session, binaries, conninfo, folder, tools};

/// The environment variable that names a server for the tests' databases.
pub const DATABASE_URL_VARIABLE: &str = "AUDITSYNC_TEST_DATABASE_URL";

/// The cluster that all tests of this process share: not durable, 200 connections. It ends with the
/// process.
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

/// An empty database for each call.
///
/// # Panics
///
/// If it can't be created; see [`shared`].
pub fn fresh_database() -> Database {
    let server = match env::var(DATABASE_URL_VARIABLE) {
        Ok(url) if !url.is_empty() => Server::Elsewhere(url),
        _ => Server::Shared(shared()),
    };
    Database::create(server, None)
        .unwrap_or_else(|e| panic!("can't create a database for a test: {e}"))
}

/// A test's own database. Dropping this value drops the database if the server outlives the tests.
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
    /// Create an empty database on this cluster, which lives at least as long as this value.
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

    /// Copy this database into a new one. Nobody else may be connected to it.
    pub fn copy(&self) -> Result<Self, Error> {
        // The server waits some seconds for the last session's process to end.
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

    /// Its cluster. `None` for a server that the environment names, which tests may not stop.
    pub fn cluster(&self) -> Option<&Cluster> {
        match &self.server {
            Server::Shared(cluster) => Some(cluster),
            Server::Own(cluster) => Some(cluster),
            Server::Elsewhere(_) => None,
        }
    }

    /// Run a script like [`Cluster::psql`], in a session that the next call uses again. The session
    /// resets what the script has set. A script that leaves a transaction open is an error.
    ///
    /// The script must be complete: psql waits for the end of an open quote.
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        let mut kept = match self.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            // Another thread's script may hold the lock that this one waits for, or wait for this
            // one.
            Err(TryLockError::WouldBlock) => return self.session()?.ask_and_reset(sql),
        };
        // A test may have cut the session or restarted the server.
        let alive = kept
            .take()
            .and_then(|mut session| session.ask_and_reset("").is_ok().then_some(session));
        let mut session = alive.map_or_else(|| self.session(), Ok)?;
        let rows = session.ask_and_reset(sql)?;
        *kept = Some(session);
        Ok(rows)
    }

    /// Open a session for the caller, who may hold a transaction in it.
    pub fn session(&self) -> Result<Session, Error> {
        self.session_at(&self.url)
    }

    /// The same by another URL of this database: for another user, or through a pooler.
    pub fn session_at(&self, url: &str) -> Result<Session, Error> {
        Session::open(self.server.psql()?, url)
    }
}

impl Server {
    /// Run a script in the server's maintenance database.
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
                eprintln!("can't drop the test's database {}: {e}", self.name);
            }
        }
    }
}
