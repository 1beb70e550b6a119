//! Which days share a fetch.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::config::{Filter, Retry, Source, Token, Tokens};
use crate::day::DayKey;
use crate::heroku::DayQuery;
use crate::plan::{Planned, Reason, Verdict};
use crate::report::day::{DayReport, StopReason};
use crate::store::Claimable;

/// One fetch, and the days that it serves: those of sources with the same account, filter, token
/// and date.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) query: DayQuery,
    pub(crate) token: Token,
    pub(crate) retry: Retry,
    pub(crate) days: Vec<FetchDay>,
}

/// A day that a fetch, or an archive, serves.
#[derive(Debug, Clone)]
pub(crate) struct FetchDay {
    pub(crate) key: DayKey,
    pub(crate) source: Source,
    /// Whether it must be due, or may be complete.
    pub(crate) claimable: Claimable,
    /// Whether the plan only wants its stored events counted again. The claim has the last word.
    pub(crate) is_recount: bool,
    /// Whether the day was complete at some time, as far as the plan knows.
    pub(crate) was_complete: bool,
}

impl FetchDay {
    /// The day that a plan wants read; `None` if there is nothing to do.
    pub(crate) fn of(day: &Planned<'_>) -> Option<Self> {
        let Verdict::Due(reason) = day.verdict else { return None };
        let claimable = match reason {
            Reason::Recheck { attempt } => Claimable::Complete { attempt },
            _ => Claimable::Due,
        };
        let (key, source) = (day.key.clone(), day.source.clone());
        let (is_recount, was_complete) = (reason == Reason::Recount, day.was_complete);
        Some(Self { key, source, claimable, is_recount, was_complete })
    }

    /// The report of this day, if it never began for this reason.
    pub(crate) fn failed(&self, reason: &StopReason) -> DayReport {
        DayReport::new(&self.key, reason.outcome()).stopped(&self.source, reason)
    }
}

/// The fetches that the due days among `planned` need, oldest first.
///
/// If the account's entire day is fetched anyway, a source with a filter takes its events from that
/// fetch.
pub(crate) fn fetches(planned: &[Planned<'_>], tokens: &Tokens) -> VecDeque<Fetch> {
    let due: Vec<FetchDay> = planned.iter().filter_map(FetchDay::of).collect();
    let place = |FetchDay { key, source, .. }: &FetchDay| {
        (source.scope.account.clone(), tokens.of(source).clone(), key.date)
    };
    let unfiltered: HashSet<_> =
        due.iter().filter(|day| day.source.scope.filter.is_empty()).map(place).collect();
    let mut fetches: VecDeque<Fetch> = VecDeque::new();
    let mut known: HashMap<(DayQuery, Token), usize> = HashMap::new();
    for day in due {
        let place = place(&day);
        let filter = if unfiltered.contains(&place) {
            Filter::default()
        } else {
            day.source.scope.filter.clone()
        };
        let (account, token, date) = place;
        let query = DayQuery { account, filter, date };
        let at = *known.entry((query.clone(), token.clone())).or_insert_with(|| {
            let retry = day.source.retry.clone();
            fetches.push_back(Fetch { query, token, retry, days: Vec::new() });
            fetches.len() - 1
        });
        fetches[at].days.push(day);
    }
    fetches
}
