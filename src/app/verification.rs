//! The verification that `verify`, `export` and `report` share: it recomputes seals, events and
//! sums from what one snapshot holds, and compares them.
//!
//! The chain is always walked from end to end. The days are checked by a thread of their own, while
//! this one reads.

mod chain;
mod days;
mod visitor;

use chrono::{DateTime, Utc};

use super::failure::Failure;
use crate::evidence::{Anchors, ComparedAnchor, Head, Problem};
use crate::report::progress::LiveLines;
use crate::report::verify::VerifyReport;
use crate::store::{EvidenceSnapshot, WantedDays};

pub(super) use days::CheckedDays;
pub(super) use visitor::Visitor;

/// What is verified, and with what it is compared.
pub(super) struct Verification<'v> {
    pub(super) wanted: &'v WantedDays,
    pub(super) anchors: Anchors,
    pub(super) live_lines: LiveLines,
}

/// What was verified, and what was found.
#[derive(Debug)]
pub(super) struct Verified {
    /// The end of the chain.
    pub(super) head: Option<Head>,
    /// When the last seal was made.
    pub(super) sealed_at: Option<DateTime<Utc>>,
    pub(super) seals: u64,
    pub(super) compared: Vec<ComparedAnchor>,
    pub(super) days: CheckedDays,
    pub(super) problems: Vec<Problem>,
}

impl Verification<'_> {
    /// Verifies, and shows the visitor what is read.
    pub(super) async fn run<V: Visitor>(
        self,
        snapshot: &mut EvidenceSnapshot,
        mut visitor: V,
    ) -> Result<(Verified, V), Failure> {
        let chain = chain::walk(snapshot, self.anchors, &mut visitor).await?;
        let (mut days, visitor) =
            days::check(snapshot, self.wanted, self.live_lines, visitor).await?;
        let mut problems = chain.problems;
        problems.append(&mut days.problems);
        let verified = Verified {
            head: chain.head,
            sealed_at: chain.sealed_at,
            seals: chain.seals,
            compared: chain.compared,
            days,
            problems,
        };
        Ok((verified, visitor))
    }
}

impl Verified {
    /// The report, which is good only if a day was checked.
    pub(super) fn into_report(self) -> VerifyReport {
        let Self { head, seals, compared, days, problems, .. } = self;
        VerifyReport {
            ok: problems.is_empty() && days.sealed > 0,
            days_checked: days.sealed,
            events_checked: days.events,
            seals_checked: seals,
            events_unsealed: days.unsealed,
            head,
            days_pruned: 0,
            days_baseline: days.baseline,
            anchors_compared: compared.iter().map(|anchor| anchor.count).sum(),
            anchors: compared,
            problems,
            bag: None,
            compared_outside: false,
            named_days: None,
        }
    }
}
