//! The questions of `check`: the user of a token, their permissions, and the remaining quota.

use serde::Deserialize;

use super::call::Call;
use super::fault::Error;
use super::reader::{Element, ListReader};
use super::session::Session;

/// The user that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct User {
    /// Their email address.
    pub(crate) email: String,
}

/// An enterprise account, as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct EnterpriseAccount {
    /// Its current name.
    pub(crate) name: String,
    /// The user's permissions in it, if Heroku lists them.
    pub(crate) permissions: Option<Vec<String>>,
}

/// An enterprise account in the list of the user's accounts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ListedAccount {
    /// Its id, which stays the same when the account is renamed.
    pub(crate) id: String,
    /// Its current name.
    pub(crate) name: String,
    permissions: Option<Vec<String>>,
}

impl ListedAccount {
    /// Whether the user may read its audit trail, as far as Heroku says.
    pub(crate) fn may_manage(&self) -> bool {
        let is_manage = |permission: &String| permission == "manage";
        self.permissions.as_ref().is_none_or(|known| known.iter().any(is_manage))
    }
}

impl Element for ListedAccount {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The rest of a user's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Quota {
    /// How many requests are left.
    pub(crate) remaining: u32,
}

impl Session {
    /// The rest of the quota. Heroku does not count this request.
    pub(crate) async fn quota(&self) -> Result<Quota, Error> {
        Call::new(self, self.client().url(&["account", "rate-limits"])).object().await
    }

    /// The user that the token belongs to.
    pub(crate) async fn user(&self) -> Result<User, Error> {
        Call::new(self, self.client().url(&["account"])).object().await
    }

    /// The enterprise accounts of the token's user.
    pub(crate) async fn enterprise_accounts(&self) -> Result<Vec<ListedAccount>, Error> {
        ListReader::new(self, self.client().url(&["enterprise-accounts"])).read_all().await
    }

    /// An enterprise account, by its name or id.
    pub(crate) async fn enterprise_account(
        &self,
        account: &str,
    ) -> Result<EnterpriseAccount, Error> {
        Call::new(self, self.client().url(&["enterprise-accounts", account])).object().await
    }
}
