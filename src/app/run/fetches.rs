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
    /// The day, with the name under which it is stored, or will be.
    pub(crate) key: DayKey,
    /// Its source, which may have another name by now.
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

    /// The day, with the present name of its source.
    pub(crate) fn shown(&self) -> DayKey {
        DayKey::new(&self.source.name, self.key.date)
    }

    /// The report of this day, if it never began for this reason.
    pub(crate) fn failed(&self, reason: &StopReason) -> DayReport {
        DayReport::new(&self.shown(), reason.outcome()).stopped(&self.source, reason)
    }
}

/// The fetches that the due days among `planned` need, oldest first. A day whose source has no
/// token gets none: see `missing_tokens`.
///
/// If the account's entire day is fetched anyway, a source with a filter takes its events from that
/// fetch.
pub(crate) fn fetches(planned: &[Planned<'_>], tokens: &Tokens) -> VecDeque<Fetch> {
    let with_place = |day: FetchDay| {
        let (account, token) = (day.source.scope.account.clone(), tokens.of(&day.source).ok()?);
        Some(((account, token.clone(), day.key.date), day))
    };
    let due = planned.iter().filter_map(FetchDay::of);
    let due: Vec<_> = due.filter_map(with_place).collect();
    let is_unfiltered = |day: &FetchDay| day.source.scope.filter.is_empty();
    let unfiltered: HashSet<_> =
        due.iter().filter(|(_, day)| is_unfiltered(day)).map(|(place, _)| place.clone()).collect();
    let mut fetches: VecDeque<Fetch> = VecDeque::new();
    let mut known: HashMap<(DayQuery, Token), usize> = HashMap::new();
    for (place, day) in due {
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
