//! Claims a day: one conditional statement, in a transaction that says who lost it, if somebody did.
//!
//! A claim makes nobody wait, above all no live holder, and waits for nobody.

use std::num::NonZeroU32;
use std::time::Duration;

use sqlx::postgres::{PgRow, PgTransaction};
use sqlx::types::Json;
use tokio::time::Instant;

use super::error::Doing;
use super::history::Counts;
use super::lease::{Fence, Standing};
use super::{Error, Lease, Result, Store, Tries, column, patience, statement};
use crate::config::{Retry, Scope};
use crate::day::DayKey;
use crate::ledger::{LedgerRow, Status};
use crate::retry::Attempts;

/// Which days may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimable {
    /// One that is due. So is an adopted day, which another program called complete.
    Due,
    /// One that is due, or whole by this attempt: to be read again, or added to.
    Whole {
        /// The attempt that called it whole.
        attempt: i32,
    },
}

impl Claimable {
    /// The one that takes a day as its row shows it.
    pub fn of(row: &LedgerRow) -> Self {
        match row.status {
            Status::Success if !row.adopted => Self::Whole { attempt: row.attempt },
            _ => Self::Due,
        }
    }

    fn attempt(self) -> Option<i32> {
        match self {
            Self::Due => None,
            Self::Whole { attempt } => Some(attempt),
        }
    }
}

/// What became of an attempt to claim a day.
#[derive(Debug)]
pub enum Claim {
    /// It is ours to read.
    Claimed(Lease),
    /// Another process is at it, and its lease has not run out.
    HeldBy(String),
    /// It was read whole in the meantime.
    AlreadyWhole {
        /// How many events it has.
        events: i32,
        /// The attempt that read it.
        attempt: i32,
    },
}

impl Store {
    /// Takes a day for the time `ttl`, unless it is another's, or whole where only a due one is wanted.
    pub async fn claim(&self, key: &DayKey, scope: &Scope, ttl: Duration, wanted: Claimable) -> Result<Claim> {
        let mut attempts = Attempts::new(&patience());
        let mut looks = Attempts::new(&SHORT_PATIENCE);
        loop {
            match self.try_claim(key, scope, ttl, wanted).await {
                Ok(Some(claim)) => return Ok(claim),
                // Whoever has the row locked may be about to leave it due: a cleanup, a reset, a claim that breaks off.
                Ok(None) => match looks.next_delay(None) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Ok(Claim::HeldBy("another process".to_owned())),
                },
                // A claim whose answer was lost may have taken place. Nobody works under it, and it runs out.
                Err(error) => Tries::wait(&mut attempts, error).await?,
            }
        }
    }

    /// `None` while another process has the row locked.
    async fn try_claim(&self, key: &DayKey, scope: &Scope, ttl: Duration, wanted: Claimable) -> Result<Option<Claim>> {
        let order = Order { key, scope, ttl, wanted };
        let mut tx = self.begin().await?;
        limit_waits(&mut tx).await?;
        let claimed = match lock_claimable(&mut tx, key, wanted).await? {
            Lock::Held => None,
            Lock::Taken(before) => Some(before),
            // Nothing to claim; unless there is no row at all, somebody has it or it is whole.
            Lock::Nothing => match read_day(&mut tx, key).await? {
                Some(row) => return not_claimed(key, row),
                None => Some(None),
            },
        };
        if let Some(before) = claimed
            && let Some((lease, xact)) = self.insert_claim(&mut tx, &order, before.as_ref()).await?
        {
            let message = before.and_then(|before| before.abandoned());
            let action = if message.is_some() { "takeover" } else { "claim" };
            if let Some(message) = &message {
                let attempt = lease.attempt();
                tracing::warn!(source = %key.source, date = %key.date, attempt, "taking the day over: {message}");
            }
            let entry = lease.entry(action, "processing", Counts::default(), message.as_deref());
            let proof = self.write_history(&mut tx, entry).await?;
            self.commit(tx, &xact, proof).await?;
            return Ok(Some(Claim::Claimed(lease)));
        }
        drop(tx);
        let mut tx = self.begin().await?;
        match read_day(&mut tx, key).await? {
            Some(row) => not_claimed(key, row),
            None => Ok(None),
        }
    }

    /// The claiming statement: `None` when the day is another's after all. `before` is what the row said that was locked.
    async fn insert_claim(
        &self,
        tx: &mut PgTransaction<'_>,
        order: &Order<'_>,
        before: Option<&Before>,
    ) -> Result<Option<(Lease, String)>> {
        let Order { key, scope, ttl, wanted } = *order;
        let sent = Instant::now();
        let claimed = statement(include_str!("sql/claim.sql"))
            .bind(key.source.as_ref())
            .bind(key.date)
            .bind(&self.holder)
            .bind(ttl.as_secs_f64())
            .bind(Json(scope))
            .bind(before.is_some())
            .bind(wanted.attempt())
            .fetch_optional(&mut **tx)
            .await
            .doing("claim the day");
        let row = match claimed {
            // Another process is just claiming it.
            Err(error) if error.is_locked() => return Ok(None),
            row => row?,
        };
        let Some(row) = row else { return Ok(None) };
        let fence = Fence { key: key.clone(), attempt: column(&row, "attempt")?, ttl };
        let standing = Standing {
            claimed_at: column(&row, "claimed_at")?,
            was_whole: column(&row, "was_whole")?,
            events_before: column(&row, "events_before")?,
            stored_before: column(&row, "stored_before")?,
            other_scope: column(&row, "other_scope")?,
        };
        let lease = Lease::new(fence, sent, standing);
        Ok(Some((lease, column(&row, "xact")?)))
    }
}

/// A claim that is asked for.
struct Order<'a> {
    key: &'a DayKey,
    scope: &'a Scope,
    ttl: Duration,
    wanted: Claimable,
}

/// How often a row that another process has locked is looked at again.
const SHORT_PATIENCE: Retry = Retry {
    max_attempts: NonZeroU32::MAX,
    initial_interval: Duration::from_millis(20),
    multiplier: 2.0,
    jitter: 0.5,
    max_interval: Duration::from_millis(200),
    max_elapsed: Duration::from_secs(1),
};

/// What came of locking a row for a claim.
#[derive(Debug)]
enum Lock {
    /// It may be claimed, and said this.
    Taken(Option<Before>),
    /// There is no row, or none that may be claimed.
    Nothing,
    /// Another process has it locked.
    Held,
}

/// What a row said before it was changed.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) status: Status,
    pub(super) attempt: i32,
    pub(super) locked_by: Option<String>,
}

impl Before {
    fn from_row(row: &PgRow) -> Result<Self> {
        Ok(Self {
            status: Status::from(column::<String>(row, "status")?),
            attempt: column(row, "attempt")?,
            locked_by: column(row, "locked_by")?,
        })
    }

    /// Who lost the day, if somebody had it.
    fn abandoned(&self) -> Option<String> {
        let holder = self.locked_by.as_deref().unwrap_or("nobody");
        (self.status == Status::Processing)
            .then(|| format!("the lease of {holder} on attempt {} had run out", self.attempt))
    }
}

/// What a row says.
#[derive(Debug)]
struct Row {
    before: Before,
    events: Option<i32>,
    live: bool,
}

async fn lock_claimable(tx: &mut PgTransaction<'_>, key: &DayKey, wanted: Claimable) -> Result<Lock> {
    let row = statement(include_str!("sql/lock_claimable.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(wanted.attempt())
        .fetch_optional(&mut **tx)
        .await
        .doing("lock the day's row");
    match row {
        Err(error) if error.is_locked() => Ok(Lock::Held),
        Err(error) => Err(error),
        Ok(None) => Ok(Lock::Nothing),
        Ok(Some(row)) => Before::from_row(&row).map(|before| Lock::Taken(Some(before))),
    }
}

async fn read_day(tx: &mut PgTransaction<'_>, key: &DayKey) -> Result<Option<Row>> {
    let row = statement(include_str!("sql/read_day.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .fetch_optional(&mut **tx)
        .await
        .doing("read the day's row")?;
    let Some(row) = row else { return Ok(None) };
    let (events, live) = (column(&row, "events_count")?, column(&row, "live")?);
    Ok(Some(Row { before: Before::from_row(&row)?, events, live }))
}

/// Reads a day's row, if it has one, and locks it for the rest of `tx`, waiting for whoever has it locked.
pub(super) async fn lock_day(tx: &mut PgTransaction<'_>, key: &DayKey) -> Result<Option<Before>> {
    limit_waits(tx).await?;
    let row = statement(include_str!("sql/lock_day.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .fetch_optional(&mut **tx)
        .await
        .doing("lock the day's row")?;
    row.map(|row| Before::from_row(&row)).transpose()
}

/// Sees to it that `tx` neither waits for long nor is waited for.
async fn limit_waits(tx: &mut PgTransaction<'_>) -> Result<()> {
    statement(include_str!("sql/limit_waits.sql"))
        .bind("5s")
        .bind("10s")
        .execute(&mut **tx)
        .await
        .doing("limit how long it waits")?;
    Ok(())
}

fn not_claimed(key: &DayKey, Row { before, events, live }: Row) -> Result<Option<Claim>> {
    match before.status {
        Status::Success => Ok(Some(Claim::AlreadyWhole { events: events.unwrap_or(0), attempt: before.attempt })),
        Status::Unknown(status) => {
            Err(Error::BrokenRow { key: key.clone(), problem: format!("its status is `{status}`") })
        }
        // A row that is neither whole nor live was locked by somebody who is just claiming it, or giving it back.
        _ => Ok(before.locked_by.filter(|_| live).map(Claim::HeldBy)),
    }
}

#[cfg(test)]
mod tests;
