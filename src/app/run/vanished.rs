//! Stored events that Heroku lists no longer. They stay, and the run reports them.

use tracing::warn;

use super::leased::{LeasedAttempt, LedgerWriter};
use super::selector::Selector;
use crate::store::{Error, StoredQuery};

/// How many ids of such events are named.
const NAMED: usize = 10;

/// The events of a day that are stored but were not listed.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    pub(super) count: u64,
    /// The first of their ids.
    pub(super) named: Vec<String>,
}

/// Finds the stored events that this day's list should hold, by the scope of the source, and does
/// not.
pub(super) async fn find_vanished(
    attempt: &mut LeasedAttempt,
    writer: &LedgerWriter,
) -> Result<Vanished, Error> {
    let record = &mut attempt.record;
    let stored = record.lease.stored_before() + u64::from(record.stats.new_events);
    let mut seen = record.seen.take().unwrap_or_default();
    // Every event that was seen is stored under this day. If the numbers are equal, so are the
    // sets.
    if record.lease.stored_before() == 0 || seen.count() as u64 >= stored {
        return Ok(Vanished::default());
    }
    let (key, filter) = (&attempt.day.key, &attempt.day.source.scope.filter);
    let team = attempt.selector.as_ref().and_then(Selector::stored_team);
    let mut vanished = Vanished::default();
    let mut events = writer.reader.stored(StoredQuery { key, filter, team });
    while let Some(event) = events.next().await? {
        if event.should_be_listed_on(key.date) && !seen.contains(&event.id) {
            vanished.count += 1;
            if vanished.named.len() < NAMED {
                vanished.named.push(event.id);
            }
        }
    }
    if vanished.count > 0 {
        let (source, date) = (&attempt.day.source.name, key.date);
        let ids = vanished.named.join(" ");
        if attempt.record.saw_any {
            warn!(%source, %date, vanished = vanished.count, ids, "Heroku no longer lists some \
                stored events; they stay stored");
        } else {
            warn!(%source, %date, stored, "Heroku lists no event for this day; its stored events \
                stay stored");
        }
    }
    Ok(vanished)
}
