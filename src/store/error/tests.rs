use std::borrow::Cow;
use std::{fmt, io};

use sqlx::error::ErrorKind;

use super::*;

/// A server's refusal: the message "no" with this SQLSTATE.
#[derive(Debug)]
struct Refusal(Option<&'static str>);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text that sqlx adds to {:?}", self.0)
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
    Err::<(), _>(source).context("claim the day").expect_err("a failure")
}

fn refused(code: impl Into<Option<&'static str>>) -> Error {
    failed(sqlx::Error::Database(Box::new(Refusal(code.into()))))
}

fn broken() -> Error {
    failed(sqlx::Error::Io(io::Error::new(io::ErrorKind::BrokenPipe, "broken pipe")))
}

fn garbled() -> Error {
    failed(sqlx::Error::Protocol("half a message".to_owned()))
}

const SILENT: Error = Error::Silent { operation: "claim the day", waited: Duration::from_secs(30) };

/// Failures that no server returned, and that leave no doubt about their effect.
fn others() -> Vec<Error> {
    let key = DayKey::new(
        &crate::config::SourceName::parse("acme").expect("a name"),
        "2024-09-28".parse().expect("a date"),
    );
    vec![
        Error::LeaseLost,
        Error::CommitUnknown,
        Error::OutOfTime,
        Error::Busy { operation: "claim the day" },
        Error::Locked { operation: "claim the day", holder: "a table is locked".to_owned() },
        Error::RowLocked,
        Error::NotStarted("it is away".to_owned()),
        Error::BrokenRow { key, problem: "odd".to_owned() },
        Error::EventsVanished { confirmed: 2, stored: 1 },
        failed(sqlx::Error::RowNotFound),
    ]
}

#[test]
fn dead_connections_restarts_failovers_and_shortages_are_transient() {
    for code in [
        "08000", "08006", "08P01", "53000", "53100", "53300", "25006", "25P03", "40001", "40P01",
        "55P03", "57P01", "57P02", "57P03", "57P05",
    ] {
        assert!(refused(code).is_transient(), "{code}");
    }
    for error in [broken(), SILENT] {
        assert!(error.is_transient(), "{error}");
    }
}

#[test]
fn a_refusal_that_would_repeat_is_not_transient() {
    for code in
        ["", "0", "5", "22021", "23505", "25001", "42501", "42P01", "54000", "57014", "XX001"]
    {
        assert!(!refused(code).is_transient(), "{code}");
    }
    assert!(!refused(None).is_transient());
    for error in others().into_iter().chain([garbled()]) {
        assert!(!error.is_transient(), "{error}");
    }
}

#[test]
fn only_a_broken_connection_leaves_the_effect_unknown() {
    for code in ["08000", "08006", "08P01", "57P01", "57P02"] {
        assert!(refused(code).is_unanswered(), "{code}");
    }
    assert!(broken().is_unanswered());
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
fn only_lock_not_available_means_locked() {
    assert!(refused("55P03").is_locked());
    for error in
        others().into_iter().chain([refused("55006"), refused("40P01"), refused(None), broken()])
    {
        assert!(!error.is_locked(), "{error}");
    }
}

#[test]
fn only_refused_data_gives_the_server_s_message_to_keep() {
    for code in ["22000", "22021", "22P05", "54000", "54001"] {
        assert_eq!(refused(code).refused_data().as_deref(), Some("no"), "{code}");
    }
    for code in ["", "2", "08006", "23505", "42P01", "53100", "57P01"] {
        assert_eq!(refused(code).refused_data(), None, "{code}");
    }
    for error in others().into_iter().chain([refused(None), broken()]) {
        assert_eq!(error.refused_data(), None, "{error}");
    }
}

#[test]
fn a_message_omits_the_text_that_sqlx_adds() {
    for (error, why) in [
        (refused("53100"), "no (SQLSTATE 53100)"),
        (refused(None), "no"),
        (broken(), "broken pipe"),
    ] {
        assert_eq!(error.to_string(), format!("the database failed to claim the day: {why}"));
    }
    let message = garbled().to_string();
    assert!(message.ends_with("half a message"), "{message}");
}
