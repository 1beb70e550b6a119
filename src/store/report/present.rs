//! The rows of a report under the present names of the sources.

use std::collections::{BTreeMap, HashMap};

use super::rows::{
    AttemptCount, RecordedScope, RecordedSource, ReportRows, ReportedDay, RouteCount,
};
use crate::day::DateRange;

/// The places and the present names of sources, by the names that store their days.
pub(super) struct PresentNames<'a> {
    /// The place of the source of each name.
    places: Vec<usize>,
    present: HashMap<&'a str, &'a str>,
}

impl<'a> PresentNames<'a> {
    /// The names of each source, of which the first is its present one.
    pub(super) fn of(sources: &'a [Vec<String>]) -> Self {
        let places = sources.iter().enumerate();
        let places = places.flat_map(|(place, names)| names.iter().map(move |_| place)).collect();
        let renamed = sources.iter().filter_map(|names| names.split_first());
        let present = renamed.flat_map(|(present, former)| {
            former.iter().map(move |name| (name.as_str(), present.as_str()))
        });
        Self { places, present: present.collect() }
    }

    /// Replaces a former name by the present one.
    pub(super) fn rename(&self, source: &mut String) {
        if let Some(present) = self.present.get(source.as_str()) {
            (*present).clone_into(source);
        }
    }

    /// The rows, in which a place is that of a name, with the places of the sources.
    pub(super) fn rows(&self, mut rows: ReportRows) -> ReportRows {
        if self.present.is_empty() {
            return rows;
        }
        rows.late.iter_mut().for_each(|late| self.rename(&mut late.source));
        rows.failures.iter_mut().for_each(|failure| self.rename(&mut failure.source));
        rows.actions.iter_mut().for_each(|action| self.rename(&mut action.source));
        for witness in &mut rows.witnesses {
            witness.place = self.places[witness.place];
        }
        ReportRows {
            sources: self.sources(rows.sources),
            days: self.days(rows.days),
            scopes: self.scopes(rows.scopes),
            routes: self.routes(rows.routes),
            attempts: self.attempts(rows.attempts),
            ..rows
        }
    }

    fn sources(&self, of_names: Vec<RecordedSource>) -> Vec<RecordedSource> {
        let mut sources: Vec<RecordedSource> = Vec::new();
        for mut recorded in of_names {
            self.rename(&mut recorded.source);
            match sources.iter_mut().find(|known| known.source == recorded.source) {
                Some(known) => {
                    known.dates = hull(known.dates, recorded.dates);
                    known.complete_before += recorded.complete_before;
                }
                None => sources.push(recorded),
            }
        }
        sources
    }

    /// The days by source and date. If two names have the same day, that of the first one counts.
    fn days(&self, of_names: Vec<ReportedDay>) -> Vec<ReportedDay> {
        let mut days: BTreeMap<_, (usize, ReportedDay)> = BTreeMap::new();
        for day in of_names {
            let (name, place) = (day.place, self.places[day.place]);
            let day = ReportedDay { place, ..day };
            match days.get_mut(&(place, day.date)) {
                Some((first, _)) if *first <= name => {}
                Some(known) => *known = (name, day),
                None => {
                    days.insert((place, day.date), (name, day));
                }
            }
        }
        days.into_values().map(|(_, day)| day).collect()
    }

    fn scopes(&self, of_names: Vec<RecordedScope>) -> Vec<RecordedScope> {
        let mut scopes: Vec<RecordedScope> = Vec::new();
        for mut scope in of_names {
            scope.place = self.places[scope.place];
            let is_same = |known: &&mut RecordedScope| {
                (known.place, &known.scope) == (scope.place, &scope.scope)
            };
            match scopes.iter_mut().find(is_same) {
                Some(known) => {
                    known.days += scope.days;
                    known.dates = hull(known.dates, scope.dates);
                }
                None => scopes.push(scope),
            }
        }
        scopes
    }

    fn routes(&self, mut routes: Vec<RouteCount>) -> Vec<RouteCount> {
        for route in &mut routes {
            route.place = self.places[route.place];
        }
        routes
    }

    fn attempts(&self, of_names: Vec<AttemptCount>) -> Vec<AttemptCount> {
        let mut attempts: BTreeMap<usize, AttemptCount> = BTreeMap::new();
        for count in of_names {
            let place = self.places[count.place];
            let none = AttemptCount { place, attempts: 0, failures: 0, takeovers: 0, requests: 0 };
            let sum = attempts.entry(place).or_insert(none);
            sum.attempts += count.attempts;
            sum.failures += count.failures;
            sum.takeovers += count.takeovers;
            sum.requests += count.requests;
        }
        attempts.into_values().collect()
    }
}

fn hull(one: DateRange, other: DateRange) -> DateRange {
    DateRange::new(one.from.min(other.from), one.to.max(other.to))
}
