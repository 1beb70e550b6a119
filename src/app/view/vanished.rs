//! Events that are stored, and that Heroku does not list any more. They stay, and are told.

use tracing::warn;

use super::{DayAttempt, Writing};
use crate::store::Error;

/// How many events that are not listed any more are named.
const NAMED: usize = 10;

/// Events that are stored, and were not listed.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    pub(super) count: u64,
    /// The first of their ids.
    pub(super) named: Vec<String>,
}

impl DayAttempt {
    /// The events that are stored, and were not listed though the source's scope takes them and the list of this day should
    /// have them.
    pub(super) async fn find_vanished(&mut self, writing: &Writing) -> Result<Vanished, Error> {
        let stored = self.lease.stored_before() + u64::from(self.totals.new_events);
        let mut seen = self.seen.take().unwrap_or_default();
        // Every event that was seen is stored under this day, so that as many are the same.
        if self.lease.stored_before() == 0 || seen.count() as u64 >= stored {
            return Ok(Vanished::default());
        }
        let filter = &self.day.source.scope.filter;
        let team = self.selector.as_ref().and_then(|selector| selector.team.as_ref());
        let team = team.map(|team| (team.id.as_str(), team.name.as_str()));
        let (mut vanished, mut after) = (Vanished::default(), String::new());
        loop {
            let stored = writing.reader.event_ids(&self.day.key, filter, team, &after).await?;
            let Some(last) = stored.last() else { break };
            after.clone_from(&last.id);
            let expected =
                stored.into_iter().filter(|stored| stored.should_be_listed_on(self.day.key.date));
            for gone in expected.filter(|stored| !seen.contains(&stored.id)) {
                vanished.count += 1;
                if vanished.named.len() < NAMED {
                    vanished.named.push(gone.id);
                }
            }
        }
        if vanished.count > 0 {
            let (source, date) = (&self.day.source.name, self.day.key.date);
            let ids = vanished.named.join(" ");
            if self.saw_any {
                warn!(%source, %date, vanished = vanished.count, ids, "Heroku does not list events any more that are stored; they stay");
            } else {
                warn!(%source, %date, stored, "Heroku lists no event for a day that events are stored of; what is stored stays");
            }
        }
        Ok(vanished)
    }
}
