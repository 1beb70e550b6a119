//! The JSON Schema of the file, for editors. The calls that read the file also produce the schema,
//! so both know the same keys.
//!
//! The schema checks less than the program does: only `auditsync check --config-only` knows the
//! rules between keys.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::defaults::TOKEN_ENV;
use super::document::describe;
use super::duration::show;
use super::event_log::EventLog;
use super::file;
use super::lock::Lock;
use super::rate_limit::RateLimit;
use super::retry::Retry;
use super::settings::{Api, Database, Notify};
use super::sync::{DuePolicy, Sync};

/// The schema of `audit.toml`.
pub(super) fn of_the_file() -> Json {
    let mut schema = describe(|table| drop(file::read(Path::new("audit.toml"), None, table)));
    annotate(&mut schema, "", &defaults());
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "audit.toml".into();
    schema
}

/// Adds the description and the default of each key below `path`.
fn annotate(schema: &mut Json, path: &str, defaults: &Json) {
    let Some(properties) = schema["properties"].as_object_mut() else { return };
    for (key, property) in properties {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some(description) = description(&path) {
            property["description"] = description.into();
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

/// The description of a key. A source's own sections have the keys of the common ones.
fn description(path: &str) -> Option<&'static str> {
    let common = path.strip_prefix("source.").filter(|path| path.contains('.')).unwrap_or(path);
    let found = |path: &str| DESCRIPTIONS.iter().find(|(key, _)| *key == path).map(|(_, of)| *of);
    found(path).or_else(|| found(common))
}

/// What editors show of each key.
const DESCRIPTIONS: &[(&str, &str)] = &[
    ("database", "Where to store events"),
    ("database.url_env", "The environment variable that holds the database's URL"),
    ("database.max_connections", "The most open connections"),
    ("api", "Where to read events"),
    ("api.base_url", "The address of Heroku's API; http:// only for this machine"),
    ("api.connect_timeout", "The longest wait for a connection"),
    (
        "api.request_timeout",
        "The attempt fails if the entire response does not arrive within this time",
    ),
    ("api.page_size", "Events to request in one page"),
    ("rate_limit", "How fast to send requests. Sources that share a token share its budget"),
    ("rate_limit.requests_per_hour", "Requests per hour. Heroku's own limit is 4500"),
    ("rate_limit.burst", "How many requests may go out at once"),
    (
        "rate_limit.reserve",
        "The last part of the account's quota of 4500, left to the CLI, CI and everyone else",
    ),
    ("retry", "When to retry a request that failed for a passing reason"),
    ("retry.max_attempts", "Attempts at one request, including the first"),
    ("retry.initial_interval", "The first wait; at most `max_interval`"),
    ("retry.multiplier", "The factor from each wait to the next"),
    ("retry.jitter", "The random part of each wait"),
    ("retry.max_interval", "The longest wait"),
    ("retry.max_elapsed", "After this time the day fails; it is due again in the next run"),
    ("lock", "How long a lease lasts. It keeps two processes from reading the same day"),
    ("lock.stale_after", "Take over a day whose lease was not renewed for this long"),
    (
        "lock.heartbeat_every",
        "How often to renew the lease of a day; at most a third of `stale_after`",
    ),
    ("sync", "Which days are due, and how many to read at the same time"),
    ("sync.concurrency", "How many days to read at the same time"),
    ("sync.catch_up_days", "How many days to look back for missed or failed days"),
    (
        "sync.recheck_after",
        "Read a complete day again at these ages, to find late events; ascending, [] for never",
    ),
    ("events", "What to log of each new event"),
    ("events.log", "none, summary (created_at, actor_email, type, action, id) or full"),
    ("notify", "What to call after a sync"),
    (
        "notify.ping_url_env",
        "If this variable is set: GET its URL after a sync that exits 0, and its path + /fail \
         after any other",
    ),
    ("evidence", "What proves to others that the stored events are complete and unchanged"),
    (
        "evidence.signing_key_env",
        "The environment variable that holds the key that signs checkpoints, from auditsync keygen",
    ),
    (
        "evidence.previous_signing_key_env",
        "The environment variable that holds the replaced key, until a run has stored something",
    ),
    (
        "evidence.timestamp_url",
        "The address of a timestamp authority (RFC 3161), which a run that stores something asks",
    ),
    (
        "evidence.origin",
        "The name that the key must have. It names the log in checkpoints; without it, any name",
    ),
    ("defaults", "Keys for every source that does not set them"),
    ("defaults.account", "The enterprise account's name or id"),
    ("defaults.token_env", "The environment variable that holds the API token"),
    ("source", "What to read: enterprise accounts, and teams inside them"),
    (
        "source.name",
        "A unique name of your choice. The ledger stores it with each day; to change it, set \
         `previous_names`",
    ),
    (
        "source.account",
        "The enterprise account's name or id, as Heroku's dashboard shows it; else [defaults]",
    ),
    ("source.team", "Read only this team's events; its name or id"),
    ("source.teams", "Instead of `team`: one source for each of these teams, named NAME-TEAM"),
    (
        "source.previous_names",
        "Former names of this source, the newest first. A day keeps the name that it is stored \
         under",
    ),
    (
        "source.token_env",
        "The environment variable that holds the API token; the file never contains a token",
    ),
    (
        "source.since",
        "The first day that must be covered; without it, the source's first day in the ledger",
    ),
    ("source.enabled", "false: do not sync this source"),
    ("source.filter", "Read only events that match all of these"),
    ("source.filter.type", "The type of an event, such as app"),
    ("source.filter.action", "The action of an event, such as create"),
    ("source.filter.actor", "The actor's email address"),
    ("source.rate_limit", "[rate_limit] for this source; absent keys come from there"),
    ("source.retry", "[retry] for this source; absent keys come from there"),
    ("source.lock", "[lock] for this source; absent keys come from there"),
    ("source.sync", "[sync] for this source, without `concurrency`; absent keys come from there"),
    ("source.events", "[events] for this source"),
];

fn defaults() -> Json {
    let (api, sync, database) = (Api::default(), Sync::default(), Database::default());
    let DuePolicy { catch_up_days, recheck_after } = DuePolicy::default();
    let (rate_limit, retry, lock) = (RateLimit::default(), Retry::default(), Lock::default());
    let recheck_after: Vec<String> = recheck_after.into_iter().map(show).collect();
    json!({
        "database": {
            "url_env": database.url_env,
            "max_connections": database.max_connections,
        },
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
        "lock": {
            "stale_after": show(lock.stale_after),
            "heartbeat_every": show(lock.heartbeat_every),
        },
        "sync": {
            "concurrency": sync.concurrency,
            "catch_up_days": catch_up_days,
            "recheck_after": recheck_after,
        },
        "events": { "log": EventLog::default().name() },
        "notify": { "ping_url_env": Notify::default().ping_url_env },
        "defaults": { "token_env": TOKEN_ENV },
        "source": { "enabled": true },
    })
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
    fn each_key_is_described_and_nothing_else_is() {
        let mut keys = Vec::new();
        paths(&of_the_file(), "", &mut keys);
        let undescribed: Vec<_> = keys.iter().filter(|key| description(key).is_none()).collect();
        assert!(undescribed.is_empty(), "{undescribed:?}");
        let is_key = |path: &str| keys.iter().any(|key| key == path);
        let gone: Vec<_> = DESCRIPTIONS.iter().filter(|(path, _)| !is_key(path)).collect();
        assert!(gone.is_empty(), "{gone:?}");
    }
}
