//! Sources whose token is missing: their due days fail, and those of the other sources are read.

use tracing::warn;

use super::fetches::FetchDay;
use crate::config::{Source, Tokens};
use crate::logging;
use crate::plan::Planned;
use crate::report::day::{DayReport, StopReason};

/// Reports the due days of the sources without a token. Nothing is claimed, so the ledger does not
/// change. Warns of each such source that has no due day.
pub(super) fn report(
    sources: &[&Source],
    planned: &[Planned<'_>],
    tokens: &Tokens,
) -> Vec<DayReport> {
    let mut reports = Vec::new();
    for source in sources {
        let Err(missing) = tokens.of(source) else { continue };
        let its = planned.iter().filter(|day| day.source.name == source.name);
        let its: Vec<FetchDay> = its.filter_map(FetchDay::of).collect();
        if its.is_empty() {
            warn!(target: "auditsync", "{}: {missing}. No day of it is due now", source.name);
        }
        let reason = StopReason::NoToken(missing);
        reports.extend(its.iter().map(|day| day.failed(&reason)));
    }
    reports.iter().for_each(logging::day);
    reports
}
