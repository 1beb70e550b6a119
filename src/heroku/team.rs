//! Teams: those of an enterprise account, and the account of a team.

use serde::Deserialize;

use super::call::Call;
use super::fault::Error;
use super::reader::{Element, ListReader};
use super::session::Session;

/// A team of an enterprise account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Team {
    /// Its id, which stays the same when the team is renamed.
    pub(crate) id: String,
    /// Its current name.
    pub(crate) name: String,
}

impl Element for Team {
    fn id(&self) -> &str {
        &self.id
    }
}

/// What Heroku says about a single team.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Home {
    /// The team's id.
    pub(crate) id: String,
    /// Its current name.
    pub(crate) name: String,
    /// Its enterprise account. Only an enterprise team has one.
    pub(crate) enterprise_account: Option<AccountRef>,
}

/// A reference to an enterprise account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AccountRef {
    /// Its id, which stays the same when the account is renamed.
    pub(crate) id: Option<String>,
    /// Its current name.
    pub(crate) name: String,
}

impl AccountRef {
    /// Whether `name_or_id` is the name or the id of this account.
    pub(crate) fn is(&self, name_or_id: &str) -> bool {
        self.name == name_or_id
            || self.id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name_or_id))
    }
}

impl Session {
    /// The teams of an enterprise account.
    pub(crate) async fn teams(&self, account: &str) -> Result<Vec<Team>, Error> {
        let url = self.client().url(&["enterprise-accounts", account, "teams"]);
        ListReader::new(self, url).read_all().await
    }

    /// A team, by its name or id, with its enterprise account.
    pub(crate) async fn home(&self, team: &str) -> Result<Home, Error> {
        Call::new(self, self.client().url(&["teams", team])).object().await
    }
}
