//! The two handles on the database: a [`Reader`], which changes nothing, and a [`Store`], which
//! changes days in the name of a [`Holder`].

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use uuid::Uuid;

use super::diagnosis;
use super::error::{ErrorContext as _, Result};
use super::patience::Retrying;
use super::pool::{Access, Connections, Transaction};
use super::statement::{column, first, statement};

/// Reads the database. Every query runs in a read-only transaction, and is retried while the
/// database fails. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Reader {
    connections: Connections,
}

impl Reader {
    pub(super) fn new(connections: Connections) -> Self {
        Self { connections }
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(super) async fn begin(&self) -> Result<Transaction> {
        self.connections.begin(Access::Read, "begin a transaction").await
    }

    /// Begins a transaction in which all queries see the same snapshot.
    pub(super) async fn begin_snapshot(&self) -> Result<Transaction> {
        self.connections.begin(Access::ReadSnapshot, "begin a transaction").await
    }

    /// The rows of the query that `ask` makes. `operation` completes "the database failed to …".
    pub(super) async fn rows<'q>(
        &self,
        operation: &'static str,
        ask: impl Fn() -> Query<'q, Postgres, PgArguments> + Send,
    ) -> Result<Vec<PgRow>> {
        let mut retrying = Retrying::new(&self.connections, operation);
        loop {
            match retrying.attempt(self.try_rows(operation, ask())).await {
                Err(error) if error.is_schema_mismatch() => {
                    return Err(diagnosis::explain(&self.connections, error).await);
                }
                Err(error) => retrying.after(error).await?,
                rows => return rows,
            }
        }
    }

    async fn try_rows(
        &self,
        operation: &'static str,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>> {
        let mut tx = self.begin().await?;
        query.fetch_all(&mut *tx).await.context(operation)
    }

    /// The time of the database's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        let operation = "return its time";
        let rows = self.rows(operation, || statement(include_str!("sql/clock.sql"))).await?;
        column(first(&rows, operation)?, "now")
    }

    /// The database's message, if it was unreachable for so long that no further day is to be
    /// started.
    pub fn lasting_outage(&self) -> Option<String> {
        self.connections.outage().lasting()
    }

    /// Closes the connections properly.
    pub async fn close(&self) {
        self.connections.close().await;
    }
}

/// This process, as the ledger and the history name it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The id of the run. Every process has a new one.
    pub run_id: Uuid,
    /// Where the process runs, for people. Heroku reuses the names of dynos.
    pub place: String,
}

impl Holder {
    /// The text in `locked_by`.
    fn name(&self) -> String {
        format!("{} ({})", self.run_id, self.place)
    }
}

/// Changes the database in the name of a holder. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    connections: Connections,
    pub(super) run_id: Uuid,
    pub(super) holder: Arc<str>,
}

impl Store {
    /// A store on the connections of `reader`.
    pub fn new(reader: &Reader, holder: &Holder) -> Self {
        Self {
            connections: reader.connections().clone(),
            run_id: holder.run_id,
            holder: holder.name().into(),
        }
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(super) async fn begin(&self) -> Result<Transaction> {
        self.connections.begin(Access::Write, "begin a transaction").await
    }

    /// The database's message, if it was unreachable or read-only for so long that no further day
    /// is to be started.
    pub fn lasting_outage(&self) -> Option<String> {
        self.connections.outage().lasting()
    }
}
