//! Reads an archive: sorts its events by source and day, in whatever order they come.

mod bins;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use tracing::warn;

use bins::{Bin, Bins};

pub(crate) use bins::Slot;

use super::selector::Selector;
use crate::day::Month;
use crate::event::Event;
use crate::heroku::{Archive, Unreadable};

/// How many ids of stray events are named.
const NAMED: usize = 10;

/// Takes the events of an archive, day by day.
pub(crate) trait Sink {
    /// Whether it takes the events of this day.
    fn wants(&self, slot: Slot) -> bool;

    /// The day that takes a stray event of a source, if one does. A stray event belongs to another
    /// month, or does not say when it was.
    fn day_of_stray(&mut self, source: usize, event: &Event) -> Option<NaiveDate>;

    /// Takes some events of each of these days; false when it wants no more of any.
    fn take(&mut self, days: &[Sorted<'_>]) -> impl Future<Output = bool> + Send;
}

/// Some events of one day.
#[derive(Debug)]
pub(crate) struct Sorted<'e> {
    pub(crate) slot: Slot,
    pub(crate) events: Vec<&'e Event>,
}

/// The day of a source that is nearest to the date `own` of a stray event.
pub(crate) fn nearest<T>(
    days: &BTreeMap<Slot, T>,
    source: usize,
    own: NaiveDate,
) -> Option<NaiveDate> {
    let its = days.range(Slot::first_of(source)..=Slot::last_of(source));
    its.map(|(slot, _)| slot.date).min_by_key(|date| (*date - own).num_days().abs())
}

/// The date of an event in UTC, if it is in `month`.
fn own_day(event: &Event, month: Month) -> Option<NaiveDate> {
    event.own_day().filter(|date| Month::of(*date) == month)
}

/// Reads `archive` to its end, and hands each event to `sink` for every source that it belongs to.
/// A source without a selector gets none. Returns the number of events in the file.
pub(crate) async fn sort(
    archive: &Archive,
    selectors: &[Option<Selector>],
    sink: &mut impl Sink,
) -> Result<u64, Unreadable> {
    let month = archive.month;
    let mut bins = Bins::default();
    let (mut events, mut strays) = (0, Strays::default());
    let mut entries = archive.read()?;
    while let Some(batch) = entries.next().await? {
        for event in batch.into_iter().map(Arc::new) {
            events += 1;
            let day = own_day(&event, month);
            if day.is_none() {
                strays.note(&event);
            }
            for source in takers(selectors, &event) {
                let day = match day {
                    Some(date) => Some(date).filter(|date| sink.wants(Slot::new(source, *date))),
                    None => sink.day_of_stray(source, &event),
                };
                if let Some(date) = day {
                    bins.put(Slot::new(source, date), &event);
                }
            }
        }
        while let Some(full) = bins.take_full() {
            if !hand_on(sink, &full).await {
                return Ok(events);
            }
        }
    }
    while let Some(rest) = bins.take_largest() {
        if !hand_on(sink, &rest).await {
            break;
        }
    }
    strays.warn(month);
    Ok(events)
}

/// The numbers of the sources that `event` belongs to.
fn takers(selectors: &[Option<Selector>], event: &Event) -> impl Iterator<Item = usize> {
    let takes = |selector: &Option<Selector>| {
        selector.as_ref().is_some_and(|selector| selector.takes(event))
    };
    selectors.iter().enumerate().filter(move |(_, selector)| takes(selector)).map(|(at, _)| at)
}

async fn hand_on(sink: &mut impl Sink, bins: &[(Slot, Bin)]) -> bool {
    let days = bins.iter().map(|(slot, bin)| {
        let events = bin.events.iter().map(AsRef::as_ref).collect();
        Sorted { slot: *slot, events }
    });
    sink.take(&days.collect::<Vec<_>>()).await
}

/// The stray events of an archive.
#[derive(Debug, Default)]
struct Strays {
    events: u64,
    ids: Vec<String>,
}

impl Strays {
    fn note(&mut self, event: &Event) {
        self.events += 1;
        if self.ids.len() < NAMED {
            self.ids.push(event.id.clone());
        }
    }

    fn warn(&self, month: Month) {
        if self.events > 0 {
            warn!(%month, events = self.events, ids = self.ids.join(" "),
                "the archive holds events that are not of its month, or have no date");
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_event_of_another_month_or_of_no_day_is_a_stray() {
        let month: Month = "2024-09".parse().expect("a month");
        for (created_at, day) in [
            (r#""2024-09-28T23:59:59.999Z""#, Some("2024-09-28")),
            (r#""2024-09-28T23:00:00-02:00""#, Some("2024-09-29")),
            (r#""2024-10-01T00:30:00+01:00""#, Some("2024-09-30")),
            (r#""2024-10-01T00:00:00Z""#, None),
            (r#""2019-09-28T00:00:00Z""#, None),
            ("null", None),
            (r#""2024-09-28 12:00:00""#, None),
        ] {
            let text = format!(r#"{{"id":"e","created_at":{created_at}}}"#);
            let event = Event::from_bytes(Bytes::from(text)).expect("an event");
            assert_eq!(
                own_day(&event, month).map(|day| day.to_string()).as_deref(),
                day,
                "{created_at}"
            );
        }
    }
}
