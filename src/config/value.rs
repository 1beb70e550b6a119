//! The kinds of value that keys have: what they must be, in words, and how they are read.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::NaiveDate;
use reqwest::Url;
use toml::de::DeValue;

use super::document::TOKEN_HELP;
use super::schema::Schema;
use super::{EventLog, SourceName, duration, mask, near};
use crate::calendar::{self, AUDIT_TRAIL_BEGINS, NotADate};

/// A value of one key.
pub(super) trait Value: Schema + Sized {
    /// What it must be; completes "`key` must be …".
    fn what() -> String;

    /// Reads it. The error says why it is not that.
    fn read(value: &DeValue<'_>) -> Result<Self, Misfit>;
}

/// Why a value does not fit.
pub(super) struct Misfit {
    /// A few words that stand beside the caret.
    pub(super) label: String,
    /// What to do about it.
    pub(super) help: Option<String>,
    /// Said of the key instead of "must be …".
    pub(super) instead: Option<&'static str>,
    /// Whether the value may be a secret and is not to be shown.
    pub(super) secret: bool,
}

impl Misfit {
    /// One that needs no more than its label.
    pub(super) fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), help: None, instead: None, secret: false }
    }

    /// A token, where none may be.
    fn token() -> Self {
        Self {
            label: "hidden here, but not in the file: take it out, and revoke it if others could read it".to_owned(),
            help: Some(TOKEN_HELP.to_owned()),
            instead: Some("holds a token"),
            secret: true,
        }
    }

    fn kind(value: &DeValue<'_>) -> Self {
        Self::new(format!("this is {}", kind(value)))
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
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

/// A string that is not empty and holds no control characters.
pub(super) struct Text(pub(super) String);

impl Value for Text {
    fn what() -> String {
        "a string that is not empty".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        if text.trim().is_empty() {
            return Err(Misfit::new("this is empty: leave the key out if nothing is meant"));
        }
        if text.contains(char::is_control) {
            return Err(Misfit::new("this holds a control character"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name or id of an enterprise account or a team, which becomes one segment of a URL's path.
pub(super) struct Named(pub(super) String);

impl Value for Named {
    fn what() -> String {
        "a name or an id, as Heroku shows it".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        let odd = text.chars().find(|c| {
            c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%')
        });
        match odd {
            None if text.is_empty() => Err(Misfit::new("this is empty")),
            None if text == "." || text == ".." => Err(Misfit::new("this is no name")),
            None => Ok(Self(text.to_owned())),
            Some('/') => Err(Misfit::new("no address, only the name: there is no / in it")),
            Some(c) if c.is_whitespace() => Err(Misfit::new("there is no space in a name or id")),
            Some(c) => {
                Err(Misfit::new(format!("there is no {} in a name or id", c.escape_debug())))
            }
        }
    }
}

/// The name of an environment variable.
pub(super) struct VariableName(pub(super) String);

impl Value for VariableName {
    fn what() -> String {
        "the name of an environment variable".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value).map_err(|misfit| Misfit { secret: true, ..misfit })?;
        if mask::is_uuid(text) {
            return Err(Misfit::token());
        }
        if mask::is_variable_name(text) {
            return Ok(Self(text.to_owned()));
        }
        let label = match text {
            "" => "this is empty".to_owned(),
            _ if text.starts_with('$') => "the name alone, without a $".to_owned(),
            _ if text.contains("://") => {
                "this is an address; it goes into a variable, and the variable's name here"
                    .to_owned()
            }
            _ => "letters, digits and _ only, and no digit first (hidden, lest it is a secret)"
                .to_owned(),
        };
        Err(Misfit { secret: true, ..Misfit::new(label) })
    }
}

impl Value for SourceName {
    fn what() -> String {
        "a name of lower-case letters, digits, - and _".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        SourceName::parse(string(value)?).map_err(|error| Misfit::new(error.to_string()))
    }
}

impl Value for bool {
    fn what() -> String {
        "true or false".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            DeValue::String(text) if matches!(text.as_ref(), "true" | "false") => {
                Err(Misfit::new(format!("this is a string: write {text} without quotes")))
            }
            other => Err(Misfit::kind(other)),
        }
    }
}

/// A whole number within bounds, both included.
pub(super) struct Whole<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<const MIN: u32, const MAX: u32> Value for Whole<MIN, MAX> {
    fn what() -> String {
        if MAX == u32::MAX {
            format!("a whole number, {MIN} or more")
        } else {
            format!("a whole number from {MIN} to {MAX}")
        }
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let number = match value {
            DeValue::Integer(digits) => i128::from_str_radix(digits.as_str(), digits.radix()),
            DeValue::String(text) if text.parse::<u32>().is_ok() => {
                return Err(Misfit::new(format!("this is a string: write {text} without quotes")));
            }
            other => return Err(Misfit::kind(other)),
        };
        // A number that overflows 128 bits is too large as well.
        match number.map_or(Err(MAX), |number| {
            u32::try_from(number).map_err(|_| if number < 0 { MIN } else { MAX })
        }) {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            Ok(number) if number < MIN => Err(Misfit::new(format!("at least {MIN}"))),
            Err(bound) if bound == MIN => Err(Misfit::new(format!("at least {MIN}"))),
            _ => Err(Misfit::new(format!("at most {MAX}"))),
        }
    }
}

impl Value for NonZeroU32 {
    fn what() -> String {
        Whole::<1, { u32::MAX }>::what()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let Whole(number) = Whole::<1, { u32::MAX }>::read(value)?;
        NonZeroU32::new(number).ok_or_else(|| Misfit::new("at least 1"))
    }
}

/// A number, 1.0 or more.
pub(super) struct Multiplier(pub(super) f64);

impl Value for Multiplier {
    fn what() -> String {
        "a number, 1.0 or more".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let number = number(value)?;
        if number >= 1.0 {
            Ok(Self(number))
        } else {
            Err(Misfit::new("below 1.0 each wait would be shorter than the last"))
        }
    }
}

/// A number from 0.0 to 1.0.
pub(super) struct Fraction(pub(super) f64);

impl Value for Fraction {
    fn what() -> String {
        "a number from 0.0 to 1.0".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let number = number(value)?;
        match number {
            0.0..=1.0 => Ok(Self(number)),
            1.0.. => Err(Misfit::new("at most 1.0")),
            _ => Err(Misfit::new("at least 0.0")),
        }
    }
}

impl Value for Duration {
    fn what() -> String {
        "a duration such as \"30s\"".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        match value {
            DeValue::String(text) => duration::parse(text).map_err(|why| Misfit {
                help: Some(
                    "durations are written as \"500ms\", \"30s\", \"15m\", \"24h\" or \"3d\""
                        .to_owned(),
                ),
                ..Misfit::new(why)
            }),
            DeValue::Integer(number)
                if number.radix() == 10 && !number.as_str().starts_with(['-', '+', '0']) =>
            {
                let (number, label) = (number.as_str(), "a number alone has no unit");
                let help = format!(
                    "write \"{number}s\" for seconds, \"{number}m\" for minutes, \"{number}ms\" for milliseconds"
                );
                Err(Misfit { help: Some(help), ..Misfit::new(label) })
            }
            other => Err(Misfit::kind(other)),
        }
    }
}

impl Value for NaiveDate {
    fn what() -> String {
        "a date such as \"2024-09-01\"".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let date = match value {
            DeValue::String(text) => calendar::date(text),
            DeValue::Datetime(toml) if toml.time.is_some() => {
                return Err(Misfit::new("the day alone, without a time"));
            }
            DeValue::Datetime(toml) => toml
                .date
                .and_then(|date| {
                    NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
                })
                .ok_or(NotADate::Form)
                .and_then(calendar::of_the_trail),
            other => return Err(Misfit::kind(other)),
        };
        date.map_err(|error| match error {
            NotADate::Form => Misfit::new("year-month-day, in digits: \"YYYY-MM-DD\""),
            NotADate::NoMonth(_) | NotADate::NoDay { .. } => Misfit::new("there is no such day"),
            NotADate::TooEarly(_) => {
                Misfit::new(format!("Heroku's audit trail begins on {AUDIT_TRAIL_BEGINS}"))
            }
        })
    }
}

/// Where the API is. Its path has no slash at the end, unless it is nothing but a slash.
pub(super) struct BaseUrl(pub(super) Url);

impl Value for BaseUrl {
    fn what() -> String {
        "the address of Heroku's API".to_owned()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        if !text.contains("://") {
            return Err(Misfit::new("an address begins with https://"));
        }
        let mut url = Url::parse(text)
            .map_err(|error| Misfit::new(format!("this is no address: {error}")))?;
        let host = url.host_str().unwrap_or_default();
        let is_loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let label = match url.scheme() {
            _ if host.is_empty() => "there is no host in it",
            "http" if !is_loopback => {
                "write https:// (http:// would send the token in the clear; it is for this very machine alone)"
            }
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                "no user or password: the token goes into a variable"
            }
            "http" | "https" if url.query().is_some() => "no ? and what follows it",
            "http" | "https" if url.fragment().is_some() => "no # and what follows it",
            "http" | "https" => {
                let path = url.path().trim_end_matches('/').to_owned();
                url.set_path(&path);
                return Ok(Self(url));
            }
            _ => "an address begins with https://",
        };
        Err(Misfit::new(label))
    }
}

impl Value for EventLog {
    fn what() -> String {
        near::list(Self::NAMES.map(|(name, _)| name)).replace(" and ", " or ")
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        let named = Self::NAMES.iter().find(|(name, _)| *name == text);
        named.map(|(_, log)| *log).ok_or_else(|| {
            match near::nearest(text, Self::NAMES.map(|(name, _)| name)) {
                Some(meant) => Misfit::new(format!("did you mean \"{meant}\"?")),
                None => Misfit::new("this is none of them"),
            }
        })
    }
}

/// The text of a string, which is no token: there is no key that one could be meant for.
fn string<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Misfit> {
    match value {
        DeValue::String(text) if mask::is_token(text) => Err(Misfit::token()),
        DeValue::String(text) => Ok(text),
        DeValue::Array(_) | DeValue::Table(_) => Err(Misfit::kind(value)),
        other => Err(Misfit::new(format!("this is {}: put it in quotes", kind(other)))),
    }
}

fn number(value: &DeValue<'_>) -> Result<f64, Misfit> {
    let digits = match value {
        DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
        DeValue::Float(digits) => digits.as_str(),
        DeValue::String(text) if text.parse::<f64>().is_ok() => {
            return Err(Misfit::new(format!("this is a string: write {text} without quotes")));
        }
        other => return Err(Misfit::kind(other)),
    };
    let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| Misfit::new("this is no finite number"))
}
