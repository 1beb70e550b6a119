//! The teams that sources name: looked up in their accounts, once in a run.
//!
//! An account loses teams: they are deleted, renamed, or move to another account. Their events stay in the account's days.
//! A team that is given by its id is therefore selected by that id whether the account still lists it or not; what became
//! of it is a warning. A team that is given by a name which the account does not list is an error: its days would pass for
//! empty ones.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;
use tracing::warn;
use uuid::Uuid;

use super::fetch::advice;
use crate::config::{Scope, Source, SourceName, Token};
use crate::heroku::{Client, Cost, Error, Home, Session, Team, sanitize};

/// The length of a UUID with its hyphens.
const ID_LENGTH: usize = 36;

/// A team that a source names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// How its events are recognized: by the id, and where an event has none of its team, by the name.
    pub(super) team: Team,
    /// What became of it, if the account does not list it.
    pub(super) lost: Option<Lost>,
}

/// Why a team is not in its account's list, as far as Heroku says. It names the team as the file does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    account: String,
    team: String,
    fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    MovedTo(String),
    InNoAccount,
    Unknown,
    InTheAccount,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, team, fate } = self;
        write!(f, "the enterprise account {account} does not list the team {team}: ")?;
        match fate {
            Fate::MovedTo(other) => write!(f, "it is in the enterprise account {other} now"),
            Fate::InNoAccount => f.write_str("it is in no enterprise account now"),
            Fate::Unknown => f.write_str(
                "Heroku says that there is no such team, or that the token's user may not see it",
            ),
            Fate::InTheAccount => {
                f.write_str("Heroku says of the team itself that it is in this account")
            }
        }
    }
}

impl Lost {
    /// What follows for the source, and what a person can do.
    pub(super) fn advice(&self) -> &'static str {
        match self.fate {
            Fate::InTheAccount => "Its events are selected by its id",
            _ => {
                "Events with this id are still selected. If the id is wrong, correct `team` or `account`; if no more days are due \
                 for it, set `enabled = false`"
            }
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
    #[error(
        "the team `{team}` is in no enterprise account, and Heroku keeps an audit trail for those alone"
    )]
    NoAccount { team: String, id: String },
    #[error("the team `{team}` is in the enterprise account {other}, not in {account}")]
    OtherAccount { account: String, team: String, other: String, id: String },
}

impl NoSelector {
    /// The same for the person who looks after `source`, with what to do.
    pub(super) fn told(&self, source: &Source) -> String {
        format!("{self}. {}", self.advice(source))
    }

    /// What a person can do about it.
    pub(super) fn advice(&self, source: &Source) -> String {
        let name = &source.name;
        match self {
            Self::Heroku(error) => advice(&error.fault, source),
            Self::NoSuchTeam { .. } => format!(
                "Correct `team` of the source {name}. If the team was renamed, moved or deleted, write its id instead of its \
                 name: stored events have it in `audit_events.team_id`, and each event in `team.id`"
            ),
            Self::OtherAccount { account, id, .. } => format!(
                "Correct `account` of the source {name}. If the events from its time in {account} are wanted, write its id \
                 instead of its name: team = \"{id}\""
            ),
            Self::NoAccount { id, .. } => format!(
                "Take the source {name} out of the file, or set `enabled = false`. If the events from its time in an account \
                 are wanted, write its id instead of its name: team = \"{id}\""
            ),
        }
    }
}

fn its_teams(teams: &[String]) -> String {
    if teams.is_empty() {
        ": it has none".to_owned()
    } else {
        format!("; its teams are {}", teams.join(", "))
    }
}

/// The teams of the accounts, each asked for once in a run, and only if a source needs them.
#[derive(Debug, Default)]
pub(super) struct Teams {
    accounts: Answers<Vec<Team>>,
    /// Where teams belong that an account does not list; `None` where Heroku knows of none, or does not show it.
    homes: Answers<Option<Home>>,
    /// The sources that were warned of.
    warned: Mutex<HashSet<SourceName>>,
}

/// What was asked for by a name and a token, once it was.
type Answers<T> = Mutex<HashMap<(String, Token), Arc<OnceCell<T>>>>;

/// The place for an answer.
fn answer<T>(answers: &Answers<T>, name: &str, token: &Token) -> Arc<OnceCell<T>> {
    let mut answers = answers.lock().expect("no panic while locked");
    Arc::clone(
        answers
            .entry((name.to_owned(), token.clone()))
            .or_insert_with(|| Arc::new(OnceCell::new())),
    )
}

impl Teams {
    /// How the events of the team of `source` are recognized, if it names one. What asking took is added to `cost`. A team
    /// that the account does not list is warned of, once for each source.
    pub(super) async fn team(
        &self,
        client: &Client,
        source: &Source,
        asker: &Session,
        cost: &mut Cost,
    ) -> Result<Option<Team>, NoSelector> {
        let Some(Found { team, lost }) = self.find(client, &source.scope, asker, cost).await?
        else {
            return Ok(None);
        };
        if let Some(lost) = lost
            && self.warned.lock().expect("no panic while locked").insert(source.name.clone())
        {
            warn!(source = %source.name, "{lost}. {}", lost.advice());
        }
        Ok(Some(team))
    }

    /// The team of a scope, if it has one.
    pub(super) async fn find(
        &self,
        client: &Client,
        scope: &Scope,
        asker: &Session,
        cost: &mut Cost,
    ) -> Result<Option<Found>, NoSelector> {
        let (account, Some(wanted)) = (&scope.account, &scope.team) else { return Ok(None) };
        let cell = self.listed(client, account, asker, cost).await?;
        let teams = cell.get().expect("asked for");
        let by_id = || teams.iter().find(|team| team.id.eq_ignore_ascii_case(wanted));
        if let Some(team) = by_id().or_else(|| teams.iter().find(|team| team.name == *wanted)) {
            return Ok(Some(Found { team: team.clone(), lost: None }));
        }
        let cell = answer(&self.homes, wanted, &asker.token);
        let home = cell.get_or_try_init(|| home(client, wanted, asker, cost)).await?;
        let text = |text: &str| sanitize(text, &asker.token);
        let fate = match home.as_ref().map(|home| (home, &home.enterprise_account)) {
            None => Fate::Unknown,
            Some((_, None)) => Fate::InNoAccount,
            Some((_, Some(its))) if its.is(account) => Fate::InTheAccount,
            Some((_, Some(other))) => Fate::MovedTo(text(&other.name)),
        };
        let (account, named) = (account.clone(), wanted.clone());
        let team = match home {
            // What is in the account has an id and a name, whichever of them the file has.
            Some(home) if is_id(wanted) || fate == Fate::InTheAccount => {
                Team { id: home.id.clone(), name: home.name.clone() }
            }
            // All that is known of it is what the file says. Heroku writes ids in lower case.
            None if is_id(wanted) => Team { id: wanted.to_ascii_lowercase(), name: named.clone() },
            _ => {
                let id = home.as_ref().map(|home| text(&home.id)).unwrap_or_default();
                return Err(match fate {
                    Fate::InNoAccount => NoSelector::NoAccount { team: named, id },
                    Fate::MovedTo(other) => {
                        NoSelector::OtherAccount { account, team: named, other, id }
                    }
                    Fate::Unknown | Fate::InTheAccount => {
                        let known = teams.iter().map(|team| text(&team.name)).collect();
                        NoSelector::NoSuchTeam { account, team: named, known }
                    }
                });
            }
        };
        Ok(Some(Found { team, lost: Some(Lost { account, team: named, fate }) }))
    }

    /// The teams that an account lists; the cell is filled.
    pub(super) async fn listed(
        &self,
        client: &Client,
        account: &str,
        asker: &Session,
        cost: &mut Cost,
    ) -> Result<Arc<OnceCell<Vec<Team>>>, Error> {
        let cell = answer(&self.accounts, account, &asker.token);
        cell.get_or_try_init(|| client.teams(account, asker, cost)).await?;
        Ok(cell)
    }
}

/// Where a team belongs; `None` if Heroku knows none of this name or id, or does not show it. Whatever else goes wrong says
/// nothing of the team.
async fn home(
    client: &Client,
    team: &str,
    asker: &Session,
    cost: &mut Cost,
) -> Result<Option<Home>, Error> {
    match client.home(team, asker, cost).await {
        Ok(home) => Ok(Some(home)),
        Err(error)
            if error
                .fault
                .status()
                .is_some_and(|status| matches!(status.as_u16(), 403 | 404 | 410)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether the file gives a team by its id.
fn is_id(team: &str) -> bool {
    team.len() == ID_LENGTH && Uuid::try_parse(team).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_with_hyphens_in_any_case_and_nothing_else() {
        assert!(
            is_id("aaaaaaaa-1111-4000-8000-00000000000a")
                && is_id("AAAAAAAA-1111-4000-8000-00000000000A")
        );
        for name in [
            "",
            "team-a",
            "aaaaaaaa111140008000000000000000000a",
            "aaaaaaaa-1111-4000-8000-00000000000",
            "{aaaaaaaa-1111-4000-8000-0000000000}",
        ] {
            assert!(!is_id(name), "{name}");
        }
    }
}
