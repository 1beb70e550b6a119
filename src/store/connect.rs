//! Connects, as Heroku's databases and their poolers want it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgTransaction};
use sqlx::{Connection as _, Postgres};

use super::error::{Doing, describe};
use super::inspect::Place;
use super::reader::Reader;
use super::tls;
use super::{Address, AddressError, Result, patience};
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
    /// The address is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
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

/// Connects to the database at `address` with at most `max_connections`, and makes sure that it answers.
pub(super) async fn connect(address: &Address, max_connections: u32) -> Result<Reader, ConnectError> {
    address.announce();
    let reader = match (open(address.options.clone(), max_connections).await, address.otherwise) {
        (Err(error), Some(mode)) if tls::may_differ(&error) => {
            // The first refusal says why it was not as the address would rather have it.
            open(address.options.clone().ssl_mode(mode), max_connections).await.map_err(|_| error)?
        }
        (opened, _) => opened?,
    };
    reader.protection().announce();
    Ok(reader)
}

async fn open(options: PgConnectOptions, max_connections: u32) -> Result<Reader, ConnectError> {
    let place = Place::of(&options).to_string();
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
    Ok(Reader::new(Connections { pool, first: Arc::new(Mutex::new(Some(first))) }))
}

/// Whether the server was there, but left before it was done.
fn is_broken_off(error: &sqlx::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let sqlx::Error::Io(error) = error else { return false };
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
