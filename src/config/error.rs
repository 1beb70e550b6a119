//! Errors of the configuration, as people read them.

use std::io;
use std::path::Path;

use super::near;
use crate::text::shown;

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
        // The system's own message would add its error number.
        let why = match why.kind() {
            io::ErrorKind::NotFound => "the file does not exist".to_owned(),
            io::ErrorKind::PermissionDenied => "this user has no permission to read it".to_owned(),
            io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            _ => why.to_string(),
        };
        Self {
            report: format!(
                "error: can't read {path}: {why}\n  \
                 = help: copy this project's example audit.toml there, or name another file \
                 with -c FILE\n\n\
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

    /// Variables hold no usable tokens.
    pub(super) fn tokens(problems: &[String]) -> Self {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("error: {problem}")).collect();
        let (count, noun) = (problems.len(), if problems.len() == 1 { "token" } else { "tokens" });
        Self {
            report: format!(
                "{}\n  = help: on Heroku, set a variable with `heroku config:set NAME=TOKEN`; \
                 elsewhere, set it in the environment\n\n\
                 {count} mistake{} with {noun}; nothing was requested or written",
                lines.join("\n"),
                if count == 1 { "" } else { "s" },
            ),
        }
    }
}

/// No source has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no source is named `{}`: {hint}", .name.escape_debug())]
pub struct UnknownSource {
    name: String,
    hint: String,
}

impl UnknownSource {
    /// No source has this `name`; the file has the `known` ones.
    pub(super) fn new(name: &str, known: &[&str]) -> Self {
        let hint = match near::nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.len() == 1 => {
                format!("the only source is {}", near::list(known.iter().copied()))
            }
            None => format!("the sources are {}", near::list(known.iter().copied())),
        };
        Self { name: name.to_owned(), hint }
    }
}
