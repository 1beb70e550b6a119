//! One request, and its answer up to the body.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RANGE, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::answer::{ErrorBody, Fault, harmless, shape};
use super::budget::Budget;
use crate::config::Token;

/// The most of a body that is read at once, in bytes: that of an error, or of a single object.
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

/// A good answer whose body is to be read.
#[derive(Debug)]
pub(super) struct Answer {
    response: Response,
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
        let response = within(&mut time_left, self.timeout, request.send()).await.map_err(no_answer)?;

        self.note_headers(response.headers());
        let answer = Answer { response, time_left, timeout: self.timeout };
        debug!(status = answer.status().as_u16(), request_id = answer.request_id(self.token), "Heroku answered");
        if super::answer::class(answer.status()).is_some() {
            return Err(self.refused(answer).await);
        }
        Ok(answer)
    }

    fn note_headers(&self, headers: &HeaderMap) {
        if let Some(remaining) = header(headers, "RateLimit-Remaining").and_then(|value| value.trim().parse().ok()) {
            self.budget.observe_remaining(remaining);
        }
        for name in ["X-Heroku-Warning", "Warning-Message"] {
            for value in headers.get_all(name) {
                let text = harmless(&String::from_utf8_lossy(value.as_bytes()), self.token);
                warn!(path = self.url.path(), "Heroku warns: {text}");
            }
        }
    }

    async fn refused(&self, mut answer: Answer) -> Failed {
        let (status, request_id) = (answer.status(), answer.request_id(self.token));
        let asked =
            header(answer.headers(), RETRY_AFTER.as_str()).and_then(|value| retry_after(value, SystemTime::now()));
        // A body that breaks off is still an answer: its status decides, and what was read of it is told.
        let mut body = Vec::new();
        let _ = answer.read_into(&mut body).await;
        Failed { fault: ErrorBody::parse(&body).into_fault(status, asked, self.token), request_id }
    }
}

impl Answer {
    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Its `Request-Id`, made harmless.
    pub(super) fn request_id(&self, token: &Token) -> Option<String> {
        header(self.headers(), "Request-Id").map(|id| harmless(id, token))
    }

    /// The next part of its body.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        within(&mut self.time_left, self.timeout, self.response.chunk()).await
    }

    /// Its whole body, which is to be a JSON object.
    pub(super) async fn object<T: serde::de::DeserializeOwned>(&mut self, token: &Token) -> Result<T, Fault> {
        let mut body = Vec::new();
        self.read_into(&mut body).await?;
        serde_json::from_slice(&body).map_err(|fault| shape(&fault, token))
    }

    /// Adds the body to `bytes`, up to the longest that is read at once.
    async fn read_into(&mut self, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        while bytes.len() < LONGEST_BODY
            && let Some(chunk) = self.chunk().await?
        {
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    }
}

/// Awaits Heroku for what is left of the time for one answer. What the program does in between does not count.
pub(super) async fn within<T>(
    time_left: &mut Duration,
    timeout: Duration,
    answer: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, Fault> {
    let begun = Instant::now();
    let answer = tokio::time::timeout(*time_left, answer).await.map_err(|_| Fault::TimedOut(timeout))?;
    *time_left = time_left.saturating_sub(begun.elapsed());
    // The address is told with the error; it need not stand in its cause too.
    answer.map_err(|error| Fault::Network(error.without_url()))
}

fn bearer(token: &Token) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).expect("checked with the file");
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
        let minute = Duration::from_mins(1);
        Self { response, time_left: minute, timeout: minute }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_or_nothing() {
        let now = httpdate::parse_http_date("Sat, 28 Sep 2024 10:00:00 GMT").expect("a date");
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Sat, 28 Sep 2024 10:00:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sat, 28 Sep 2024 09:00:00 GMT", now), Some(Duration::ZERO));
        for odd in ["", "-1", "+1", "1.5", "soon", "99999999999999999999999"] {
            assert_eq!(retry_after(odd, now), None, "{odd}");
        }
    }
}
