//! What the row of a day means.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::day::end;
use crate::ledger::{LedgerRow, Status};

/// What to do about a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Read it.
    Due(Reason),
    /// Nothing: the day is complete.
    Complete {
        /// The number of its events.
        events: i32,
        /// The attempt that completed it.
        attempt: i32,
    },
    /// Nothing: another process is syncing it.
    Held {
        /// The holder of the lease.
        by: String,
    },
    /// Nothing: its row contains what this program never writes.
    Broken {
        /// What is wrong with the row.
        problem: String,
    },
}

/// Why a day is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has no row: it is new, or was missed, or was never read before.
    New,
    /// It is complete, and its next recheck is due.
    Recheck {
        /// The attempt that completed it.
        attempt: i32,
    },
    /// Another program called it complete, and none of its events is stored.
    Adopted,
    /// Its last attempt failed.
    Failed,
    /// It was reset, or interrupted.
    Pending,
    /// Its lease ended.
    Stale,
    /// It has settled, and a repair of it broke off. Count its stored events again, without a
    /// request to Heroku.
    Recount,
}

/// Whether a day is due at any age, by its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyAge {
    /// If the row does not change.
    pub untouched: bool,
    /// If the attempt of this run fails.
    pub failed: bool,
}

impl AnyAge {
    pub(super) fn of(ages: &[Duration], now: DateTime<Utc>, row: Option<&LedgerRow>) -> Self {
        let after_failure = |row: &LedgerRow| LedgerRow { settled: false, ..row.clone() };
        Self {
            untouched: row.is_some_and(|row| is_due_at_any_age(ages, now, row)),
            failed: row.is_some_and(|row| recheck_is_due(ages, now, &after_failure(row))),
        }
    }
}

pub(super) fn is_due_at_any_age(
    recheck_after: &[Duration],
    now: DateTime<Utc>,
    row: &LedgerRow,
) -> bool {
    row.status == Status::Pending || recheck_is_due(recheck_after, now, row) || needs_recount(row)
}

/// Whether to read a day again that was complete once. A recheck is due if an age has come that no
/// complete reading satisfied. After the last age, it is due while the last reading brought
/// something new. A failed attempt in between changes nothing.
///
/// A day with another scope stays as it is until someone resets it.
fn recheck_is_due(recheck_after: &[Duration], now: DateTime<Utc>, row: &LedgerRow) -> bool {
    let (Some(read_at), Some(&last)) = (row.synced_at, recheck_after.last()) else { return false };
    if row.settled || row.other_scope {
        return false;
    }
    let end = end(row.date);
    let interval =
        recheck_after.iter().rev().nth(1).map_or(last, |before| last.saturating_sub(*before));
    recheck_after.iter().any(|&age| read_at < end + age && end + age <= now)
        || (read_at >= end + last && read_at + interval <= now)
}

/// Whether a repair of a settled day ended without publishing. A repair that still runs counts as
/// running.
fn needs_recount(row: &LedgerRow) -> bool {
    let is_at_rest = match row.status {
        Status::Pending | Status::Failed | Status::Error => true,
        Status::Processing => !row.live || row.locked_by.is_none(),
        Status::Success | Status::Unknown(_) => false,
    };
    row.settled && is_at_rest
}

/// What to do about a day with this row, or without a row.
pub(super) fn verdict(
    recheck_after: &[Duration],
    now: DateTime<Utc>,
    row: Option<&LedgerRow>,
) -> Verdict {
    let Some(row) = row else { return Verdict::Due(Reason::New) };
    if needs_recount(row) {
        return Verdict::Due(Reason::Recount);
    }
    match &row.status {
        Status::Pending => Verdict::Due(Reason::Pending),
        Status::Failed | Status::Error => Verdict::Due(Reason::Failed),
        Status::Success if row.adopted => Verdict::Due(Reason::Adopted),
        Status::Success if recheck_is_due(recheck_after, now, row) => {
            Verdict::Due(Reason::Recheck { attempt: row.attempt })
        }
        Status::Success => {
            Verdict::Complete { events: row.events.unwrap_or(0), attempt: row.attempt }
        }
        Status::Processing => match (&row.locked_by, row.live) {
            (Some(holder), true) if row.endless => Verdict::Broken {
                problem: format!(
                    "its lease, held by {holder}, ends more than 30 days from now, \
                     which no auditsync sets"
                ),
            },
            (Some(holder), true) => Verdict::Held { by: holder.clone() },
            _ => Verdict::Due(Reason::Stale),
        },
        Status::Unknown(status) => Verdict::Broken { problem: format!("its status is `{status}`") },
    }
}
