//! Why a command could not do its work at all, and the exit status of each reason.

use std::fmt;

use crate::bag;
use crate::config::{ConfigError, redact_patterns};
use crate::evidence::NotAPreimage;
use crate::evidence::key::NoRandomness;
use crate::http::SetupError;
use crate::report::{Output, streams};
use crate::store::{self, ConnectError, SchemaError};
use crate::text::{clean, clean_lines};

/// The exit status of the process. 128 + N says that signal N ended it.
pub(super) type ExitStatus = u8;

/// Everything that was due is done.
pub(super) const DONE: ExitStatus = 0;
/// A day failed, or the command found or rejected something.
pub(super) const FOUND_WRONG: ExitStatus = 1;
/// The command line or the configuration is wrong.
pub(super) const MISUSED: ExitStatus = 2;
/// The database, or its schema, can't be used.
pub(super) const NO_DATABASE: ExitStatus = 3;

/// Why a command could not do its work at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement failed after the connection was made, outside of any one day's work.
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Http(#[from] SetupError),
    #[error(
        "a signal ended the run before there was anything to report; the leases that were held \
         expire"
    )]
    Interrupted(ExitStatus),
    #[error("a signal ended the command; nothing was written")]
    Ended(ExitStatus),
    #[error("no key can be made: {0}")]
    Random(#[from] NoRandomness),
    /// The process could not start its threads, or could not listen for signals.
    #[error("the process can't be set up: {0}")]
    Process(std::io::Error),
    #[error("the bag can't be written: {0}")]
    Bag(#[from] bag::Error),
    #[error("the result can't be written to stdout: {0}")]
    Output(#[from] std::io::Error),
    #[error("{name} can't be written: {source}")]
    File { name: String, source: std::io::Error },
    /// This failure came when stdout had a part of the result, which nothing may follow.
    #[error("{0}")]
    Cut(Box<Failure>),
    #[error("the seal {seq} can't be read: {why}. Run `auditsync verify`")]
    Seal { seq: i64, why: NotAPreimage },
}

impl Failure {
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// The same failure, where stdout has a part of the result.
    pub(super) fn behind_output(self) -> Self {
        Self::Cut(Box::new(self))
    }

    pub(super) fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Connect(ConnectError::Address(_)) => MISUSED,
            Self::Connect(_) | Self::Schema(_) | Self::Store(_) => NO_DATABASE,
            Self::Http(_)
            | Self::Random(_)
            | Self::Process(_)
            | Self::Bag(_)
            | Self::Output(_)
            | Self::File { .. }
            | Self::Seal { .. } => FOUND_WRONG,
            Self::Interrupted(status) | Self::Ended(status) => *status,
            Self::Cut(failure) => failure.exit_status(),
        }
    }

    /// Its text. Where the text repeats what was typed, secrets are redacted.
    fn message(&self) -> String {
        match self {
            // Its line breaks are our own.
            Self::Config(_) => clean_lines(&redact_patterns(&self.to_string())),
            Self::Usage(_) => redact_patterns(&self.to_string()),
            _ => self.to_string(),
        }
    }

    /// Writes the message to stderr, and to stdout if the caller wants a JSON document. Returns the
    /// exit status.
    pub(super) fn report(&self, output: Output) -> ExitStatus {
        let (message, status) = (self.message(), self.exit_status());
        match self {
            // Each mistake in the file begins with `error:` already.
            Self::Config(_) => streams::print_to_stderr(&message),
            _ => streams::print_to_stderr(&format!("error: {}", clean(&message))),
        }
        // Stdout may hold half a document.
        if !matches!(self, Self::Output(_) | Self::Cut(_)) {
            // The key of the document says that it is an error.
            let message = message.strip_prefix("error: ").unwrap_or(&message);
            let _ = output.print_failure(message, status);
        }
        status
    }
}
