//! What can go wrong, described for the person whose test just failed.

use std::{fmt, io, path::PathBuf, process::ExitStatus, time::Duration};

use crate::NotFound;

/// Why a cluster, or one of its programs, failed.
#[derive(thiserror::Error)]
pub enum Error {
    /// There are no server binaries on this machine.
    #[error(transparent)]
    NotFound(#[from] NotFound),

    /// A client program such as `psql` is missing.
    #[error(
        "{program} was found neither in {} nor in PATH; install PostgreSQL's client programs \
         (apt-get install postgresql-client, brew install libpq)",
        folder.as_ref().map_or("a server's folder".into(), |folder| folder.display().to_string())
    )]
    NoProgram {
        /// The program's name.
        program: String,
        /// The server's folder, if there is one.
        folder: Option<PathBuf>,
    },

    /// No folder can hold the cluster.
    #[error("no temporary folder can hold a cluster: {0}")]
    NoFolder(String),

    /// `AUDITSYNC_TEST_DATABASE_URL` is not valid.
    #[error("AUDITSYNC_TEST_DATABASE_URL must look like postgresql://user@host/database")]
    BadUrl,

    /// The operating system refused something.
    #[error("can't {what}: {source}")]
    Io {
        /// What was tried, after "can't".
        what: String,
        /// The system's error.
        source: io::Error,
    },

    /// A program ran and failed.
    #[error("{program} failed ({status}): {stderr}")]
    Program {
        /// The program's name.
        program: String,
        /// The exit status.
        status: ExitStatus,
        /// The text on its stderr.
        stderr: String,
    },

    /// The server ended while it was starting.
    #[error("PostgreSQL ended while starting ({status}); the end of its log:\n{log}")]
    Ended {
        /// The exit status.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },

    /// The server took too long.
    #[error("PostgreSQL did not {what} within {limit:?}; the end of its log:\n{log}")]
    TooSlow {
        /// What it should have done.
        what: &'static str,
        /// The time limit.
        limit: Duration,
        /// The last lines of its log.
        log: String,
    },
}

impl Error {
    /// Describe an I/O error by what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The same text as `Display`: tests `unwrap` these errors, and escaped line ends are hard to read.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
