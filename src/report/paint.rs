//! The colours of states, statuses and outcomes.
//!
//! Texts always contain colours. The printer removes them where no terminal shows them.

use std::fmt::Write as _;

use anstyle::AnsiColor;

/// The colour of a state, a status or an outcome; `None` for any other word.
fn color(word: &str) -> Option<AnsiColor> {
    match word {
        "failed" | "FAILED" | "error" | "ERROR" | "missing" | "MISSING" | "lost_lock"
        | "BEHIND" => Some(AnsiColor::Red),
        "due" | "syncing" | "PENDING" | "PROCESSING" | "pending" | "processing" | "interrupted"
        | "locked_elsewhere" => Some(AnsiColor::Yellow),
        "synced" | "already_synced" | "would_sync" | "complete" | "settled" | "SUCCESS" | "OK" => {
            Some(AnsiColor::Green)
        }
        _ => None,
    }
}

/// `word` in its colour.
pub(super) fn painted(word: &str) -> String {
    let mut painted = String::new();
    match color(word).map(AnsiColor::on_default) {
        Some(style) => _ = write!(painted, "{style}{word}{style:#}"),
        None => painted.push_str(word),
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_and_outcomes_are_painted() {
        assert_eq!(painted("acme"), "acme");
        assert_eq!(painted("failed"), "\u{1b}[31mfailed\u{1b}[0m");
    }
}
