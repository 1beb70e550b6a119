//! Connects, as Heroku's databases and their poolers want it.

use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgTransaction};
use sqlx::{Connection as _, Postgres};

use super::error::{Doing, describe};
use super::reader::Reader;
use super::tls::{self, Protection};
use super::{Result, patience};
use crate::config::Retry;
use crate::retry::Attempts;

/// How long a connection is waited for: a new one, or one of the pool's that others use.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection that lay idle for so long is closed, before something on the way drops it unseen.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// A connection that lay idle for so long is asked whether it still lives, before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The connections to the database. Cheap to clone: all clones share them.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    pool: PgPool,
    /// The one that showed that the database answers, until it is used.
    first: Arc<Mutex<Option<PoolConnection<Postgres>>>>,
}

impl Connections {
    /// The address and all that goes with it.
    pub(super) fn options(&self) -> Arc<PgConnectOptions> {
        self.pool.connect_options()
    }

    /// Begins a transaction, in these words.
    pub(super) async fn begin(&self, words: &'static str, doing: &'static str) -> Result<PgTransaction<'static>> {
        // Where there may be but one connection, it must not wait to be used.
        drop(self.take_first());
        self.pool.begin_with(words).await.doing(doing)
    }

    /// The connection that is there already, or another.
    pub(super) async fn acquire(&self, doing: &'static str) -> Result<PoolConnection<Postgres>> {
        match self.take_first() {
            Some(first) => Ok(first),
            None => self.pool.acquire().await.doing(doing),
        }
    }

    pub(super) async fn close(&self) {
        drop(self.take_first());
        self.pool.close().await;
    }

    fn take_first(&self) -> Option<PoolConnection<Postgres>> {
        self.first.lock().expect("no panic while locked").take()
    }
}

/// The database can't be reached. Never names the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no PostgreSQL URL. It is not shown, since it may hold a password.
    #[error("the database's address is not of the form postgres://user:password@host:port/database")]
    Address,
    /// The CA's certificate can't be read.
    #[error("the file that sslrootcert names in the database's address can't be used: {path}: {why}")]
    RootCertificate {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The connection can't be protected as it should be.
    #[error("the database at {place} can't be reached over TLS: {why}. {advice}")]
    Tls {
        /// Host and port.
        place: String,
        /// Why.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// The server does not answer, or refuses.
    #[error("the database at {place} can't be reached: {}", describe(.source))]
    Unreachable {
        /// Host and port, or the socket's folder.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
}

/// Connects to the database at `url` with at most `max_connections`, and makes sure that it answers.
pub(super) async fn connect(url: &str, max_connections: u32) -> Result<Reader, ConnectError> {
    let options = options(url)?;
    let protection = Protection::of(&options);
    if let (Protection::Signed | Protection::Verified, Some(file)) = (protection, tls::root_certificate(url)) {
        readable(&file)?;
    }
    let place = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, lately| {
            Box::pin(async move { Ok(lately.idle_for < TRUSTED_FOR || connection.ping().await.is_ok()) })
        })
        .connect_lazy_with(options);
    let mut attempts = Attempts::new(&Retry { max_elapsed: ACQUIRE_TIMEOUT, ..patience() });
    let first = loop {
        let source = match pool.acquire().await {
            Ok(first) => break first,
            Err(source) => source,
        };
        // For a server that refuses or is just starting, the pool has waited.
        let delay = if is_broken_off(&source) { attempts.next_delay(None) } else { None };
        let Some(delay) = delay else {
            return Err(match tls::refusal(&source) {
                Some((why, advice)) => ConnectError::Tls { place, why, advice },
                None => ConnectError::Unreachable { place, source },
            });
        };
        tokio::time::sleep(delay).await;
    };
    protection.announce();
    Ok(Reader::new(Connections { pool, first: Arc::new(Mutex::new(Some(first))) }))
}

/// Makes sure that the CA's certificate is there: what the driver would say does not name the file.
fn readable(file: &Path) -> Result<(), ConnectError> {
    let why = match std::fs::read_to_string(file) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => return Ok(()),
        Ok(_) => "there is no PEM certificate in it".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(ConnectError::RootCertificate { path: file.display().to_string(), why })
}

/// Whether the server was there, but left before it was done.
fn is_broken_off(error: &sqlx::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let sqlx::Error::Io(error) = error else { return false };
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn options(url: &str) -> Result<PgConnectOptions, ConnectError> {
    // Whatever the scheme, the parser would take the rest for PostgreSQL's.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(ConnectError::Address);
    }
    let options = PgConnectOptions::from_str(url).map_err(|_| ConnectError::Address)?;
    let options = options
        .application_name("auditsync")
        // A pooler in transaction mode refuses start-up parameters that it does not know, and can't keep statements.
        .extra_float_digits(None)
        .statement_cache_capacity(0);
    Ok(tls::settle(options, url))
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgSslMode;

    use super::*;

    #[test]
    fn a_connection_that_leaves_the_machine_is_encrypted_even_if_the_url_does_not_say_so() {
        for (url, expected) in [
            ("postgres://u:p@db.example.com:5432/d", PgSslMode::Require),
            ("postgres://u:p@db.example.com/d?sslmode=verify-full", PgSslMode::VerifyFull),
            ("postgres://u:p@db.example.com/d?sslmode=disable", PgSslMode::Disable),
            // A CA that is named is asked, as libpq does.
            ("postgres://u:p@db.example.com/d?sslmode=require&sslrootcert=ca.pem", PgSslMode::VerifyCa),
            ("postgres://u:p@db.example.com/d?sslrootcert=ca.pem", PgSslMode::VerifyCa),
            ("postgresql://u@localhost/d?host=/var/run/postgresql", PgSslMode::Prefer),
            ("postgres://u@127.0.0.1/d", PgSslMode::Prefer),
        ] {
            let mode = options(url).expect("an address").get_ssl_mode();
            assert_eq!(format!("{mode:?}"), format!("{expected:?}"), "{url}");
        }
    }

    #[test]
    fn a_bad_address_is_an_error_that_does_not_show_it() {
        let error = options("postgres://user:secret@host:notaport/d").expect_err("a bad port");
        assert!(!error.to_string().contains("secret"));
    }
}
