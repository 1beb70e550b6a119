//! Which days share a fetch.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::config::{Filter, Retry, Source, Token, Tokens};
use crate::day::DayKey;
use crate::heroku::DayQuery;
use crate::plan::{Planned, Reason, Verdict};
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
        Some(Self { key, source, claimable, is_recount: reason == Reason::Recount })
    }
}

/// The fetches that the due days among `planned` need, oldest first.
///
/// If the account's entire day is fetched anyway, a source with a filter takes its events from that
/// fetch.
pub(crate) fn fetches(planned: &[Planned<'_>], tokens: &Tokens) -> VecDeque<Fetch> {
    let due = || planned.iter().filter_map(FetchDay::of);
    let place = |FetchDay { key, source, .. }: &FetchDay| {
        (source.scope.account.clone(), tokens.of(source).clone(), key.date)
    };
    let unfiltered: HashSet<_> =
        due().filter(|day| day.source.scope.filter.is_empty()).map(|day| place(&day)).collect();
    let mut fetches: VecDeque<Fetch> = VecDeque::new();
    let mut known: HashMap<(DayQuery, Token), usize> = HashMap::new();
    for day in due() {
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
