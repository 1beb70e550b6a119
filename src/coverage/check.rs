//! Whether a source is behind, or else not to be relied on, and why.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Coverage, State};

/// Whether a check accepts days that another program called complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It does.
    Accepted,
    /// It does not: nothing is stored of them.
    Rejected,
}

impl Coverage {
    /// The command that reads the adopted days, if there are any.
    pub fn adopted_days_command(&self) -> Option<String> {
        let of_state = || self.ranges.iter().filter(|range| range.state == State::Adopted);
        let (from, to) = of_state()
            .next()
            .map(|range| range.from)
            .zip(of_state().next_back().map(|range| range.to))?;
        Some(format!("auditsync backfill --from {from} --to {to} --source {}", self.source))
    }

    /// Why this source is behind by more than `max_lag` at `now`, or else not to be relied on.
    pub fn behind(&self, max_lag: Duration, adopted: Adopted, now: DateTime<Utc>) -> Vec<String> {
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
                    Some(gap) => format!("{gap} is not whole, {hours}h after it began"),
                    None => format!("nothing is missing, but yesterday ended {hours}h ago"),
                });
            }
            Some(_) => {}
        }
        if let (Adopted::Rejected, Some((from, to))) = (adopted, self.adopted_and_owed) {
            let dates = if from == to { from.to_string() } else { format!("{from} .. {to}") };
            let command = self.adopted_days_command().unwrap_or_default();
            reasons.push(format!(
                "it has adopted days ({dates}): another program called them complete, and no event of them is stored here. \
                 `{command}` reads them; `--accept-adopted` accepts them as they are"
            ));
        }
        reasons
    }
}
