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

/// `line` with a colour for the word at the column `start`. Two spaces end the word, or the line's
/// end.
pub(super) fn painted_at(line: &str, start: usize) -> String {
    let Some((start, _)) = line.char_indices().nth(start) else { return line.to_owned() };
    let (before, rest) = line.split_at(start);
    let (word, after) = rest.split_at(rest.find("  ").unwrap_or(rest.len()));
    format!("{before}{}{after}", painted(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_and_outcomes_are_painted_and_only_at_their_column() {
        assert_eq!(painted("acme"), "acme");
        assert_eq!(painted("failed"), "\u{1b}[31mfailed\u{1b}[0m");
        assert_eq!(painted_at("failed  due  1", 8), "failed  \u{1b}[33mdue\u{1b}[0m  1");
        assert_eq!(painted_at("é  settled", 3), "é  \u{1b}[32msettled\u{1b}[0m");
        assert_eq!(painted_at("short", 9), "short");
    }
}
