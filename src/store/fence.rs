//! The fence: the condition that ties every statement of a holder to its attempt.

use std::time::Duration;

use super::error::{Error, ErrorContext as _, Result};
use super::pool::Transaction;
use super::statement::{column, statement};
use crate::day::DayKey;

/// The day and the attempt that every fenced statement names. The statement adds the holder, which
/// is the name of this process.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    pub(super) key: DayKey,
    pub(super) attempt: i32,
    /// The duration of the lease.
    pub(super) ttl: Duration,
}

impl Fence {
    /// Locks the ledger row for the rest of `tx`, and returns the transaction's id. Fails when the
    /// lease is lost.
    pub(super) async fn hold(&self, tx: &mut Transaction, holder: &str) -> Result<String> {
        let row = statement(include_str!("sql/fence.sql"))
            .bind(self.key.source.as_ref())
            .bind(self.key.date)
            .bind(self.attempt)
            .bind(holder)
            .bind(milliseconds(longest_silence(self.ttl)))
            .bind(milliseconds(longest_wait(self.ttl)))
            .bind(milliseconds((self.ttl / 3).min(LONGEST_TIMEOUT)))
            .fetch_optional(&mut **tx)
            .await
            .context("confirm the lease")?
            .ok_or(Error::LeaseLost)?;
        column(&row, "xact")
    }
}

/// The longest timeout that PostgreSQL accepts is 2,147,483,647 ms.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24 * 24);

pub(super) fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// How long a transaction that holds the fence may wait for another lock. Our own renewal waits
/// behind it.
fn longest_wait(ttl: Duration) -> Duration {
    (ttl / 10).min(Duration::from_secs(1)).max(Duration::from_millis(1))
}

/// How long a transaction that holds the fence may be silent. A connection that died unseen must
/// not block our own next renewal until the lease is lost.
pub(super) fn longest_silence(ttl: Duration) -> Duration {
    (ttl / 10).clamp(Duration::from_secs(1), Duration::from_secs(30)).min(ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_lasts_a_tenth_of_the_lease_within_bounds() {
        for (ttl, silence) in [(600_000, 30_000), (120_000, 12_000), (5_000, 1_000), (500, 500)] {
            assert_eq!(longest_silence(Duration::from_millis(ttl)), Duration::from_millis(silence));
        }
    }
}
