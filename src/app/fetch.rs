//! What a sync and a dry run have in common: which days share a fetch, who gets which event, and reading to the end.

use std::collections::{HashMap, HashSet, VecDeque};

pub(super) use super::teams::{NoSelector, Teams};
use crate::config::{Filter, Source, Token, Tokens};
use crate::day::DayKey;
use crate::event::Event;
use crate::heroku::{Batch, Client, Cost, DayQuery, DayReader, Error, Fault, Read, Session, Team};
use crate::plan::{Planned, Reason, Verdict};
use crate::report::run::counted;
use crate::store::Claimable;

/// One fetch, and the days that are served by it: those of sources with the same account, filter, token and date.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) query: DayQuery,
    pub(super) asker: Session,
    pub(super) days: Vec<FetchDay>,
}

/// A day that a fetch serves.
#[derive(Debug, Clone)]
pub(super) struct FetchDay {
    pub(super) key: DayKey,
    pub(super) source: Source,
    /// Whether it must be due, or may be whole.
    pub(super) wanted: Claimable,
}

impl Fetch {
    /// What it is called, and what to tell of it while it goes on.
    pub(super) fn told(&self) -> (String, impl Fn() -> String + Clone + Send + Sync + use<>) {
        let names: Vec<&str> = self.days.iter().map(|day| day.key.source.as_ref()).collect();
        let activity = self.asker.activity.clone();
        let tell = move || {
            let read = format!(
                "{}, {}",
                counted(activity.events(), "event"),
                counted(activity.pages(), "page")
            );
            activity.waits_for().map_or(read.clone(), |waits_for| format!("{read}, {waits_for}"))
        };
        (format!("{} {}", self.query.date, names.join(", ")), tell)
    }
}

/// The fetches that the due days among `planned` take, oldest first. Where the whole account's day is fetched anyway, a
/// source with a filter takes its share of that, and is not asked for on its own.
pub(super) fn jobs(planned: &[Planned<'_>], tokens: &Tokens) -> VecDeque<Fetch> {
    let due =
        || planned.iter().filter_map(|day| claimable(&day.verdict).map(|wanted| (day, wanted)));
    let unfiltered = |Planned { key, source, .. }: &Planned<'_>| {
        (source.scope.account.clone(), tokens.of(source).clone(), key.date)
    };
    let fetched_anyway: HashSet<_> = due()
        .filter(|(day, _)| day.source.scope.filter.is_empty())
        .map(|(day, _)| unfiltered(day))
        .collect();
    let mut jobs: VecDeque<Fetch> = VecDeque::new();
    let mut places: HashMap<(DayQuery, Token), usize> = HashMap::new();
    for (day, wanted) in due() {
        let Planned { key, source, .. } = day;
        let whole = unfiltered(day);
        let filter = if fetched_anyway.contains(&whole) {
            Filter::default()
        } else {
            source.scope.filter.clone()
        };
        let (account, token, date) = whole;
        let query = DayQuery { account, filter, date };
        let day = FetchDay { key: key.clone(), source: (*source).clone(), wanted };
        let place = *places.entry((query.clone(), token.clone())).or_insert_with(|| {
            jobs.push_back(Fetch {
                query,
                asker: Session::new(&token, &source.retry),
                days: Vec::new(),
            });
            jobs.len() - 1
        });
        jobs[place].days.push(day);
    }
    jobs
}

/// Which claim a verdict asks for, if it asks for one.
pub(super) fn claimable(verdict: &Verdict) -> Option<Claimable> {
    match *verdict {
        Verdict::Due(Reason::Recheck { attempt }) => Some(Claimable::Whole { attempt }),
        Verdict::Due(_) => Some(Claimable::Due),
        _ => None,
    }
}

/// Which events of a fetch, or of an archive, belong to a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selector {
    /// One team's only.
    pub(super) team: Option<Team>,
    /// What Heroku was not asked to leave out, and is left out here.
    pub(super) filter: Filter,
}

impl Selector {
    /// Whether `event` belongs to the source. A team is told by its id, or by its name where an event has no id of it. An
    /// actor is told by the address, as in Heroku's reference, in any case, or by the id, so that rather more is taken.
    pub(super) fn takes(&self, event: &Event) -> bool {
        let columns = &event.columns;
        let of_team = self.team.as_ref().is_none_or(|team| match &columns.team_id {
            Some(id) => id.eq_ignore_ascii_case(&team.id),
            None => columns.team_name.as_ref() == Some(&team.name),
        });
        let Filter { r#type, action, actor } = &self.filter;
        of_team
            && r#type.as_ref().is_none_or(|wanted| columns.kind.as_ref() == Some(wanted))
            && action.as_ref().is_none_or(|wanted| columns.action.as_ref() == Some(wanted))
            && actor.as_ref().is_none_or(|wanted| {
                columns.actor_email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(wanted))
                    || columns.actor_id.as_ref() == Some(wanted)
            })
    }
}

impl Teams {
    /// The selector of `source` in what `job` fetches; what asking for it took is added to `cost`.
    pub(super) async fn selector(
        &self,
        client: &Client,
        source: &Source,
        job: &Fetch,
        cost: &mut Cost,
    ) -> Result<Selector, NoSelector> {
        // What Heroku has left out already is not looked at again: it may see types and addresses with other eyes.
        let filter = &source.scope.filter;
        let filter = if *filter == job.query.filter { Filter::default() } else { filter.clone() };
        let team = self.team(client, source, &job.asker, cost).await?;
        Ok(Selector { team, filter })
    }
}

/// Takes the events of a fetch.
pub(super) trait Sink {
    /// Takes a batch; false when there is nobody left who wants more. The same event may come again.
    fn take(&mut self, batch: &Batch) -> impl Future<Output = bool> + Send;
}

/// How reading came to an end that is not Heroku's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The day was read whole.
    Whole,
    /// Nobody wanted more.
    NobodyLeft,
}

/// Reads a day to its end. While a batch is taken, the next one is read.
pub(super) async fn read_through(
    reader: &mut DayReader<'_>,
    sink: &mut impl Sink,
) -> Result<End, Error> {
    let mut read = reader.next().await?;
    while let Read::Batch(batch) = read {
        let (take, next) = (sink.take(&batch), reader.next());
        tokio::pin!(take, next);
        // When nobody is left, what Heroku may still say is not waited for.
        let next = tokio::select! {
            wanted = &mut take => if wanted { next.await } else { return Ok(End::NobodyLeft) },
            next = &mut next => if take.await { next } else { return Ok(End::NobodyLeft) },
        };
        read = next?;
    }
    Ok(End::Whole)
}

/// What a person can do about a failure of Heroku's.
pub(super) fn advice(fault: &Fault, source: &Source) -> String {
    let (name, account) = (&source.name, &source.scope.account);
    match fault.status().map(|status| status.as_u16()) {
        Some(401) => format!(
            "The token in ${} is not valid, or no longer: make a new one with `heroku authorizations:create` and set it",
            source.token_env
        ),
        Some(403) => format!(
            "The user of the token in ${} needs the permission `manage` in the enterprise account {account}",
            source.token_env
        ),
        Some(404) => format!(
            "Check `account` of the source {name}: it is {account}; and that the user of the token in ${} is a member",
            source.token_env
        ),
        Some(429) => "Lower [rate_limit] or raise its reserve if this comes often".to_owned(),
        Some(300..=399) => "Check [api] base_url: Heroku's API does not redirect".to_owned(),
        Some(400..=499) => format!("Check account, team and filter of the source {name}"),
        _ => "If this lasts, see https://status.heroku.com".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(text: &str) -> Event {
        Event::from_bytes(Bytes::copy_from_slice(text.as_bytes())).expect("an event")
    }

    #[test]
    fn a_team_is_told_by_its_id_and_by_its_name_only_without_one() {
        let team = Some(Team { id: "t-1".into(), name: "team-a".into() });
        let team = Selector { team, filter: Filter::default() };
        assert!(team.takes(&event(r#"{"team":{"id":"t-1","name":"renamed since"}}"#)));
        assert!(team.takes(&event(r#"{"team":{"id":"T-1"}}"#)));
        assert!(team.takes(&event(r#"{"team":{"name":"team-a"}}"#)));
        assert!(!team.takes(&event(r#"{"team":{"id":"t-2","name":"team-a"}}"#)));
        assert!(!team.takes(&event(r#"{"team":null}"#)));
        assert!(!team.takes(&event("{}")));
        assert!(Selector::default().takes(&event("{}")));
    }

    #[test]
    fn a_filter_that_is_applied_here_takes_what_heroku_s_would() {
        let filter = |r#type: Option<&str>, action: Option<&str>, actor: Option<&str>| Selector {
            team: None,
            filter: Filter {
                r#type: r#type.map(str::to_owned),
                action: action.map(str::to_owned),
                actor: actor.map(str::to_owned),
            },
        };
        let made = event(
            r#"{"type":"app","action":"create","actor":{"id":"u-1","email":"User@example.com"}}"#,
        );
        assert!(filter(Some("app"), Some("create"), Some("user@example.com")).takes(&made));
        assert!(filter(None, None, Some("u-1")).takes(&made));
        assert!(!filter(Some("App"), None, None).takes(&made));
        assert!(!filter(Some("app"), Some("destroy"), None).takes(&made));
        assert!(!filter(None, None, Some("other@example.com")).takes(&made));
        assert!(!filter(Some("app"), None, None).takes(&event("{}")));
    }
}
