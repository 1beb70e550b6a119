//! Why a source is behind, or can't be relied on.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::source::Coverage;
use super::state::DayState;

/// Whether a check accepts adopted days: another program called them complete, and no event is
/// stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdoptedPolicy {
    /// `--accept-adopted` was given.
    Accepted,
    /// Adopted days fail the check.
    Rejected,
}

impl Coverage {
    /// The command that reads the adopted days, if there are any.
    pub fn adopted_days_command(&self) -> Option<String> {
        let mut adopted = self.ranges.iter().filter(|range| range.state == DayState::Adopted);
        let first = adopted.next()?.dates;
        let (from, to) = (first.from, adopted.next_back().map_or(first.to, |last| last.dates.to));
        Some(format!("auditsync backfill --from {from} --to {to} --source {}", self.source))
    }

    /// Why this source is behind by more than `max_lag` at `now`, or can't be relied on.
    pub fn behind(
        &self,
        max_lag: Duration,
        adopted: AdoptedPolicy,
        now: DateTime<Utc>,
    ) -> Vec<String> {
        if !self.enabled {
            return Vec::new();
        }
        let mut reasons = Vec::new();
        let gap = self.oldest_gap_beside_adopted;
        match self.lag_of(gap, now) {
            None => reasons.push("it was never synced".to_owned()),
            Some(lag) if lag > max_lag => {
                let hours = lag.as_secs() / 3600;
                reasons.push(match gap {
                    Some(gap) => format!("{gap} is not complete, {hours}h after it began"),
                    None => format!("no day is missing, but yesterday ended {hours}h ago"),
                });
            }
            Some(_) => {}
        }
        if let (AdoptedPolicy::Rejected, Some(dates)) = (adopted, self.adopted_and_owed) {
            let command = self.adopted_days_command().unwrap_or_default();
            reasons.push(format!(
                "it has adopted days ({dates}): another program called them complete, but no event \
                 of them is stored. `{command}` reads them; `--accept-adopted` accepts them"
            ));
        }
        reasons
    }
}
