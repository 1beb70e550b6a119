//! Keeps anchors of the chain, and announces the key that signs them.

use super::error::{ErrorContext as _, Result};
use super::handle::{Reader, Store};
use super::seal::{self, SealLimits};
use super::statement::{column, statement};
use crate::evidence::tree::TreeEdge;
use crate::evidence::{Seal, Sealed};

const KEEP: &str = "keep an anchor";
const ANNOUNCE: &str = "announce the signing key";
const READ: &str = "read the chain of seals";

/// How many seals one query returns.
const SEALS: i64 = 2_000;

/// What is kept of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnchorKind {
    /// A signed note.
    Checkpoint,
    /// The answer of a timestamp authority, unchanged.
    Timestamp,
    /// The right edge of the tree of seals.
    Edge,
}

impl AnchorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Timestamp => "timestamp",
            Self::Edge => "edge",
        }
    }
}

/// The verifier's keys that the chain names, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnnouncedKeys {
    /// The one that signs at present.
    pub current: Option<String>,
    /// The one before it, until a checkpoint announces the change.
    pub replaced: Option<String>,
}

impl Reader {
    /// The keys that the chain named last.
    pub async fn announced_keys(&self) -> Result<AnnouncedKeys> {
        let mut keys = AnnouncedKeys::default();
        let rows = self.rows(READ, || statement(include_str!("sql/last_keys.sql"))).await?;
        for row in &rows {
            let seal = Seal::parse(column(row, "sealed")?).ok();
            let Some(key) = seal.and_then(|seal| seal.sealed.verifier_key()) else { continue };
            let is_current = *keys.current.get_or_insert_with(|| key.clone()) == key;
            if is_current && column(row, "has_checkpoint")? {
                break;
            }
            if !is_current {
                keys.replaced = Some(key);
                break;
            }
        }
        Ok(keys)
    }

    /// The tree of all seals, of which only those behind the last kept edge are read. `None` if a
    /// seal is missing.
    pub async fn tree(&self) -> Result<Option<TreeEdge>> {
        // Seals and edges are only added, so the edge is not behind a head that is read after it.
        let mut tree = self.last_edge().await?;
        let Some(head) = self.head().await?.filter(|head| tree.size() <= head.seq as u64) else {
            return Ok(None);
        };
        while tree.size() < head.seq as u64 {
            let after = tree.size() as i64;
            let ask = || statement(include_str!("sql/sealed_texts.sql")).bind(after).bind(SEALS);
            let rows = self.rows(READ, ask).await?;
            for row in &rows {
                if column::<i64>(row, "seq")? != tree.size() as i64 + 1 {
                    return Ok(None);
                }
                tree.push(column::<&str>(row, "sealed")?.as_bytes());
            }
            if rows.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(tree))
    }

    /// The edge of the tree that was kept last; that of an empty tree if there is none.
    async fn last_edge(&self) -> Result<TreeEdge> {
        let rows = self.rows(READ, || statement(include_str!("sql/last_edge.sql"))).await?;
        let Some(row) = rows.first() else { return Ok(TreeEdge::default()) };
        let (size, bytes): (i64, &[u8]) = (column(row, "seq")?, column(row, "anchor")?);
        // An edge that can't be read is not trusted: verify reports it.
        Ok(TreeEdge::from_bytes(size.max(0) as u64, bytes).unwrap_or_default())
    }
}

impl Store {
    /// Records in the chain that `key` signs from now on. The text is that of the verifier's key.
    pub async fn announce_key(&self, key: &str) -> Result<()> {
        let work = async || {
            let mut tx = self.begin().await?;
            let key = Sealed::of_key(key);
            seal::append(&mut tx, &[key], SealLimits::ALONE).await?;
            tx.commit().await
        };
        self.connections().persist(ANNOUNCE, work).await
    }

    /// Keeps anchors of the seal `seq`.
    pub async fn keep_anchors(&self, seq: i64, anchors: &[(AnchorKind, Vec<u8>)]) -> Result<()> {
        let (kinds, bytes): (Vec<&str>, Vec<&[u8]>) =
            anchors.iter().map(|(kind, bytes)| (kind.as_str(), bytes.as_slice())).unzip();
        let work = async || {
            let mut tx = self.begin().await?;
            statement(include_str!("sql/insert_anchors.sql"))
                .bind(seq)
                .bind(kinds.clone())
                .bind(bytes.clone())
                .execute(&mut *tx)
                .await
                .context(KEEP)?;
            tx.commit().await
        };
        self.connections().persist(KEEP, work).await
    }
}
