//! What a sync and a dry run have in common: which days share a fetch, who gets which event, and reading to the end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use crate::config::{Source, Token, Tokens};
use crate::day::DayKey;
use crate::event::Event;
use crate::heroku::{Asker, Batch, Client, Cost, DayQuery, DayReader, Error, Fault, Read, Team, harmless};
use crate::plan::{Planned, Verdict};

/// One fetch, and the days that are served by it: those of sources with the same account, filter, token and date.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) query: DayQuery,
    pub(super) asker: Asker,
    pub(super) days: Vec<JobDay>,
}

/// A day that a fetch serves.
#[derive(Debug, Clone)]
pub(super) struct JobDay {
    pub(super) key: DayKey,
    pub(super) source: Source,
}

/// The fetches that the due days among `planned` take, oldest first.
pub(super) fn jobs(planned: &[Planned<'_>], tokens: &Tokens) -> VecDeque<Job> {
    let mut jobs: VecDeque<Job> = VecDeque::new();
    let mut places: HashMap<(DayQuery, Token), usize> = HashMap::new();
    for Planned { key, source, .. } in planned.iter().filter(|day| matches!(day.verdict, Verdict::Due(_))) {
        let token = tokens.of(source).clone();
        let scope = &source.scope;
        let query = DayQuery { account: scope.account.clone(), filter: scope.filter.clone(), date: key.date };
        let day = JobDay { key: key.clone(), source: (*source).clone() };
        let place = *places.entry((query.clone(), token.clone())).or_insert_with(|| {
            jobs.push_back(Job { query, asker: Asker { token, retry: source.retry.clone() }, days: Vec::new() });
            jobs.len() - 1
        });
        jobs[place].days.push(day);
    }
    jobs
}

/// Which events of a fetch belong to a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    /// The whole account's.
    All,
    /// One team's.
    Team(Team),
}

impl Selector {
    /// Whether `event` belongs to the source. A team is told by its id, or by its name where an event has no id of it.
    pub(super) fn takes(&self, event: &Event) -> bool {
        match self {
            Self::All => true,
            Self::Team(team) => match &event.columns.team_id {
                Some(id) => *id == team.id,
                None => event.columns.team_name.as_ref() == Some(&team.name),
            },
        }
    }
}

/// Why it can't be said which events belong to a source.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSelector {
    #[error(transparent)]
    Heroku(#[from] Error),
    #[error("the enterprise account {account} has no team `{team}`{}", its_teams(.known))]
    NoSuchTeam { account: String, team: String, known: Vec<String> },
}

impl NoSelector {
    /// The same for the person who looks after `source`, with what to do.
    pub(super) fn told(&self, source: &Source) -> String {
        match self {
            Self::Heroku(error) => format!("{error}. {}", advice(&error.fault, source)),
            Self::NoSuchTeam { .. } => format!("{self}. Put `team` of the source {} right", source.name),
        }
    }
}

fn its_teams(teams: &[String]) -> String {
    if teams.is_empty() { ": it has none".to_owned() } else { format!("; its teams are {}", teams.join(", ")) }
}

/// The teams of the accounts, each asked for once in a run, and only if a source needs them.
#[derive(Debug, Default)]
pub(super) struct Teams {
    accounts: Mutex<HashMap<(String, Token), OneAccount>>,
}

/// An account's teams, once they were asked for.
type OneAccount = Arc<OnceCell<Vec<Team>>>;

impl Teams {
    /// The selector of `source`; what asking for it took is added to `cost`. A team that the account does not have is an error: its days would pass for empty ones.
    pub(super) async fn selector(
        &self,
        client: &Client,
        source: &Source,
        asker: &Asker,
        cost: &mut Cost,
    ) -> Result<Selector, NoSelector> {
        let Some(wanted) = &source.scope.team else { return Ok(Selector::All) };
        let account = &source.scope.account;
        let cell = {
            let mut accounts = self.accounts.lock().expect("no panic while locked");
            Arc::clone(accounts.entry((account.clone(), asker.token.clone())).or_default())
        };
        let teams = cell.get_or_try_init(|| client.teams(account, asker, cost)).await?;
        match teams.iter().find(|team| team.id == *wanted || team.name == *wanted) {
            Some(team) => Ok(Selector::Team(team.clone())),
            None => Err(NoSelector::NoSuchTeam {
                account: account.clone(),
                team: wanted.clone(),
                known: teams.iter().map(|team| harmless(&team.name, &asker.token)).collect(),
            }),
        }
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
pub(super) async fn read_through(reader: &mut DayReader<'_>, sink: &mut impl Sink) -> Result<End, Error> {
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
        Some(429) => "The day is due again; lower [rate_limit] or raise its reserve if this comes often".to_owned(),
        Some(300..=399) => "Check [api] base_url: Heroku's API does not redirect".to_owned(),
        Some(400..=499) => format!("Check account, team and filter of the source {name}"),
        _ => format!(
            "The next run tries it again, or `auditsync --source {name} --date …` if it is older than catch_up_days"
        ),
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
        let team = Selector::Team(Team { id: "t-1".into(), name: "team-a".into() });
        assert!(team.takes(&event(r#"{"team":{"id":"t-1","name":"renamed since"}}"#)));
        assert!(team.takes(&event(r#"{"team":{"name":"team-a"}}"#)));
        assert!(!team.takes(&event(r#"{"team":{"id":"t-2","name":"team-a"}}"#)));
        assert!(!team.takes(&event(r#"{"team":null}"#)));
        assert!(!team.takes(&event("{}")));
        assert!(Selector::All.takes(&event("{}")));
    }
}
