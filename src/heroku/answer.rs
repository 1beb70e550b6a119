//! What an answer of Heroku's means: its class, and the error that tells of it.
//!
//! | answer | class | what follows |
//! |---|---|---|
//! | 200, 206 with a JSON list | good | the next page, if there is one |
//! | 429 | limited | wait as asked, or by the policy; slow the token down |
//! | 408, 5xx, connect and read errors, timeouts, a cut or malformed body, one that is no list, a page that does not continue the list, a faulty `Next-Range`, another 1xx, 2xx or 304 | passing | retry by the policy, from the page that failed |
//! | other 4xx, a redirect | lasting | no retry |

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Map, Value};

use super::continuation::Discontinued;
use super::gunzip::BadGzip;
use super::list::Malformed;
use crate::config::Token;
use crate::event::NotJson;
use crate::text::secrets::redact;
use crate::text::steers;

/// What follows from an answer that is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The token's quota is used up.
    Limited,
    /// It may go better next time.
    Passing,
    /// It will be the same next time, until a person does something.
    Lasting,
}

/// The class of an answer by its status alone; `None` when the body decides.
pub(super) fn class(status: StatusCode) -> Option<Class> {
    match status.as_u16() {
        200 | 206 => None,
        429 => Some(Class::Limited),
        408 | 100..=299 | 304 | 500..=599 => Some(Class::Passing),
        _ => Some(Class::Lasting),
    }
}

/// Why one attempt at a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Heroku answered with a status that is not good. Its words are made sanitize; see [`sanitize`].
    #[error("{status}{}", words(.id.as_ref(), .message.as_ref()))]
    Status {
        /// The status.
        status: StatusCode,
        /// Heroku's error id, such as `forbidden`.
        id: Option<String>,
        /// Heroku's message.
        message: Option<String>,
        /// The wait that was asked for.
        retry_after: Option<Duration>,
    },
    /// Heroku limited this token a moment ago, for longer than the policy waits; it was not asked again.
    #[error("this token was limited before, for another {}", humantime::format_duration(Duration::from_secs(.0.as_secs())))]
    StillLimited(Duration),
    /// No answer, or half of one: DNS, connect, TLS, read.
    #[error("{}", chain(.0))]
    Network(reqwest::Error),
    /// No whole answer within the time for a request.
    #[error("no whole answer within {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// The server ended the answer before its last byte, without saying why.
    #[error("the server gave the answer up before its end")]
    GivenUp,
    /// The body is in a coding that was not asked for.
    #[error("the body is encoded as `{0}`, and only gzip was asked for")]
    Coding(String),
    /// The body is not gzip to its end, as its headers say.
    #[error(transparent)]
    Gzip(#[from] BadGzip),
    /// The body is longer than a body of its kind may be.
    #[error("the body is longer than {} KiB", .limit / 1024)]
    TooLong {
        /// The most bytes.
        limit: usize,
    },
    /// The body is no list, or half of one.
    #[error(transparent)]
    Body(#[from] Malformed),
    /// An element of the list is not JSON.
    #[error(transparent)]
    Element(#[from] NotJson),
    /// An answer is JSON of another shape than Heroku documents. The words don't quote it.
    #[error("an element of the list is not as documented: {0}")]
    Shape(String),
    /// A file is not the one whose checksum Heroku tells.
    #[error(
        "its {bytes} bytes have the SHA-256 {found}, which is not the checksum that Heroku tells: it is cut or damaged"
    )]
    Checksum {
        /// The checksum of what came.
        found: String,
        /// How many bytes came.
        bytes: u64,
    },
    /// A page says that there is a next one, but not which, or it names one that was named before.
    #[error("206 without a Next-Range that leads on")]
    NoWayOn,
    /// A page does not continue its list.
    #[error(transparent)]
    Discontinued(#[from] Discontinued),
}

impl Fault {
    /// Its class.
    pub fn class(&self) -> Class {
        match self {
            Self::Status { status, .. } => class(*status).unwrap_or(Class::Passing),
            Self::StillLimited(_) => Class::Limited,
            _ => Class::Passing,
        }
    }

    /// How long Heroku asked to wait, if it did; of a limit that goes on, what is left of it.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::StillLimited(wait) => Some(*wait),
            _ => None,
        }
    }

    /// The status of the answer, if there was one that was not good; 429 too where the token was still limited and nothing
    /// was asked.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::StillLimited(_) => Some(StatusCode::TOO_MANY_REQUESTS),
            _ => None,
        }
    }
}

/// A request that failed for good, or as often as the policy allows.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    /// What was asked: method, path and query.
    pub request: String,
    /// The last attempt's fault.
    pub fault: Fault,
    /// Heroku's `Request-Id` of the last answer.
    pub request_id: Option<String>,
    /// How many attempts were made at the page or object that failed; 1 too where a limited token was not asked with.
    pub attempts: u32,
    /// The time since the first of them began, waits included.
    pub elapsed: Duration,
    /// Only one attempt was allowed, because Heroku had not answered for several days in a row.
    pub in_outage: bool,
}

impl Error {
    /// The class of the last fault.
    pub fn class(&self) -> Class {
        self.fault.class()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.class() {
            Class::Lasting => "Heroku refused",
            Class::Limited => "Heroku limits this token",
            Class::Passing => "Heroku did not answer as it should",
        };
        write!(f, "{verb}: {} ({}", self.fault, self.request)?;
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        if self.attempts > 1 {
            let elapsed = Duration::from_millis(self.elapsed.as_millis() as u64);
            write!(f, ", {} attempts in {}", self.attempts, humantime::format_duration(elapsed))?;
        }
        if self.in_outage {
            f.write_str(", one attempt only: Heroku had not answered for several days in a row")?;
        }
        f.write_str(")")
    }
}

/// The body of an error of Heroku's; other bodies occur.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    id: Option<String>,
    message: Option<String>,
}

impl ErrorBody {
    /// Reads it from `body`, with nothing where it is something else.
    pub(super) fn parse(body: &[u8]) -> Self {
        // Part by part, so that an odd one does not hide the other.
        let mut parts: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let mut text = |name| match parts.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Self { id: text("id"), message: text("message") }
    }

    /// The fault that it tells of; `token` must not be repeated in its words.
    pub(super) fn into_fault(
        self,
        status: StatusCode,
        retry_after: Option<Duration>,
        token: &Token,
    ) -> Fault {
        let sanitize = |text: Option<String>| {
            text.map(|text| sanitize(&text, token)).filter(|text| !text.is_empty())
        };
        Fault::Status {
            status,
            id: sanitize(self.id),
            message: sanitize(self.message),
            retry_after,
        }
    }
}

/// The most characters that are kept of a text of Heroku's.
const LONGEST_TEXT: usize = 500;

/// A text of Heroku's that can be printed: without the token, should the server echo it, without the addresses of files,
/// without control characters, which could steer a terminal, on one line, and not too long.
pub fn sanitize(text: &str, token: &Token) -> String {
    let text = token.redact(text);
    let text = without_addresses(&redact(&text));
    let mut sanitize: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .take(LONGEST_TEXT + 1)
        .collect();
    if sanitize.chars().count() > LONGEST_TEXT {
        sanitize = sanitize.chars().take(LONGEST_TEXT).collect();
        sanitize.push('…');
    }
    sanitize.trim().to_owned()
}

/// `text` with every address cut down to its host, but for those at heroku.com: whoever has an archive's has the archive.
fn without_addresses(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, found)) = rest.split_once("://") {
        let end = found
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`'))
            .unwrap_or(found.len());
        let address = &found[..end];
        let authority = address.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        kept.extend([before, "://"]);
        if host == "heroku.com" || host.ends_with(".heroku.com") && host == authority {
            kept.push_str(address);
        } else {
            kept.push_str(host);
            kept.push_str(if host.len() < address.len() { "/…" } else { "" });
        }
        rest = &found[end..];
    }
    kept + rest
}

/// What serde says of an answer of another shape, without the value: that may be an archive's address.
pub(super) fn shape(fault: &serde_json::Error, token: &Token) -> Fault {
    let words = fault.to_string();
    let value =
        words.find('"').zip(words.rfind("\", expected ")).filter(|(start, end)| start < end);
    let words = match value {
        Some((start, end)) => format!("{}{}", words[..start].trim_end(), &words[end + 1..]),
        None => words,
    };
    Fault::Shape(sanitize(&words, token))
}

fn words(id: Option<&String>, message: Option<&String>) -> String {
    match (id, message) {
        (Some(id), Some(message)) => format!(" {id}: {message}"),
        (Some(text), None) | (None, Some(text)) => format!(": {text}"),
        (None, None) => String::new(),
    }
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
