//! Claims a day: one conditional statement, in a transaction that says who lost it, if somebody did.
//!
//! A claim makes nobody wait, above all no live holder, and waits for nobody.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::types::Json;
use tokio::time::Instant;

use super::commit::{Prepared, Proof};
use super::error::Doing;
use super::history::Counts;
use super::lease::{Fence, Standing};
use super::outage::PATIENCE;
use super::patience::{Tries, delays};
use super::{Error, Lease, Result, Store, Transaction, blockers, column, statement};
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
    pub async fn claim(
        &self,
        key: &DayKey,
        scope: &Scope,
        ttl: Duration,
        wanted: Claimable,
    ) -> Result<Claim> {
        if let Some(words) = self.refuses_more() {
            return Err(Error::NotBegun(words));
        }
        let order = Order { key, scope, ttl, wanted };
        // A claim that takes longer than its lease lasts is worth nothing.
        let mut tries = Tries::within(&self.connections, DOING, ttl);
        let mut looks =
            Attempts::new(&Retry { max_interval: LOOK_AGAIN, max_elapsed: PATIENCE, ..delays() });
        loop {
            let prepared = tries.attempt(self.prepare_claim(&order)).await;
            let claimed = match prepared {
                Ok(Step::Claimed(prepared)) => {
                    self.commit(*prepared, PATIENCE.min(ttl)).await.map(Claim::Claimed).map(Some)
                }
                Ok(Step::Answered(claim)) => Ok(claim),
                Err(error) => Err(error),
            };
            match claimed {
                Ok(Some(claim)) => return Ok(claim),
                // Whoever has the row locked may be about to leave it due, or leased: a claim, a cleanup, a reset.
                Ok(None) => match looks.next_delay(None) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => {
                        return Err(
                            blockers::name(&self.connections, DOING, Error::RowLocked).await
                        );
                    }
                },
                // A claim whose answer was lost may have taken place. Nobody works under it, and it runs out.
                Err(error) => tries.again(error).await?,
            }
        }
    }

    async fn prepare_claim<'o>(&self, order: &'o Order<'_>) -> Result<Step<'o>> {
        let Order { key, wanted, .. } = *order;
        let mut tx = self.begin().await?;
        let before = match lock_claimable(&mut tx, key, wanted).await? {
            Some(before) => Some(before),
            // Nothing to claim; unless there is no row at all, somebody has it or it is whole.
            None => match read_day(&mut tx, key).await? {
                Some(row) => return not_claimed(key, row).map(Step::Answered),
                None => None,
            },
        };
        if let Some((lease, xact)) = self.insert_claim(&mut tx, order, before.as_ref()).await? {
            let message = before.and_then(|before| before.abandoned());
            let action = if message.is_some() { "takeover" } else { "claim" };
            if let Some(message) = &message {
                let attempt = lease.attempt();
                tracing::warn!(source = %key.source, date = %key.date, attempt, "taking the day over: {message}");
            }
            let attempt = lease.attempt();
            self.write_history(
                &mut tx,
                lease.entry(action, "processing", Counts::default(), message.as_deref()),
            )
            .await?;
            let proof = order.proof(attempt, action);
            return Ok(Step::Claimed(Box::new(Prepared { tx, xact, proof, value: lease })));
        }
        drop(tx);
        let mut tx = self.begin().await?;
        match read_day(&mut tx, key).await? {
            Some(row) => not_claimed(key, row).map(Step::Answered),
            None => Ok(Step::Answered(None)),
        }
    }

    /// The claiming statement: `None` when the day is another's after all. `before` is what the row said that was locked.
    async fn insert_claim(
        &self,
        tx: &mut Transaction,
        order: &Order<'_>,
        before: Option<&Before>,
    ) -> Result<Option<(Lease, String)>> {
        let Order { key, scope, ttl, wanted } = *order;
        let sent = Instant::now();
        let row = statement(include_str!("sql/claim.sql"))
            .bind(key.source.as_ref())
            .bind(key.date)
            .bind(&self.holder)
            .bind(ttl.as_secs_f64())
            .bind(Json(scope))
            .bind(before.is_some())
            .bind(wanted.attempt())
            .fetch_optional(&mut **tx)
            .await
            .doing(DOING)?;
        let Some(row) = row else { return Ok(None) };
        let fence = Fence { key: key.clone(), attempt: column(&row, "attempt")?, ttl };
        let (settled, events_before): (bool, i32) =
            (column(&row, "settled")?, column(&row, "events_before")?);
        let stored_before: i64 = column(&row, "stored_before")?;
        let standing = Standing {
            claimed_at: column(&row, "claimed_at")?,
            was_whole: column(&row, "was_whole")?,
            // A server that lost what it had confirmed must be given it again.
            was_settled: settled && stored_before >= i64::from(events_before),
            events_before,
            stored_before,
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

impl Order<'_> {
    /// What is there if and only if the claim was committed.
    fn proof<'o>(&'o self, attempt: i32, action: &'static str) -> Proof<'o> {
        Proof::History { source: self.key.source.as_ref(), date: self.key.date, attempt, action }
    }
}

/// What one look at a day came to.
enum Step<'o> {
    /// It is ours once this is committed.
    Claimed(Box<Prepared<'o, Lease>>),
    /// It is not ours; `None` while another process has its row locked, and nobody a lease on it.
    Answered(Option<Claim>),
}

const DOING: &str = "claim the day";

/// How soon a row that another process has locked is looked at again, at the latest.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

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

/// Locks a day's row, if it has one that may be claimed and that nobody has locked, and returns what it says.
async fn lock_claimable(
    tx: &mut Transaction,
    key: &DayKey,
    wanted: Claimable,
) -> Result<Option<Before>> {
    let row = statement(include_str!("sql/lock_claimable.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(wanted.attempt())
        .fetch_optional(&mut **tx)
        .await
        .doing("lock the day's row")?;
    row.as_ref().map(Before::from_row).transpose()
}

async fn read_day(tx: &mut Transaction, key: &DayKey) -> Result<Option<Row>> {
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
pub(super) async fn lock_day(tx: &mut Transaction, key: &DayKey) -> Result<Option<Before>> {
    let row = statement(include_str!("sql/lock_day.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .fetch_optional(&mut **tx)
        .await
        .doing("lock the day's row")?;
    row.map(|row| Before::from_row(&row)).transpose()
}

fn not_claimed(key: &DayKey, Row { before, events, live }: Row) -> Result<Option<Claim>> {
    match before.status {
        Status::Success => {
            Ok(Some(Claim::AlreadyWhole { events: events.unwrap_or(0), attempt: before.attempt }))
        }
        Status::Unknown(status) => {
            Err(Error::BrokenRow { key: key.clone(), problem: format!("its status is `{status}`") })
        }
        // A row that is neither whole nor live was locked by somebody who is just claiming it, or giving it back.
        _ => Ok(before.locked_by.filter(|_| live).map(Claim::HeldBy)),
    }
}

#[cfg(test)]
mod tests;
