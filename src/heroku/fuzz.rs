//! Feeds arbitrary bytes to the body of an error, and arbitrary text to the headers that are read.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::answer::retry_after;
use super::fault::ErrorBody;
use super::page::with_page_size;
use super::sanitize::sanitize;
use crate::config::Token;
use crate::fuzz::{JSON, fuzz, spelled};
use crate::text::steers;

const SECRET: &str = "HRKU-canary";

#[test]
fn an_error_s_words_are_one_short_line_without_the_token() {
    let token = Token::parse(SECRET).expect("a token");
    let words = [
        JSON,
        &[SECRET, "HRKU-", "canary", "\"id\":\"", "\"message\":\"", "{\"message\":\"", "\"}"],
    ]
    .concat();
    fuzz!("error bodies", |input: &[u8]| {
        let body = spelled(input, &words);
        let shown =
            ErrorBody::parse(&body).into_fault(StatusCode::FORBIDDEN, None, &token).to_string();
        assert!(shown.starts_with("403 "));
        assert!(!shown.chars().any(steers) && !shown.contains(SECRET), "{shown}");
        assert!(shown.chars().count() < 1100, "{shown}");
        if let Ok(Value::Object(object)) = serde_json::from_slice(&body) {
            for text in ["id", "message"].iter().filter_map(|key| object.get(*key)?.as_str()) {
                assert!(shown.contains(&sanitize(text, &token)), "{text:?} is missing: {shown}");
            }
        } else {
            assert_eq!(shown, "403 Forbidden");
        }
    });
}

#[rustfmt::skip]
const RANGE: &[&str] = &[
    "id ", "id ]", "]", "..", ";", "; ", ",", ", ", "max=", "max=200", "max=1000", "max=1001",
    "order=asc", "order=desc", "=", "m", "1", "0", "99999999999", " ", "..; max=200", "name ",
    "01234567-89ab-cdef-0123-456789abcdef", "..; order=asc,max=10",
];

#[test]
fn a_next_range_keeps_everything_but_the_number_of_max() {
    fuzz!("next ranges", |input: &[u8]| {
        let received = String::from_utf8_lossy(&spelled(input, RANGE))
            .replace(|c: char| !c.is_ascii_graphic() && c != ' ', "~");
        let sent = with_page_size(&received, 1000);
        HeaderValue::from_str(&sent).expect("a header");
        assert_eq!(with_page_size(&sent, 1000), sent, "once raised, it stays");
        let same_before = received.bytes().zip(sent.bytes()).take_while(|(a, b)| a == b).count();
        let (before, received_rest) = received.split_at(same_before);
        let number = received_rest.bytes().take_while(u8::is_ascii_digit).count();
        // The number may begin with digits that stay, as 10 becomes 1000.
        let kept = before.bytes().rev().take_while(u8::is_ascii_digit).count();
        let is_raised = before[..same_before - kept].ends_with("max=")
            && sent == format!("{}1000{}", &before[..same_before - kept], &received_rest[number..]);
        let is_added =
            sent.ends_with(" max=1000") && received_rest.trim_matches([' ', ';', ',']).is_empty();
        assert!(sent == received || is_raised || is_added, "{received:?} bereceived {sent:?}");
    });
}

#[rustfmt::skip]
const WAIT: &[&str] = &[
    "0", "1", "30", "-", "+", ".", "e", " ", ", ", "Sat", "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sat, 28 Sep 2024 ", "10:00:00", " GMT", "28", "Sep", "2024", ":", "99", "18446744073709551615",
    "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "9999",
];

#[test]
fn retry_after_is_seconds_or_a_date_and_nothing_else() {
    let now = httpdate::parse_http_date("Sat, 28 Sep 2024 10:00:00 GMT").expect("a date");
    fuzz!("waits", |input: &[u8]| {
        let text =
            String::from_utf8_lossy(&spelled(&input[..input.len().min(6)], WAIT)).into_owned();
        let trimmed = text.trim();
        let is_number = !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit());
        let date = httpdate::parse_http_date(trimmed).ok();
        let expected = match (is_number.then(|| trimmed.parse().ok()).flatten(), date) {
            (Some(seconds), _) => Some(Duration::from_secs(seconds)),
            (None, Some(date)) => Some(date.duration_since(now).unwrap_or_default()),
            (None, None) => None,
        };
        assert_eq!(retry_after(&text, now), expected, "{text:?}");

        let seconds = input.iter().take(4).fold(0, |sum, byte| sum * 256 + u64::from(*byte));
        let at: SystemTime = now + Duration::from_secs(seconds);
        assert_eq!(
            retry_after(&httpdate::fmt_http_date(at), now),
            Some(Duration::from_secs(seconds))
        );
    });
}
