//! Coming from the Python logger: its `audit_events_log` becomes the ledger in place, and its SUCCESS days can be made due.
//!
//! All of it is one transaction under the lock of the schema, so whatever ends it leaves the old table as it was. It
//! leads to the shape of the first migration; the later ones then run as in any database. A rehearsal does the same and
//! does not commit.

use sqlx::Executor as _;
use sqlx::postgres::PgRow;

use super::commit::{Prepared, Proof};
use super::error::Doing;
use super::outage::PATIENCE;
use super::patience::Tries;
use super::schema::{self, Schema, SchemaError};
use super::{Error, Reader, Result, Store, Transaction, column, statement};
use crate::day::DateRange;

pub(super) const DOING: &str = "take the Python logger's table over";

/// How its table is to be taken over.
#[derive(Debug, Clone, Copy)]
pub struct AdoptOrder<'a> {
    /// The source whose days they are.
    pub source: &'a str,
    /// Its SUCCESS days are to be read again.
    pub reread: bool,
    /// Nothing is to be kept of it.
    pub rehearse: bool,
    /// The person, for the history.
    pub by: &'a str,
}

/// What taking it over came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// Its rows.
    pub days: i64,
    /// Those that are PENDING now.
    pub due: i64,
    /// Those that are ERROR, as they were.
    pub error: i64,
    /// Those that are SUCCESS by its word alone, without an event…
    pub unproven: i64,
    /// …their first and last.
    pub unproven_range: Option<DateRange>,
    /// Those that name no day of Heroku's audit trail, so that nothing comes of them.
    pub ignored: i64,
    /// The migrations that ran.
    pub migrations: Vec<String>,
}

/// Days that the Python logger called complete, and of which nothing is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdoptedDays {
    /// How many they are.
    pub days: u64,
    /// The first and the last, if there is one.
    pub range: Option<DateRange>,
}

impl AdoptedDays {
    fn from_row(row: &PgRow) -> Result<Self> {
        let (first, last) = (column(row, "first_day")?, column(row, "last_day")?);
        Ok(Self {
            days: column::<i64>(row, "days")? as u64,
            range: DateRange::between(first, last),
        })
    }
}

impl Reader {
    /// The adopted days of a source.
    pub async fn adopted_days(&self, source: &str) -> Result<AdoptedDays> {
        let ask = || statement(include_str!("sql/adopted_days.sql")).bind(source.to_owned());
        let rows = self.rows("count the adopted days", ask).await?;
        AdoptedDays::from_row(
            rows.first().ok_or(sqlx::Error::RowNotFound).doing("count the adopted days")?,
        )
    }
}

impl Store {
    /// Makes the adopted days of a source due, in the name of `by`.
    pub async fn reread_adopted(&self, source: &str, by: &str) -> Result<AdoptedDays> {
        self.connections
            .persist("make the adopted days due", async || {
                self.try_reread_adopted(source, by).await
            })
            .await
    }

    async fn try_reread_adopted(&self, source: &str, by: &str) -> Result<AdoptedDays> {
        let doing = "make the adopted days due";
        let mut tx = self.begin().await?;
        let row = statement(include_str!("sql/reread_adopted.sql"))
            .bind(source)
            .bind(self.run_id)
            .bind(by)
            .fetch_one(&mut *tx)
            .await
            .doing(doing)?;
        let due = AdoptedDays::from_row(&row)?;
        if let (Some(range), Some(attempt)) = (due.range, column(&row, "first_attempt")?) {
            let proof = Proof::History { source, date: range.from, attempt, action: "reset" };
            let prepared = Prepared { tx, xact: column(&row, "xact")?, proof, value: () };
            self.commit(prepared, PATIENCE).await?;
        }
        Ok(due)
    }

    /// Takes the Python logger's table over; `None` if another process has done so.
    pub async fn adopt(&self, order: &AdoptOrder<'_>) -> Result<Option<Adopted>, SchemaError> {
        let mut tries = Tries::new(&self.connections, DOING);
        let mut ordered = None;
        loop {
            match tries.attempt(self.try_adopt(order, &mut ordered)).await {
                Err(SchemaError::Store(error)) => tries.again(error).await?,
                adopted => return adopted,
            }
        }
    }

    /// `ordered` holds what was ordered to be committed, for when no answer comes and the next try finds it done.
    async fn try_adopt(
        &self,
        order: &AdoptOrder<'_>,
        ordered: &mut Option<Adopted>,
    ) -> Result<Option<Adopted>, SchemaError> {
        let mut tx = self.begin().await?;
        schema::lock(&mut tx).await?;
        match schema::schema(&mut tx).await? {
            Schema::PythonLogger => {}
            Schema::Current => return Ok(ordered.take()),
            other => return Err(other.into_error()),
        }
        let adopted = self.take_over(&mut tx, order).await.map_err(schema::not_allowed)?;
        if order.rehearse {
            return Ok(Some(adopted));
        }
        *ordered = Some(adopted);
        tx.commit().await?;
        Ok(ordered.take())
    }

    async fn take_over(
        &self,
        tx: &mut Transaction,
        order: &AdoptOrder<'_>,
    ) -> Result<Adopted, Error> {
        schema::wait_briefly(tx).await?;
        tx.execute(sqlx::raw_sql(include_str!("sql/adopt_table.sql"))).await.doing(DOING)?;
        schema::begin_beside_a_ledger(tx).await?;
        let row = statement(include_str!("sql/adopt_rows.sql"))
            .bind(order.source)
            .bind(order.reread)
            .bind(self.run_id)
            .bind(order.by)
            .fetch_one(&mut **tx)
            .await
            .doing(DOING)?;
        tx.execute(sqlx::raw_sql(include_str!("sql/adopt_keys.sql"))).await.doing(DOING)?;
        let migrations = schema::finish(tx).await?;
        let (from, to) = (column(&row, "unproven_from")?, column(&row, "unproven_to")?);
        Ok(Adopted {
            days: column(&row, "days")?,
            due: column(&row, "due")?,
            error: column(&row, "error")?,
            unproven: column(&row, "unproven")?,
            unproven_range: DateRange::between(from, to),
            ignored: column(&row, "ignored")?,
            migrations,
        })
    }
}
