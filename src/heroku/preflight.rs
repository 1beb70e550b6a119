//! What a preflight asks: whose a token is, what it may see, and what is left of its quota.

use serde::Deserialize;

use super::call::Call;
use super::{Client, Cost, Error, Session};

/// The user that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Their address.
    pub email: String,
}

/// An enterprise account, as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EnterpriseAccount {
    /// Its present name.
    pub name: String,
    /// What the user may do in it, where Heroku tells.
    pub permissions: Option<Vec<String>>,
}

/// What is left of a user's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Quota {
    /// Requests.
    pub remaining: u32,
}

impl Client {
    /// What is left of the quota; asking does not count.
    pub async fn quota(&self, asker: &Session) -> Result<Quota, Error> {
        let url = self.url(&["account", "rate-limits"]);
        Call::new(self, url, asker.clone()).object(&mut Cost::default()).await
    }

    /// The user that the token belongs to.
    pub async fn user(&self, asker: &Session) -> Result<User, Error> {
        Call::new(self, self.url(&["account"]), asker.clone()).object(&mut Cost::default()).await
    }

    /// An enterprise account, by name or id.
    pub async fn enterprise_account(
        &self,
        account: &str,
        asker: &Session,
    ) -> Result<EnterpriseAccount, Error> {
        let url = self.url(&["enterprise-accounts", account]);
        Call::new(self, url, asker.clone()).object(&mut Cost::default()).await
    }
}
