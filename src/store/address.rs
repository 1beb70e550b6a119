//! The database's address, as libpq's documentation allows it: a URI or a string of keywords and values.
//!
//! Every keyword of libpq either works, does no harm because auditsync does that itself, or is rejected by name. No
//! message repeats a value, nor any text that may be a part of a password: an address is read in doubt as if it were one.
//! sqlx's own parser is not used, because it logs the parameters that it does not know, with their values.

mod keyword_value;
mod parameters;
mod passfile;
mod resolve;
#[cfg(test)]
mod tests;
mod uri;

use std::fmt;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use parameters::{Given, Origin, PARAMETERS};

/// What to do about a character that has a meaning of its own in a URI.
const ENCODE: &str = "If the user or the password holds `@`, `/`, `:`, `?`, `#`, `%` or a space, percent-encode it: \
                      `@` is %40, `/` is %2F, `:` is %3A, `?` is %3F, `#` is %23, `%` is %25, a space is %20";

/// Where the database is, and how to connect to it.
#[derive(Clone)]
pub struct Address {
    pub(super) options: PgConnectOptions,
    /// How to protect the connection where `options` fail to: what `prefer` and `allow` mean.
    pub(super) otherwise: Option<PgSslMode>,
    /// Whether a character stands there that other programs want percent-encoded.
    unencoded: bool,
}

/// The address can't be used. Shows no part of it but the names of parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    problem: String,
    advice: String,
}

impl AddressError {
    fn new(problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { problem: problem.into(), advice: advice.into() }
    }

    /// What is wrong.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do about it.
    pub fn advice(&self) -> &str {
        &self.advice
    }

    /// It is neither a URI of PostgreSQL's nor a string of keywords and values.
    fn form(advice: &str) -> Self {
        Self::new("it is not of the form postgres://user:password@host:port/database", advice)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database's address can't be used: {}. {}", self.problem, self.advice)
    }
}

impl std::error::Error for AddressError {}

/// Shows no password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("place", &super::Place::of(&self.options))
            .finish_non_exhaustive()
    }
}

impl Address {
    /// Reads `text`; what it leaves open comes from libpq's variables, which `variable` looks up.
    pub fn parse(
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, AddressError> {
        let text = text.trim();
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let (mut given, unencoded) = match rest {
            Some(rest) => uri::parse(rest)?,
            None if keyword_value::may_be(text) => (keyword_value::parse(text)?, false),
            None => return Err(AddressError::form(form_advice(text))),
        };
        // libpq takes the last of several, and an empty one as if it were not there.
        given.retain(|given| !given.value.is_empty());
        given.reverse();
        for parameter in PARAMETERS {
            let is_open = given.iter().all(|given| given.parameter.name != parameter.name);
            let value = parameter
                .variable
                .filter(|_| is_open)
                .and_then(variable)
                .filter(|value| !value.is_empty());
            given.extend(value.map(|value| Given { parameter, value, origin: Origin::Variable }));
        }
        let options = resolve::resolve(&given, variable)?;
        Ok(Self { unencoded, ..options })
    }

    /// Says in the log what the address should say in another way.
    pub(super) fn announce(&self) {
        if self.unencoded {
            tracing::warn!(
                "the password in the database's address holds `#` or `?`, and is read as libpq reads it; \
                 other programs may read it otherwise: percent-encode it there, `#` as %23 and `?` as %3F"
            );
        }
    }
}

fn form_advice(text: &str) -> &'static str {
    let is = |prefix| {
        text.get(..str::len(prefix)).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    if text.starts_with(['"', '\'']) {
        "Leave the quotes out"
    } else if is("jdbc:") {
        "Leave `jdbc:` out, and write user and password before the host"
    } else if is("postgres+") || is("postgresql+") {
        "Leave the `+` and the driver's name out"
    } else if is("postgres:") || is("postgresql:") {
        "Write postgres:// or postgresql://, in small letters"
    } else {
        "Set it to the whole address, as `heroku config:get DATABASE_URL` prints it"
    }
}
