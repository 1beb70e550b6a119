//! The database's address in the two forms that libpq accepts: a URI, or a string of keywords and
//! values (PostgreSQL's manual, "Connection Strings").
//!
//! Every keyword of libpq either works, or is ignored because auditsync does its job, or is
//! rejected by name. No message repeats a value, or any text that may be part of a password.
//! sqlx's own parser is not used, because it logs unknown parameters together with their values.

mod endpoint;
mod error;
mod keyword_value;
mod parameters;
mod passfile;
mod resolve;
#[cfg(test)]
mod tests;
mod uri;

use std::fmt;

pub use endpoint::Endpoint;
pub use error::AddressError;

use parameters::{Given, Origin, PARAMETERS};
use resolve::Resolved;

/// Where the database is, and how to connect to it.
#[derive(Clone)]
pub struct Address {
    pub(super) resolved: Resolved,
    /// Whether a character is unencoded that other programs expect to be percent-encoded.
    unencoded: bool,
    /// What gave it, such as `DATABASE_URL`, for people.
    pub(super) place: String,
}

/// Omits the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("endpoint", &Endpoint::of(&self.resolved.options))
            .finish_non_exhaustive()
    }
}

impl Address {
    /// Parses `text`. Parameters that it does not give come from libpq's environment variables,
    /// which `variable` looks up.
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
        // Like libpq: the last of several values counts, and an empty value counts as absent.
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
        let place = "the URL".to_owned();
        Ok(Self { resolved: resolve::resolve(&given, variable)?, unencoded, place })
    }

    /// The same address, which messages say `place` holds: a variable, or an option.
    #[must_use]
    pub fn given_by(self, place: &str) -> Self {
        Self { place: place.to_owned(), ..self }
    }

    /// Logs a warning about a password that other programs may read differently.
    pub(super) fn warn_unencoded(&self) {
        if self.unencoded {
            tracing::warn!(
                "the password in the database's address holds `#` or `?`, and is read as libpq \
                 reads it; other programs may read it otherwise: percent-encode it there, `#` as \
                 %23 and `?` as %3F"
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
        "Write postgres:// or postgresql://, in lower case"
    } else {
        "Set it to the entire address, as `heroku config:get DATABASE_URL` prints it"
    }
}
