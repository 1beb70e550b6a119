//! The person or job that acts on the ledger by hand.

use super::environment::env;
use super::failure::Failure;
use crate::text::clean;

/// The variables that name the actor, in this order: a name for jobs, the user, the dyno.
const NAMES: [&str; 4] = ["AUDITSYNC_BY", "USER", "LOGNAME", "DYNO"];

/// The name for the history: the one that was given, or else that of the environment.
pub(super) fn name(given: Option<&str>) -> Result<String, Failure> {
    match given {
        Some(name) if name.trim().is_empty() => {
            Err(Failure::usage("--by is empty: give the name of the person or job that acts"))
        }
        Some(name) => Ok(clean(name)),
        None => of_environment("Give --by NAME, or set AUDITSYNC_BY"),
    }
}

/// The name for the history, where no option gives it. `advice` says what to do if there is none.
pub(super) fn of_environment(advice: &str) -> Result<String, Failure> {
    NAMES.iter().find_map(|name| env(name)).map(|name| clean(&name)).ok_or_else(|| {
        Failure::usage(format!(
            "the history records who does this, and no name is known: {} are not set. {advice}",
            NAMES.join(", ")
        ))
    })
}
