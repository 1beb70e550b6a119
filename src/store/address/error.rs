//! Why an address can't be used.

use std::fmt;

/// Advice about a character that has a special meaning in a URI.
pub(super) const ENCODE: &str = "\
     If the user or the password holds `@`, `/`, `:`, `?`, `#`, `%` or a space, percent-encode it: \
     `@` is %40, `/` is %2F, `:` is %3A, `?` is %3F, `#` is %23, `%` is %25, a space is %20";

/// The address can't be used. It shows no part of the address except names of parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    problem: String,
    advice: String,
}

impl AddressError {
    pub(super) fn new(problem: impl Into<String>, advice: impl Into<String>) -> Self {
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

    /// The text is neither a URI of PostgreSQL nor a string of keywords and values.
    pub(super) fn form(advice: &str) -> Self {
        Self::new("it is not of the form postgres://user:password@host:port/database", advice)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database's address can't be used: {}. {}", self.problem, self.advice)
    }
}

impl std::error::Error for AddressError {}
