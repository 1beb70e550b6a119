//! Errors of the configuration, as people read them.

use std::io;
use std::path::Path;

use crate::text::{shown, unread};

/// The configuration is wrong. Nothing was requested or written; the exit status is 2.
///
/// `Display` gives the complete text for people: each mistake with its place, and a last line that
/// sums up. Print its lines unchanged. It never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{report}")]
pub struct ConfigError {
    report: String,
}

impl ConfigError {
    /// Wraps the rendered mistakes of a file.
    pub(super) fn mistakes(report: String) -> Self {
        Self { report }
    }

    pub(super) fn unreadable(path: &Path, why: &io::Error) -> Self {
        let path = shown(&path.display().to_string());
        let help = match why.kind() {
            io::ErrorKind::NotFound => "run `auditsync init` to write one, or name another",
            io::ErrorKind::PermissionDenied => "permit this user to read it, or name another file",
            io::ErrorKind::IsADirectory => "name a file in it",
            _ => "name another file",
        };
        let why = unread(why);
        Self {
            report: format!(
                "error: can't read {path}: {why}\n  \
                 = help: {help} with -c FILE\n\n\
                 {path}: not read; nothing was requested or written"
            ),
        }
    }

    /// The file is no text, or far too long.
    pub(super) fn no_text(path: &Path, why: &str) -> Self {
        let path = shown(&path.display().to_string());
        Self {
            report: format!(
                "error: {path} is not a configuration file: {why}\n  \
                 = help: save it as UTF-8 text, or name another file with -c FILE\n\n\
                 {path}: not read; nothing was requested or written"
            ),
        }
    }

    /// No source can be read with the tokens of the environment.
    pub(super) fn tokens(problems: &[String]) -> Self {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("error: {problem}")).collect();
        Self { report: format!("{}\n\nnothing was requested or written", lines.join("\n")) }
    }
}
