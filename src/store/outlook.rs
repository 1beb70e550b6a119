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
use crate::ledger::{LedgerRow, SourceDays};

/// Whether whole days are read again some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rereads {
    /// They are, so that those which have not settled matter at any age.
    Wanted,
    /// They are not.
    None,
}

/// Which days planning wants to know of.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The sources, each with its present scope.
    pub sources: Vec<(&'a str, &'a Scope)>,
    /// The dates that are looked at in any case.
    pub window: (NaiveDate, NaiveDate),
    /// Whether every day of the window comes as a row, even one that there is nothing to do about.
    pub every_day: EveryDay,
    /// Whether days before the window matter that have not settled.
    pub rereads: Rereads,
}

/// Which days of a window come as rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EveryDay {
    /// All of them.
    Wanted,
    /// The last, and those that are not whole and settled.
    None,
}

/// What planning looks at, as it was at one moment.
#[derive(Debug)]
pub struct Outlook {
    /// That moment, by the database's clock.
    pub now: DateTime<Utc>,
    /// The rows that were wanted.
    pub rows: Vec<LedgerRow>,
    /// What is known beside them of each source that has any.
    pub days: HashMap<String, SourceDays>,
}

/// What there is to see.
#[derive(Debug)]
pub enum Look {
    /// The ledger.
    Ready(Outlook),
    /// Another schema than this program's.
    NotReady(Schema),
}

const DOING: &str = "read the ledger";

impl Reader {
    /// Looks at the ledger, as far as it is `wanted`.
    pub async fn look(&self, wanted: &Wanted<'_>) -> Result<Look> {
        let mut tries = Tries::new(self.connections(), DOING);
        let mut looked_for_schema = false;
        loop {
            match tries.attempt(self.try_look(wanted)).await {
                Ok(look) => return Ok(look),
                Err(error) if error.is_misfit() => match self.schema().await? {
                    // Another process may just have brought it up to date.
                    Schema::Current if !looked_for_schema => looked_for_schema = true,
                    Schema::Current => return Err(self.explain(error).await),
                    other => return Ok(Look::NotReady(other)),
                },
                Err(error) => tries.again(error).await?,
            }
        }
    }

    async fn try_look(&self, wanted: &Wanted<'_>) -> Result<Look> {
        let (doing, (from, to)) = (DOING, wanted.window);
        let (names, scopes): (Vec<&str>, Vec<Json<&Scope>>) =
            wanted.sources.iter().map(|(name, scope)| (*name, Json(*scope))).unzip();
        let mut tx = self.begin().await?;
        let rows = statement(include_str!("sql/outlook.sql"))
            .bind(names)
            .bind(scopes)
            .bind(from)
            .bind(to)
            .bind(wanted.rereads == Rereads::Wanted)
            .bind(wanted.every_day == EveryDay::None)
            .fetch_all(&mut *tx)
            .await
            .doing(doing)?;
        drop(tx);
        if rows.first().map(|row| column(row, "suspect")).transpose()?.unwrap_or(false) {
            self.must_show_all().await?;
        }
        outlook(&rows)
    }
}

fn outlook(rows: &[PgRow]) -> Result<Look> {
    let first = rows.first().ok_or(sqlx::Error::RowNotFound).doing("tell the time")?;
    let versions: Option<Vec<i64>> = column(first, "versions")?;
    let checksums: Option<Vec<Vec<u8>>> = column(first, "checksums")?;
    match schema::of(
        &versions.unwrap_or_default().into_iter().zip(checksums.unwrap_or_default()).collect(),
    ) {
        Schema::Current => {}
        other => return Ok(Look::NotReady(other)),
    }
    let mut outlook =
        Outlook { now: column(first, "now")?, rows: Vec::new(), days: HashMap::new() };
    for row in rows {
        let Some(first) = column(row, "first_day")? else { continue };
        let days = SourceDays { first, settled: HashSet::new() };
        let days = outlook.days.entry(column(row, "source")?).or_insert(days);
        if let Some(settled) = column::<Option<Vec<NaiveDate>>>(row, "settled_days")? {
            days.settled.extend(settled);
        }
        if column::<Option<NaiveDate>>(row, "process_date")?.is_some() {
            outlook.rows.push(ledger_row(row)?);
        }
    }
    Ok(Look::Ready(outlook))
}
