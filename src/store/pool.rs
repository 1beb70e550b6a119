//! The connections of this process, and transactions on them. Every wait is bounded, also when the
//! server falls silent.
//!
//! sqlx's own pool is not used, for three reasons. It replaces the server's message by "timed out".
//! It waits for a connection that the role may not have, while others of ours are idle. It waits
//! without end for a connection whose server fell silent. The other candidate, deadpool, can't give
//! up a slot that the server refuses either.
//!
//! sqlx gives no access to a connection's socket, so there are no TCP keepalives. Three rules
//! replace them: each statement has a time limit, an idle connection is pinged before use, and a
//! connection that was idle for long is not used again.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::error::{Error, ErrorContext as _, Result, is_too_many_connections};
use super::outage::Outage;

/// How long a transaction outside of a lease may take. The server ends each of its statements a
/// little earlier.
pub(super) const STATEMENT: Duration = Duration::from_secs(30);
/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(15);
/// A connection that was idle for longer is not used again: the network may have dropped it unseen.
const IDLE: Duration = Duration::from_mins(1);
/// A connection that was idle for longer is pinged before use.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long the answer to a ping may take.
const PING: Duration = Duration::from_secs(3);
/// How long the answer to a COMMIT may take. After that, its proof is looked up.
const COMMIT: Duration = Duration::from_secs(10);
/// How long an abandoned transaction may take to roll back before its connection is cut.
const ROLLBACK: Duration = Duration::from_secs(2);
/// How long all connections together may take to close.
const CLOSE: Duration = Duration::from_secs(1);

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read. Each statement sees what was committed before it.
    Read,
    /// Read. All statements see the same snapshot.
    ReadSnapshot,
    /// Read in one snapshot, and for long: the caller bounds the wait for each row. The server's
    /// limit only ends what nobody waits for any more.
    ReadLong,
    /// Whatever the database, the role and the session allow.
    Write,
}

/// Begins a transaction. It states the isolation level, because the database or the role may have
/// another default. A writer inherits the access mode, so a read-only default is respected. A lock
/// is waited for 3 s at most, because other sessions queue behind us; the operation is retried. The
/// server ends a statement shortly before we stop waiting, and also a transaction in which this
/// process falls silent. Compiling a statement (PostgreSQL's `jit`) takes seconds where the planner
/// overestimates it, and saves nothing in statements that wait for rows.
macro_rules! begin {
    ($mode:literal, $statement:literal, $idle:literal) => {
        concat!(
            "BEGIN ISOLATION LEVEL ",
            $mode,
            "; SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '",
            $statement,
            "'; SET LOCAL idle_in_transaction_session_timeout = '",
            $idle,
            "'; SET LOCAL jit = off"
        )
    };
}

impl Access {
    /// The statement that begins the transaction.
    fn begin(self) -> &'static str {
        match self {
            Self::Read => begin!("READ COMMITTED READ ONLY", "28s", "10s"),
            Self::ReadSnapshot => begin!("REPEATABLE READ READ ONLY", "28s", "10s"),
            Self::ReadLong => begin!("REPEATABLE READ READ ONLY", "12h", "60s"),
            Self::Write => begin!("READ COMMITTED", "28s", "10s"),
        }
    }
}

/// The connections to the database. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<PoolState>);

#[derive(Debug)]
struct PoolState {
    options: PgConnectOptions,
    permits: Arc<Semaphore>,
    /// All permits, in use or not. They become fewer when the server allows fewer connections.
    most: AtomicUsize,
    idle: Mutex<Vec<Idle>>,
    outage: Outage,
}

/// A connection that is not in use.
#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
}

/// A connection in use. Dropping it cuts the connection.
#[derive(Debug)]
struct Used {
    connection: PgConnection,
    permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Opens no connection yet, and never more than `most`.
    pub(super) fn new(options: PgConnectOptions, most: u32) -> Self {
        let most = most as usize;
        Self(Arc::new(PoolState {
            options,
            permits: Arc::new(Semaphore::new(most)),
            most: AtomicUsize::new(most),
            idle: Mutex::default(),
            outage: Outage::default(),
        }))
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.0.options
    }

    pub(super) fn outage(&self) -> &Outage {
        &self.0.outage
    }

    /// Connects once, for at most `patience`, and keeps the connection for the first transaction.
    pub(super) async fn connect_first(&self, patience: Duration) -> Result<(), sqlx::Error> {
        let connection = connect(&self.0.options, patience).await?;
        self.0.idle().push(Idle { connection, since: Instant::now() });
        Ok(())
    }

    /// Begins a transaction; `operation` completes "the database failed to …".
    pub(super) async fn begin(
        &self,
        access: Access,
        operation: &'static str,
    ) -> Result<Transaction> {
        let used = self.acquire(operation).await?;
        let mut transaction = Transaction { used: Some(used), connections: self.clone() };
        transaction.execute(sqlx::raw_sql(access.begin())).await.context(operation)?;
        Ok(transaction)
    }

    async fn acquire(&self, operation: &'static str) -> Result<Used> {
        loop {
            let permit = timeout(STATEMENT, Arc::clone(&self.0.permits).acquire_owned()).await;
            let permit = permit
                .map_err(|_| Error::Busy { operation })?
                .expect("the semaphore is never closed");
            if let Some(connection) = self.0.idle_connection().await {
                return Ok(Used { connection, permit });
            }
            match connect(&self.0.options, CONNECT).await {
                Ok(connection) => return Ok(Used { connection, permit }),
                // The server allows fewer connections than the configuration: use fewer.
                Err(error) if is_too_many_connections(&error) && self.0.give_up_one() => {
                    permit.forget();
                    tracing::info!(
                        connections = self.0.most(),
                        "the database allows no more connections; continuing with these"
                    );
                }
                Err(error) => return Err(error).context(operation),
            }
        }
    }

    /// Closes the connections properly, but does not wait for long.
    pub(super) async fn close(&self) {
        let closed = async {
            // Abandoned transactions may still be rolling back.
            let all = u32::try_from(self.0.most()).unwrap_or(u32::MAX);
            let _all = self.0.permits.acquire_many(all).await;
            let idle = std::mem::take(&mut *self.0.idle());
            join_all(idle.into_iter().map(|idle| idle.connection.close())).await;
        };
        if timeout(CLOSE, closed).await.is_err() {
            tracing::debug!("the connections to the database did not close in time; they are cut");
        }
    }
}

impl PoolState {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().expect("no panic while locked")
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Gives up one permit; false for the last one.
    fn give_up_one(&self) -> bool {
        self.most
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |most| {
                most.checked_sub(1).filter(|n| *n > 0)
            })
            .is_ok()
    }

    /// The connection that was used last and still lives.
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
    // On the heap: connecting is rare, and its state would enlarge every future that begins a
    // transaction.
    timeout(patience, Box::pin(PgConnection::connect_with(options))).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {}", humantime::format_duration(patience));
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, reason).into())
    })
}

/// A transaction. Dropping it without a commit rolls it back, or cuts its connection.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Present until the transaction ends.
    used: Option<Used>,
    connections: Connections,
}

impl Transaction {
    /// Commits. A late answer is an error, and leaves open whether the server committed.
    pub(super) async fn commit(mut self) -> Result<()> {
        // Taken out of `self`, so an error cuts the connection instead of rolling back.
        let mut used = self.used.take().expect("it has not ended");
        let done = timeout(COMMIT, used.connection.execute(sqlx::raw_sql("COMMIT"))).await;
        done.map_err(|_| Error::Silent { operation: "commit", waited: COMMIT })?
            .context("commit")?;
        self.connections.put_back(used);
        self.connections.outage().note_commit();
        Ok(())
    }
}

impl Connections {
    fn put_back(&self, used: Used) {
        let Used { connection, permit } = used;
        self.0.idle().push(Idle { connection, since: Instant::now() });
        drop(permit);
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.used.as_ref().expect("it has not ended").connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.used.as_mut().expect("it has not ended").connection
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(mut used) = self.used.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let connections = self.connections.clone();
        runtime.spawn(async move {
            if matches!(
                timeout(ROLLBACK, used.connection.execute(sqlx::raw_sql("ROLLBACK"))).await,
                Ok(Ok(_))
            ) {
                connections.put_back(used);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transaction_states_its_limits_and_compiles_nothing() {
        for access in [Access::Read, Access::ReadSnapshot, Access::ReadLong, Access::Write] {
            let begin = access.begin();
            assert!(begin.starts_with("BEGIN ISOLATION LEVEL RE"), "{begin}");
            assert_eq!(begin.contains("READ ONLY"), access != Access::Write, "{begin}");
            for setting in [
                "lock_timeout = '3s'",
                "statement_timeout = '",
                "idle_in_transaction_session_timeout = '",
                "jit = off",
            ] {
                assert!(begin.contains(&format!("; SET LOCAL {setting}")), "{begin}");
            }
        }
    }
}
