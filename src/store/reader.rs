//! What can be asked without changing anything: all that a dry run, `status` and planning need.
//!
//! Every question runs in a read-only transaction, and is asked again while the database fails in passing.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::{PgPool, PgTransaction};

use super::connect::{ConnectError, connect};
use super::error::Doing;
use super::events::known_events;
use super::{Result, Tries, column, patience, persist, statement};
use crate::day::DayKey;
use crate::event::Hash;
use crate::ledger::{LedgerRow, SourceDays, Status};
use crate::retry::Attempts;

/// The database, for those who may not change it.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: PgPool,
}

impl Reader {
    /// Connects to the database at `url` with at most `max_connections`, and makes sure that it answers.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        connect(url, max_connections).await
    }

    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) async fn begin(&self) -> Result<PgTransaction<'static>> {
        self.pool.begin_with("BEGIN READ ONLY").await.doing("begin to read")
    }

    /// The database's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        let row = persist(async || {
            let mut tx = self.begin().await?;
            statement(include_str!("sql/clock.sql")).fetch_one(&mut *tx).await.doing("tell the time")
        });
        column(&row.await?, "now")
    }

    /// The rows of `sources` from `from` to `to`, and those of every PENDING day, in the order of dates and names.
    pub async fn ledger(&self, sources: &[&str], from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        let rows = persist(async || {
            let mut tx = self.begin().await?;
            let question = statement(include_str!("sql/ledger_of_sources.sql")).bind(sources).bind(from).bind(to);
            question.fetch_all(&mut *tx).await.doing("read the ledger")
        });
        rows.await?
            .iter()
            .map(|row| {
                Ok(LedgerRow {
                    source: column(row, "source")?,
                    date: column(row, "process_date")?,
                    status: Status::from(column::<String>(row, "status")?),
                    attempt: column(row, "attempt")?,
                    events: column(row, "events_count")?,
                    locked_by: column(row, "locked_by")?,
                    live: column(row, "live")?,
                    endless: column(row, "endless")?,
                    error: column(row, "error_message")?,
                    updated_at: column(row, "updated_at")?,
                    synced_at: column(row, "synced_at")?,
                })
            })
            .collect()
    }

    /// The first and the newest whole day of each of `sources`.
    pub async fn source_days(&self, sources: &[&str]) -> Result<HashMap<String, SourceDays>> {
        let rows = persist(async || {
            let mut tx = self.begin().await?;
            let question = statement(include_str!("sql/first_days.sql")).bind(sources);
            question.fetch_all(&mut *tx).await.doing("read the first days")
        });
        rows.await?
            .iter()
            .map(|row| {
                let days = SourceDays { first: column(row, "first_day")?, last_whole: column(row, "last_whole_day")? };
                Ok((column(row, "source")?, days))
            })
            .collect()
    }

    /// The hashes of what is stored under `ids` of a day.
    pub async fn known(&self, key: &DayKey, ids: &[&str]) -> Result<HashMap<String, Hash>> {
        let mut attempts = Attempts::new(&patience());
        loop {
            match self.try_known(key, ids).await {
                Err(error) => Tries::wait(&mut attempts, error).await?,
                known => return known,
            }
        }
    }

    async fn try_known(&self, key: &DayKey, ids: &[&str]) -> Result<HashMap<String, Hash>> {
        let mut tx = self.begin().await?;
        known_events(&mut tx, key, ids).await
    }

    /// Closes the connections, so that the server sees them end as they should.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
