//! The JSON Schema of the file, for editors: made by the very calls that read it, so that it knows the same keys.
//!
//! It says less than the reader does: rules between keys, and what a string means, are told by `auditsync check
//! --config-only` alone.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::NaiveDate;
use serde_json::{Map, Value as Json, json};

use super::document::describe;
use super::duration::show;
use super::file::File;
use super::value::{BaseUrl, Fraction, Multiplier, Named, Text, VariableName, Whole};
use super::{Api, Database, EventLog, Lock, Notify, RateLimit, Retry, SourceName, Sync};

/// What a value of the file must be, as a JSON Schema.
pub(super) trait Schema {
    /// The schema.
    fn schema() -> Json;
}

/// What may stand in a table, noted while nothing is read from it.
#[derive(Default)]
pub(super) struct Shape {
    properties: Map<String, Json>,
    required: Vec<&'static str>,
}

impl Shape {
    /// Notes a key with the schema of its value.
    pub(super) fn note(&mut self, key: &'static str, schema: Json) {
        self.properties.insert(key.to_owned(), schema);
    }

    /// Notes that a key must be there.
    pub(super) fn require(&mut self, key: &'static str) {
        self.required.push(key);
    }

    /// The schema of the table.
    pub(super) fn into_schema(self) -> Json {
        let mut schema = json!({ "type": "object", "properties": self.properties, "additionalProperties": false });
        if !self.required.is_empty() {
            schema["required"] = self.required.into();
        }
        schema
    }
}

/// The schema of `audit.toml`.
pub(super) fn of_the_file() -> Json {
    let mut schema = describe(|table| drop(File::read(table)));
    annotate(&mut schema, "", &defaults());
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "audit.toml".into();
    schema
}

/// Adds to each key below `path` what it is for and what it is without being set.
fn annotate(schema: &mut Json, path: &str, defaults: &Json) {
    let Some(properties) = schema["properties"].as_object_mut() else { return };
    for (key, property) in properties {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some(about) = about(&path) {
            property["description"] = about.into();
        }
        let default = &defaults[key];
        let below =
            if property["items"].is_object() { &mut property["items"] } else { &mut *property };
        if below["properties"].is_object() {
            annotate(below, &path, default);
        } else if !default.is_null() {
            property["default"] = default.clone();
        }
    }
}

/// What a key is for. The sections of a source have the keys of the common ones.
fn about(path: &str) -> Option<&'static str> {
    let common = path.strip_prefix("source.").filter(|path| path.contains('.')).unwrap_or(path);
    let found = |path: &str| ABOUT.iter().find(|(key, _)| *key == path).map(|(_, about)| *about);
    found(path).or_else(|| found(common))
}

/// What editors show of each key.
const ABOUT: &[(&str, &str)] = &[
    ("database", "Where events go"),
    ("database.url_env", "The environment variable that holds the database's address"),
    ("database.max_connections", "The most connections open at a time"),
    ("api", "Where events come from"),
    ("api.base_url", "Heroku's API; http:// for this very machine alone"),
    ("api.connect_timeout", "The longest wait for a connection"),
    ("api.request_timeout", "No whole answer within this: the attempt failed"),
    ("api.page_size", "Events asked for in one page"),
    (
        "rate_limit",
        "How fast Heroku is asked. Counted by token: sources that share one share its budget",
    ),
    ("rate_limit.requests_per_hour", "Heroku refills an account's quota at 4500 an hour"),
    ("rate_limit.burst", "So many requests may go out at once"),
    (
        "rate_limit.reserve",
        "The last of the account's quota of 4500, which is left to everyone else",
    ),
    ("retry", "What is done when Heroku does not answer, or only with an error that passes"),
    ("retry.max_attempts", "Attempts at one request, the first one counted"),
    ("retry.initial_interval", "The first wait; at most `max_interval`"),
    ("retry.multiplier", "What each wait is multiplied by for the next"),
    ("retry.jitter", "The part of a wait that is left to chance"),
    ("retry.max_interval", "The longest wait"),
    ("retry.max_elapsed", "Then the day has failed, and is due again in the next run"),
    ("lock", "Two processes never work on the same day"),
    ("lock.stale_after", "A day whose process is not heard of for so long is free for another"),
    (
        "lock.heartbeat_every",
        "How often a process says that it is alive; at most a third of `stale_after`",
    ),
    ("sync", "Which days are due, and how many are worked on at a time"),
    ("sync.concurrency", "Days worked on at the same time"),
    ("sync.catch_up_days", "Look back so many days for some that were missed or failed"),
    (
        "sync.recheck_after",
        "Read a day again at these ages, ascending, for events that came late; [] for never",
    ),
    ("events", "What is logged of each new event"),
    ("events.log", "none, summary (when, who, what) or full"),
    ("notify", "Who is told how a run went"),
    (
        "notify.ping_url_env",
        "If this variable is set: its URL is called after each sync, with /fail after a bad one",
    ),
    ("source", "What is read: enterprise accounts, and teams in them"),
    ("source.name", "Yours to choose, and unique; it names the source in the ledger, so keep it"),
    ("source.account", "The enterprise account's name or id, as Heroku's dashboard shows it"),
    ("source.team", "Only the events of this team, by name or id"),
    (
        "source.token_env",
        "The environment variable that holds the API token; a token never stands in the file",
    ),
    (
        "source.since",
        "The day coverage is owed from; without it, the source's first day in the ledger",
    ),
    ("source.enabled", "false: leave it out for now"),
    ("source.filter", "Only such events; each of the three is optional"),
    ("source.filter.type", "The type of an event, such as app"),
    ("source.filter.action", "What was done, such as create"),
    ("source.filter.actor", "The email address of who did it"),
    (
        "source.rate_limit",
        "[rate_limit] for this source alone; what it leaves out comes from there",
    ),
    ("source.retry", "[retry] for this source alone; what it leaves out comes from there"),
    ("source.lock", "[lock] for this source alone; what it leaves out comes from there"),
];

/// What each key is without being set.
fn defaults() -> Json {
    let (api, sync) = (Api::default(), Sync::default());
    let (rate_limit, retry, lock) = (RateLimit::default(), Retry::default(), Lock::default());
    let event_log =
        EventLog::NAMES.iter().find(|(_, log)| *log == EventLog::default()).map(|(name, _)| *name);
    json!({
        "database": { "url_env": Database::default().url_env, "max_connections": Database::default().max_connections },
        "api": {
            "base_url": api.base_url.as_str().trim_end_matches('/'),
            "connect_timeout": show(api.connect_timeout),
            "request_timeout": show(api.request_timeout),
            "page_size": api.page_size,
        },
        "rate_limit": {
            "requests_per_hour": rate_limit.requests_per_hour,
            "burst": rate_limit.burst,
            "reserve": rate_limit.reserve,
        },
        "retry": {
            "max_attempts": retry.max_attempts,
            "initial_interval": show(retry.initial_interval),
            "multiplier": retry.multiplier,
            "jitter": retry.jitter,
            "max_interval": show(retry.max_interval),
            "max_elapsed": show(retry.max_elapsed),
        },
        "lock": { "stale_after": show(lock.stale_after), "heartbeat_every": show(lock.heartbeat_every) },
        "sync": {
            "concurrency": sync.concurrency,
            "catch_up_days": sync.catch_up_days,
            "recheck_after": sync.recheck_after.into_iter().map(show).collect::<Vec<_>>(),
        },
        "events": { "log": event_log },
        "notify": { "ping_url_env": Notify::default().ping_url_env },
        "source": { "enabled": true },
    })
}

/// A string of this pattern that does not begin as Heroku's tokens do.
fn no_token(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern, "not": { "pattern": r"^\s*[Hh][Rr][Kk][Uu]-" } })
}

impl Schema for Text {
    fn schema() -> Json {
        no_token(r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
    }
}

impl Schema for Named {
    fn schema() -> Json {
        // It becomes one segment of a path, so it is neither of the two that mean another place.
        no_token(r"^(\.{3,}|\.{0,2}[^.\s/\\?#%\x00-\x1f\x7f][^\s/\\?#%\x00-\x1f\x7f]*)$")
    }
}

impl Schema for VariableName {
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
    }
}

impl Schema for SourceName {
    fn schema() -> Json {
        no_token("^[a-z0-9][a-z0-9_-]{0,62}$")
    }
}

impl Schema for bool {
    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl<const MIN: u32, const MAX: u32> Schema for Whole<MIN, MAX> {
    fn schema() -> Json {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl Schema for NonZeroU32 {
    fn schema() -> Json {
        Whole::<1, { u32::MAX }>::schema()
    }
}

impl Schema for Multiplier {
    fn schema() -> Json {
        json!({ "type": "number", "minimum": 1.0 })
    }
}

impl Schema for Fraction {
    fn schema() -> Json {
        json!({ "type": "number", "minimum": 0.0, "maximum": 1.0 })
    }
}

impl Schema for Duration {
    fn schema() -> Json {
        // Numbers with their units, not all of them zero.
        let unit = "(d|h|m|s|ms)";
        let any = format!("([0-9]+{unit})*");
        json!({ "type": "string", "pattern": format!("^{any}0*[1-9][0-9]*{unit}{any}$") })
    }
}

impl Schema for NaiveDate {
    fn schema() -> Json {
        // From the year in which the audit trail begins.
        let year = "(201[7-9]|20[2-9][0-9]|2[1-9][0-9]{2}|[3-9][0-9]{3})";
        let pattern = format!("^{year}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$");
        json!({ "type": "string", "format": "date", "pattern": pattern })
    }
}

impl Schema for BaseUrl {
    fn schema() -> Json {
        let loopback = r"(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?";
        json!({ "type": "string", "pattern": format!("^(https://[^/?#@]+|http://{loopback})(/[^?#]*)?$") })
    }
}

impl Schema for EventLog {
    fn schema() -> Json {
        json!({ "enum": Self::NAMES.map(|(name, _)| name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of all keys and sections below `schema`.
    fn paths(schema: &Json, path: &str, found: &mut Vec<String>) {
        let table = if schema["items"].is_object() { &schema["items"] } else { schema };
        for (key, property) in table["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}{key}");
            paths(property, &format!("{path}."), found);
            found.push(path);
        }
    }

    #[test]
    fn every_key_is_described_and_nothing_else_is() {
        let mut keys = Vec::new();
        paths(&of_the_file(), "", &mut keys);
        let undescribed: Vec<_> = keys.iter().filter(|key| about(key).is_none()).collect();
        assert!(undescribed.is_empty(), "{undescribed:?}");
        let gone: Vec<_> =
            ABOUT.iter().filter(|(key, _)| !keys.iter().any(|known| known == key)).collect();
        assert!(gone.is_empty(), "{gone:?}");
    }
}
