//! What can go wrong with the database, and what follows from it.

use sqlx::error::DatabaseError;

use crate::day::DayKey;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lease is no longer ours: nothing was changed.
    #[error("the lease was lost to another process, or ran out")]
    LeaseLost,
    /// A ledger row holds what this program never writes.
    #[error(
        "the ledger row of {key} can't be used: {problem}. `auditsync reset --force --source {} {}` puts it right",
        .key.source, .key.date
    )]
    BrokenRow {
        /// The day.
        key: DayKey,
        /// What is wrong with it.
        problem: String,
    },
    /// The day was read whole, but the database holds fewer events of it than it confirmed.
    #[error(
        "of {confirmed} events that the database had confirmed it holds {stored}: it lost some of them, as a failover to a \
         server that lags behind does, or somebody deleted them"
    )]
    EventsVanished {
        /// Those that were there before, and those that this attempt stored.
        confirmed: i64,
        /// All that are there.
        stored: i32,
    },
    /// The connection broke off at a commit, and the database did not come back in time to say whether it took place.
    #[error("the database went away before it said whether it had committed; `auditsync status` tells once it is back")]
    CommitUnknown,
    /// A signal left no time to wait for the database.
    #[error("the database did not answer in the time that the signal left")]
    OutOfTime,
    /// A statement failed, or the connection did.
    #[error("the database failed to {doing}: {}", describe(.source))]
    Database {
        /// What was to be done, for "failed to …".
        doing: &'static str,
        /// Why.
        source: sqlx::Error,
    },
}

/// Says what a database operation was for, when it fails.
pub(super) trait Doing<T> {
    /// `doing` completes "the database failed to …".
    fn doing(self, doing: &'static str) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Database { doing, source })
    }
}

impl Error {
    /// Whether the same may go well a little later: the connection died, the server restarts, fails over, or is short
    /// of something. The list is narrow; PostgreSQL's manual, appendix A, has the codes.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database { source, .. } => match source {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(error) => code(&**error).is_some_and(|code| {
                    let class = &code[..2.min(code.len())];
                    matches!(class, "08" | "53") || PASSING.contains(&&*code)
                }),
                _ => false,
            },
            Self::LeaseLost
            | Self::CommitUnknown
            | Self::OutOfTime
            | Self::BrokenRow { .. }
            | Self::EventsVanished { .. } => false,
        }
    }

    /// Whether another process has the row locked: `lock_not_available`.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self, Self::Database { source: sqlx::Error::Database(error), .. } if error.code().as_deref() == Some("55P03"))
    }

    /// Whether there is a row with the same key already: `unique_violation`.
    pub(super) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database { source: sqlx::Error::Database(error), .. } if error.is_unique_violation())
    }

    /// Whether the database does not have a table, or a column, that was asked for: `undefined_table`, `undefined_column`.
    pub(super) fn is_undefined(&self) -> bool {
        let Self::Database { source: sqlx::Error::Database(error), .. } = self else { return false };
        matches!(error.code().as_deref(), Some("42P01" | "42703"))
    }

    /// Whether the connection broke off, so that it is not known whether the server did what it was asked.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Database { source: sqlx::Error::Io(_) | sqlx::Error::Protocol(_), .. } => true,
            // The server ended the connection, whatever it had done before; or a pooler says that its own to it broke.
            Self::Database { source: sqlx::Error::Database(error), .. } => {
                code(&**error).is_some_and(|code| code.starts_with("08") || matches!(&*code, "57P01" | "57P02"))
            }
            _ => false,
        }
    }

    /// The server's words, where it refused the *data* it was given: a value, its encoding, its nesting or its size.
    pub(super) fn refused_data(&self) -> Option<String> {
        let Self::Database { source: sqlx::Error::Database(error), .. } = self else { return None };
        let code = code(&**error)?;
        (code.starts_with("22") || code.starts_with("54")).then(|| error.message().to_owned())
    }
}

const PASSING: &[&str] = &[
    "25006", // read_only_sql_transaction: a replica, until its promotion is done
    "25P03", // idle_in_transaction_session_timeout
    "40001", // serialization_failure
    "40P01", // deadlock_detected
    "55P03", // lock_not_available
    "57P01", // admin_shutdown
    "57P02", // crash_shutdown
    "57P03", // cannot_connect_now
];

fn code(error: &dyn DatabaseError) -> Option<String> {
    error.code().map(std::borrow::Cow::into_owned)
}

/// What the server said, or what became of the connection, without what sqlx puts around it.
pub(super) fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match code(&**error) {
            Some(code) => format!("{} (SQLSTATE {code})", error.message()),
            None => error.message().to_owned(),
        },
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::PoolTimedOut => "no connection could be had in time".to_owned(),
        other => other.to_string(),
    }
}
