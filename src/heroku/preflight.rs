//! The questions of `check`: the user of a token, their permissions, and the remaining quota.

use serde::Deserialize;

use super::call::Call;
use super::fault::Error;
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

    /// An enterprise account, by its name or id.
    pub(crate) async fn enterprise_account(
        &self,
        account: &str,
    ) -> Result<EnterpriseAccount, Error> {
        Call::new(self, self.client().url(&["enterprise-accounts", account])).object().await
    }
}
