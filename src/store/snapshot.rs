//! The snapshot that a run plans from. One query reads everything, because most runs of a day find
//! nothing to do.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;

use super::diagnosis;
use super::error::{ErrorContext as _, Result};
use super::handle::Reader;
use super::ledger::ledger_row;
use super::migrations::{Schema, schema_of};
use super::names::StoredNames;
use super::patience::Retrying;
use super::seal::head_of;
use super::statement::{column, first, statement};
use crate::config::Source;
use crate::day::DateRange;
use crate::evidence::Head;
use crate::ledger::{LedgerRow, SourceDays};

const OPERATION: &str = "read the ledger";

/// Whether complete days are rechecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rereads {
    /// They are, so unsettled days of any age matter.
    Include,
    /// They are not.
    Skip,
}

/// Which days of a window the snapshot returns as rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EveryDay {
    /// All.
    Include,
    /// Only the newest one and the unsettled ones.
    Skip,
}

/// The days that planning needs.
#[derive(Debug)]
pub struct SnapshotQuery<'a> {
    /// The sources.
    pub sources: &'a [&'a Source],
    /// The dates that matter in any case.
    pub window: DateRange,
    /// Whether every day of the window comes as a row.
    pub every_day: EveryDay,
    /// Whether unsettled days before the window matter.
    pub rereads: Rereads,
}

/// The part of the ledger that planning needs, at one moment.
#[derive(Debug)]
pub struct LedgerSnapshot {
    /// That moment, by the database's clock.
    pub now: DateTime<Utc>,
    /// The rows.
    pub rows: Vec<LedgerRow>,
    /// The days without rows, by source.
    pub days: HashMap<String, SourceDays>,
    /// The head of the chain of seals.
    pub head: Option<Head>,
}

/// The result of a snapshot.
#[derive(Debug)]
pub enum SnapshotResult {
    /// The ledger.
    Ready(LedgerSnapshot),
    /// The schema is not that of this program.
    NotReady(Schema),
}

impl Reader {
    /// Reads the rows that `query` selects, the clock and the schema in one statement.
    pub async fn snapshot(&self, query: &SnapshotQuery<'_>) -> Result<SnapshotResult> {
        let mut retrying = Retrying::new(self.connections(), OPERATION);
        let mut checked_schema = false;
        loop {
            match retrying.attempt(self.try_snapshot(query)).await {
                Ok(result) => return Ok(result),
                Err(error) if error.is_schema_mismatch() => match self.schema().await? {
                    // Another process may just have migrated it.
                    Schema::Current if !checked_schema => checked_schema = true,
                    Schema::Current => {
                        return Err(diagnosis::explain(self.connections(), error).await);
                    }
                    other => return Ok(SnapshotResult::NotReady(other)),
                },
                Err(error) => retrying.after(error).await?,
            }
        }
    }

    async fn try_snapshot(&self, query: &SnapshotQuery<'_>) -> Result<SnapshotResult> {
        let window = query.window;
        let names = StoredNames::of(query.sources.iter().copied());
        let mut tx = self.begin().await?;
        let rows = statement(include_str!("sql/ledger_snapshot.sql"))
            .bind(names.stored())
            .bind(names.scopes())
            .bind(window.from)
            .bind(window.to)
            .bind(query.rereads == Rereads::Include)
            .bind(query.every_day == EveryDay::Skip)
            .bind(names.sources())
            .bind(names.preceding())
            .fetch_all(&mut *tx)
            .await
            .context(OPERATION)?;
        drop(tx);
        if rows.first().map(|row| column(row, "may_hide_rows")).transpose()?.unwrap_or(false) {
            diagnosis::require_readable(self.connections()).await?;
        }
        read(&rows)
    }
}

fn read(rows: &[PgRow]) -> Result<SnapshotResult> {
    let here = first(rows, OPERATION)?;
    let versions: Option<Vec<i64>> = column(here, "versions")?;
    let checksums: Option<Vec<Vec<u8>>> = column(here, "checksums")?;
    match schema_of(
        &versions.unwrap_or_default().into_iter().zip(checksums.unwrap_or_default()).collect(),
    ) {
        Schema::Current => {}
        other => return Ok(SnapshotResult::NotReady(other)),
    }
    let mut snapshot = LedgerSnapshot {
        now: column(here, "now")?,
        rows: Vec::new(),
        days: HashMap::new(),
        head: None,
    };
    for row in rows {
        if let Some(last_seal) = column(row, "last_seal")? {
            snapshot.head = head_of(last_seal);
        }
        let Some(first) = column(row, "first_day")? else { continue };
        let days = SourceDays { first, settled: HashSet::new() };
        let days = snapshot.days.entry(column(row, "source")?).or_insert(days);
        days.first = days.first.min(first);
        if let Some(settled) = column::<Option<Vec<NaiveDate>>>(row, "settled_days")? {
            days.settled.extend(settled);
        }
        let has_row = column::<Option<NaiveDate>>(row, "process_date")?.is_some();
        if has_row && !column::<bool>(row, "is_superseded")? {
            snapshot.rows.push(ledger_row(row)?);
        }
    }
    Ok(SnapshotResult::Ready(snapshot))
}
