//! One response of Heroku's, from its headers to the last byte of its body.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::Body as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Body, RequestBuilder, Response, StatusCode, Version};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::coding::Decoder;
use super::fault::{ErrorBody, Fault, not_json};
use super::hint::meaning;
use super::sanitize::sanitize;
use crate::config::Token;
use crate::http::NoResponse;

/// The key that names the host.
const SETTING: &str = "[api] base_url";

/// The longest body that is read into memory, in bytes: that of an error, or of a single object.
const LONGEST_BODY: usize = 64 * 1024;

/// A response whose body is not read yet.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    body: Body,
    decoder: Decoder,
    /// The last byte of the body has arrived, and its transfer ended properly.
    is_received: bool,
    deadline: Deadline,
}

/// The time that one response may take. It runs only while the program waits for Heroku.
#[derive(Debug)]
struct Deadline {
    timeout: Duration,
    left: Duration,
}

impl Deadline {
    fn new(timeout: Duration) -> Self {
        Self { timeout, left: timeout }
    }

    async fn wait<T>(
        &mut self,
        response: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, Fault> {
        let begun = Instant::now();
        let response = tokio::time::timeout(self.left, response)
            .await
            .map_err(|_| Fault::TimedOut(self.timeout))?;
        self.left = self.left.saturating_sub(begun.elapsed());
        // The error of the call names the path already.
        response.map_err(|error| Fault::Network(NoResponse::new(&error, Some(SETTING))))
    }
}

impl Answer {
    /// Sends `request` and receives the response up to its body.
    ///
    /// `timeout` is for the complete response, its body included.
    pub(super) async fn to(
        request: RequestBuilder,
        token: &Token,
        timeout: Duration,
    ) -> Result<Self, Fault> {
        let mut deadline = Deadline::new(timeout);
        let response = deadline.wait(request.send()).await?;
        Ok(Self { deadline, ..Self::new(response, token, timeout) })
    }

    fn new(mut response: Response, token: &Token, timeout: Duration) -> Self {
        let headers = std::mem::take(response.headers_mut());
        Self {
            status: response.status(),
            version: response.version(),
            decoder: Decoder::new(&headers, token),
            headers,
            body: response.into(),
            is_received: false,
            deadline: Deadline::new(timeout),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its `Request-Id`, sanitized.
    pub(super) fn request_id(&self, token: &Token) -> Option<String> {
        header(&self.headers, "Request-Id").map(|id| sanitize(id, token))
    }

    /// The response itself if its status is good; otherwise the fault, in Heroku's words.
    pub(super) async fn checked(mut self, token: &Token) -> Result<Self, Fault> {
        if meaning(self.status).is_none() {
            return Ok(self);
        }
        let retry_after = header(&self.headers, RETRY_AFTER.as_str())
            .and_then(|value| retry_after(value, SystemTime::now()));
        // The status decides, even if the body breaks off or is too long.
        let mut body = Vec::new();
        let _ = self.read_into(&mut body).await;
        let body = without_mark(&body);
        let other = (!body.is_empty()).then(|| self.not_json(body, token)).flatten();
        Err(ErrorBody::parse(body).or(other).into_fault(self.status, retry_after, token))
    }

    /// The next decoded part of its body.
    ///
    /// `None` only after its last byte, with nothing left over.
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
            match self.deadline.wait(frame).await? {
                // Frames without data hold trailers.
                Some(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                // If the server resets an HTTP/2 stream without an error, the library reports a
                // normal end.
                None if self.version == Version::HTTP_2 && !self.body.is_end_stream() => {
                    return Err(Fault::Reset);
                }
                None => return Ok(None),
            }
        }
    }

    /// Its body, read to its end, as a JSON object.
    pub(super) async fn object<T: DeserializeOwned>(&mut self, token: &Token) -> Result<T, Fault> {
        let mut body = Vec::new();
        self.read_into(&mut body).await?;
        let body = without_mark(&body);
        serde_json::from_slice(body).map_err(|error| match self.not_json(body, token) {
            Some(what) => Fault::NoJson { what },
            None => Fault::shape(&error, token),
        })
    }

    /// What a body is that is not JSON.
    pub(super) fn not_json(&self, body: &[u8], token: &Token) -> Option<String> {
        not_json(header(&self.headers, CONTENT_TYPE.as_str()), body, token)
    }

    /// Adds the body to `bytes`. A body that is too long is a fault, and its rest is not read.
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

/// A body without a byte-order mark at its start.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The value of a header, if it is text.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The wait that a `Retry-After` header requests: seconds, or the time until an HTTP date
/// (RFC 9110, section 10.2.3). `None` for any other value, so that the policy's delay applies.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
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
    /// A response without a request.
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

    /// A response whose body arrives in these chunks.
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
    async fn an_object_is_read_to_its_last_byte_wherever_its_parts_end() {
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
    async fn an_object_with_bytes_after_it_is_a_passing_fault() {
        let text = br#"{"id":"a"}"#;
        for (coding, chunks) in [
            ("", vec![text.to_vec(), b"x".to_vec()]),
            ("", vec![text.to_vec(), b"\0".to_vec()]),
            ("gzip", vec![gzip(text), b"\0".to_vec()]),
            ("gzip", vec![gzip(text), gzip(b"x")]),
            ("gzip", vec![gzip(text), gzip(b"")[..9].to_vec()]),
        ] {
            let fault = object(answer(coding, chunks)).await.expect_err("something follows");
            assert_eq!(fault.class(), super::super::hint::Class::Passing, "{fault}");
        }
    }

    #[tokio::test]
    async fn an_object_over_the_limit_is_rejected_and_not_cut() {
        let text = |spaces: usize| [br#"{"id":"a"}"#.to_vec(), vec![b' '; spaces]].concat();
        let longest = text(LONGEST_BODY - text(0).len());
        object(answer("", vec![longest.clone()])).await.expect("just the limit");
        object(answer("gzip", vec![gzip(&longest)])).await.expect("just the limit");
        for (coding, body) in [("", text(LONGEST_BODY)), ("gzip", gzip(&text(100 * 1024 * 1024)))] {
            let fault = object(answer(coding, vec![body])).await.expect_err("too long");
            assert!(matches!(fault, Fault::TooLong { .. }), "{fault}");
        }
    }

    #[test]
    fn the_request_id_is_sanitized() {
        let token = Token::parse("HRKU-secret").expect("a token");
        for (header, id) in [("r-1", "r-1"), ("r-HRKU-secret", "r-[token]")] {
            let response = http::Response::builder().header("Request-Id", header).body("");
            let answer = Answer::of(response.expect("an answer").into());
            assert_eq!(answer.request_id(&token).as_deref(), Some(id));
        }
    }
}
