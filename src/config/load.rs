//! From the file to a checked [`Config`].

use std::fs;
use std::io::Read as _;
use std::path::Path;

use chrono::{Days, NaiveDate};

use super::document;
use super::error::ConfigError;
use super::settings::Config;
use super::source::Source;
use super::token::Tokens;
use super::{file, schema, syntax};

/// The longest configuration in bytes. A device or a log file that was named by mistake is longer.
const LONGEST_FILE: u64 = 1024 * 1024;

impl Config {
    /// Reads and checks the file at `path`. `today` is the UTC date by this machine's clock, which
    /// may be a day behind.
    pub fn load(path: &Path, today: NaiveDate) -> Result<Self, ConfigError> {
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
        Self::parse_on(path, text, today.checked_add_days(Days::new(1)))
    }

    /// Checks `text`, without a limit for `since`. Messages call its file `path`.
    ///
    /// ```
    /// use auditsync::config::Config;
    ///
    /// let text = "[[source]]\nname = \"acme\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n";
    /// let config = Config::parse("audit.toml".as_ref(), text)?;
    /// assert_eq!(config.source("acme")?.lock.stale_after.as_secs(), 900);
    ///
    /// let wrong = text.replace("token_env", "token");
    /// let error = Config::parse("audit.toml".as_ref(), &wrong).unwrap_err();
    /// assert!(error.to_string().contains("token_env"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        Self::parse_on(path, text, None)
    }

    /// Checks `text`, in which no `since` may be after `newest_since`.
    pub fn parse_on(
        path: &Path,
        text: &str,
        newest_since: Option<NaiveDate>,
    ) -> Result<Self, ConfigError> {
        let (readable, valueless) = syntax::readable(text);
        let mut parsed = syntax::parse(&readable, valueless);
        let end = text.trim_end().len();
        let (config, mistakes) = document::walk(parsed.root.get_ref(), end, |table| {
            file::read(path, newest_since, table)
        });
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

    /// The tokens of `sources`, from the variables that `env` looks up. It is an error if no
    /// source has a token, or if sources share a token but not its budget.
    pub fn tokens<'s>(
        &self,
        sources: impl IntoIterator<Item = &'s Source>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Tokens, ConfigError> {
        Tokens::read(sources, env)
    }
}
