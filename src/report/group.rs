//! Days that are alike, as one line: consecutive days of one source with the same outcome and
//! reason.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{Days, NaiveDate};

use crate::config::SourceName;
use crate::day::DateRange;

/// Consecutive days that are alike.
#[derive(Debug)]
pub(super) struct DayGroup<'a, T> {
    /// The days.
    pub(super) dates: DateRange,
    /// What is known of each, oldest first.
    pub(super) days: Vec<&'a T>,
}

impl<'a, T> DayGroup<'a, T> {
    /// What is known of the oldest day.
    pub(super) fn first(&self) -> &'a T {
        self.days[0]
    }

    /// The sum of a figure.
    pub(super) fn sum(&self, figure: impl Fn(&T) -> u64) -> u64 {
        self.days.iter().map(|day| figure(day)).sum()
    }

    /// A number that the days have in common, or the least and the greatest one.
    pub(super) fn span(&self, figure: impl Fn(&T) -> i32) -> String {
        let figures = self.days.iter().map(|day| figure(day));
        let (least, greatest) = (figures.clone().min(), figures.max());
        match (least, greatest) {
            (Some(least), Some(greatest)) if least < greatest => format!("{least}..{greatest}"),
            (least, _) => least.map_or_else(String::new, |figure| figure.to_string()),
        }
    }
}

/// Groups days. `of` gives the date of each, and all that must be equal in a group. The groups come
/// in the order of their first members in `days`.
pub(super) fn grouped<'a, T, K: Eq + Hash>(
    days: impl IntoIterator<Item = &'a T>,
    of: impl Fn(&'a T) -> (NaiveDate, K),
) -> Vec<DayGroup<'a, T>> {
    let mut dated: Vec<(usize, &T, NaiveDate, K)> = Vec::new();
    for (place, day) in days.into_iter().enumerate() {
        let (date, likeness) = of(day);
        dated.push((place, day, date, likeness));
    }
    dated.sort_by_key(|(_, _, date, _)| *date);
    let mut groups: Vec<(usize, DayGroup<'a, T>)> = Vec::new();
    // The group that a next day of this kind extends.
    let mut open: HashMap<(K, NaiveDate), usize> = HashMap::new();
    for (place, day, date, likeness) in dated {
        let key = (likeness, date);
        let group = match open.remove(&key) {
            Some(group) => {
                let (first, group_of) = &mut groups[group];
                *first = place.min(*first);
                group_of.dates.to = date;
                group_of.days.push(day);
                group
            }
            None => {
                groups.push((place, DayGroup { dates: DateRange::of(date), days: vec![day] }));
                groups.len() - 1
            }
        };
        if let Some(next) = date.checked_add_days(Days::new(1)) {
            open.insert((key.0, next), group);
        }
    }
    groups.sort_by_key(|(first, _)| *first);
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Which days these are: the dates of each source as ranges, of a few sources at most.
pub(super) fn named(days: &[(&SourceName, NaiveDate)]) -> String {
    const SOURCES: usize = 3;
    if let [(source, date)] = days {
        return format!("{source} {date}");
    }
    let mut of_source: Vec<(&SourceName, Vec<String>)> = Vec::new();
    for group in grouped(days, |(source, date)| (*date, *source)) {
        let (source, dates) = (group.first().0, group.dates.to_string());
        match of_source.iter_mut().find(|(known, _)| *known == source) {
            Some((_, ranges)) => ranges.push(dates),
            None => of_source.push((source, vec![dates])),
        }
    }
    let more = of_source.len().saturating_sub(SOURCES);
    let shown = of_source.iter().take(SOURCES);
    let mut parts: Vec<String> =
        shown.map(|(source, ranges)| format!("{source} {}", ranges.join(" "))).collect();
    if more > 0 {
        parts.push(format!("and {more} more source{}", if more == 1 { "" } else { "s" }));
    }
    format!("{} ({} days)", parts.join(", "), days.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days such as `a03+`: the source, the day of the month, and the outcome.
    fn groups(text: &str) -> Vec<String> {
        let words: Vec<&str> = text.split(' ').collect();
        let of = |word: &&str| {
            let date = format!("2024-09-{}", &word[1..3]).parse::<NaiveDate>().expect("a date");
            (date, (word[..1].to_owned(), word[3..].to_owned()))
        };
        let name = |group: DayGroup<'_, &str>| {
            let DateRange { from, to } = group.dates;
            let (source, outcome) = of(group.first()).1;
            format!("{source}{}..{}{outcome}", from.format("%d"), to.format("%d"))
        };
        grouped(&words, of).into_iter().map(name).collect()
    }

    #[test]
    fn consecutive_days_that_are_alike_are_one_group_of_their_source() {
        assert_eq!(
            groups("a01+ b01+ a02+ b02- a03+ b03- a05+"),
            ["a01..03+", "b01..01+", "b02..03-", "a05..05+"]
        );
        assert_eq!(groups("a01+ a02- a03+"), ["a01..01+", "a02..02-", "a03..03+"]);
        assert_eq!(groups("a01+"), ["a01..01+"]);
    }

    #[test]
    fn days_in_any_order_form_the_same_groups_in_the_order_of_the_first() {
        assert_eq!(groups("a03+ a01+ b01+ a02+"), ["a01..03+", "b01..01+"]);
        assert_eq!(groups("b09+ a03+ a02+ b08+"), ["b08..09+", "a02..03+"]);
    }

    #[test]
    fn a_day_that_comes_twice_is_counted_twice() {
        assert_eq!(groups("a01+ a01+ a02+"), ["a01..01+", "a01..02+"]);
    }

    #[test]
    fn months_and_the_end_of_time_are_crossed() {
        let days =
            ["2024-02-29", "2024-03-01"].map(|day| day.parse::<NaiveDate>().expect("a date"));
        assert_eq!(grouped(&days, |day| (*day, ())).len(), 1);
        assert_eq!(grouped(&[NaiveDate::MAX], |day| (*day, ())).len(), 1);
    }

    #[test]
    fn a_name_lists_the_ranges_of_a_few_sources() {
        let sources = ["a", "b", "c", "d"].map(|name| SourceName::parse(name).expect("a name"));
        let date = |day| NaiveDate::from_ymd_opt(2024, 9, day).expect("a date");
        assert_eq!(named(&[(&sources[0], date(1))]), "a 2024-09-01");
        let days = [1, 2, 5].map(|day| (&sources[0], date(day)));
        assert_eq!(named(&days), "a 2024-09-01..2024-09-02 2024-09-05 (3 days)");
        let days: Vec<_> = sources.iter().map(|source| (source, date(1))).collect();
        assert_eq!(
            named(&days),
            "a 2024-09-01, b 2024-09-01, c 2024-09-01, and 1 more source (4 days)"
        );
    }

    #[test]
    fn a_group_has_sums_and_spans() {
        let days = [3, 1, 3];
        let group = DayGroup { dates: DateRange::of(NaiveDate::MIN), days: days.iter().collect() };
        assert_eq!((group.sum(|day| *day as u64), group.span(|day| *day)), (7, "1..3".to_owned()));
        assert_eq!(group.span(|_| 2), "2");
    }
}
