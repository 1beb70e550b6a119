//! The environment, which only this module reads.

use std::env::VarError;

/// A variable of the environment, if it is set. A blank variable counts as not set.
pub(super) fn env(name: &str) -> Option<String> {
    variable(name).filter(|value| !value.trim().is_empty())
}

/// Whether a variable exists but is blank, so that it counts as not set.
pub(super) fn is_blank(name: &str) -> bool {
    variable(name).is_some_and(|value| value.trim().is_empty())
}

/// Bytes that are not UTF-8 are replaced, so that the reader of the variable can reject the value
/// by name.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    match std::env::var(name) {
        Ok(value) => Some(value),
        Err(VarError::NotUnicode(value)) => Some(value.to_string_lossy().into_owned()),
        Err(VarError::NotPresent) => None,
    }
}
