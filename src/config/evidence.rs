//! `[evidence]`: what proves to others that the stored events are complete and unchanged.

use reqwest::Url;
use serde_json::{Value as Json, json};
use toml::Spanned;
use toml::de::DeValue;

use super::document::{Table, bare};
use super::key_name::KeyName;
use super::mistake::Mistake;
use super::value::{Misfit, ValueKind, VariableName, no_token, string};

/// `[evidence]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The environment variable that holds the key that signs checkpoints. `None`: sign nothing.
    pub signing_key_env: Option<String>,
    /// The environment variable that holds the key that this key replaces.
    pub previous_signing_key_env: Option<String>,
    /// The address of an authority for timestamps: `http` or `https`. `None`: request none.
    pub timestamp_url: Option<Url>,
    /// The name that the key must have. It names the log in checkpoints. `None`: any name.
    pub origin: Option<KeyName>,
}

impl Evidence {
    pub(super) fn read(section: &mut Table<'_, '_>) -> Self {
        let signing_key = section.take::<VariableName>("signing_key_env");
        let previous = section.take::<VariableName>("previous_signing_key_env");
        if section.is_sound()
            && let Some(previous) = &previous
        {
            check_previous(previous, signing_key.as_ref(), section);
        }
        let name = |key: Option<Spanned<VariableName>>| bare(key).map(|VariableName(name)| name);
        Self {
            signing_key_env: name(signing_key),
            previous_signing_key_env: name(previous),
            timestamp_url: bare(section.take("timestamp_url")).map(|TimestampUrl(url)| url),
            origin: bare(section.take("origin")),
        }
    }
}

/// A previous key needs another key that replaces it.
fn check_previous(
    previous: &Spanned<VariableName>,
    signing_key: Option<&Spanned<VariableName>>,
    section: &mut Table<'_, '_>,
) {
    let VariableName(name) = previous.get_ref();
    let mistake = match signing_key {
        None => {
            let message = "`previous_signing_key_env` in [evidence] needs `signing_key_env`";
            Mistake::at(previous.span(), message).label("no key replaces this one")
        }
        Some(key) if key.get_ref().0 == *name => {
            let message = "`previous_signing_key_env` in [evidence] names the variable of \
                           `signing_key_env`";
            let mistake = Mistake::at(previous.span(), message).label("name another variable");
            mistake.also(Some(key.span()), "this one")
        }
        Some(_) => return,
    };
    let help = "a key that replaces another is announced by both: keep the old key in a variable \
                of its own for one run, and then remove this line";
    section.report(mistake.help(help.to_owned()));
}

/// The address of an authority for timestamps.
struct TimestampUrl(Url);

impl ValueKind for TimestampUrl {
    fn what() -> String {
        "the address of a timestamp authority".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"^https?://[^/?#@\s]+([/?][^#\s]*)?$" })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        if !text.contains("://") {
            return Err(Misfit::new("an address begins with https:// or http://"));
        }
        if text.contains(char::is_whitespace) {
            return Err(Misfit::new("an address contains no space"));
        }
        let url = Url::parse(text)
            .map_err(|error| Misfit::new(format!("this is not an address: {error}")))?;
        Err(Misfit::new(match url.scheme() {
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                "remove user and password: the file contains no secrets"
            }
            "http" | "https" if url.fragment().is_some() => "remove the # and what follows it",
            // No secret is sent, and the answer is signed.
            "http" | "https" => return Ok(Self(url)),
            _ => "an address begins with https:// or http://",
        }))
    }
}

impl ValueKind for KeyName {
    fn what() -> String {
        "a name without spaces and +".to_owned()
    }

    fn schema() -> Json {
        no_token(r"^[^\s+\x00-\x1f\x7f]+$")
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        Self::parse(string(value)?).map_err(|error| Misfit::new(error.to_string()))
    }
}
