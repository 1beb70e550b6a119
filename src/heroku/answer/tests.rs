use super::*;

fn token() -> Token {
    Token::parse("HRKU-secret").expect("a token")
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status")
}

#[test]
fn every_status_has_the_class_of_the_contract() {
    for code in [200, 206] {
        assert_eq!(class(status(code)), None);
    }
    assert_eq!(class(status(429)), Some(Class::Limited));
    for code in [204, 304, 408, 500, 502, 503, 504, 599] {
        assert_eq!(class(status(code)), Some(Class::Passing), "{code}");
    }
    for code in [301, 302, 307, 308, 400, 401, 402, 403, 404, 406, 409, 410, 416, 422, 451] {
        assert_eq!(class(status(code)), Some(Class::Lasting), "{code}");
    }
}

#[test]
fn an_error_tells_heroku_s_words_its_request_id_and_the_attempts() {
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
        "Heroku refused: 403 Forbidden forbidden: You do not have access \
         (GET /enterprise-accounts/acme/events?day=2024-09-28, request r-1)"
    );
}

#[test]
fn a_body_that_is_no_error_object_leaves_the_status_alone() {
    for body in [&b"<html>"[..], b"", b"[]", br#"{"id":7}"#] {
        let fault = ErrorBody::parse(body).into_fault(status(503), None, &token());
        assert_eq!(fault.to_string(), "503 Service Unavailable");
    }
}

#[test]
fn what_heroku_says_can_not_carry_the_token_nor_steer_a_terminal() {
    let text = sanitize("no \u{1b}[2J\u{202e}HRKU-secret\r\nhere", &token());
    assert_eq!(text, "no \u{fffd}[2J\u{fffd}[token]  here");
    assert_eq!(sanitize(&"x".repeat(10_000), &token()).chars().count(), LONGEST_TEXT + 1);
}

fn refused(code: u16, retry_after: Option<Duration>) -> Fault {
    ErrorBody::default().into_fault(status(code), retry_after, &token())
}

#[test]
fn a_fault_may_pass_unless_its_status_says_otherwise() {
    assert_eq!(refused(403, None).class(), Class::Lasting);
    assert_eq!(refused(429, None).class(), Class::Limited);
    assert_eq!(refused(503, None).class(), Class::Passing);
    assert_eq!(Fault::StillLimited(Duration::from_mins(1)).class(), Class::Limited);
    for fault in [
        Fault::TimedOut(Duration::from_secs(30)),
        Fault::Body(Malformed::CutOff),
        Fault::Shape("no date".into()),
        Fault::Checksum { found: "00".into(), bytes: 1 },
        Fault::NoWayOn,
        Fault::GivenUp,
        Fault::Coding("br".into()),
        Fault::Gzip(BadGzip::Leftover),
        Fault::TooLong { limit: 1024 },
        Fault::Discontinued(Discontinued::Repeats),
    ] {
        assert_eq!(fault.class(), Class::Passing, "{fault}");
        assert_eq!((fault.retry_after(), fault.status()), (None, None), "{fault}");
    }
}

#[test]
fn status_and_wait_are_the_answer_s_or_those_of_the_limit_that_still_holds() {
    let minute = Some(Duration::from_mins(1));
    assert_eq!(refused(503, minute).retry_after(), minute);
    assert_eq!(refused(503, None).retry_after(), None);
    assert_eq!(refused(503, None).status(), Some(status(503)));
    let limited = Fault::StillLimited(Duration::from_mins(1));
    assert_eq!((limited.retry_after(), limited.status()), (minute, Some(status(429))));
}

#[test]
fn an_error_says_whose_turn_it_is_how_often_heroku_was_asked_and_in_an_outage_why_only_once() {
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
        "Heroku did not answer as it should: 503 Service Unavailable (GET /teams, 3 attempts in 1s 500ms)"
    );
    assert_eq!(
        error(refused(429, None), 2, false).to_string(),
        "Heroku limits this token: 429 Too Many Requests (GET /teams, 2 attempts in 1s 500ms)"
    );
    assert_eq!(
        error(Fault::NoWayOn, 1, true).to_string(),
        "Heroku did not answer as it should: 206 without a Next-Range that leads on \
         (GET /teams, one attempt only: Heroku had not answered for several days in a row)"
    );
}

#[test]
fn one_word_of_heroku_s_is_told_without_the_other_and_an_empty_one_is_none() {
    for (body, told) in [
        (r#"{"id":"forbidden"}"#, "403 Forbidden: forbidden"),
        (r#"{"message":"No","id":7}"#, "403 Forbidden: No"),
        (r#"{"id":"","message":" \n"}"#, "403 Forbidden"),
    ] {
        let fault = ErrorBody::parse(body.as_bytes()).into_fault(status(403), None, &token());
        assert_eq!(fault.to_string(), told);
    }
}

#[test]
fn a_text_is_cut_where_it_is_too_long_and_nowhere_else() {
    let longest = "x".repeat(LONGEST_TEXT);
    assert_eq!(sanitize(&longest, &token()), longest);
    assert_eq!(sanitize(&format!("{longest}y"), &token()), format!("{longest}…"));
}

/// A cause of an error, and its own cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(&'static str, #[source] Option<Box<Cause>>);

#[tokio::test]
async fn a_broken_connection_is_told_with_each_of_its_causes_once() {
    let causes = Cause("read: reset by peer", Some(Box::new(Cause("reset by peer", None))));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter([Err::<&[u8], _>(causes)]));
    let error = reqwest::Response::from(http::Response::new(body))
        .chunk()
        .await
        .expect_err("half an answer");
    let told = Fault::Network(error).to_string();
    assert_eq!(
        told,
        "error decoding response body: request or response body error: read: reset by peer"
    );
}
