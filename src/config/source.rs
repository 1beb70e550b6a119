//! A source: what to read, with which token, how fast, and how patiently.

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value as Json;
use toml::de::DeValue;

use super::event_log::EventLog;
use super::lock::Lock;
use super::rate_limit::RateLimit;
use super::retry::Retry;
use super::sync::DuePolicy;
use super::value::{Misfit, ValueKind, no_token, string};

/// An enterprise account, or a team inside one, accessed with one token.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The name in the ledger, in reports and on the command line.
    pub name: SourceName,
    /// The name that a `[[source]]` with several teams gives to all of its sources.
    pub group: Option<SourceName>,
    /// Former names, under which days may be stored, the newest first.
    pub previous_names: Vec<SourceName>,
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
    /// Which of its days are due.
    pub due: DuePolicy,
    /// What to log of each new event.
    pub events: EventLog,
}

impl Source {
    /// The names under which its days may be stored: its own, and then the former ones. If two of
    /// them have the same day, the day of the first one counts.
    pub fn names(&self) -> impl Iterator<Item = &SourceName> + Clone {
        std::iter::once(&self.name).chain(&self.previous_names)
    }

    /// The name of this source under which a day is stored.
    pub fn name_of(&self, stored: &str) -> &SourceName {
        self.names().find(|name| name.as_ref() == stored).unwrap_or(&self.name)
    }
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
        "a name of at most 63 lower-case letters, digits, - and _".to_owned()
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
