//! The failures of the store, and their classes by SQLSTATE (PostgreSQL's manual, appendix A).

use std::time::Duration;

use sqlx::error::DatabaseError;

use super::obstacle::Obstacle;
use crate::day::DayKey;
use crate::text::{clean, reason};

/// The result of an operation of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lease is no longer ours: nothing was changed.
    #[error("the lease was lost to another process, or ran out")]
    LeaseLost,
    /// A ledger row holds a value that auditsync never writes.
    #[error(
        "the ledger row of {key} can't be used: {problem}. \
         `auditsync reset --force --source {} {}` repairs it",
        .key.source, .key.date
    )]
    BrokenRow {
        /// The day of the row.
        key: DayKey,
        /// What is wrong with it.
        problem: String,
    },
    /// The day was read completely, but fewer events of it are stored than the database confirmed.
    #[error(
        "the database confirmed {confirmed} events of this day but holds {stored}: a failover to a \
         server that lagged behind lost the others, or somebody deleted them"
    )]
    EventsVanished {
        /// The events that were stored at the claim, plus those that this attempt stored.
        confirmed: i64,
        /// The events that are stored now.
        stored: i32,
    },
    /// The function `auditsync_seal` of the database built another seal than this program does.
    #[error(
        "the database built another seal than this program, so nothing was sealed: its function \
         auditsync_seal was changed. Create it again as the file in migrations/ has it"
    )]
    OtherSeal,
    /// The chain of seals has no first seal.
    #[error(
        "the chain of seals is gone: the table audit_seals is empty, so nothing can be sealed. \
         Restore it from a backup. If there is none, `auditsync migrate` begins a new chain"
    )]
    NoChain,
    /// The connection broke at a commit, and the database did not come back in time to say whether
    /// the commit took place.
    #[error(
        "the connection broke before the database answered a commit, so it is not known whether \
         the commit took place; `auditsync status` shows it once the database is back"
    )]
    CommitUnknown,
    /// The server neither answered nor refused.
    #[error(
        "the database did not answer within {} when asked to {operation}: it is overloaded or \
         frozen, or the network drops packets", humantime::format_duration(*.waited)
    )]
    Silent {
        /// What failed, for "failed to …".
        operation: &'static str,
        /// The time that was waited.
        waited: Duration,
    },
    /// All connections that this process may have were in use.
    #[error(
        "no connection to the database was free to {operation}: all of [database] max_connections \
         were in use"
    )]
    Busy {
        /// What failed, for "failed to …".
        operation: &'static str,
    },
    /// Another session holds a lock that is needed.
    #[error("the database could not {operation}: {holder}")]
    Locked {
        /// What failed, for "failed to …".
        operation: &'static str,
        /// What is locked, by whom, and what to do.
        holder: String,
    },
    /// A session that holds no lease on the day has locked its row.
    #[error("the day's row in audit_events_log is locked, but no auditsync holds its lease")]
    RowLocked,
    /// The database had been unreachable or read-only for so long that nothing more was started.
    #[error("not started, because of the database: {0}")]
    NotStarted(String),
    /// A signal left no time to wait for the database.
    #[error("the database did not answer in the short time after the signal")]
    OutOfTime,
    /// The database can't be used for this.
    #[error("{0}")]
    Unusable(Obstacle),
    /// A statement or its connection failed.
    #[error("the database failed to {operation}: {}", describe(.source))]
    Database {
        /// What failed, for "failed to …".
        operation: &'static str,
        /// The cause.
        source: sqlx::Error,
    },
}

/// How the database fails as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutageKind {
    /// It does not answer, or accepts no connection.
    Unreachable,
    /// It answers, and accepts no writes.
    ReadOnly,
    /// Another session holds a lock that this operation needs.
    Locked(&'static str),
}

/// Adds the failed operation to a database error.
pub(super) trait ErrorContext<T> {
    /// `operation` completes "the database failed to …".
    fn context(self, operation: &'static str) -> Result<T>;
}

impl<T> ErrorContext<T> for Result<T, sqlx::Error> {
    fn context(self, operation: &'static str) -> Result<T> {
        self.map_err(|source| Error::Database { operation, source })
    }
}

impl Error {
    /// Whether a retry may succeed soon: the connection died, or the server restarts, fails over or
    /// lacks a resource. The list is narrow on purpose.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database { source, .. } => match source {
                sqlx::Error::Io(_) => true,
                sqlx::Error::Database(error) => code(&**error).is_some_and(|code| {
                    let class = &code[..2.min(code.len())];
                    matches!(class, "08" | "53") || TRANSIENT.contains(&&*code)
                }),
                _ => false,
            },
            Self::Silent { .. } => true,
            Self::LeaseLost
            | Self::CommitUnknown
            | Self::OutOfTime
            | Self::Busy { .. }
            | Self::Locked { .. }
            | Self::RowLocked
            | Self::NotStarted(_)
            | Self::Unusable(_)
            | Self::BrokenRow { .. }
            | Self::EventsVanished { .. }
            | Self::OtherSeal
            | Self::NoChain => false,
        }
    }

    /// What the failure says about the database as a whole, if anything.
    pub(super) fn outage(&self) -> Option<OutageKind> {
        match self {
            Self::Silent { .. } | Self::Database { source: sqlx::Error::Io(_), .. } => {
                Some(OutageKind::Unreachable)
            }
            Self::Database { operation, source: sqlx::Error::Database(error) } => {
                match &*code(&**error)? {
                    "25006" | "53100" => Some(OutageKind::ReadOnly),
                    "55P03" => Some(OutageKind::Locked(operation)),
                    code if UNREACHABLE.contains(&code)
                        || matches!(code.get(..2), Some("08" | "53")) =>
                    {
                        Some(OutageKind::Unreachable)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether another session holds the lock: `lock_not_available`.
    pub(super) fn is_locked(&self) -> bool {
        self.code().as_deref() == Some("55P03")
    }

    /// Whether the function `auditsync_seal` found no chain: `object_not_in_prerequisite_state`.
    pub(super) fn lacks_chain(&self) -> bool {
        self.code().as_deref() == Some("55000")
    }

    /// Whether a row with the same key exists: `unique_violation`.
    pub(super) fn is_duplicate(&self) -> bool {
        self.refusal().is_some_and(DatabaseError::is_unique_violation)
    }

    /// Whether the statement does not fit the schema, or the role may not run it: class 42, "syntax
    /// error or access rule violation".
    pub(super) fn is_schema_mismatch(&self) -> bool {
        self.code().is_some_and(|code| code.starts_with("42"))
    }

    /// The server's message when the role lacks a right: `insufficient_privilege`.
    pub(super) fn missing_right(&self) -> Option<&str> {
        self.refusal()
            .filter(|_| self.code().as_deref() == Some("42501"))
            .map(DatabaseError::message)
    }

    /// Whether the connection broke, so that it is unknown whether the server executed the request.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Silent { .. }
            | Self::Database { source: sqlx::Error::Io(_) | sqlx::Error::Protocol(_), .. } => true,
            // The server may have executed the request before it ended the connection, or a pooler
            // lost its own connection.
            _ => self
                .code()
                .is_some_and(|code| code.starts_with("08") || matches!(&*code, "57P01" | "57P02")),
        }
    }

    /// The server's message when it refused the *data*: a value, its encoding, nesting or size. The
    /// message is stored with the data and may quote it, so it is cleaned.
    pub(super) fn refused_data(&self) -> Option<String> {
        let code = self.code().filter(|code| code.starts_with("22") || code.starts_with("54"));
        code.and(self.refusal()).map(|error| clean(error.message()))
    }

    /// The error that the server returned, if it did.
    fn refusal(&self) -> Option<&dyn DatabaseError> {
        match self {
            Self::Database { source: sqlx::Error::Database(error), .. } => Some(&**error),
            _ => None,
        }
    }

    fn code(&self) -> Option<String> {
        self.refusal().and_then(code)
    }
}

const TRANSIENT: &[&str] = &[
    "25006", // read_only_sql_transaction: a replica, until its promotion is done
    "25P03", // idle_in_transaction_session_timeout
    "40001", // serialization_failure
    "40P01", // deadlock_detected
    "55P03", // lock_not_available
    "57P01", // admin_shutdown
    "57P02", // crash_shutdown
    "57P03", // cannot_connect_now
    "57P05", // idle_session_timeout: the server ends a connection just when we use it
];

/// The codes of a server that shuts down, or does not accept connections yet.
const UNREACHABLE: &[&str] = &["57P01", "57P02", "57P03"];

/// Whether a failed connection may succeed soon: the server is starting, recovering or full, or its
/// pooler is.
pub(super) fn may_connect_later(error: &sqlx::Error) -> bool {
    use std::io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, NotFound, TimedOut,
        UnexpectedEof,
    };
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            BrokenPipe
                | ConnectionAborted
                | ConnectionRefused
                | ConnectionReset
                | NotFound
                | TimedOut
                | UnexpectedEof
        ),
        sqlx::Error::Database(error) => code(&**error).is_some_and(|code| {
            UNREACHABLE.contains(&&*code) || matches!(code.get(..2), Some("08" | "53"))
        }),
        _ => false,
    }
}

/// Whether the server or its pooler allows no more connections: in total, to this database, or to
/// this role.
pub(super) fn is_too_many_connections(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    code(&**error).is_some_and(|code| code == "53300" || code.starts_with("08"))
}

fn code(error: &dyn DatabaseError) -> Option<String> {
    error.code().map(std::borrow::Cow::into_owned)
}

/// The message of the server or of the connection, without the text that sqlx adds.
pub(super) fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match code(&**error) {
            Some(code) => format!("{} (SQLSTATE {code})", error.message()),
            None => error.message().to_owned(),
        },
        sqlx::Error::Io(error) => match reason(&error.to_string()) {
            text if text.starts_with("failed to lookup address information") => {
                "its name can't be resolved".to_owned()
            }
            text => text,
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
