//! The person or job that acts on the ledger by hand.

use super::environment::env;
use crate::text::clean;

/// The name for the history: the one that was given, or else the user and the dyno.
pub(super) fn name(given: Option<&str>) -> String {
    let user =
        given.map(str::to_owned).or_else(|| env("USER")).unwrap_or_else(|| "somebody".to_owned());
    match env("DYNO") {
        Some(dyno) if given.is_none() => clean(&format!("{user} on {dyno}")),
        _ => clean(&user),
    }
}
