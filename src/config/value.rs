//! The kinds of value that keys have: what each accepts, in words and as a JSON Schema.

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::mask;

/// What to do with a token that was about to go into the file.
pub(super) const TOKEN_HELP: &str = "never write a token into the file: put it into an environment \
     variable, and name that variable here";

/// A kind of value that a key can have.
pub(super) trait ValueKind: Sized {
    /// What the value must be; completes "`key` must be …".
    fn what() -> String;

    /// The same as a JSON Schema, which editors read.
    fn schema() -> Json;

    /// Reads the value. The error says why it does not fit.
    fn read(value: &DeValue<'_>) -> Result<Self, Misfit>;
}

/// Why a value does not fit.
pub(super) struct Misfit {
    /// A few words beside the caret.
    pub(super) label: String,
    /// What to do about it.
    pub(super) help: Option<String>,
    /// Completes "`key` …", in place of "must be …".
    pub(super) instead: Option<&'static str>,
    pub(super) visibility: Visibility,
}

/// Whether messages may quote a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    Shown,
    /// The value may be a secret.
    Hidden,
}

impl Misfit {
    pub(super) fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), help: None, instead: None, visibility: Visibility::Shown }
    }

    /// The value is a token, which no key accepts.
    fn token() -> Self {
        Self {
            label: "hidden here, but not in the file: remove it, and revoke it if others could \
                    read it"
                .to_owned(),
            help: Some(TOKEN_HELP.to_owned()),
            instead: Some("contains a token"),
            visibility: Visibility::Hidden,
        }
    }

    /// The value has another TOML type.
    pub(super) fn of_type(value: &DeValue<'_>) -> Self {
        Self::new(format!("this is {}", type_name(value)))
    }

    /// A number or boolean stands in quotes.
    pub(super) fn quoted(text: &str) -> Self {
        Self::new(format!("this is a string: write {text} without quotes"))
    }
}

/// The TOML type of a value, in words.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The text of a string that is no token.
pub(super) fn string<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Misfit> {
    match value {
        DeValue::String(text) if mask::is_token(text) => Err(Misfit::token()),
        DeValue::String(text) => Ok(text),
        DeValue::Array(_) | DeValue::Table(_) => Err(Misfit::of_type(value)),
        other => Err(Misfit::new(format!("this is {}: put it in quotes", type_name(other)))),
    }
}

/// The schema of a string that matches `pattern` and does not begin as Heroku's tokens do.
pub(super) fn no_token(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern, "not": { "pattern": r"^\s*[Hh][Rr][Kk][Uu]-" } })
}

/// A string with visible text and without control characters.
pub(super) struct NonBlank(pub(super) String);

impl ValueKind for NonBlank {
    fn what() -> String {
        "a string that is not empty".to_owned()
    }

    fn schema() -> Json {
        no_token(r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        if text.trim().is_empty() {
            return Err(Misfit::new("this is empty: to set nothing, remove the key"));
        }
        if text.contains(char::is_control) {
            return Err(Misfit::new("this contains a control character"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name or id of an enterprise account or a team. It becomes one segment of a URL's path.
pub(super) struct NameOrId(pub(super) String);

impl ValueKind for NameOrId {
    fn what() -> String {
        "a name or an id, as Heroku shows it".to_owned()
    }

    fn schema() -> Json {
        // `.` and `..` would name another place in the path.
        no_token(r"^(\.{3,}|\.{0,2}[^.\s/\\?#%\x00-\x1f\x7f][^\s/\\?#%\x00-\x1f\x7f]*)$")
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        let odd = text.chars().find(|c| {
            c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%')
        });
        match odd {
            None if text.is_empty() => Err(Misfit::new("this is empty")),
            None if text == "." || text == ".." => Err(Misfit::new("this is not a name")),
            None => Ok(Self(text.to_owned())),
            Some('/') => Err(Misfit::new("write only the name: a name contains no /")),
            Some(c) if c.is_whitespace() => Err(Misfit::new("a name or id contains no space")),
            Some(c) => Err(Misfit::new(format!("a name or id contains no {}", c.escape_debug()))),
        }
    }
}

/// The name of an environment variable.
pub(super) struct VariableName(pub(super) String);

impl ValueKind for VariableName {
    fn what() -> String {
        "the name of an environment variable".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let hidden = |misfit| Misfit { visibility: Visibility::Hidden, ..misfit };
        let text = string(value).map_err(hidden)?;
        if mask::is_uuid(text) {
            return Err(Misfit::token());
        }
        if mask::is_variable_name(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(hidden(Misfit::new(match text {
            "" => "this is empty",
            _ if text.starts_with('$') => "write the name alone, without the $",
            _ if text.contains("://") => {
                "this is an address: put it into a variable, and name the variable here"
            }
            _ => "use letters, digits and _, and begin with no digit (hidden: it may be a secret)",
        })))
    }
}

impl ValueKind for bool {
    fn what() -> String {
        "true or false".to_owned()
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            DeValue::String(text) if matches!(text.as_ref(), "true" | "false") => {
                Err(Misfit::quoted(text))
            }
            other => Err(Misfit::of_type(other)),
        }
    }
}
