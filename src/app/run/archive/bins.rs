//! Collects an archive's events by day, until there are enough of a day to be written together.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::event::Event;

/// A bin is full at this number of events, or at this weight in bytes. Bins are looked at after
/// each batch of the file, so they may exceed their limits by one batch.
const BIN_EVENTS: usize = 2000;
const BIN_WEIGHT: usize = 2 * 1024 * 1024;
/// The limit of the weight of all bins together, in bytes.
const BINS_WEIGHT: usize = 16 * 1024 * 1024;
/// The memory that an event's columns and hash take, in bytes, roughly.
const BESIDE_THE_BYTES: usize = 600;
/// How many days are written at the same time.
const DAYS_AT_ONCE: usize = 2;

/// A day of a source. The source has a number within its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    pub(crate) source: usize,
    pub(crate) date: NaiveDate,
}

impl Slot {
    pub(crate) fn new(source: usize, date: NaiveDate) -> Self {
        Self { source, date }
    }

    /// The least slot of a source.
    pub(super) fn first_of(source: usize) -> Self {
        Self::new(source, NaiveDate::MIN)
    }

    /// The greatest slot of a source.
    pub(super) fn last_of(source: usize) -> Self {
        Self::new(source, NaiveDate::MAX)
    }
}

/// The events that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Bins {
    bins: HashMap<Slot, Bin>,
    weight: usize,
}

/// The events of one day that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Bin {
    pub(super) events: Vec<Arc<Event>>,
    weight: usize,
}

impl Bin {
    fn is_full(&self) -> bool {
        self.events.len() >= BIN_EVENTS || self.weight >= BIN_WEIGHT
    }
}

impl Bins {
    pub(super) fn put(&mut self, slot: Slot, event: &Arc<Event>) {
        let bin = self.bins.entry(slot).or_default();
        bin.events.push(Arc::clone(event));
        let weight = event.bytes.len() + BESIDE_THE_BYTES;
        bin.weight += weight;
        self.weight += weight;
    }

    /// Takes some full bins. While all bins together are too heavy, it takes some of the heaviest.
    /// `None` if all can wait.
    pub(super) fn take_full(&mut self) -> Option<Vec<(Slot, Bin)>> {
        let too_much = self.weight > BINS_WEIGHT;
        self.take(|bin| too_much || bin.is_full())
    }

    /// Takes some of the heaviest bins; `None` if there are no more.
    pub(super) fn take_largest(&mut self) -> Option<Vec<(Slot, Bin)>> {
        self.take(|_| true)
    }

    fn take(&mut self, may_go: impl Fn(&Bin) -> bool) -> Option<Vec<(Slot, Bin)>> {
        let mut slots: Vec<_> = self
            .bins
            .iter()
            .filter(|(_, bin)| may_go(bin))
            .map(|(slot, bin)| (bin.weight, *slot))
            .collect();
        slots.sort_unstable_by(|a, b| b.cmp(a));
        slots.truncate(DAYS_AT_ONCE);
        let taken: Vec<_> =
            slots.iter().filter_map(|(_, slot)| self.bins.remove_entry(slot)).collect();
        self.weight -= taken.iter().map(|(_, bin)| bin.weight).sum::<usize>();
        (!taken.is_empty()).then_some(taken)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(weight: usize) -> Arc<Event> {
        let text = format!(r#"{{"id":"{}"}}"#, "x".repeat(weight - BESIDE_THE_BYTES - 9));
        Arc::new(Event::from_bytes(Bytes::from(text)).expect("an event"))
    }

    fn place(source: usize) -> Slot {
        Slot::new(source, NaiveDate::from_ymd_opt(2024, 9, 28).expect("a date"))
    }

    fn taken(bins: Option<Vec<(Slot, Bin)>>) -> Vec<(usize, usize)> {
        bins.into_iter().flatten().map(|(slot, bin)| (slot.source, bin.events.len())).collect()
    }

    #[test]
    fn a_bin_is_taken_when_full_by_count_or_bytes_and_the_others_stay() {
        let mut bins = Bins::default();
        let (small, large) = (event(610), event(BIN_WEIGHT));
        (1..BIN_EVENTS).for_each(|_| bins.put(place(0), &small));
        bins.put(place(1), &small);
        assert_eq!(taken(bins.take_full()), []);
        bins.put(place(0), &small);
        assert_eq!(taken(bins.take_full()), [(0, BIN_EVENTS)]);
        bins.put(place(1), &large);
        assert_eq!(taken(bins.take_full()), [(1, 2)]);
        assert_eq!(taken(bins.take_full()), []);
    }

    #[test]
    fn when_all_bins_hold_too_much_the_largest_are_taken_first() {
        let mut bins = Bins::default();
        let half = event(BIN_WEIGHT / 2);
        let days = BINS_WEIGHT / BIN_WEIGHT * 2;
        (0..days).for_each(|source| bins.put(place(source), &half));
        assert_eq!(taken(bins.take_full()), []);
        bins.put(place(days), &event(700));
        assert_eq!(taken(bins.take_full()), [(days - 1, 1), (days - 2, 1)]);
        assert_eq!(taken(bins.take_full()), []);
    }

    #[test]
    fn at_the_end_each_bin_is_taken_once() {
        let mut bins = Bins::default();
        (0..5).for_each(|source| bins.put(place(source), &event(610 + source)));
        let all: Vec<_> =
            std::iter::from_fn(|| bins.take_largest()).flat_map(|some| taken(Some(some))).collect();
        assert_eq!(all, [(4, 1), (3, 1), (2, 1), (1, 1), (0, 1)]);
        assert_eq!(bins.weight, 0);
    }
}
