use std::path::Path;

use super::*;
use crate::config::Config;
use crate::http::NoResponse;

fn token() -> Token {
    Token::parse("HRKU-secret").expect("a token")
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status")
}

#[test]
fn an_error_shows_heroku_s_words_and_the_request_id() {
    let body = ErrorBody::parse(br#"{"id":"forbidden","message":"You do not have access"}"#);
    let error = Error {
        request: "GET /enterprise-accounts/acme/events?day=2024-09-28".into(),
        fault: body.into_fault(status(403), None, &token()),
        request_id: Some("r-1".into()),
        attempts: 1,
        elapsed: Duration::ZERO,
        in_outage: false,
    };
    assert_eq!(
        error.to_string(),
        "Heroku refused: 403 forbidden: You do not have access \
         (GET /enterprise-accounts/acme/events?day=2024-09-28, request r-1)"
    );
}

#[test]
fn a_body_that_is_not_an_error_object_leaves_the_status_only() {
    for body in [&b"<html>"[..], b"", b"[]", br#"{"id":7}"#] {
        let fault = ErrorBody::parse(body).into_fault(status(503), None, &token());
        assert_eq!(fault.to_string(), "503 Service Unavailable");
    }
}

fn refused(code: u16, retry_after: Option<Duration>) -> Fault {
    ErrorBody::default().into_fault(status(code), retry_after, &token())
}

#[test]
fn a_fault_is_passing_unless_its_status_says_otherwise() {
    assert_eq!(refused(403, None).class(), Class::Lasting);
    assert_eq!(refused(429, None).class(), Class::Limited);
    assert_eq!(refused(503, None).class(), Class::Passing);
    assert_eq!(Fault::StillLimited(Duration::from_mins(1)).class(), Class::Limited);
    for fault in [
        Fault::TimedOut(Duration::from_secs(30)),
        Fault::Body(Malformed::CutOff),
        Fault::Shape("no date".into()),
        Fault::Checksum { found: "00".into(), bytes: 1 },
        Fault::Discontinued(Discontinued::BadNextRange),
        Fault::Reset,
        Fault::Decode(DecodeError::Coding("br".into())),
        Fault::Decode(DecodeError::Leftover),
        Fault::TooLong { limit: 1024 },
        Fault::Discontinued(Discontinued::Repeats),
    ] {
        assert_eq!(fault.class(), Class::Passing, "{fault}");
        assert_eq!((fault.retry_after(), fault.status()), (None, None), "{fault}");
    }
}

#[test]
fn status_and_wait_are_of_the_response_or_of_the_earlier_limit() {
    let minute = Some(Duration::from_mins(1));
    assert_eq!(refused(503, minute).retry_after(), minute);
    assert_eq!(refused(503, None).retry_after(), None);
    assert_eq!(refused(503, None).status(), Some(status(503)));
    let limited = Fault::StillLimited(Duration::from_mins(1));
    assert_eq!((limited.retry_after(), limited.status()), (minute, Some(status(429))));
}

#[test]
fn an_error_shows_its_class_its_attempts_and_an_outage() {
    let error = |fault, attempts, in_outage| Error {
        request: "GET /teams".into(),
        fault,
        request_id: None,
        attempts,
        elapsed: Duration::from_micros(1_500_400),
        in_outage,
    };
    assert_eq!(
        error(refused(503, None), 3, false).to_string(),
        "Heroku did not answer properly: 503 Service Unavailable \
         (GET /teams, 3 attempts in 1s 500ms)"
    );
    assert_eq!(
        error(refused(429, None), 2, false).to_string(),
        "Heroku limits this token: 429 Too Many Requests (GET /teams, 2 attempts in 1s 500ms)"
    );
    assert_eq!(
        error(Discontinued::BadNextRange.into(), 1, true).to_string(),
        "Heroku did not answer properly: the page has no usable Next-Range: \
         it is missing, unreadable or repeated \
         (GET /teams, one attempt only, because several requests in a row had failed)"
    );
}

#[test]
fn an_id_is_shown_without_a_message_and_a_message_without_an_id() {
    for (body, shown) in [
        (r#"{"id":"forbidden"}"#, "403 Forbidden: forbidden"),
        (r#"{"message":"No","id":7}"#, "403 Forbidden: No"),
        (r#"{"id":"","message":" \n"}"#, "403 Forbidden"),
    ] {
        let fault = ErrorBody::parse(body.as_bytes()).into_fault(status(403), None, &token());
        assert_eq!(fault.to_string(), shown);
    }
}

/// A cause of an error, and its own cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(&'static str, #[source] Option<Box<Cause>>);

#[tokio::test]
async fn a_broken_connection_is_described_by_its_innermost_cause() {
    let causes = Cause("read: reset by peer", Some(Box::new(Cause("reset by peer", None))));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter([Err::<&[u8], _>(causes)]));
    let error = reqwest::Response::from(http::Response::new(body))
        .chunk()
        .await
        .expect_err("an incomplete response");
    let shown = Fault::Network(NoResponse::new(&error, None)).to_string();
    assert_eq!(shown, "the connection broke: reset by peer");
}

#[test]
fn a_hint_names_the_variable_the_source_and_the_account() {
    let text = "[[source]]\nname = \"acme\"\naccount = \"{variable}\"\ntoken_env = \"TOKEN\"";
    let config = Config::parse(Path::new("audit.toml"), text).expect("a file");
    let hint = |fault: Fault| fault.hint(&config.sources[0]);
    assert!(
        hint(refused(401, None)).ends_with("`heroku authorizations:create`, and set TOKEN to it")
    );
    let error = Error { fault: refused(401, None), ..Error::unusable("GET /teams".into(), "") };
    assert_eq!(
        error.message(&config.sources[0]),
        "Heroku refused the token in TOKEN (401 Unauthorized; GET /teams). Make a new one: \
         `heroku authorizations:create`, and set TOKEN to it"
    );
    assert!(hint(refused(403, None)).ends_with("in the enterprise account {variable}"));
    assert!(hint(refused(404, None)).starts_with("Check `account` of the source acme:"));
    assert!(hint(refused(422, None)).ends_with("of the source acme"));
    for fault in [refused(408, None), refused(503, None), Fault::Reset] {
        assert_eq!(hint(fault), "If this lasts, see https://status.heroku.com");
    }
    let limited = hint(refused(429, None));
    assert_eq!(limited, hint(Fault::StillLimited(Duration::from_mins(1))));
    assert!(limited.contains("[rate_limit]"));
}

#[test]
fn an_object_that_is_missing_or_hidden_is_absent() {
    for (code, is_absent) in [(403, true), (404, true), (410, true), (401, false), (503, false)] {
        let fault = refused(code, None);
        let error = Error { fault, ..Error::unusable("GET /teams".into(), "") };
        assert_eq!(error.is_absent(), is_absent, "{code}");
    }
}
