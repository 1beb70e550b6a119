//! One page of a list: the request for it, and its body as a stream of elements.

use std::hash::{DefaultHasher, Hasher as _};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RANGE, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::answer::{ErrorBody, Fault, harmless};
use super::budget::Budget;
use super::list::ListSplitter;
use crate::config::Token;

/// The most of an error's body that is read, in bytes.
const LONGEST_ERROR_BODY: usize = 64 * 1024;

/// What is needed to ask for a page.
#[derive(Debug)]
pub(super) struct PageRequest<'a> {
    /// The client, which does not follow redirects.
    pub http: &'a reqwest::Client,
    /// The list's address.
    pub url: &'a Url,
    /// Whose list it is.
    pub token: &'a Token,
    /// The token's budget, which is told what Heroku says of it.
    pub budget: &'a Budget,
    /// The `Range` of a page behind the first.
    pub range: Option<&'a str>,
    /// The time for the whole answer; only waiting for Heroku counts.
    pub timeout: Duration,
}

/// A page that is being read.
#[derive(Debug)]
pub(super) struct Page {
    response: Response,
    splitter: ListSplitter,
    time_left: Duration,
    timeout: Duration,
    next_range: NextRange,
    elements: usize,
    contents: DefaultHasher,
}

/// Where a page says that the list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NextRange {
    /// The list ends with this page.
    End,
    /// The `Range` of the next page, as it came.
    Next(String),
    /// There is a next page, but the answer does not say where: a 206 without a usable `Next-Range`.
    Unknown,
}

/// A fault, and the id of the answer that had it.
#[derive(Debug)]
pub(super) struct Failed {
    /// What went wrong.
    pub fault: Fault,
    /// The answer's `Request-Id`, if there was an answer.
    pub request_id: Option<String>,
}

impl PageRequest<'_> {
    /// Asks for the page, which the token's budget has admitted, and reads the answer up to its body.
    pub(super) async fn send(&self) -> Result<Page, Failed> {
        let mut time_left = self.timeout;
        let mut request = self.http.get(self.url.clone()).header(AUTHORIZATION, bearer(self.token));
        if let Some(range) = self.range {
            request = request.header(RANGE, range);
        }
        let no_answer = |fault| Failed { fault, request_id: None };
        let response = within(&mut time_left, self.timeout, request.send()).await.map_err(no_answer)?;

        self.note_headers(response.headers());
        let status = response.status();
        debug!(status = status.as_u16(), request_id = request_id(&response, self.token), "Heroku answered");
        if super::answer::class(status).is_some() {
            return Err(self.refused(response, time_left).await);
        }
        let next_range = next_range(status, response.headers());
        let (splitter, contents) = (ListSplitter::new(), DefaultHasher::new());
        Ok(Page { response, splitter, time_left, timeout: self.timeout, next_range, elements: 0, contents })
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

    async fn refused(&self, mut response: Response, mut time_left: Duration) -> Failed {
        let status = response.status();
        let request_id = request_id(&response, self.token);
        let asked =
            header(response.headers(), RETRY_AFTER.as_str()).and_then(|value| retry_after(value, SystemTime::now()));
        let mut body = Vec::new();
        // A body that breaks off is still an answer: its status decides, and what was read of it is told.
        while body.len() < LONGEST_ERROR_BODY
            && let Ok(Some(chunk)) = within(&mut time_left, self.timeout, response.chunk()).await
        {
            body.extend_from_slice(&chunk);
        }
        Failed { fault: ErrorBody::parse(&body).into_fault(status, asked, self.token), request_id }
    }
}

impl Page {
    /// The bytes of the next element; `None` once the list has ended as a list should.
    pub(super) async fn next_element(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(element) = self.splitter.next_element()? {
                self.elements += 1;
                self.contents.write(&element);
                return Ok(Some(element));
            }
            match within(&mut self.time_left, self.timeout, self.response.chunk()).await? {
                Some(chunk) => self.splitter.push(chunk),
                None => return self.splitter.finish().map(|()| None).map_err(Fault::from),
            }
        }
    }

    /// Tells a page that was read whole from others.
    pub(super) fn fingerprint(&self) -> u64 {
        self.contents.finish()
    }

    /// How many elements were read of it.
    pub(super) fn elements(&self) -> usize {
        self.elements
    }

    /// Where the list goes on behind this page.
    pub(super) fn next_range(&self) -> &NextRange {
        &self.next_range
    }

    /// The answer's `Request-Id`, made harmless.
    pub(super) fn request_id(&self, token: &Token) -> Option<String> {
        request_id(&self.response, token)
    }
}

fn request_id(response: &Response, token: &Token) -> Option<String> {
    header(response.headers(), "Request-Id").map(|id| harmless(id, token))
}

/// Awaits Heroku for what is left of the time for one answer. What the program does in between does not count.
async fn within<T>(
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

fn next_range(status: StatusCode, headers: &HeaderMap) -> NextRange {
    match headers.get("Next-Range").map(HeaderValue::to_str) {
        Some(Ok(value)) if !value.trim().is_empty() => NextRange::Next(value.trim().to_owned()),
        // There is a next page, under a name that can't be sent back.
        Some(Err(_)) => NextRange::Unknown,
        _ if status == StatusCode::PARTIAL_CONTENT => NextRange::Unknown,
        _ => NextRange::End,
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
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

/// `range` with its `max` raised to `page_size`, and everything else as it came.
///
/// The form is `id ]<last id>..; order=asc,max=200` (Heroku's reference, "Ranges").
pub(super) fn with_page_size(range: &str, page_size: u32) -> String {
    let (bounds, options) = range.rfind("..").map_or(("", range), |end| range.split_at(end + 2));
    let begins_option = |at: &usize| options[..*at].trim_end().ends_with([';', ',']);
    let Some(at) = options.match_indices("max=").map(|(at, _)| at).find(begins_option) else {
        let options = options.trim_end_matches([';', ',', ' ']);
        let separator = if options.contains(';') { "," } else { ";" };
        return format!("{bounds}{options}{separator} max={page_size}");
    };
    let (before, value) = options.split_at(at + "max=".len());
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    match value[..digits].parse::<u32>() {
        Ok(theirs) if theirs < page_size => format!("{bounds}{before}{page_size}{}", &value[digits..]),
        _ => range.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_range_is_sent_back_as_it_came_but_for_max() {
        for (came, sent) in [
            ("id ]01234567-89ab..; max=200", "id ]01234567-89ab..; max=1000"),
            ("id ]a..; order=desc,max=10;", "id ]a..; order=desc,max=1000;"),
            ("id ]a..; max=10, order=asc", "id ]a..; max=1000, order=asc"),
            ("id ]a;max=3..b;  max=10", "id ]a;max=3..b;  max=1000"),
            ("id ]a..", "id ]a..; max=1000"),
            ("id ]a..;", "id ]a..; max=1000"),
            ("id ]a..; order=asc;", "id ]a..; order=asc, max=1000"),
            ("id a; max=10", "id a; max=1000"),
            ("id ]a..; max=2000", "id ]a..; max=2000"),
            ("id ]a..; max=99999999999", "id ]a..; max=99999999999"),
        ] {
            assert_eq!(with_page_size(came, 1000), sent, "{came}");
        }
    }

    #[test]
    fn a_206_without_next_range_does_not_pass_for_the_end() {
        let none = HeaderMap::new();
        assert_eq!(next_range(StatusCode::OK, &none), NextRange::End);
        assert_eq!(next_range(StatusCode::PARTIAL_CONTENT, &none), NextRange::Unknown);
        let mut some = HeaderMap::new();
        some.insert("Next-Range", HeaderValue::from_static("id ]a..; max=200"));
        for status in [StatusCode::OK, StatusCode::PARTIAL_CONTENT] {
            assert_eq!(next_range(status, &some), NextRange::Next("id ]a..; max=200".into()));
        }
    }

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
