//! Why an archive can't be downloaded, with the hint for people.

use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;

use super::super::fault::{Error, Fault, refusal, write_attempts};
use crate::config::Source;
use crate::day::Month;

/// An archive can't be downloaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// Heroku does not give a usable address of the file.
    Heroku {
        /// The month of the archive.
        month: Month,
        /// The error of the API.
        error: Error,
    },
    /// The file's host does not give the file.
    Host {
        /// Names the archive by month and account.
        archive: String,
        /// The host. The rest of the address is secret.
        host: String,
        /// The fault of the last attempt.
        fault: HostFault,
        /// How many attempts were made.
        attempts: u32,
        /// The time since the first attempt began, waits included.
        elapsed: Duration,
    },
    /// The temporary folder can't hold the file.
    Disk(#[from] io::Error),
}

impl ArchiveError {
    /// Whether Heroku has no archive of the month, or does not show it to the token's user.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Heroku { error, .. } if error.is_absent())
    }

    /// What failed, why, and what the operator of `source` can do about it.
    pub(crate) fn message(&self, source: &Source) -> String {
        match self {
            Self::Heroku { month, error } if self.is_not_found() => format!(
                "Heroku has no archive of {month} for {} yet, or the user of the token in {} may \
                 not see it ({})",
                source.scope.account,
                source.token_env,
                error.details()
            ),
            // It says what to do.
            Self::Heroku { error, .. } => error.message(source),
            Self::Host { fault, .. } => format!("{self}. {}", fault.hint(source)),
            Self::Disk(_) => {
                format!("{self}. Free some space, or set TMPDIR to a folder with enough space")
            }
        }
    }

    /// Whether Heroku says that there is no such archive.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Heroku { error, .. }
            if error.fault.status() == Some(StatusCode::NOT_FOUND))
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (archive, host, fault) = match self {
            Self::Heroku { month, error }
                if error.fault.status() == Some(StatusCode::NOT_FOUND) =>
            {
                return write!(f, "no archive for {month}: {error}");
            }
            Self::Heroku { error, .. } => return error.fmt(f),
            Self::Disk(error) => {
                return write!(
                    f,
                    "the archive can't be stored in the temporary folder (TMPDIR): {error}"
                );
            }
            Self::Host { archive, host, fault, .. } => (archive, host, fault),
        };
        match fault {
            HostFault::Refused { .. } => write!(
                f,
                "{host} refused the address that Heroku gave for the {archive}, \
                 and a new one too: {fault}"
            ),
            HostFault::Redirect { .. } => {
                write!(f, "{host} redirects the download of the {archive}: {fault}")
            }
            HostFault::Passing(_) => {
                write!(
                    f,
                    "Heroku did not answer properly: {fault} \
                     (GET the file of the {archive}, from {host}"
                )?;
                if let Self::Host { attempts, elapsed, .. } = self {
                    write_attempts(f, *attempts, *elapsed)?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Why one download of a file failed at its host.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostFault {
    /// A retry may succeed.
    #[error(transparent)]
    Passing(Fault),
    /// The host refuses the address.
    #[error("{}", refusal(*.status, .code.as_ref(), .message.as_ref()))]
    Refused {
        /// The status.
        status: StatusCode,
        /// The host's code for the reason, such as `AccessDenied`.
        code: Option<String>,
        /// The host's words, sanitized.
        message: Option<String>,
    },
    /// The host redirects to an address that is not followed.
    #[error("{status}, and {why}")]
    Redirect {
        /// The status.
        status: StatusCode,
        /// Why the redirect is not followed.
        why: BadRedirect,
    },
}

impl HostFault {
    /// What the operator of `source` can do about it.
    ///
    /// Heroku signed the address, so no permission is missing. The API's limits do not apply to the
    /// host.
    fn hint(&self, source: &Source) -> String {
        let hint = match self {
            Self::Passing(fault)
                if fault.status().is_none_or(|status| status.is_server_error()) =>
            {
                return fault.hint(source);
            }
            Self::Passing(_) => "Run the command again later",
            Self::Refused { code: Some(code), .. } if code == "RequestTimeTooSkewed" => {
                "The token's permissions are not the reason: Heroku signed the address. Check that \
                 this machine's clock is right, and run the command again"
            }
            Self::Refused { .. } => {
                "The token's permissions are not the reason: Heroku signed the address. Run the \
                 command again later. If this lasts, check that no proxy responds in place of the \
                 host, and show this message to Heroku's support"
            }
            Self::Redirect { .. } => {
                "Nothing was downloaded from there. Check that no proxy responds in place of the \
                 host, and show this message to Heroku's support"
            }
        };
        hint.to_owned()
    }
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRedirect {
    /// Three were followed already.
    #[error("this is the fourth redirect in a row")]
    TooMany,
    /// It has no `Location`.
    #[error("the redirect names no address")]
    NoLocation,
    /// Its `Location` is not an address.
    #[error("the redirect's address can't be read")]
    Malformed,
    /// It leads away from https.
    #[error("the redirect leads to another scheme: only https to https is followed")]
    OtherScheme,
    /// Its `Location` holds a user or a password.
    #[error("the redirect's address holds credentials, which are not sent")]
    Credentials,
    /// Its status is not 301, 302, 303, 307 or 308.
    #[error("a redirect of this kind is not followed")]
    Kind,
}
