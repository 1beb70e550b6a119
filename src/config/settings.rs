//! The configuration as values, and the sections that hold for all sources.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::base_url::BaseUrl;
use super::document::{Table, bare};
use super::evidence::Evidence;
use super::number::Whole;
use super::source::Source;
use super::sync::Sync;
use super::value::VariableName;

/// A complete configuration. Every value is checked, alone and against the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file's path, as the user named it.
    pub path: PathBuf,
    /// Where to store events.
    pub database: Database,
    /// Where to read events.
    pub api: Api,
    /// How many days are read at the same time.
    pub sync: Sync,
    /// What to call after a sync.
    pub notify: Notify,
    /// What proves the stored events to others.
    pub evidence: Evidence,
    /// All sources in the order of the file, at least one; disabled sources, too.
    pub sources: Vec<Source>,
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The environment variable that holds the database's URL.
    pub url_env: String,
    /// The most open connections, 1 to 1000.
    pub max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url_env: "DATABASE_URL".to_owned(), max_connections: 4 }
    }
}

impl Database {
    pub(super) fn read(section: &mut Table<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            url_env: bare(section.take("url_env"))
                .map_or(default.url_env, |VariableName(name)| name),
            max_connections: bare(section.take::<Whole<1, 1000>>("max_connections"))
                .map_or(default.max_connections, |Whole(count)| count),
        }
    }
}

/// `[api]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// The API's address: `https`, or `http` on this machine; no user, query or fragment. The path
    /// does not end in a slash, unless it is `/`. To extend it, call `path_segments_mut()`,
    /// `pop_if_empty()` and `extend(…)`.
    pub base_url: Url,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for an entire response.
    pub request_timeout: Duration,
    /// Events to request in one page, 1 to 1000.
    pub page_size: u32,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            base_url: Url::parse("https://api.heroku.com").expect("a valid address"),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            page_size: 1000,
        }
    }
}

impl Api {
    pub(super) fn read(section: &mut Table<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            base_url: bare(section.take("base_url")).map_or(default.base_url, |BaseUrl(url)| url),
            connect_timeout: bare(section.take("connect_timeout"))
                .unwrap_or(default.connect_timeout),
            request_timeout: bare(section.take("request_timeout"))
                .unwrap_or(default.request_timeout),
            page_size: bare(section.take::<Whole<1, 1000>>("page_size"))
                .map_or(default.page_size, |Whole(count)| count),
        }
    }
}

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The environment variable that may hold the URL to call after a sync.
    pub ping_url_env: String,
}

impl Default for Notify {
    fn default() -> Self {
        Self { ping_url_env: "AUDITSYNC_PING_URL".to_owned() }
    }
}

impl Notify {
    pub(super) fn read(section: &mut Table<'_, '_>) -> Self {
        let name = bare(section.take("ping_url_env")).map(|VariableName(name)| name);
        name.map_or_else(Self::default, |ping_url_env| Self { ping_url_env })
    }
}
