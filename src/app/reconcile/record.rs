//! Records what a comparison found in the history.

use std::collections::BTreeMap;

use tracing::warn;

use crate::config::SourceName;
use crate::ledger::HistoryOutcome;
use crate::report::reconcile::{Ids, MonthReport, ReconciledDay};
use crate::store::{ComparedDay, Error, Reader, Store};

/// Writes to the history while it can. A role that may only read can compare all the same.
pub(super) struct Recorder<'s> {
    store: Option<&'s Store>,
}

impl<'s> Recorder<'s> {
    /// Finds out whether the database accepts writes at all.
    pub(super) async fn new(reader: &Reader, store: &'s Store) -> Self {
        let mut recorder = Self { store: Some(store) };
        if let Err(error) = reader.require_writable().await {
            recorder.give_up(&error);
        }
        recorder
    }

    /// Records the compared days of each of these months.
    pub(super) async fn record(&mut self, months: &[MonthReport]) {
        for month in months {
            let Some(store) = self.store else { return };
            let mut of_names: BTreeMap<&SourceName, Vec<ComparedDay>> = BTreeMap::new();
            for day in &month.days {
                of_names.entry(&day.stored_as).or_default().push(compared(month, day));
            }
            for (name, days) in of_names {
                if let Err(error) = store.record_comparison(name.as_ref(), &days).await {
                    return self.give_up(&error);
                }
            }
        }
    }

    fn give_up(&mut self, error: &Error) {
        warn!("the history does not record what was compared: {error}");
        self.store = None;
    }
}

fn compared(month: &MonthReport, day: &ReconciledDay) -> ComparedDay {
    let ReconciledDay { date, stored, archived, missing_here, missing_there, differing, .. } = day;
    let lists = [missing_here, missing_there, differing];
    let [here, there, differing] = lists.map(Ids::count);
    let checksum = month.archive.as_ref().map_or("not known", |archive| &archive.checksum);
    ComparedDay {
        date: *date,
        outcome: if day.agrees() { HistoryOutcome::Agrees } else { HistoryOutcome::Differs },
        stored: *stored,
        message: format!(
            "archive {archived} events, stored {stored}, missing here {here}, \
             missing there {there}, differing {differing}; archive sha256 {checksum}"
        ),
    }
}
