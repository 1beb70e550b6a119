//! The connections of this process, and transactions on them. Every wait is bounded, also while the server is silent.
//!
//! sqlx's own pool is not used, for three reasons: it replaces the server's words by "timed out", it waits for a
//! connection that the role is not allowed to have while others of ours are idle, and it waits without end for one
//! whose server fell silent. deadpool, the other candidate, can't give up a slot that the server refuses either.
//!
//! sqlx gives no access to a connection's socket, so there are no TCP keepalives. What they are for is done one level
//! up: each statement has a time limit, an idle connection is asked whether it still lives before it is used, and one
//! that was idle for long is not used again.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::error::{Doing, is_too_many_connections};
use super::outage::Outage;
use super::patience::STATEMENT;
use super::{Error, Result};

/// How long one attempt to connect may take.
pub(super) const CONNECT: Duration = Duration::from_secs(15);
/// A connection that was idle for so long is not used again: something on the way may have dropped it unseen.
const IDLE: Duration = Duration::from_mins(1);
/// A connection that was idle for so long is asked whether it still lives.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long the answer to that may take.
const PING: Duration = Duration::from_secs(3);
/// How long the answer to a COMMIT may take before it is looked up whether the commit took place.
const COMMIT: Duration = Duration::from_secs(10);
/// How long a transaction that was given up may take to roll back before its connection is cut.
const ROLLBACK: Duration = Duration::from_secs(2);
/// How long all connections together may take to close.
const CLOSE: Duration = Duration::from_secs(1);

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read, each statement what was committed before it.
    Read,
    /// Read, all statements the same picture.
    ReadSnapshot,
    /// What the database, the role and the session allow.
    Write,
}

impl Access {
    /// Begins a transaction. The isolation level is stated, whatever the database's or the role's default is; the access
    /// mode is inherited by what writes, so that a read-only default is respected. A wait for a lock ends after 3 s, so
    /// that nobody queues behind us for long; what waits tries again. The server ends a statement shortly before we stop
    /// waiting for it, and a transaction in which this process falls silent.
    fn begin(self) -> &'static str {
        match self {
            Self::Read => {
                "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL lock_timeout = '3s'; \
                 SET LOCAL statement_timeout = '28s'; SET LOCAL idle_in_transaction_session_timeout = '10s'"
            }
            Self::ReadSnapshot => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '3s'; \
                 SET LOCAL statement_timeout = '28s'; SET LOCAL idle_in_transaction_session_timeout = '10s'"
            }
            Self::Write => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '3s'; \
                 SET LOCAL statement_timeout = '28s'; SET LOCAL idle_in_transaction_session_timeout = '10s'"
            }
        }
    }
}

/// The connections to the database. Cheap to clone: all clones share them.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: PgConnectOptions,
    permits: Arc<Semaphore>,
    /// How many permits there are, in use or not. It shrinks when the server allows fewer connections.
    most: AtomicUsize,
    idle: Mutex<Vec<Idle>>,
    outage: Outage,
}

/// A connection that nobody uses.
#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
}

/// A connection in use. Dropping it cuts it.
#[derive(Debug)]
struct Line {
    connection: PgConnection,
    /// Returned with the line.
    permit: OwnedSemaphorePermit,
}

impl Connections {
    /// No connection yet, and at most `most`.
    pub(super) fn new(options: PgConnectOptions, most: u32) -> Self {
        let most = most as usize;
        Self(Arc::new(Inner {
            options,
            permits: Arc::new(Semaphore::new(most)),
            most: AtomicUsize::new(most),
            idle: Mutex::default(),
            outage: Outage::default(),
        }))
    }

    /// The address and all that goes with it.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.0.options
    }

    /// Whether the database is out of reach, or accepts no writes.
    pub(super) fn outage(&self) -> &Outage {
        &self.0.outage
    }

    /// Connects once, for at most `patience`, and keeps the connection for the first transaction.
    pub(super) async fn connect_first(&self, patience: Duration) -> Result<(), sqlx::Error> {
        let connection = connect(&self.0.options, patience).await?;
        self.0.idle().push(Idle { connection, since: Instant::now() });
        Ok(())
    }

    /// Begins a transaction; `doing` completes "the database failed to …".
    pub(super) async fn begin(&self, access: Access, doing: &'static str) -> Result<Transaction> {
        let line = self.acquire(doing).await?;
        let mut transaction = Transaction { line: Some(line), connections: self.clone() };
        transaction.execute(sqlx::raw_sql(access.begin())).await.doing(doing)?;
        Ok(transaction)
    }

    async fn acquire(&self, doing: &'static str) -> Result<Line> {
        loop {
            let permit = timeout(STATEMENT, Arc::clone(&self.0.permits).acquire_owned()).await;
            let permit =
                permit.map_err(|_| Error::Busy { doing })?.expect("the semaphore is never closed");
            if let Some(connection) = self.0.idle_connection().await {
                return Ok(Line { connection, permit });
            }
            match connect(&self.0.options, CONNECT).await {
                Ok(connection) => return Ok(Line { connection, permit }),
                // The server allows fewer connections than the file: those that there are must do.
                Err(error) if is_too_many_connections(&error) && self.0.give_up_one() => {
                    permit.forget();
                    tracing::info!(
                        connections = self.0.most(),
                        "the database allows no more connections; these must do"
                    );
                }
                Err(error) => return Err(error).doing(doing),
            }
        }
    }

    /// Closes the connections, so that the server sees them end as they should; but not at the price of a long wait.
    pub(super) async fn close(&self) {
        let goodbye = async {
            // Transactions that were given up may still be rolling back.
            let all = u32::try_from(self.0.most()).unwrap_or(u32::MAX);
            let _all = self.0.permits.acquire_many(all).await;
            let idle = std::mem::take(&mut *self.0.idle());
            join_all(idle.into_iter().map(|idle| idle.connection.close())).await;
        };
        if timeout(CLOSE, goodbye).await.is_err() {
            tracing::debug!("the database did not answer the goodbye; its connections are cut");
        }
    }
}

impl Inner {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().expect("no panic while locked")
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Gives one slot up; false for the last one.
    fn give_up_one(&self) -> bool {
        self.most
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |most| {
                most.checked_sub(1).filter(|n| *n > 0)
            })
            .is_ok()
    }

    /// The connection that was used last, if it still lives.
    async fn idle_connection(&self) -> Option<PgConnection> {
        loop {
            let Idle { mut connection, since } = self.idle().pop()?;
            let idle_for = since.elapsed();
            if idle_for < TRUSTED_FOR {
                return Some(connection);
            }
            if idle_for < IDLE && matches!(timeout(PING, connection.ping()).await, Ok(Ok(()))) {
                return Some(connection);
            }
        }
    }
}

async fn connect(
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<PgConnection, sqlx::Error> {
    // On the heap: connecting is rare, and what it takes would be a part of every future that begins a transaction.
    timeout(patience, Box::pin(PgConnection::connect_with(options))).await.unwrap_or_else(|_| {
        let why = format!("no answer within {}", humantime::format_duration(patience));
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, why).into())
    })
}

/// A transaction. Dropped without a commit it is rolled back, or its connection is cut.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Present until the transaction ends.
    line: Option<Line>,
    connections: Connections,
}

impl Transaction {
    /// Commits. An answer that does not come in time is an error of the connection: the server may have done it.
    pub(super) async fn commit(mut self) -> Result<()> {
        // Out of `self`, so that an error cuts the connection instead of rolling back.
        let mut line = self.line.take().expect("it has not ended");
        let done = timeout(COMMIT, line.connection.execute(sqlx::raw_sql("COMMIT"))).await;
        done.map_err(|_| Error::Silent { doing: "commit", waited: COMMIT })?.doing("commit")?;
        self.connections.put_back(line);
        self.connections.outage().wrote();
        Ok(())
    }
}

impl Connections {
    fn put_back(&self, line: Line) {
        let Line { connection, permit } = line;
        self.0.idle().push(Idle { connection, since: Instant::now() });
        drop(permit);
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.line.as_ref().expect("it has not ended").connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.line.as_mut().expect("it has not ended").connection
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let connections = self.connections.clone();
        runtime.spawn(async move {
            if matches!(
                timeout(ROLLBACK, line.connection.execute(sqlx::raw_sql("ROLLBACK"))).await,
                Ok(Ok(_))
            ) {
                connections.put_back(line);
            }
        });
    }
}
