//! Walks the chain of seals, and compares it with anchors.

use chrono::{DateTime, Utc};

use super::super::failure::Failure;
use super::visitor::Visitor;
use crate::evidence::{Anchors, ChainWalk, ComparedAnchor, Head, KeptAnchor, Problem, ProblemKind};
use crate::store::{AnchorRow, EvidenceSnapshot};

/// What the walk found.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) seals: u64,
    pub(super) head: Option<Head>,
    /// When the last seal was made.
    pub(super) sealed_at: Option<DateTime<Utc>>,
    pub(super) compared: Vec<ComparedAnchor>,
    pub(super) problems: Vec<Problem>,
}

pub(super) async fn walk(
    snapshot: &mut EvidenceSnapshot,
    mut anchors: Anchors,
    visitor: &mut impl Visitor,
) -> Result<Walked, Failure> {
    let mut walk = ChainWalk::default();
    let (mut last, mut sealed_at) = (None, None);
    loop {
        let rows = snapshot.seals(last).await?;
        let Some(end) = rows.last().map(|row| row.seq) else { break };
        let kept = snapshot.anchors(behind(last), Some(end)).await?;
        rows.iter().try_for_each(|row| visitor.seal(row))?;
        kept.iter().try_for_each(|row| visitor.anchor(row))?;
        let mut kept = kept.as_slice();
        for row in &rows {
            let seal = walk.step(row);
            let (before, behind) = kept.split_at(kept.partition_point(|kept| kept.seq < row.seq));
            let (own, rest) = behind.split_at(behind.partition_point(|kept| kept.seq == row.seq));
            // Those of seals that are missing.
            for kept in before {
                anchors.absent(&anchor(kept));
            }
            let own: Vec<KeptAnchor<'_>> = own.iter().map(anchor).collect();
            kept = rest;
            anchors.step(row, seal.as_ref(), &own);
            sealed_at = seal.map(|seal| seal.place.sealed_at).or(sealed_at);
        }
        last = Some(end);
    }
    let beyond = snapshot.anchors(behind(last), None).await?;
    for kept in &beyond {
        visitor.anchor(kept)?;
        anchors.beyond(&anchor(kept));
    }
    let (seals, head) = (walk.seals(), walk.head());
    let (mut problems, broken) = walk.finish();
    if seals == 0 {
        let detail = "the chain has no seal: the table audit_seals is empty";
        problems.push(Problem::of_chain(ProblemKind::Missing, detail));
    }
    for link in broken {
        problems.push(link.problem(snapshot.find_seal(&link.prev).await?));
    }
    let (of_anchors, compared) = anchors.finish(head.as_ref());
    problems.extend(of_anchors);
    Ok(Walked { seals, head, sealed_at, compared, problems })
}

/// The lowest number behind this one.
fn behind(last: Option<i64>) -> Option<i64> {
    last.map(|last| last.saturating_add(1))
}

fn anchor(row: &AnchorRow) -> KeptAnchor<'_> {
    let AnchorRow { seq, at, kind, anchor } = row;
    KeptAnchor { seq: *seq, kind, at: *at, bytes: anchor }
}
