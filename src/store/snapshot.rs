//! What a run looks at before it plans: in one question, since most runs of a day find nothing to do.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use super::error::Doing;
use super::patience::Tries;
use super::reader::ledger_row;
use super::schema::{self, Schema};
use super::{Reader, Result, column, statement};
use crate::config::Scope;
use crate::day::DateRange;
use crate::ledger::{LedgerRow, SourceDays};

/// Whether whole days are read again some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rereads {
    /// Read them again, so those that have not settled matter at any age.
    Include,
    /// Leave them out.
    Skip,
}

/// Which days planning wants to know of.
#[derive(Debug)]
pub struct SnapshotQuery<'a> {
    /// The sources, each with its present scope.
    pub sources: Vec<(&'a str, &'a Scope)>,
    /// The dates that are looked at in any case.
    pub window: DateRange,
    /// Whether every day of the window comes as a row, even one that there is nothing to do about.
    pub every_day: EveryDay,
    /// Whether days before the window matter that have not settled.
    pub rereads: Rereads,
}

/// Which days of a window come as rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EveryDay {
    /// All of them.
    Include,
    /// Only the newest, and those that have not settled.
    Skip,
}

/// What planning looks at, as it was at one moment.
#[derive(Debug)]
pub struct LedgerSnapshot {
    /// That moment, by the database's clock.
    pub now: DateTime<Utc>,
    /// The rows that were query.
    pub rows: Vec<LedgerRow>,
    /// What is known beside them of each source that has any.
    pub days: HashMap<String, SourceDays>,
}

/// What there is to see.
#[derive(Debug)]
pub enum SnapshotResult {
    /// The ledger.
    Ready(LedgerSnapshot),
    /// Another schema than this program's.
    NotReady(Schema),
}

const DOING: &str = "read the ledger";

impl Reader {
    /// Reads the rows that `query` asks for, with the clock and the schema, in one statement.
    pub async fn snapshot(&self, query: &SnapshotQuery<'_>) -> Result<SnapshotResult> {
        let mut tries = Tries::new(self.connections(), DOING);
        let mut looked_for_schema = false;
        loop {
            match tries.attempt(self.try_snapshot(query)).await {
                Ok(result) => return Ok(result),
                Err(error) if error.is_misfit() => match self.schema().await? {
                    // Another process may just have brought it up to date.
                    Schema::Current if !looked_for_schema => looked_for_schema = true,
                    Schema::Current => return Err(self.explain(error).await),
                    other => return Ok(SnapshotResult::NotReady(other)),
                },
                Err(error) => tries.again(error).await?,
            }
        }
    }

    async fn try_snapshot(&self, query: &SnapshotQuery<'_>) -> Result<SnapshotResult> {
        let (doing, window) = (DOING, query.window);
        let (names, scopes): (Vec<&str>, Vec<Json<&Scope>>) =
            query.sources.iter().map(|(name, scope)| (*name, Json(*scope))).unzip();
        let mut tx = self.begin().await?;
        let rows = statement(include_str!("sql/ledger_snapshot.sql"))
            .bind(names)
            .bind(scopes)
            .bind(window.from)
            .bind(window.to)
            .bind(query.rereads == Rereads::Include)
            .bind(query.every_day == EveryDay::Skip)
            .fetch_all(&mut *tx)
            .await
            .doing(doing)?;
        drop(tx);
        if rows.first().map(|row| column(row, "suspect")).transpose()?.unwrap_or(false) {
            self.must_show_all().await?;
        }
        read(&rows)
    }
}

fn read(rows: &[PgRow]) -> Result<SnapshotResult> {
    let first = rows.first().ok_or(sqlx::Error::RowNotFound).doing("tell the time")?;
    let versions: Option<Vec<i64>> = column(first, "versions")?;
    let checksums: Option<Vec<Vec<u8>>> = column(first, "checksums")?;
    match schema::of(
        &versions.unwrap_or_default().into_iter().zip(checksums.unwrap_or_default()).collect(),
    ) {
        Schema::Current => {}
        other => return Ok(SnapshotResult::NotReady(other)),
    }
    let mut snapshot =
        LedgerSnapshot { now: column(first, "now")?, rows: Vec::new(), days: HashMap::new() };
    for row in rows {
        let Some(first) = column(row, "first_day")? else { continue };
        let days = SourceDays { first, settled: HashSet::new() };
        let days = snapshot.days.entry(column(row, "source")?).or_insert(days);
        if let Some(settled) = column::<Option<Vec<NaiveDate>>>(row, "settled_days")? {
            days.settled.extend(settled);
        }
        if column::<Option<NaiveDate>>(row, "process_date")?.is_some() {
            snapshot.rows.push(ledger_row(row)?);
        }
    }
    Ok(SnapshotResult::Ready(snapshot))
}
