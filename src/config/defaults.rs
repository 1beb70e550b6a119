//! `[defaults]`: the keys of every source that does not set them.

use super::document::{Table, bare};
use super::value::{NameOrId, VariableName};

/// The variable that holds the token if the file names none.
pub(super) const TOKEN_ENV: &str = "HEROKU_API_TOKEN";

/// The keys that the section sets.
pub(super) struct DefaultKeys {
    sound: bool,
    account: Option<NameOrId>,
    token_env: Option<VariableName>,
}

impl DefaultKeys {
    pub(super) fn read(section: &mut Table<'_, '_>) -> Self {
        let account = bare(section.take("account"));
        let token_env = bare(section.take("token_env"));
        Self { sound: section.is_sound(), account, token_env }
    }

    /// The account of a source: its own, or the common one. Reports a source without any.
    pub(super) fn account(&self, source: &mut Table<'_, '_>) -> Option<String> {
        let own = bare(source.take::<NameOrId>("account"));
        // If the common one is wrong, that is the mistake.
        if self.sound && self.account.is_none() {
            source.miss("account", "account = \"acme\", here or once in [defaults]");
        }
        own.as_ref().or(self.account.as_ref()).map(|NameOrId(account)| account.clone())
    }

    /// The variable that holds a source's token: its own, or the common one.
    pub(super) fn token_env(&self, source: &mut Table<'_, '_>) -> String {
        let own = bare(source.take::<VariableName>("token_env"));
        let named = own.as_ref().or(self.token_env.as_ref());
        named.map_or_else(|| TOKEN_ENV.to_owned(), |VariableName(name)| name.clone())
    }
}
