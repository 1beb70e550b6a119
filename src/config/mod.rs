//! The configuration: from `audit.toml` to values that are known to be right.
//!
//! A file is read whole before anything else happens. Either every key and every rule between keys is right, and there is a
//! [`Config`]; or there is a [`ConfigError`] that shows all that is wrong, each with its line. Nothing in here looks at the
//! environment, the network or the clock: the environment is passed in, and only [`Config::tokens`] asks it.
//!
//! The way through: `syntax` makes a tree of the text, `document` walks it by the known keys, `value` reads each value, `file`
//! is what stood there, and `validate` turns that into a [`Config`]. `mistake` shows what was wrong, and `mask` keeps secrets
//! out of that. `schema` tells editors what may stand there.

mod document;
mod duration;
mod error;
mod file;
#[cfg(test)]
mod fuzz;
mod mask;
mod mistake;
mod near;
mod schema;
mod source;
mod syntax;
mod token;
mod validate;
mod value;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;

pub use error::{ConfigError, UnknownSource};
pub use mask::words as masked;
pub use near::nearest;
pub use source::{Filter, Lock, NameError, RateLimit, Retry, Scope, Source, SourceName};
pub use token::{Token, TokenError, Tokens};

/// No configuration is longer than this, in bytes; a device or a log file named by mistake is.
const LONGEST_FILE: u64 = 1024 * 1024;

/// A whole configuration. Every value in it has been checked, alone and against the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub path: PathBuf,
    /// Where events go.
    pub database: Database,
    /// Where events come from.
    pub api: Api,
    /// Which days are due, and how many are worked on at a time.
    pub sync: Sync,
    /// What is logged of each new event.
    pub events: EventLog,
    /// Who is told how a run went.
    pub notify: Notify,
    /// The sources in the order of the file, at least one, also those that are not enabled.
    pub sources: Vec<Source>,
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The variable that holds the database's URL.
    pub url_env: String,
    /// The most connections open at a time, 1 to 1000.
    pub max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url_env: "DATABASE_URL".to_owned(), max_connections: 4 }
    }
}

/// `[api]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where the API is: `https`, or `http` on this machine; no user, query or fragment. A path does not end in a slash, unless
    /// it is `/`: extend it with `path_segments_mut()`, `pop_if_empty()` and `extend(…)`.
    pub base_url: Url,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for a whole answer.
    pub request_timeout: Duration,
    /// Events asked for in one page, 1 to 1000.
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

/// `[sync]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Days in flight at a time, 1 to 1000.
    pub concurrency: usize,
    /// Days looked back for those missed or failed, 1 to 3660.
    pub catch_up_days: u32,
    /// The ages, counted from a day's end, at which it is read again. Ascending, maybe empty.
    pub recheck_after: Vec<Duration>,
}

impl Default for Sync {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self { concurrency: 4, catch_up_days: 7, recheck_after: vec![DAY, 3 * DAY] }
    }
}

/// `[events]`: what is logged of each new event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventLog {
    /// Nothing.
    None,
    /// One line with when, who, type, action and id.
    #[default]
    Summary,
    /// One line with the whole event.
    Full,
}

impl EventLog {
    /// What the file calls them.
    const NAMES: [(&'static str, Self); 3] =
        [("none", Self::None), ("summary", Self::Summary), ("full", Self::Full)];
}

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The variable that may hold the URL to call after a run.
    pub ping_url_env: String,
}

impl Default for Notify {
    fn default() -> Self {
        Self { ping_url_env: "AUDITSYNC_PING_URL".to_owned() }
    }
}

impl Config {
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut bytes = Vec::new();
        let read = fs::File::open(path)
            .and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes));
        let length = read.map_err(|error| ConfigError::unreadable(path, &error))?;
        if length as u64 > LONGEST_FILE {
            return Err(ConfigError::no_text(path, "it is longer than 1 MiB"));
        }
        let text = str::from_utf8(&bytes).map_err(|error| {
            let line =
                1 + String::from_utf8_lossy(&bytes[..error.valid_up_to()]).matches('\n').count();
            ConfigError::no_text(path, &format!("line {line} is not UTF-8"))
        })?;
        Self::parse(path, text)
    }

    /// Checks `text`, which messages say stands at `path`.
    ///
    /// ```
    /// use auditsync::config::Config;
    ///
    /// let text = "[[source]]\nname = \"acme\"\naccount = \"acme\"\ntoken_env = \"HEROKU_API_TOKEN\"\n";
    /// let config = Config::parse("audit.toml".as_ref(), text)?;
    /// assert_eq!(config.source("acme")?.lock.stale_after.as_secs(), 900);
    ///
    /// let error = Config::parse("audit.toml".as_ref(), &text.replace("token_env", "token")).unwrap_err();
    /// assert!(error.to_string().contains("token_env"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let (readable, valueless) = syntax::readable(text);
        let mut parsed = syntax::parse(&readable, valueless);
        let root = parsed.root.get_ref();
        let (file, mut mistakes) = document::walk(root, text.trim_end().len(), file::File::read);
        let config = validate::validate(path, file, &mut mistakes);
        if parsed.mistakes.is_empty() {
            parsed.mistakes = mistakes;
        } else if parsed.trusted {
            parsed.mistakes.add_unbroken(mistakes, text);
        }
        match config {
            Some(config) if parsed.mistakes.is_empty() => Ok(config),
            _ => Err(ConfigError::mistakes(parsed.mistakes.render(path, text))),
        }
    }

    /// The JSON Schema of the file, for editors.
    pub fn schema() -> serde_json::Value {
        schema::of_the_file()
    }

    /// The source of this name, enabled or not.
    pub fn source(&self, name: &str) -> Result<&Source, UnknownSource> {
        self.sources.iter().find(|source| source.name.as_ref() == name).ok_or_else(|| {
            let known: Vec<&str> = self.sources.iter().map(|source| source.name.as_ref()).collect();
            UnknownSource::new(name, &known)
        })
    }

    /// The tokens of `sources`, from the variables that `env` knows. The error lists all that are missing or can't be tokens,
    /// and sources that turn out to share a token but not its budget.
    pub fn tokens<'s>(
        &self,
        sources: impl IntoIterator<Item = &'s Source>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Tokens, ConfigError> {
        Tokens::read(sources, env)
    }
}
