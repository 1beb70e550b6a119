//! Looks up the teams that sources name, once in a run.
//!
//! An account loses teams: they are deleted, renamed, or moved to another account. Their events
//! stay in the days of the account. So a team that the file gives by its id is selected by that id,
//! also when the account no longer lists it; a warning says what happened to the team. A team that
//! the file gives by a name which the account does not list is an error, because its days would
//! look empty.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;
use tracing::warn;
use uuid::Uuid;

use super::fault::Error;
use super::sanitize::sanitize;
use super::session::Session;
use super::team::{Home, Team};
use crate::config::{Scope, Source, SourceName, Token};

/// The length of a UUID with its hyphens.
const ID_LENGTH: usize = 36;

/// A team that a source names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundTeam {
    /// Its events have this id, or only this name.
    pub(crate) team: Team,
    /// What happened to it, if the account does not list it.
    pub(crate) lost: Option<LostTeam>,
}

/// Why an account does not list a team, as far as Heroku says. The team has its name from the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostTeam {
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

impl fmt::Display for LostTeam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, team, fate } = self;
        write!(f, "the enterprise account {account} does not list the team {team}: ")?;
        match fate {
            Fate::MovedTo(other) => write!(f, "it is in the enterprise account {other} now"),
            Fate::InNoAccount => f.write_str("it is in no enterprise account now"),
            Fate::Unknown => f.write_str(
                "Heroku says that there is no such team, or that the token's user may not see it",
            ),
            Fate::InTheAccount => f.write_str("Heroku says that the team is in this account"),
        }
    }
}

impl LostTeam {
    /// What follows for the source, and what a person can do.
    pub(crate) fn hint(&self) -> &'static str {
        match self.fate {
            Fate::InTheAccount => "Its events are selected by its id",
            _ => {
                "Events with this id are still selected. If the id is wrong, correct `team` or \
                 `account`. \
                 If you need no more days of the team, set `enabled = false`"
            }
        }
    }
}

/// Why it is not known which events belong to a source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TeamError {
    #[error(transparent)]
    Heroku(#[from] Error),
    #[error("the enterprise account {account} has no team `{team}`{}", its_teams(.known))]
    NoSuchTeam { account: String, team: String, known: Vec<String> },
    #[error("the team `{team}` is in no enterprise account, and only these have an audit trail")]
    NoAccount { team: String, id: String },
    #[error("the team `{team}` is in the enterprise account {other}, not in {account}")]
    OtherAccount { account: String, team: String, other: String, id: String },
}

impl TeamError {
    /// What the operator of `source` can do.
    pub(crate) fn hint(&self, source: &Source) -> String {
        let name = &source.name;
        match self {
            Self::Heroku(error) => error.hint(source),
            Self::NoSuchTeam { .. } => format!(
                "Correct `team` of the source {name}. If the team was renamed, moved or deleted, \
                 write \
                 its id instead of its name: stored events have it in `audit_events.team_id`, and \
                 each event in `team.id`"
            ),
            Self::OtherAccount { account, id, .. } => format!(
                "Correct `account` of the source {name}. If you want the events from its time in \
                 {account}, write its id instead of its name: team = \"{id}\""
            ),
            Self::NoAccount { id, .. } => format!(
                "Remove the source {name} from the file, or set `enabled = false`. If you want the \
                 events from its time in an account, write its id instead of its name: \
                 team = \"{id}\""
            ),
        }
    }
}

fn its_teams(teams: &[String]) -> String {
    if teams.is_empty() {
        ": it has no team".to_owned()
    } else {
        format!("; its teams are {}", teams.join(", "))
    }
}

/// The teams of the accounts. A run requests each list once, and only if a source needs it.
#[derive(Debug, Default)]
pub(crate) struct Teams {
    accounts: Answers<Vec<Team>>,
    /// The teams that an account does not list. `None` for a team that Heroku does not show.
    homes: Answers<Option<Home>>,
    /// The sources that had their warning.
    warned: Mutex<HashSet<SourceName>>,
}

/// Answers by name and token.
type Answers<T> = Mutex<HashMap<(String, Token), Arc<OnceCell<T>>>>;

/// The cell for one answer.
fn answer<T>(answers: &Answers<T>, name: &str, token: &Token) -> Arc<OnceCell<T>> {
    let mut answers = answers.lock().expect("no panic while locked");
    Arc::clone(
        answers
            .entry((name.to_owned(), token.clone()))
            .or_insert_with(|| Arc::new(OnceCell::new())),
    )
}

impl Teams {
    /// The team of `source`, if it names one. Warns about a team that the account does not list,
    /// once for each source.
    pub(crate) async fn team(
        &self,
        session: &Session,
        source: &Source,
    ) -> Result<Option<Team>, TeamError> {
        let Some(FoundTeam { team, lost }) = self.find(session, &source.scope).await? else {
            return Ok(None);
        };
        if let Some(lost) = lost
            && self.warned.lock().expect("no panic while locked").insert(source.name.clone())
        {
            warn!(source = %source.name, "{lost}. {}", lost.hint());
        }
        Ok(Some(team))
    }

    /// The team of a scope, if it has one.
    pub(crate) async fn find(
        &self,
        session: &Session,
        scope: &Scope,
    ) -> Result<Option<FoundTeam>, TeamError> {
        let (account, Some(wanted)) = (&scope.account, &scope.team) else { return Ok(None) };
        let cell = self.listed(session, account).await?;
        let teams = cell.get().expect("requested before");
        let by_id = || teams.iter().find(|team| team.id.eq_ignore_ascii_case(wanted));
        if let Some(team) = by_id().or_else(|| teams.iter().find(|team| team.name == *wanted)) {
            return Ok(Some(FoundTeam { team: team.clone(), lost: None }));
        }
        let cell = answer(&self.homes, wanted, session.token());
        let home = cell.get_or_try_init(|| home(session, wanted)).await?;
        let text = |text: &str| sanitize(text, session.token());
        let fate = match home.as_ref().map(|home| (home, &home.enterprise_account)) {
            None => Fate::Unknown,
            Some((_, None)) => Fate::InNoAccount,
            Some((_, Some(its))) if its.is(account) => Fate::InTheAccount,
            Some((_, Some(other))) => Fate::MovedTo(text(&other.name)),
        };
        let (account, named) = (account.clone(), wanted.clone());
        let team = match home {
            // Heroku knows both its id and its name, whichever of them the file has.
            Some(home) if is_id(wanted) || fate == Fate::InTheAccount => {
                Team { id: home.id.clone(), name: home.name.clone() }
            }
            // Only the file knows it. Heroku writes ids in lower case.
            None if is_id(wanted) => Team { id: wanted.to_ascii_lowercase(), name: named.clone() },
            _ => {
                let id = home.as_ref().map(|home| text(&home.id)).unwrap_or_default();
                return Err(match fate {
                    Fate::InNoAccount => TeamError::NoAccount { team: named, id },
                    Fate::MovedTo(other) => {
                        TeamError::OtherAccount { account, team: named, other, id }
                    }
                    Fate::Unknown | Fate::InTheAccount => {
                        let known = teams.iter().map(|team| text(&team.name)).collect();
                        TeamError::NoSuchTeam { account, team: named, known }
                    }
                });
            }
        };
        Ok(Some(FoundTeam { team, lost: Some(LostTeam { account, team: named, fate }) }))
    }

    /// The teams that an account lists. The cell that it returns is filled.
    pub(crate) async fn listed(
        &self,
        session: &Session,
        account: &str,
    ) -> Result<Arc<OnceCell<Vec<Team>>>, Error> {
        let cell = answer(&self.accounts, account, session.token());
        cell.get_or_try_init(|| session.teams(account)).await?;
        Ok(cell)
    }
}

/// A team with its account; `None` if Heroku does not know it or does not show it. Other failures
/// say nothing about the team.
async fn home(session: &Session, team: &str) -> Result<Option<Home>, Error> {
    match session.home(team).await {
        Ok(home) => Ok(Some(home)),
        Err(error) if error.is_absent() => Ok(None),
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
    fn an_id_is_a_uuid_with_hyphens_in_any_case() {
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
