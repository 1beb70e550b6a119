//! Adopts the ledger of the Python logger: its table `audit_events_log` becomes ours in place, and
//! its SUCCESS days can be made due.
//!
//! Everything happens in one transaction under the lock of the schema, so a failure leaves the old
//! table as it was. The result equals the first migration; the later ones then run as usual. A
//! rehearsal does the same without the commit.

use chrono::NaiveDate;
use serde_json::json;
use sqlx::Executor as _;
use sqlx::postgres::PgRow;

use super::commit::{Prepared, Proof};
use super::error::{ErrorContext as _, Result};
use super::handle::{Reader, Store};
use super::migrations::{ADOPT, Schema};
use super::operator::Actor;
use super::outage::PATIENCE;
use super::patience::Retrying;
use super::pool::Transaction;
use super::schema::{self, SchemaError};
use super::seal::{self, SealLimits};
use super::statement::{column, first, statement};
use crate::day::DateRange;
use crate::evidence::{SealKind, Sealed};
use crate::ledger::{HistoryAction, Status};
use crate::text::clean;

/// How the Python logger's table is adopted.
#[derive(Debug, Clone, Copy)]
pub struct AdoptRequest<'a> {
    /// The source that its days belong to.
    pub source: &'a str,
    /// Whether its SUCCESS days become due.
    pub reread: bool,
    /// Whether to roll everything back.
    pub rehearse: bool,
    /// The person, for the history.
    pub by: &'a str,
}

/// The result of an adoption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The number of rows.
    pub days: i64,
    /// The days that are PENDING now.
    pub due: i64,
    /// The days that are ERROR, as they were.
    pub error: i64,
    /// The days that are SUCCESS without a stored event.
    pub unproven: i64,
    /// The first and the last of the unproven days.
    pub unproven_range: Option<DateRange>,
    /// The rows that name no day of Heroku's audit trail. They have no effect.
    pub ignored: i64,
    /// The migrations that ran.
    pub migrations: Vec<String>,
}

/// Adopted days: the Python logger called them complete, and none of their events is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdoptedDays {
    /// How many there are.
    pub days: u64,
    /// The first and the last.
    pub range: Option<DateRange>,
}

impl AdoptedDays {
    /// These days and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        let range = match (self.range, others.range) {
            (Some(a), Some(b)) => Some(DateRange::new(a.from.min(b.from), a.to.max(b.to))),
            (a, b) => a.or(b),
        };
        Self { days: self.days + others.days, range }
    }

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
    pub async fn adopted_days(&self, source: &str, preceding: &[&str]) -> Result<AdoptedDays> {
        let operation = "count the adopted days";
        let ask = || {
            statement(include_str!("sql/adopted_days.sql")).bind(source).bind(preceding.to_vec())
        };
        let rows = self.rows(operation, ask).await?;
        AdoptedDays::from_row(first(&rows, operation)?)
    }
}

const REREAD: &str = "make the adopted days due";

impl Store {
    /// Makes the adopted days of a source due. `by` names the person.
    pub async fn reread_adopted(
        &self,
        source: &str,
        preceding: &[&str],
        by: &str,
    ) -> Result<AdoptedDays> {
        let work = async || self.try_reread_adopted(source, preceding, by).await;
        self.connections().persist(REREAD, work).await
    }

    async fn try_reread_adopted(
        &self,
        source: &str,
        preceding: &[&str],
        by: &str,
    ) -> Result<AdoptedDays> {
        let mut tx = self.begin().await?;
        let row = statement(include_str!("sql/reread_adopted.sql"))
            .bind(source)
            .bind(self.run_id)
            .bind(by)
            .bind(preceding.to_vec())
            .fetch_one(&mut *tx)
            .await
            .context(REREAD)?;
        let due = AdoptedDays::from_row(&row)?;
        if let (Some(range), Some(attempt)) = (due.range, column(&row, "first_attempt")?) {
            let (date, action) = (range.from, HistoryAction::Reset);
            let proof = Proof::History { source, date, attempt, action };
            let actor = Actor { by, reason: None };
            seal::append(&mut tx, &reset_seals(source, &row, actor)?, SealLimits::ALONE).await?;
            let prepared = Prepared { tx, xact: column(&row, "xact")?, proof, value: () };
            self.commit(prepared, PATIENCE).await?;
        }
        Ok(due)
    }

    /// Adopts the Python logger's table. Returns `None` if another process has done so.
    pub async fn adopt(&self, request: &AdoptRequest<'_>) -> Result<Option<Adoption>, SchemaError> {
        let mut retrying = Retrying::new(self.connections(), ADOPT);
        let mut committing = None;
        loop {
            match retrying.attempt(self.try_adopt(request, &mut committing)).await {
                Err(SchemaError::Store(error)) => retrying.after(error).await?,
                adopted => return adopted,
            }
        }
    }

    /// Keeps in `committing` what a commit would do. If its answer is lost, the next attempt finds
    /// the schema current and returns that.
    async fn try_adopt(
        &self,
        request: &AdoptRequest<'_>,
        committing: &mut Option<Adoption>,
    ) -> Result<Option<Adoption>, SchemaError> {
        let mut tx = self.begin().await?;
        schema::lock(&mut tx).await?;
        match schema::schema(&mut tx).await? {
            Schema::PythonLogger => {}
            Schema::Current => return Ok(committing.take()),
            other => return Err(other.into_error()),
        }
        let adopted = self.adopt_table(&mut tx, request).await.map_err(schema::not_allowed)?;
        if request.rehearse {
            return Ok(Some(adopted));
        }
        *committing = Some(adopted);
        tx.commit().await?;
        Ok(committing.take())
    }

    async fn adopt_table(
        &self,
        tx: &mut Transaction,
        request: &AdoptRequest<'_>,
    ) -> Result<Adoption> {
        schema::limit_lock_wait(tx).await?;
        tx.execute(sqlx::raw_sql(include_str!("sql/adopt_table.sql"))).await.context(ADOPT)?;
        schema::apply_first_without_ledger(tx).await?;
        let rows = statement(include_str!("sql/adoptable_rows.sql")).fetch_all(&mut **tx).await;
        let seals = adoption_seals(request, &rows.context(ADOPT)?)?;
        let row = statement(include_str!("sql/adopt_rows.sql"))
            .bind(request.source)
            .bind(request.reread)
            .bind(self.run_id)
            .bind(request.by)
            .fetch_one(&mut **tx)
            .await
            .context(ADOPT)?;
        tx.execute(sqlx::raw_sql(include_str!("sql/adopt_keys.sql"))).await.context(ADOPT)?;
        let migrations = schema::apply_later(tx).await?;
        seal::begin_chain(tx).await?;
        seal::append(tx, &seals, SealLimits::ALONE).await?;
        let (from, to) = (column(&row, "unproven_from")?, column(&row, "unproven_to")?);
        Ok(Adoption {
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

/// The seals of adopted days: we did not read them. Complete days that become due at once are also
/// reset.
fn adoption_seals(request: &AdoptRequest<'_>, rows: &[PgRow]) -> Result<Vec<Sealed>> {
    let (mut seals, mut resets) = (Vec::new(), Vec::new());
    let actor = Actor { by: request.by, reason: None };
    for row in rows {
        let (status, events): (String, Option<i64>) =
            (column(row, "status")?, column(row, "events")?);
        let of_day = |kind| -> Result<Sealed> {
            Ok(Sealed::of_day(kind, request.source, column(row, "process_date")?, 0))
        };
        let body = json!({ "status": clean(&status), "events_count": events }).to_string();
        seals.push(Sealed { body, ..of_day(SealKind::Baseline)? });
        if request.reread && Status::from(status) == Status::Success {
            let body = actor.body(&Status::Success);
            resets.push(Sealed { body, ..of_day(SealKind::Reset)? });
        }
    }
    seals.extend(resets);
    Ok(seals)
}

/// The seals of adopted days that became due.
fn reset_seals(source: &str, row: &PgRow, actor: Actor<'_>) -> Result<Vec<Sealed>> {
    let dates: Option<Vec<NaiveDate>> = column(row, "sealed_dates")?;
    let attempts: Option<Vec<i32>> = column(row, "sealed_attempts")?;
    let days = dates.unwrap_or_default().into_iter().zip(attempts.unwrap_or_default());
    let seal = |(date, attempt)| Sealed {
        body: actor.body(&Status::Success),
        ..Sealed::of_day(SealKind::Reset, source, date, attempt)
    };
    Ok(days.map(seal).collect())
}
