//! What people read when the configuration is wrong.

use std::io;
use std::path::Path;

use super::near;
use crate::text::shown;

/// The configuration is wrong; nothing was asked of Heroku and nothing written. Exit status 2.
///
/// Shown, it is the whole text for people, of several lines, and is best printed as it is: each mistake with its place, and a
/// last line that sums up. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{report}")]
pub struct ConfigError {
    report: String,
}

impl ConfigError {
    /// The mistakes of a file, rendered.
    pub(super) fn mistakes(report: String) -> Self {
        Self { report }
    }

    /// A file that could not be read at all.
    pub(super) fn unreadable(path: &Path, why: &io::Error) -> Self {
        let path = shown(&path.display().to_string());
        // The operating system's own words, without its number for them.
        let why = match why.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
            io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            _ => why.to_string(),
        };
        Self {
            report: format!(
                "error: can't read {path}: {why}\n  \
                 = help: copy the example audit.toml of this project there, or name another file with -c FILE\n\n\
                 {path}: not read; nothing was asked or written"
            ),
        }
    }

    /// A file that is no text, or far too long to be one for auditsync.
    pub(super) fn no_text(path: &Path, why: &str) -> Self {
        let path = shown(&path.display().to_string());
        Self {
            report: format!(
                "error: {path} is no configuration file: {why}\n  \
                 = help: save it as UTF-8 text, or name another file with -c FILE\n\n\
                 {path}: not read; nothing was asked or written"
            ),
        }
    }

    /// Variables that hold no usable tokens.
    pub(super) fn tokens(problems: &[String]) -> Self {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("error: {problem}")).collect();
        let (count, noun) = (problems.len(), if problems.len() == 1 { "token" } else { "tokens" });
        Self {
            report: format!(
                "{}\n  = help: on Heroku, set a variable with `heroku config:set NAME=TOKEN`; elsewhere, in the environment\n\n\
                 {count} mistake{} with {noun}; nothing was asked or written",
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
    /// `name`, where there are only `known` ones.
    pub(super) fn new(name: &str, known: &[&str]) -> Self {
        let hint = match near::nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.len() == 1 => {
                format!("there is only {}", near::list(known.iter().copied()))
            }
            None => format!("there are {}", near::list(known.iter().copied())),
        };
        Self { name: name.to_owned(), hint }
    }
}
