//! One request, and its answer up to the body.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::Body as _;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RANGE, RETRY_AFTER};
use reqwest::{Body, Response, StatusCode, Url, Version};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::answer::{ErrorBody, Fault, sanitize, shape};
use super::budget::Budget;
use super::coding::Decoder;
use crate::config::Token;

/// The longest body that is read at once, in bytes: that of an error, or of a single object.
const LONGEST_BODY: usize = 64 * 1024;

/// What is asked.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The client, which does not follow redirects.
    pub http: &'a reqwest::Client,
    /// The address.
    pub url: &'a Url,
    /// Who asks.
    pub token: &'a Token,
    /// The token's budget, which is told what Heroku says of it.
    pub budget: &'a Budget,
    /// The `Range` of a page behind the first.
    pub range: Option<&'a str>,
    /// The time for the whole answer; only waiting for Heroku counts.
    pub timeout: Duration,
}

/// An answer whose body is to be read.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    body: Body,
    decoder: Decoder,
    /// The last byte of the body has come, and its transfer ended as it should.
    is_received: bool,
    time_left: Duration,
    timeout: Duration,
}

/// A fault, and the id of the answer that had it.
#[derive(Debug)]
pub(super) struct Failed {
    /// What went wrong.
    pub fault: Fault,
    /// The answer's `Request-Id`, if there was an answer.
    pub request_id: Option<String>,
}

impl Request<'_> {
    /// Asks, after the token's budget has admitted it, and reads the answer up to its body.
    pub(super) async fn send(&self) -> Result<Answer, Failed> {
        let mut time_left = self.timeout;
        let mut request = self.http.get(self.url.clone()).header(AUTHORIZATION, bearer(self.token));
        if let Some(range) = self.range {
            request = request.header(RANGE, range);
        }
        let no_answer = |fault| Failed { fault, request_id: None };
        let response =
            within(&mut time_left, self.timeout, request.send()).await.map_err(no_answer)?;

        self.note_headers(response.headers());
        let answer = Answer { time_left, ..Answer::new(response, self.token, self.timeout) };
        debug!(
            status = answer.status().as_u16(),
            request_id = answer.request_id(self.token),
            "Heroku answered"
        );
        if super::answer::class(answer.status()).is_some() {
            return Err(self.refused(answer).await);
        }
        Ok(answer)
    }

    fn note_headers(&self, headers: &HeaderMap) {
        if let Some(remaining) =
            header(headers, "RateLimit-Remaining").and_then(|value| value.trim().parse().ok())
        {
            self.budget.observe_remaining(remaining);
        }
        for name in ["X-Heroku-Warning", "Warning-Message"] {
            for value in headers.get_all(name) {
                let text = sanitize(&String::from_utf8_lossy(value.as_bytes()), self.token);
                warn!(path = self.url.path(), "Heroku warns: {text}");
            }
        }
    }

    async fn refused(&self, mut answer: Answer) -> Failed {
        let (status, request_id) = (answer.status(), answer.request_id(self.token));
        let asked = header(answer.headers(), RETRY_AFTER.as_str())
            .and_then(|value| retry_after(value, SystemTime::now()));
        // A body that breaks off or is too long is still an answer: its status decides, and what was read of it is told.
        let mut body = Vec::new();
        let _ = answer.read_into(&mut body).await;
        Failed {
            fault: ErrorBody::parse(without_mark(&body)).into_fault(status, asked, self.token),
            request_id,
        }
    }
}

impl Answer {
    /// The answer to a request of `token`, before its body.
    fn new(mut response: Response, token: &Token, timeout: Duration) -> Self {
        let headers = std::mem::take(response.headers_mut());
        Self {
            status: response.status(),
            version: response.version(),
            decoder: Decoder::new(&headers, token),
            headers,
            body: response.into(),
            is_received: false,
            time_left: timeout,
            timeout,
        }
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its `Request-Id`, made sanitize.
    pub(super) fn request_id(&self, token: &Token) -> Option<String> {
        header(self.headers(), "Request-Id").map(|id| sanitize(id, token))
    }

    /// The next part of its body, decoded; `None` only when its last byte was read and nothing is left over.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(part) = self.decoder.next_part()? {
                return Ok(Some(part));
            }
            if self.is_received {
                return Ok(None);
            }
            if let Some(bytes) = self.receive().await? {
                self.decoder.push(bytes);
            } else {
                self.is_received = true;
                self.decoder.finish()?;
            }
        }
    }

    /// The next bytes as they were sent; `None` only at the proper end of the transfer.
    async fn receive(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let body = &mut self.body;
            let frame =
                poll_fn(|context| Pin::new(&mut *body).poll_frame(context).map(Option::transpose));
            match within(&mut self.time_left, self.timeout, frame).await? {
                // Others hold trailers.
                Some(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                // Over HTTP/2 the library takes a stream that the server resets without an error for an end.
                None if self.version == Version::HTTP_2 && !self.body.is_end_stream() => {
                    return Err(Fault::GivenUp);
                }
                None => return Ok(None),
            }
        }
    }

    /// Its body, read to its end, which is to be a JSON object.
    pub(super) async fn object<T: serde::de::DeserializeOwned>(
        &mut self,
        token: &Token,
    ) -> Result<T, Fault> {
        let mut body = Vec::new();
        self.read_into(&mut body).await?;
        serde_json::from_slice(without_mark(&body)).map_err(|fault| shape(&fault, token))
    }

    /// Adds the body to `bytes`; one that is too long is a fault, and is not read to its end.
    async fn read_into(&mut self, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST_BODY {
                return Err(Fault::TooLong { limit: LONGEST_BODY });
            }
        }
        Ok(())
    }
}

/// A body without the byte-order mark that may stand before it.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Awaits Heroku for what is left of the time for one answer. What the program does in between does not count.
pub(super) async fn within<T>(
    time_left: &mut Duration,
    timeout: Duration,
    answer: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, Fault> {
    let begun = Instant::now();
    let answer =
        tokio::time::timeout(*time_left, answer).await.map_err(|_| Fault::TimedOut(timeout))?;
    *time_left = time_left.saturating_sub(begun.elapsed());
    // The address is told with the error; it need not stand in its cause too.
    answer.map_err(|error| Fault::Network(error.without_url()))
}

fn bearer(token: &Token) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .expect("checked with the file");
    value.set_sensitive(true);
    value
}

/// The value of a header, if it is text.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What a `Retry-After` header asks for: seconds, or the time until an HTTP date (RFC 9110, section 10.2.3).
///
/// `None` for anything else, and then the policy's own delay holds.
pub(super) fn retry_after(value: &str, now: std::time::SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.starts_with('+')
        && let Ok(seconds) = value.parse::<u64>()
    {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
impl Answer {
    /// One that nobody asked for.
    pub(super) fn of(response: Response) -> Self {
        Self::new(response, &Token::parse("HRKU-secret").expect("a token"), Duration::from_mins(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_or_nothing() {
        let now = httpdate::parse_http_date("Sat, 28 Sep 2024 10:00:00 GMT").expect("a date");
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_mins(2)));
        assert_eq!(
            retry_after("Sat, 28 Sep 2024 10:00:30 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(retry_after("Sat, 28 Sep 2024 09:00:00 GMT", now), Some(Duration::ZERO));
        for odd in ["", "-1", "+1", "1.5", "soon", "99999999999999999999999"] {
            assert_eq!(retry_after(odd, now), None, "{odd}");
        }
    }

    /// An answer whose body comes in these chunks.
    fn answer(coding: &str, chunks: Vec<Vec<u8>>) -> Answer {
        let chunks =
            chunks.into_iter().map(|chunk| Ok::<_, std::convert::Infallible>(Bytes::from(chunk)));
        let body = Body::wrap_stream(futures_util::stream::iter(chunks));
        let response = http::Response::builder()
            .header("Content-Encoding", coding)
            .body(body)
            .expect("an answer");
        Answer::of(response.into())
    }

    async fn object(mut answer: Answer) -> Result<serde_json::Value, Fault> {
        answer.object(&Token::parse("HRKU-secret").expect("a token")).await
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, bytes).expect("a vector takes all bytes");
        encoder.finish().expect("a vector takes all bytes")
    }

    #[tokio::test]
    async fn an_object_is_read_to_its_last_byte_in_whatever_parts_it_comes() {
        let text = br#"{"id":"a"}"#;
        let two = [gzip(&text[..4]), gzip(&text[4..])].concat();
        for size in [1, 2, 3, 7, 1000] {
            for (coding, body) in
                [("", &text[..]), ("identity", b"\xef\xbb\xbf {\"id\":\"a\"} \n"), ("gzip", &two)]
            {
                let chunks = body.chunks(size).map(<[u8]>::to_vec).collect();
                let object = object(answer(coding, chunks)).await.expect("an object");
                assert_eq!(object["id"], "a", "{coding} in chunks of {size}");
            }
        }
    }

    #[tokio::test]
    async fn an_object_that_is_followed_by_anything_is_none() {
        let text = br#"{"id":"a"}"#;
        for (coding, chunks) in [
            ("", vec![text.to_vec(), b"x".to_vec()]),
            ("", vec![text.to_vec(), b"\0".to_vec()]),
            ("gzip", vec![gzip(text), b"\0".to_vec()]),
            ("gzip", vec![gzip(text), gzip(b"x")]),
            ("gzip", vec![gzip(text), gzip(b"")[..9].to_vec()]),
        ] {
            let fault = object(answer(coding, chunks)).await.expect_err("something follows");
            assert_eq!(fault.class(), super::super::Class::Passing, "{fault}");
        }
    }

    #[tokio::test]
    async fn an_object_beyond_the_limit_is_refused_and_not_cut() {
        let text = |spaces: usize| [br#"{"id":"a"}"#.to_vec(), vec![b' '; spaces]].concat();
        let longest = text(LONGEST_BODY - text(0).len());
        object(answer("", vec![longest.clone()])).await.expect("just the limit");
        object(answer("gzip", vec![gzip(&longest)])).await.expect("just the limit");
        for (coding, body) in [("", text(LONGEST_BODY)), ("gzip", gzip(&text(100 * 1024 * 1024)))] {
            let fault = object(answer(coding, vec![body])).await.expect_err("too long");
            assert!(matches!(fault, Fault::TooLong { .. }), "{fault}");
        }
    }
}
