//! What can be asked without changing anything: all that a dry run, `status` and planning need.
//!
//! Every question runs in a read-only transaction, and is asked again while the database fails in passing.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::types::Json;

use super::compare::{Before, Sameness, Stored, Via, compare};
use super::connect::{ConnectError, connect};
use super::error::Doing;
use super::patience::Tries;
use super::pool::{Access, Connections};
use super::{Address, Result, Transaction, column, statement};
use crate::config::{Filter, Scope, SourceName};
use crate::day::{DateRange, DayKey};
use crate::event::Event;
use crate::ledger::{LedgerRow, Status};

/// How many ids are read at a time.
const IDS_AT_A_TIME: i64 = 10_000;

/// The database, for those who may not change it.
#[derive(Debug, Clone)]
pub struct Reader {
    connections: Connections,
}

/// An event that is stored under a day, as far as lists and archives are compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredId {
    /// Its id.
    pub id: String,
    /// The UTC date of its `created_at`, if it has one: its own day, which may be another.
    pub own_day: Option<NaiveDate>,
    is_from_list: bool,
}

impl StoredId {
    fn from_row(row: &PgRow) -> Result<Self> {
        let via: String = column(row, "via")?;
        let (id, own_day) = (column(row, "event_id")?, column(row, "own_day")?);
        Ok(Self { id, own_day, is_from_list: via == Via::Api.as_str() })
    }

    /// Whether the list of `date`, the day that it is stored under, should have it. One of another day may be listed there
    /// by now, and one that names no day should be listed where it was before.
    pub fn should_be_listed_on(&self, date: NaiveDate) -> bool {
        self.own_day.map_or(self.is_from_list, |own| own == date)
    }
}

impl Reader {
    /// Connects to the database at `url` with at most `max_connections`, and makes sure that it answers. No variable of
    /// the environment adds to the address.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        connect(&Address::parse(url, &|_| None)?, max_connections).await
    }

    /// Connects to the database at `address` with at most `max_connections`, and makes sure that it answers.
    pub async fn connect_to(address: &Address, max_connections: u32) -> Result<Self, ConnectError> {
        connect(address, max_connections).await
    }

    pub(super) fn new(connections: Connections) -> Self {
        Self { connections }
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(super) async fn begin(&self) -> Result<Transaction> {
        self.connections.begin(Access::Read, "begin to read").await
    }

    /// Begins to read what all questions see alike, whatever is written in between.
    pub(super) async fn begin_snapshot(&self) -> Result<Transaction> {
        self.connections.begin(Access::ReadSnapshot, "begin to read").await
    }

    /// The rows that answer a question, which `ask` makes; `doing` completes "the database failed to …".
    pub(super) async fn rows<'q>(
        &self,
        doing: &'static str,
        ask: impl Fn() -> Query<'q, Postgres, PgArguments> + Send,
    ) -> Result<Vec<PgRow>> {
        let mut tries = Tries::new(&self.connections, doing);
        loop {
            match tries.attempt(self.try_rows(doing, ask())).await {
                Err(error) if error.is_misfit() => return Err(self.explain(error).await),
                Err(error) => tries.again(error).await?,
                rows => return rows,
            }
        }
    }

    async fn try_rows(
        &self,
        doing: &'static str,
        question: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>> {
        let mut tx = self.begin().await?;
        question.fetch_all(&mut *tx).await.doing(doing)
    }

    /// The database's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        let rows = self.rows("tell the time", || statement(include_str!("sql/clock.sql"))).await?;
        column(rows.first().ok_or(sqlx::Error::RowNotFound).doing("tell the time")?, "now")
    }

    /// The rows of `sources`, each with its present scope if it has one, in `window`, in the order of dates and
    /// names, and before them those of every PENDING day.
    pub async fn ledger(
        &self,
        sources: &[(&str, Option<&Scope>)],
        window: DateRange,
    ) -> Result<Vec<LedgerRow>> {
        let (names, scopes): (Vec<&str>, Vec<Option<Json<&Scope>>>) =
            sources.iter().map(|(name, scope)| (*name, scope.map(Json))).unzip();
        let rows = self.rows("read the ledger", || {
            let question = statement(include_str!("sql/ledger_of_sources.sql"))
                .bind(names.clone())
                .bind(scopes.clone());
            question.bind(window.from).bind(window.to)
        });
        rows.await?.iter().map(ledger_row).collect()
    }

    /// The first day that each of `sources` has in the ledger.
    pub async fn first_days(&self, sources: &[&str]) -> Result<HashMap<String, NaiveDate>> {
        let ask = || statement(include_str!("sql/first_days.sql")).bind(sources.to_vec());
        let rows = self.rows("read the first days", ask).await?;
        rows.iter().map(|row| Ok((column(row, "source")?, column(row, "first_day")?))).collect()
    }

    /// Compares each of `events`, which come with the day `key`, with what is stored under its id, whatever day that is;
    /// `None` where nothing is.
    pub async fn compare(
        &self,
        key: &DayKey,
        events: &[&Event],
        sameness: Sameness,
    ) -> Result<Vec<Option<Stored>>> {
        let mut tries = Tries::new(&self.connections, "look for stored events");
        loop {
            match tries.attempt(self.try_compare(key, events, sameness)).await {
                Err(error) => tries.again(error).await?,
                known => return known,
            }
        }
    }

    async fn try_compare(
        &self,
        key: &DayKey,
        events: &[&Event],
        sameness: Sameness,
    ) -> Result<Vec<Option<Stored>>> {
        let mut tx = self.begin().await?;
        compare(&mut tx, key, events, sameness, Before::Something).await
    }

    /// The events of a day that a scope takes, by their ids, behind `after`, in their order: some thousands at a time, none
    /// behind the last. The scope is that of `filter` and of the team with this id and name.
    pub async fn event_ids(
        &self,
        key: &DayKey,
        filter: &Filter,
        team: Option<(&str, &str)>,
        after: &str,
    ) -> Result<Vec<StoredId>> {
        let (team_id, team_name) = team.unzip();
        let rows = self.rows("read the ids of a day's events", || {
            let question = statement(include_str!("sql/event_ids.sql"))
                .bind(key.source.as_ref())
                .bind(key.date);
            let question =
                question.bind(after).bind(IDS_AT_A_TIME).bind(&filter.r#type).bind(&filter.action);
            question.bind(&filter.actor).bind(team_id).bind(team_name)
        });
        rows.await?.iter().map(StoredId::from_row).collect()
    }

    /// How many events are stored of each day of `source` in a range of dates, where there are any.
    pub async fn stored_counts(
        &self,
        source: &SourceName,
        window: DateRange,
    ) -> Result<HashMap<NaiveDate, u64>> {
        let ask = || {
            statement(include_str!("sql/stored_counts.sql"))
                .bind(source.as_ref())
                .bind(window.from)
                .bind(window.to)
        };
        let rows = self.rows("count a month's events", ask).await?;
        let count = |row| Ok((column(row, "process_date")?, column::<i64>(row, "events")? as u64));
        rows.iter().map(count).collect()
    }

    /// A source of `account` that holds events of `date` which `filter` lets through.
    pub async fn witness(
        &self,
        account: &str,
        filter: &Filter,
        date: NaiveDate,
    ) -> Result<Option<String>> {
        let rows = self.rows("look for other sources' events of the day", || {
            let question = statement(include_str!("sql/witness.sql")).bind(date).bind(account);
            question.bind(&filter.r#type).bind(&filter.action).bind(&filter.actor)
        });
        rows.await?.first().map(|row| column(row, "source")).transpose()
    }

    /// The database's words, if it was out of reach for so long that no further day is to be begun.
    pub fn refuses_more(&self) -> Option<String> {
        self.connections.outage().refuses_more()
    }

    /// Closes the connections, so that the server sees them end as they should.
    pub async fn close(&self) {
        self.connections.close().await;
    }
}

pub(super) fn ledger_row(row: &PgRow) -> Result<LedgerRow> {
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
        settled: column(row, "settled")?,
        adopted: column(row, "adopted")?,
        other_scope: column(row, "other_scope")?,
    })
}
