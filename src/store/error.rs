//! What can go wrong with the database, and what follows from it.

use std::time::Duration;

use sqlx::error::DatabaseError;

use super::outage::Kind;
use crate::day::DayKey;
use crate::text::clean;

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
    #[error(
        "the database went away before it said whether it had committed; `auditsync status` tells once it is back"
    )]
    CommitUnknown,
    /// The server did not answer, and did not refuse either.
    #[error(
        "the database did not answer within {} when it was to {doing}: it is overloaded or frozen, or something on the way \
         drops what is sent", humantime::format_duration(*.waited)
    )]
    Silent {
        /// What was to be done.
        doing: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// All connections that this process may have were in use.
    #[error(
        "no connection to the database was free to {doing}: all of [database] max_connections were in use"
    )]
    Busy {
        /// What was to be done.
        doing: &'static str,
    },
    /// Somebody else has locked what is needed.
    #[error("the database could not {doing}: {by}")]
    Locked {
        /// What was to be done.
        doing: &'static str,
        /// What is locked, by whom, and what to do.
        by: String,
    },
    /// Somebody has the day's row locked who holds no lease on it.
    #[error("the day's row in audit_events_log is locked, and no auditsync holds its lease")]
    RowLocked,
    /// The database had been out of reach, or accepted no writes, for so long that nothing more was begun.
    #[error("not begun, because of the database: {0}")]
    NotBegun(String),
    /// A signal left no time to wait for the database.
    #[error("the database did not answer in the time that the signal left")]
    OutOfTime,
    /// The database can't be used for this.
    #[error("{0}")]
    Unusable(super::Obstacle),
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
                sqlx::Error::Io(_) => true,
                sqlx::Error::Database(error) => code(&**error).is_some_and(|code| {
                    let class = &code[..2.min(code.len())];
                    matches!(class, "08" | "53") || PASSING.contains(&&*code)
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
            | Self::NotBegun(_)
            | Self::Unusable(_)
            | Self::BrokenRow { .. }
            | Self::EventsVanished { .. } => false,
        }
    }

    /// What such a failure says about the database as a whole, if anything.
    pub(super) fn outage(&self) -> Option<Kind> {
        match self {
            Self::Silent { .. } | Self::Database { source: sqlx::Error::Io(_), .. } => {
                Some(Kind::Unreachable)
            }
            Self::Database { doing, source: sqlx::Error::Database(error) } => {
                match &*code(&**error)? {
                    "25006" | "53100" => Some(Kind::ReadOnly),
                    "55P03" => Some(Kind::Locked(doing)),
                    code if UNREACHABLE.contains(&code)
                        || matches!(code.get(..2), Some("08" | "53")) =>
                    {
                        Some(Kind::Unreachable)
                    }
                    _ => None,
                }
            }
            _ => None,
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

    /// Whether the statement does not fit what the database has, or may not be asked: class 42, "syntax error or access
    /// rule violation".
    pub(super) fn is_misfit(&self) -> bool {
        let Self::Database { source: sqlx::Error::Database(error), .. } = self else {
            return false;
        };
        code(&**error).is_some_and(|code| code.starts_with("42"))
    }

    /// The server's words, where the role lacks a right: `insufficient_privilege`.
    pub(super) fn refused_right(&self) -> Option<String> {
        let Self::Database { source: sqlx::Error::Database(error), .. } = self else { return None };
        (code(&**error)? == "42501").then(|| error.message().to_owned())
    }

    /// Whether the connection broke off, so that it is not known whether the server did what it was asked.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Silent { .. }
            | Self::Database { source: sqlx::Error::Io(_) | sqlx::Error::Protocol(_), .. } => true,
            // The server ended the connection, whatever it had done before; or a pooler says that its own to it broke.
            Self::Database { source: sqlx::Error::Database(error), .. } => code(&**error)
                .is_some_and(|code| code.starts_with("08") || matches!(&*code, "57P01" | "57P02")),
            _ => false,
        }
    }

    /// The server's words, where it refused the *data* it was given: a value, its encoding, its nesting or its size. They are
    /// kept with the data, and may quote it, so they are made clean.
    pub(super) fn refused_data(&self) -> Option<String> {
        let Self::Database { source: sqlx::Error::Database(error), .. } = self else { return None };
        let code = code(&**error)?;
        (code.starts_with("22") || code.starts_with("54")).then(|| clean(error.message()))
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

/// What a server says that ends, or does not take connections yet.
const UNREACHABLE: &[&str] = &["57P01", "57P02", "57P03"];

/// Whether a server that refused a connection, or left before it was made, may take one a little later: it is starting,
/// recovering, or full, or a pooler before it is.
pub(super) fn is_refused_for_now(error: &sqlx::Error) -> bool {
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

/// Whether the server, or a pooler before it, allows no more connections: to all, to this database or to this role.
pub(super) fn is_too_many_connections(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    code(&**error).is_some_and(|code| code == "53300" || code.starts_with("08"))
}

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
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::{fmt, io};

    use sqlx::error::ErrorKind;

    use super::*;

    /// What a server says when it refuses: "no", with this SQLSTATE.
    #[derive(Debug)]
    struct Refusal(Option<&'static str>);

    impl fmt::Display for Refusal {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "what sqlx puts around {:?}", self.0)
        }
    }

    impl std::error::Error for Refusal {}

    impl DatabaseError for Refusal {
        fn message(&self) -> &'static str {
            "no"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            self.0.map(Cow::Borrowed)
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn failed(source: sqlx::Error) -> Error {
        Err::<(), _>(source).doing("claim the day").expect_err("a failure")
    }

    fn refused(code: impl Into<Option<&'static str>>) -> Error {
        failed(sqlx::Error::Database(Box::new(Refusal(code.into()))))
    }

    fn broken_off() -> Error {
        failed(sqlx::Error::Io(io::Error::new(io::ErrorKind::BrokenPipe, "broken pipe")))
    }

    fn garbled() -> Error {
        failed(sqlx::Error::Protocol("half a message".to_owned()))
    }

    const SILENT: Error = Error::Silent { doing: "claim the day", waited: Duration::from_secs(30) };

    /// Failures that no server answered with, and that leave nothing open.
    fn others() -> Vec<Error> {
        let key = DayKey::new(
            &crate::config::SourceName::parse("acme").expect("a name"),
            "2024-09-28".parse().expect("a date"),
        );
        vec![
            Error::LeaseLost,
            Error::CommitUnknown,
            Error::OutOfTime,
            Error::Busy { doing: "claim the day" },
            Error::Locked { doing: "claim the day", by: "a table is locked".to_owned() },
            Error::RowLocked,
            Error::NotBegun("it is away".to_owned()),
            Error::BrokenRow { key, problem: "odd".to_owned() },
            Error::EventsVanished { confirmed: 2, stored: 1 },
            failed(sqlx::Error::RowNotFound),
        ]
    }

    #[test]
    fn a_dead_connection_a_restart_a_failover_and_a_shortage_pass() {
        for code in [
            "08000", "08006", "08P01", "53000", "53100", "53300", "25006", "25P03", "40001",
            "40P01", "55P03", "57P01", "57P02", "57P03",
        ] {
            assert!(refused(code).is_passing(), "{code}");
        }
        for error in [broken_off(), SILENT] {
            assert!(error.is_passing(), "{error}");
        }
    }

    #[test]
    fn what_the_server_would_refuse_again_does_not_pass() {
        for code in
            ["", "0", "5", "22021", "23505", "25001", "42501", "42P01", "54000", "57014", "XX001"]
        {
            assert!(!refused(code).is_passing(), "{code}");
        }
        assert!(!refused(None).is_passing());
        for error in others().into_iter().chain([garbled()]) {
            assert!(!error.is_passing(), "{error}");
        }
    }

    #[test]
    fn only_a_connection_that_broke_off_leaves_open_what_the_server_did() {
        for code in ["08000", "08006", "08P01", "57P01", "57P02"] {
            assert!(refused(code).is_unanswered(), "{code}");
        }
        assert!(broken_off().is_unanswered());
        assert!(garbled().is_unanswered());
        for code in ["", "0", "22021", "25P03", "40001", "53100", "55P03", "57014", "57P03"] {
            assert!(!refused(code).is_unanswered(), "{code}");
        }
        assert!(!refused(None).is_unanswered());
        assert!(SILENT.is_unanswered());
        for error in others() {
            assert!(!error.is_unanswered(), "{error}");
        }
    }

    #[test]
    fn only_a_row_that_another_process_has_locked_is_locked() {
        assert!(refused("55P03").is_locked());
        for error in others().into_iter().chain([
            refused("55006"),
            refused("40P01"),
            refused(None),
            broken_off(),
        ]) {
            assert!(!error.is_locked(), "{error}");
        }
    }

    #[test]
    fn a_value_a_nesting_or_a_size_that_is_refused_is_told_in_the_server_s_words_and_nothing_else_is_the_data_s_fault()
     {
        for code in ["22000", "22021", "22P05", "54000", "54001"] {
            assert_eq!(refused(code).refused_data().as_deref(), Some("no"), "{code}");
        }
        for code in ["", "2", "08006", "23505", "42P01", "53100", "57P01"] {
            assert_eq!(refused(code).refused_data(), None, "{code}");
        }
        for error in others().into_iter().chain([refused(None), broken_off()]) {
            assert_eq!(error.refused_data(), None, "{error}");
        }
    }

    #[test]
    fn a_failure_is_told_in_the_server_s_words_or_the_connection_s_without_what_sqlx_puts_around_them()
     {
        for (error, why) in [
            (refused("53100"), "no (SQLSTATE 53100)"),
            (refused(None), "no"),
            (broken_off(), "broken pipe"),
        ] {
            assert_eq!(error.to_string(), format!("the database failed to claim the day: {why}"));
        }
        let told = garbled().to_string();
        assert!(told.ends_with("half a message"), "{told}");
    }
}
