//! Claims a day with one conditional statement, in a transaction that also records a takeover.
//!
//! A claim waits for no other session, and blocks none, least of all a live holder.

use std::time::Duration;

use sqlx::types::Json;
use tokio::time::{Instant, sleep};

use super::blockers;
use super::commit::{Prepared, Proof};
use super::error::{Error, ErrorContext as _, Result};
use super::fence::Fence;
use super::handle::Store;
use super::history::{EntryCounts, NewEntry};
use super::lease::{DayBefore, Lease};
use super::ledger::RowState;
use super::outage::PATIENCE;
use super::patience::{Retrying, delays};
use super::pool::Transaction;
use super::statement::{column, statement};
use crate::config::{Retry, Scope};
use crate::day::DayKey;
use crate::ledger::{HistoryAction, HistoryOutcome, LedgerRow, Status};
use crate::retry::Attempts;

const OPERATION: &str = "claim the day";

/// The longest pause before looking again at a row that another session has locked.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Which state a day must have to be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimable {
    /// It is due. An adopted day is due, too.
    Due,
    /// It is due, or this attempt made it complete. It will be read again, or get more events.
    Complete {
        /// The attempt that published it.
        attempt: i32,
    },
}

impl Claimable {
    /// The state in which the row shows the day.
    pub fn of(row: &LedgerRow) -> Self {
        match row.status {
            Status::Success if !row.adopted => Self::Complete { attempt: row.attempt },
            _ => Self::Due,
        }
    }

    fn attempt(self) -> Option<i32> {
        match self {
            Self::Due => None,
            Self::Complete { attempt } => Some(attempt),
        }
    }
}

/// The result of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The day is ours.
    Claimed(Lease),
    /// The process with this name holds a live lease on the day.
    HeldBy(String),
    /// The day is complete, and only a due one was wanted; or another process read it meanwhile.
    AlreadyComplete {
        /// The number of its events.
        events: i32,
        /// The attempt that published it.
        attempt: i32,
    },
}

impl Store {
    /// Claims a day for the time `ttl`, unless another process holds it or it is not `wanted`.
    pub async fn claim(
        &self,
        key: &DayKey,
        scope: &Scope,
        ttl: Duration,
        wanted: Claimable,
    ) -> Result<Claim> {
        if let Some(message) = self.lasting_outage() {
            return Err(Error::NotStarted(message));
        }
        let request = ClaimRequest { key, scope, ttl, wanted };
        // A claim that takes longer than its lease lasts is useless.
        let mut retrying = Retrying::within(self.connections(), OPERATION, ttl);
        let mut looks =
            Attempts::new(&Retry { max_interval: LOOK_AGAIN, max_elapsed: PATIENCE, ..delays() });
        loop {
            let claimed = match retrying.attempt(self.prepare_claim(&request)).await {
                Ok(Step::Claimed(prepared)) => {
                    self.commit(*prepared, PATIENCE.min(ttl)).await.map(Claim::Claimed).map(Some)
                }
                Ok(Step::Answered(claim)) => Ok(claim),
                Err(error) => Err(error),
            };
            match claimed {
                Ok(Some(claim)) => return Ok(claim),
                // A claim, a cleanup or a reset has the row locked. It will leave it leased or due.
                Ok(None) => {
                    let Some(delay) = looks.next_delay(None) else {
                        let error = Error::RowLocked;
                        return Err(blockers::explain(self.connections(), OPERATION, error).await);
                    };
                    sleep(delay).await;
                }
                // A claim whose answer was lost may have taken place. Its lease is not used, and
                // runs out.
                Err(error) => retrying.after(error).await?,
            }
        }
    }

    async fn prepare_claim<'r>(&self, request: &'r ClaimRequest<'_>) -> Result<Step<'r>> {
        let ClaimRequest { key, wanted, .. } = *request;
        let mut tx = self.begin().await?;
        let before = match lock_claimable(&mut tx, key, wanted).await? {
            Some(before) => Some(before),
            // The row is not claimable or is locked, or there is no row.
            None => match read_day(&mut tx, key).await? {
                Some(row) => return not_claimed(key, row).map(Step::Answered),
                None => None,
            },
        };
        if let Some((lease, xact)) = self.insert_claim(&mut tx, request, before.as_ref()).await? {
            let proof = self.record_claim(&mut tx, request, &lease, before).await?;
            return Ok(Step::Claimed(Box::new(Prepared { tx, xact, proof, value: lease })));
        }
        drop(tx);
        let mut tx = self.begin().await?;
        match read_day(&mut tx, key).await? {
            Some(row) => not_claimed(key, row).map(Step::Answered),
            None => Ok(Step::Answered(None)),
        }
    }

    /// Writes a claim or a takeover to the history.
    async fn record_claim<'r>(
        &self,
        tx: &mut Transaction,
        request: &'r ClaimRequest<'_>,
        lease: &Lease,
        before: Option<RowState>,
    ) -> Result<Proof<'r>> {
        let (key, attempt) = (request.key, lease.attempt());
        let abandoned = before.as_ref().and_then(abandoned);
        if let Some(message) = &abandoned {
            tracing::warn!(
                source = %key.source, date = %key.date, attempt,
                "taking the day over: {message}"
            );
        }
        let action = match abandoned {
            Some(_) => HistoryAction::Takeover,
            None => HistoryAction::Claim,
        };
        let (source, date) = (key.source.as_ref(), key.date);
        let entry = NewEntry {
            source,
            date,
            attempt,
            action: action.clone(),
            outcome: HistoryOutcome::Processing,
            counts: EntryCounts::default(),
            message: abandoned.as_deref(),
            by: None,
        };
        self.write_history(tx, entry).await?;
        Ok(Proof::History { source, date, attempt, action })
    }

    /// Runs the claiming statement. Returns `None` if another process has the day after all.
    /// `before` is the state of the row that was locked.
    async fn insert_claim(
        &self,
        tx: &mut Transaction,
        request: &ClaimRequest<'_>,
        before: Option<&RowState>,
    ) -> Result<Option<(Lease, String)>> {
        let ClaimRequest { key, scope, ttl, wanted } = *request;
        let sent = Instant::now();
        let row = statement(include_str!("sql/claim.sql"))
            .bind(key.source.as_ref())
            .bind(key.date)
            .bind(&*self.holder)
            .bind(ttl.as_secs_f64())
            .bind(Json(scope))
            .bind(before.is_some())
            .bind(wanted.attempt())
            .fetch_optional(&mut **tx)
            .await
            .context(OPERATION)?;
        let Some(row) = row else { return Ok(None) };
        let fence = Fence { key: key.clone(), attempt: column(&row, "attempt")?, ttl };
        let settled: bool = column(&row, "settled")?;
        let events: i32 = column(&row, "events_before")?;
        let stored: i64 = column(&row, "stored_before")?;
        let before = DayBefore {
            claimed_at: column(&row, "claimed_at")?,
            was_complete: column(&row, "was_complete")?,
            // A server that lost confirmed events must get them again.
            was_settled: settled && stored >= i64::from(events),
            events,
            stored,
            other_scope: column(&row, "other_scope")?,
        };
        let lease = Lease::new(fence, sent, before);
        Ok(Some((lease, column(&row, "xact")?)))
    }
}

/// The arguments of a claim.
struct ClaimRequest<'a> {
    key: &'a DayKey,
    scope: &'a Scope,
    ttl: Duration,
    wanted: Claimable,
}

/// The result of one look at a day.
enum Step<'r> {
    /// The day is ours after a commit.
    Claimed(Box<Prepared<'r, Lease>>),
    /// The day is not ours. `None` while another session has its row locked without a lease.
    Answered(Option<Claim>),
}

/// The message about the holder that lost the day, if one did.
fn abandoned(before: &RowState) -> Option<String> {
    let holder = before.locked_by.as_deref().unwrap_or("nobody");
    (before.status == Status::Processing)
        .then(|| format!("the lease of {holder} on attempt {} had run out", before.attempt))
}

/// A row that was read without a lock.
#[derive(Debug)]
struct ReadRow {
    state: RowState,
    events: Option<i32>,
    live: bool,
}

/// Locks a day's row, if it exists, may be claimed, and is not locked.
async fn lock_claimable(
    tx: &mut Transaction,
    key: &DayKey,
    wanted: Claimable,
) -> Result<Option<RowState>> {
    let row = statement(include_str!("sql/lock_claimable.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(wanted.attempt())
        .fetch_optional(&mut **tx)
        .await
        .context("lock the day's row")?;
    row.as_ref().map(RowState::from_row).transpose()
}

async fn read_day(tx: &mut Transaction, key: &DayKey) -> Result<Option<ReadRow>> {
    let row = statement(include_str!("sql/read_day.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .fetch_optional(&mut **tx)
        .await
        .context("read the day's row")?;
    let Some(row) = row else { return Ok(None) };
    let (events, live) = (column(&row, "events_count")?, column(&row, "live")?);
    Ok(Some(ReadRow { state: RowState::from_row(&row)?, events, live }))
}

fn not_claimed(key: &DayKey, row: ReadRow) -> Result<Option<Claim>> {
    let ReadRow { state, events, live } = row;
    match state.status {
        Status::Success => {
            let (events, attempt) = (events.unwrap_or(0), state.attempt);
            Ok(Some(Claim::AlreadyComplete { events, attempt }))
        }
        Status::Unknown(status) => {
            Err(Error::BrokenRow { key: key.clone(), problem: format!("its status is `{status}`") })
        }
        // A row that is neither complete nor live was locked by a session that is just claiming the
        // day, or giving it back.
        _ => Ok(state.locked_by.filter(|_| live).map(Claim::HeldBy)),
    }
}

#[cfg(test)]
mod tests;
