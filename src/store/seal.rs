//! Appends seals to the chain.
//!
//! One lock serves all days, so a seal is the last act of its transaction, and the lock is held for
//! one statement and the commit. The database's function `auditsync_seal` takes the lock, reads the
//! head, and adds the fields that only it knows. This program builds each text again and compares.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::error::{Error, ErrorContext as _, Result};
use super::fence::{longest_silence, milliseconds};
use super::handle::Reader;
use super::outage::PATIENCE;
use super::pool::Transaction;
use super::statement::{Statement, column, first, statement};
use crate::day::DayKey;
use crate::evidence::{Head, LogId, Seal, SealKind, Sealed};

const SEAL: &str = "seal the day";

/// How long a session may be silent while it holds the lock of the chain.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// How long a transaction may hold the lock of the chain, and wait for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SealLimits {
    silence: Duration,
    wait: Duration,
}

impl SealLimits {
    /// Outside of a lease.
    pub(super) const ALONE: Self = Self { silence: LONGEST_SILENCE, wait: PATIENCE };

    /// Binds the last two parameters of a statement that seals.
    pub(super) fn bind(self, query: Statement) -> Statement {
        query.bind(milliseconds(self.silence)).bind(milliseconds(self.wait))
    }

    /// Under a lease of this duration. Its own renewal waits behind the transaction.
    pub(super) fn under(ttl: Duration) -> Self {
        Self {
            silence: LONGEST_SILENCE.min(longest_silence(ttl)),
            wait: PATIENCE.min(ttl / 4).max(Duration::from_millis(1)),
        }
    }
}

/// Whether a day has a seal.
pub(super) async fn has_seal(tx: &mut Transaction, key: &DayKey) -> Result<bool> {
    let row = statement(include_str!("sql/has_seal.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .fetch_one(&mut **tx)
        .await
        .context("look for the seals of the day")?;
    column(&row, "has_seal")
}

/// Appends seals in their order. The transaction must do nothing but commit afterwards.
pub(super) async fn append(
    tx: &mut Transaction,
    seals: &[Sealed],
    limits: SealLimits,
) -> Result<()> {
    append_to(tx, None, seals, limits).await
}

/// Begins the chain, if it has no seal yet. Returns whether it did.
pub(super) async fn begin_chain(tx: &mut Transaction) -> Result<bool> {
    let head = statement(include_str!("sql/head.sql")).fetch_optional(&mut **tx).await;
    if head.context(SEAL)?.is_some() {
        return Ok(false);
    }
    let rows = statement(include_str!("sql/server_version.sql")).fetch_all(&mut **tx).await;
    let server: String = column(first(&rows.context(SEAL)?, SEAL)?, "version")?;
    let body = json!({ "auditsync": env!("CARGO_PKG_VERSION"), "postgresql": server });
    let genesis = Sealed::of_log(SealKind::Genesis, body.to_string());
    let log = LogId::from_bits(Uuid::new_v4().as_u128());
    append_to(tx, Some(&log), &[genesis], SealLimits::ALONE).await?;
    Ok(true)
}

async fn append_to(
    tx: &mut Transaction,
    new_log: Option<&LogId>,
    seals: &[Sealed],
    limits: SealLimits,
) -> Result<()> {
    let fields: Vec<String> = seals.iter().flat_map(Sealed::fields).collect();
    let query = statement(include_str!("sql/append_seals.sql"))
        .bind(new_log.map(|log| log.as_str().to_owned()))
        .bind(fields)
        .bind(seals.len() as i32);
    run(tx, limits.bind(query), seals).await
}

/// Runs a statement that makes `seals`, and fails unless the database built their texts.
pub(super) async fn run(tx: &mut Transaction, query: Statement, seals: &[Sealed]) -> Result<()> {
    let rows = query.fetch_all(&mut **tx).await.context(SEAL);
    let rows = rows.map_err(|error| if error.lacks_chain() { Error::NoChain } else { error })?;
    let texts = rows.iter().map(|row| column(row, "sealed")).collect::<Result<Vec<&str>>>()?;
    if texts.len() == seals.len() && texts.iter().zip(seals).all(|(text, seal)| is_of(text, seal)) {
        Ok(())
    } else {
        Err(Error::OtherSeal)
    }
}

/// Whether the database built the text that this program builds.
fn is_of(text: &str, sealed: &Sealed) -> bool {
    Seal::parse(text).is_ok_and(|seal| seal.sealed == *sealed && seal.preimage() == text)
}

impl Reader {
    /// The head of the chain of seals; `None` if there is none, or none that can be read.
    pub async fn head(&self) -> Result<Option<Head>> {
        let rows = self.rows("read the last seal", || statement(include_str!("sql/head.sql")));
        rows.await?.first().map_or(Ok(None), |row| Ok(head_of(column(row, "sealed")?)))
    }
}

/// The head that is the seal with this text.
pub(super) fn head_of(text: &str) -> Option<Head> {
    let seal = Seal::parse(text).inspect_err(|error| {
        tracing::warn!("the last seal can't be read: {error}. Run `auditsync verify`");
    });
    Some(seal.ok()?.head(text))
}
