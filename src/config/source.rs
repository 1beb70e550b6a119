//! `[[source]]`: what to read, with which token, how fast, and how patiently.

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::document::{Table, bare};
use super::lock::{Lock, LockKeys};
use super::rate_limit::{RateLimit, RateLimitKeys};
use super::retry::{Retry, RetryKeys};
use super::value::{Misfit, NameOrId, NonBlank, ValueKind, VariableName, no_token, string};

/// An enterprise account, or a team inside one, accessed with one token.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The name in the ledger, in reports and on the command line.
    pub name: SourceName,
    /// What to read.
    pub scope: Scope,
    /// The environment variable that holds the token.
    pub token_env: String,
    /// The first day that must be covered. `None`: the source's first day in the ledger.
    pub since: Option<NaiveDate>,
    /// Whether a run that names no source reads this one.
    pub enabled: bool,
    /// How fast requests follow each other.
    pub rate_limit: RateLimit,
    /// How often a request is retried.
    pub retry: Retry,
    /// How long a lease lasts.
    pub lock: Lock,
}

/// The name of a source: `[a-z0-9][a-z0-9_-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SourceName(String);

impl SourceName {
    /// Checks the form of `name`.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let Some(first) = name.chars().next() else { return Err(NameError::Empty) };
        if let Some(odd) = name.chars().find(|c| !is_plain(*c) && !matches!(c, '-' | '_')) {
            return Err(if odd.is_ascii_uppercase() {
                NameError::Capital
            } else {
                NameError::Character(odd)
            });
        }
        match first {
            '-' | '_' => Err(NameError::First),
            _ if name.len() > 63 => Err(NameError::Long),
            _ => Ok(Self(name.to_owned())),
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for SourceName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl ValueKind for SourceName {
    fn what() -> String {
        "a name of lower-case letters, digits, - and _".to_owned()
    }

    fn schema() -> Json {
        no_token("^[a-z0-9][a-z0-9_-]{0,62}$")
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        Self::parse(string(value)?).map_err(|error| Misfit::new(error.to_string()))
    }
}

/// Why a text cannot name a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text has no characters.
    #[error("this is empty")]
    Empty,
    /// The text begins with `-` or `_`.
    #[error("begin with a letter or digit")]
    First,
    /// The text has an upper-case letter.
    #[error("use lower-case letters only")]
    Capital,
    /// The text has this other character.
    #[error("a name contains no {}", .0.escape_debug())]
    Character(char),
    /// The text is longer than 63 characters.
    #[error("use at most 63 characters")]
    Long,
}

/// The part of Heroku's audit trail that a source reads. It is recorded with each day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Scope {
    /// The enterprise account's name or id: not empty, and fit for one segment of a path.
    pub account: String,
    /// The name or id of the only team to read; `None` reads all teams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Restrictions that Heroku applies.
    #[serde(skip_serializing_if = "Filter::is_empty")]
    pub filter: Filter,
}

/// Restrictions, passed to the API unchanged. `None` restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Filter {
    /// Only events of this type, such as `app`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Only events with this action, such as `create`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only events by this actor, an email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

impl Filter {
    /// Whether the filter restricts nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The sections that every source's own sections override.
pub(super) struct CommonKeys {
    pub(super) rate_limit: RateLimitKeys,
    pub(super) retry: RetryKeys,
    pub(super) lock: LockKeys,
}

/// One `[[source]]` as it was read, for the rules between sources.
pub(super) struct SourceSection {
    pub(super) name: Option<Spanned<SourceName>>,
    pub(super) token_env: Option<VariableName>,
    /// The budget, and where it is set; `None` where a key of it is wrong.
    pub(super) rate_limit: Option<Spanned<RateLimit>>,
    account: Option<NameOrId>,
    team: Option<NameOrId>,
    since: Option<NaiveDate>,
    enabled: Option<bool>,
    filter: Filter,
    retry: Retry,
    lock: Lock,
}

impl SourceSection {
    pub(super) fn read(section: &mut Table<'_, '_>, common: &CommonKeys) -> Self {
        Self {
            name: section.require("name", "name = \"acme\""),
            account: bare(section.require("account", "account = \"acme\"")),
            team: bare(section.take("team")),
            token_env: bare(section.require("token_env", "token_env = \"HEROKU_API_TOKEN\"")),
            since: bare(section.take("since")),
            enabled: bare(section.take("enabled")),
            filter: section.section("filter", "[source.filter]", |filter| {
                let mut text = |key| bare(filter.take(key)).map(|NonBlank(text)| text);
                Filter { r#type: text("type"), action: text("action"), actor: text("actor") }
            }),
            rate_limit: section.section("rate_limit", "[source.rate_limit]", |section| {
                RateLimitKeys::of_source(section, &common.rate_limit)
            }),
            retry: section.section("retry", "[source.retry]", |section| {
                RetryKeys::of_source(section, &common.retry)
            }),
            lock: section.section("lock", "[source.lock]", |section| {
                LockKeys::of_source(section, &common.lock)
            }),
        }
    }

    /// The source; `None` where a required key is absent or wrong, which was reported.
    pub(super) fn into_source(self) -> Option<Source> {
        Some(Source {
            name: self.name?.into_inner(),
            scope: Scope {
                account: self.account?.0,
                team: self.team.map(|team| team.0),
                filter: self.filter,
            },
            token_env: self.token_env?.0,
            since: self.since,
            enabled: self.enabled.unwrap_or(true),
            rate_limit: self.rate_limit?.into_inner(),
            retry: self.retry,
            lock: self.lock,
        })
    }
}
