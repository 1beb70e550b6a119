//! Where an archive's events wait until there are enough of a day to be written together.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::event::Event;

/// A day's events are handed on when there are so many, or when they weigh so much. That is looked at after each batch of
/// the file, so that it may be a batch more.
const BIN_EVENTS: usize = 2000;
const BIN_WEIGHT: usize = 2 * 1024 * 1024;
/// All events that wait to be handed on weigh at most so much, or a batch more.
const BINS_WEIGHT: usize = 16 * 1024 * 1024;
/// What an event takes of memory beside its own bytes, in bytes: the columns and the hash, about.
const BESIDE_THE_BYTES: usize = 600;
/// So many days are handed on together, since the database can write them side by side.
const DAYS_AT_ONCE: usize = 2;

/// Where events wait to be handed on: a source's day.
pub(super) type Place = (usize, NaiveDate);

/// What waits to be handed on.
#[derive(Debug, Default)]
pub(super) struct Bins {
    bins: HashMap<Place, Bin>,
    weight: usize,
}

/// Events of one place.
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
    pub(super) fn put(&mut self, place: Place, event: &Arc<Event>) {
        let bin = self.bins.entry(place).or_default();
        bin.events.push(Arc::clone(event));
        let weight = event.bytes.len() + BESIDE_THE_BYTES;
        bin.weight += weight;
        self.weight += weight;
    }

    /// Some full ones or, while all hold too much, some of the largest; `None` when all can wait.
    pub(super) fn take_full(&mut self) -> Option<Vec<(Place, Bin)>> {
        let too_much = self.weight > BINS_WEIGHT;
        self.take(|bin| too_much || bin.is_full())
    }

    /// Some of the largest; `None` when there are no more.
    pub(super) fn take_largest(&mut self) -> Option<Vec<(Place, Bin)>> {
        self.take(|_| true)
    }

    fn take(&mut self, may_go: impl Fn(&Bin) -> bool) -> Option<Vec<(Place, Bin)>> {
        let mut places: Vec<_> = self
            .bins
            .iter()
            .filter(|(_, bin)| may_go(bin))
            .map(|(place, bin)| (bin.weight, *place))
            .collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        places.truncate(DAYS_AT_ONCE);
        let taken: Vec<_> =
            places.iter().filter_map(|(_, place)| self.bins.remove_entry(place)).collect();
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

    fn place(source: usize) -> Place {
        (source, NaiveDate::from_ymd_opt(2024, 9, 28).expect("a date"))
    }

    fn taken(bins: Option<Vec<(Place, Bin)>>) -> Vec<(usize, usize)> {
        bins.into_iter().flatten().map(|((source, _), bin)| (source, bin.events.len())).collect()
    }

    #[test]
    fn a_day_waits_until_it_is_full_by_count_or_by_weight_and_the_others_wait_on() {
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
    fn when_all_hold_too_much_the_largest_go_first_until_they_do_not() {
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
    fn at_the_end_everything_is_taken_once() {
        let mut bins = Bins::default();
        (0..5).for_each(|source| bins.put(place(source), &event(610 + source)));
        let all: Vec<_> =
            std::iter::from_fn(|| bins.take_largest()).flat_map(|some| taken(Some(some))).collect();
        assert_eq!(all, [(4, 1), (3, 1), (2, 1), (1, 1), (0, 1)]);
        assert_eq!(bins.weight, 0);
    }
}
