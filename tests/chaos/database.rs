//! The test's own view of the database: snapshots as JSON, over one connection that is replaced
//! when it breaks.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::runtime::Runtime;

use crate::time;

/// One row of the ledger. Times are microseconds since 1970.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LedgerRow {
    pub(crate) source: String,
    pub(crate) date: NaiveDate,
    pub(crate) status: String,
    pub(crate) attempt: i32,
    pub(crate) locked_by: Option<String>,
    pub(crate) locked_until: Option<i64>,
    pub(crate) events_count: Option<i64>,
    pub(crate) digest: Option<String>,
    pub(crate) synced_at: Option<i64>,
    #[expect(dead_code, reason = "shown when a round fails")]
    pub(crate) error_message: Option<String>,
}

/// One row of the history.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: i64,
    pub(crate) run_id: String,
    pub(crate) source: String,
    pub(crate) date: NaiveDate,
    pub(crate) attempt: i32,
    pub(crate) action: String,
    pub(crate) outcome: String,
    pub(crate) events: Option<i64>,
    pub(crate) message: Option<String>,
    pub(crate) by: String,
}

/// Ledger and history of a round at one instant.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) rows: Vec<LedgerRow>,
    /// In the order of their ids.
    pub(crate) history: Vec<Entry>,
}

/// A stored event. The database computes the hash from the stored bytes.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredEvent {
    pub(crate) id: String,
    pub(crate) hash: String,
    pub(crate) recorded_hash: String,
    pub(crate) as_json: bool,
    pub(crate) seen: i64,
}

pub(crate) struct Database {
    url: String,
    runtime: Runtime,
    connection: Option<PgConnection>,
}

impl Database {
    pub(crate) fn at(url: String) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { url, runtime, connection: None }
    }

    /// Ledger and history of the sources whose names begin with `prefix`.
    pub(crate) fn snapshot(&mut self, prefix: &str) -> Result<Snapshot, sqlx::Error> {
        self.ask(&format!(
            "SELECT json_build_object(
                'rows', (SELECT coalesce(json_agg(r), '[]') FROM (
                    SELECT source, process_date AS date, status, attempt, locked_by,
                    {locked_until} AS locked_until,
                           events_count, encode(digest, 'hex') AS digest,
                           {synced_at} AS synced_at, error_message
                    FROM audit_events_log WHERE source LIKE '{prefix}%'
                    ORDER BY process_date, source) AS r),
                'history', (SELECT coalesce(json_agg(h), '[]') FROM (
                    SELECT {at} AS at, run_id, source, process_date AS date, attempt, action,
                    outcome, events, message, \"by\"
                    FROM audit_history WHERE source LIKE '{prefix}%' ORDER BY id) AS h))::text",
            locked_until = micros("locked_until"),
            synced_at = micros("synced_at"),
            at = micros("at"),
        ))
    }

    /// A day's row, as a later statement sees it, and its events, at one instant.
    pub(crate) fn day(
        &mut self,
        source: &str,
        date: NaiveDate,
    ) -> Result<(Option<LedgerRow>, Vec<StoredEvent>), sqlx::Error> {
        self.ask(&format!(
            "SELECT json_build_array(
                (SELECT to_json(r) FROM (
                    SELECT source, process_date AS date, status, attempt, locked_by,
                    {locked_until} AS locked_until,
                           events_count, encode(digest, 'hex') AS digest,
                           {synced_at} AS synced_at, error_message
                    FROM audit_events_log WHERE source = '{source}'
                    AND process_date = '{date}') AS r),
                (SELECT coalesce(json_agg(e), '[]') FROM (
                    SELECT event_id AS id, encode(sha256(coalesce(event_raw,
                    convert_to(event::text, 'UTF8'))), 'hex') AS hash,
                           encode(event_hash, 'hex') AS recorded_hash,
                           event IS NOT NULL AS as_json, {seen} AS seen
                    FROM audit_events WHERE source = '{source}' AND process_date = '{date}'
                    ORDER BY event_id) AS e))::text",
            locked_until = micros("locked_until"),
            synced_at = micros("synced_at"),
            seen = micros("first_seen_at"),
        ))
    }

    /// What is wrong with the chain of seals.
    pub(crate) fn seal_problems(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let problems = include_str!("../suite/support/sealed.sql");
        self.ask(&format!("SELECT coalesce(json_agg(problem), '[]')::text FROM ({problems}) AS p"))
    }

    /// The number of leases that have not run out, for sources whose names begin with `prefix`,
    /// plus the number of active connections: the server may still commit what a killed process
    /// requested.
    pub(crate) fn unsettled(&mut self, prefix: &str) -> Result<u32, sqlx::Error> {
        self.ask(&format!(
            "SELECT ((SELECT count(*) FROM audit_events_log
                       WHERE source LIKE '{prefix}%' AND locked_until > clock_timestamp())
                     + (SELECT count(*) FROM pg_stat_activity
                     WHERE application_name = 'auditsync'))::text"
        ))
    }

    /// Cuts one or all of the program's connections and returns how many there were.
    pub(crate) fn cut(&mut self, which: Option<u64>) -> Result<u64, sqlx::Error> {
        let pids: Vec<i32> = self.ask(
            "SELECT coalesce(json_agg(pid ORDER BY pid), '[]')::text FROM pg_stat_activity \
             WHERE application_name = 'auditsync'",
        )?;
        let mut cut = 0;
        let chosen = which.map(|pick| pick as usize % pids.len().max(1));
        for (_, pid) in
            pids.iter().enumerate().filter(|(place, _)| chosen.is_none_or(|one| one == *place))
        {
            let done: bool =
                self.ask(&format!("SELECT to_json(pg_terminate_backend({pid}))::text"))?;
            cut += u64::from(done);
        }
        Ok(cut)
    }

    /// Retries until the database answers, because it may be restarting.
    pub(crate) fn insist<T>(
        &mut self,
        mut ask: impl FnMut(&mut Self) -> Result<T, sqlx::Error>,
    ) -> T {
        let begun = Instant::now();
        loop {
            match ask(self) {
                Ok(answer) => return answer,
                Err(error) => {
                    assert!(
                        begun.elapsed() < Duration::from_secs(30),
                        "the database does not answer: {error}"
                    );
                }
            }
            time::pause(Duration::from_millis(20));
        }
    }

    fn ask<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T, sqlx::Error> {
        let Self { url, runtime, connection } = self;
        let text = runtime.block_on(async {
            let connected = match connection.take() {
                Some(connected) => connected,
                None => PgConnection::connect(url).await?,
            };
            // Put back only after an answer, so that a failed connection is not used again.
            let open = connection.insert(connected);
            let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut *open).await;
            match row {
                Ok(row) => row.try_get::<String, _>(0),
                Err(error) => {
                    *connection = None;
                    Err(error)
                }
            }
        })?;
        Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")))
    }
}

fn micros(column: &str) -> String {
    format!("(extract(epoch FROM {column}) * 1000000)::bigint")
}
