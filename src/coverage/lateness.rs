//! How late events came, as rechecks found. People choose the ages of their rechecks by this.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::day::{end, time_between};
use crate::ledger::LateEvents;

/// How late the events of a source came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lateness {
    /// Events that came after their day had been complete.
    pub late_events: u64,
    /// The late part of all events, from 0.0 to 1.0.
    pub share: f64,
    /// The age of their day when half of the late events had been found.
    #[serde(rename = "median_seconds", serialize_with = "in_seconds")]
    pub median: Duration,
    /// The age of its day when the latest event was found.
    #[serde(rename = "max_seconds", serialize_with = "in_seconds")]
    pub max: Duration,
}

fn in_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

/// The lateness of `late` events among all `events` of a source; `None` where no event came late.
pub fn lateness<'a>(late: impl Iterator<Item = &'a LateEvents>, events: u64) -> Option<Lateness> {
    let mut ages: Vec<(Duration, u64)> =
        late.map(|late| (time_between(end(late.date), late.found_at), late.events)).collect();
    ages.sort_unstable();
    let late_events: u64 = ages.iter().map(|(_, events)| events).sum();
    let (max, _) = *ages.last()?;
    let mut found = 0;
    let (median, _) = *ages.iter().find(|(_, events)| {
        found += events;
        found * 2 >= late_events
    })?;
    Some(Lateness {
        late_events,
        share: late_events as f64 / events.max(late_events) as f64,
        median,
        max,
    })
}
