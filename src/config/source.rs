//! One source: what is read, with which token, how fast, and how patiently.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::NaiveDate;
use serde::Serialize;

/// `[[source]]`: an enterprise account, or a team in one, seen with one token.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What it is called in the ledger, in reports and on the command line.
    pub name: SourceName,
    /// What is read.
    pub scope: Scope,
    /// The variable that holds the token.
    pub token_env: String,
    /// The day coverage is owed from. Without it: the source's first day in the ledger.
    pub since: Option<NaiveDate>,
    /// Whether it is synced unless named.
    pub enabled: bool,
    /// How fast requests may follow each other.
    pub rate_limit: RateLimit,
    /// What is done about a request that fails in passing.
    pub retry: Retry,
    /// How long a day stays locked.
    pub lock: Lock,
}

/// The name of a source: `[a-z0-9][a-z0-9_-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SourceName(String);

impl SourceName {
    /// Checks that `name` can be one.
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

/// Why a text is no name for a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing in it.
    #[error("this is empty")]
    Empty,
    /// It begins with `-` or `_`.
    #[error("a letter or digit must come first")]
    First,
    /// It has an upper-case letter.
    #[error("lower-case letters only")]
    Capital,
    /// It has this character, which none has.
    #[error("there is no {} in it", .0.escape_debug())]
    Character(char),
    /// It is longer than 63 characters.
    #[error("63 characters at most")]
    Long,
}

/// What of Heroku's audit trail a source reads. It is recorded with each day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Scope {
    /// The enterprise account's name or id: not empty, and fit for one segment of a path.
    pub account: String,
    /// The name or id of the only team whose events are wanted, if not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// What the API is asked to leave out.
    #[serde(skip_serializing_if = "Filter::is_empty")]
    pub filter: Filter,
}

/// Restrictions that are passed to the API as they are. What is `None` is not restricted.
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
    /// Whether nothing is restricted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The budget of requests of one token. Sources that share a token share it, and have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests an hour, in the long run.
    pub requests_per_hour: NonZeroU32,
    /// Requests that may follow each other at once after a pause.
    pub burst: NonZeroU32,
    /// The last requests of the account's own quota, which are left to others. Less than `requests_per_hour`.
    pub reserve: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { requests_per_hour: at_least_one(4500), burst: at_least_one(30), reserve: 450 }
    }
}

/// What is done about a request that failed in passing.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Attempts at one request, the first one counted.
    pub max_attempts: NonZeroU32,
    /// The wait before the second attempt. At most `max_interval`.
    pub initial_interval: Duration,
    /// What each wait is multiplied by for the next. Finite, 1.0 or more.
    pub multiplier: f64,
    /// The part of a wait that is left to chance, 0.0 to 1.0.
    pub jitter: f64,
    /// The longest wait.
    pub max_interval: Duration,
    /// The time after which no further attempt is made.
    pub max_elapsed: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: at_least_one(6),
            initial_interval: Duration::from_millis(500),
            multiplier: 2.0,
            jitter: 0.5,
            max_interval: Duration::from_secs(30),
            max_elapsed: Duration::from_mins(5),
        }
    }
}

/// How long a day stays locked by a process that is not heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// The time after which a lock that was not renewed is free.
    pub stale_after: Duration,
    /// The time between renewals. At most a third of `stale_after`.
    pub heartbeat_every: Duration,
}

impl Default for Lock {
    fn default() -> Self {
        Self { stale_after: Duration::from_mins(15), heartbeat_every: Duration::from_mins(1) }
    }
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}
