//! A database a test, on one server for all tests of the binary.
//!
//! The server is a cluster of this process, or the one that `AUDITSYNC_TEST_DATABASE_URL` names. The program
//! `pg-cluster` sets that variable for a command, so that a runner with one process a test shares one cluster, too.

use std::{
    env,
    process::Command,
    sync::{Arc, OnceLock},
};

use crate::{Cluster, Error, binaries, conninfo, folder, tools};

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
    Database::create(server, None).unwrap_or_else(|e| panic!("can't create a database for a test: {e}"))
}

/// A test's own database; on a server that outlives the tests, it is dropped with this value.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    server: Server,
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
        server.psql(&tools::create(&name, template))?;
        Ok(Self { name, url, server })
    }

    /// A new database with everything that is in this one, to which nobody may be connected.
    pub fn copy(&self) -> Result<Self, Error> {
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

    /// Runs a script in it; see [`Cluster::psql`].
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        match &self.server {
            Server::Shared(cluster) => cluster.psql(&self.name, sql),
            Server::Own(cluster) => cluster.psql(&self.name, sql),
            Server::Elsewhere(_) => tools::run_psql(Command::new(binaries::client("psql")?), &self.url, sql),
        }
    }
}

impl Server {
    /// Runs a script in the database one connects to for creating others.
    fn psql(&self, sql: &str) -> Result<String, Error> {
        match self {
            Self::Shared(cluster) => cluster.psql("postgres", sql),
            Self::Own(cluster) => cluster.psql("postgres", sql),
            Self::Elsewhere(url) => tools::run_psql(Command::new(binaries::client("psql")?), url, sql),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Server::Elsewhere(_) = self.server {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", conninfo::identifier(&self.name));
            if let Err(e) = self.server.psql(&sql) {
                eprintln!("the test's database {} is left: {e}", self.name);
            }
        }
    }
}
