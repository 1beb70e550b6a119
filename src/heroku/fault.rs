//! Why a request failed: the fault of one attempt, and the error of a call that gave up.
//!
//! [`super::hint`] holds the class and the hint of each.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::coding::DecodeError;
use super::continuation::Discontinued;
use super::hint::{BROKEN, Class, Hint, UNREACHED, meaning};
use super::list::Malformed;
use super::sanitize::sanitize;
use crate::config::{Source, Token};
use crate::event::NotJson;
use crate::http::NoResponse;

/// Why one attempt at a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Heroku responded with a status that is not good. Its words are sanitized.
    #[error("{}", refusal(*.status, .id.as_ref(), .message.as_ref()))]
    Status {
        /// The status.
        status: StatusCode,
        /// Heroku's error id, such as `forbidden`.
        id: Option<String>,
        /// Heroku's message.
        message: Option<String>,
        /// The wait that the response requests.
        retry_after: Option<Duration>,
    },
    /// No request was sent, because an earlier limit on this token exceeds the caller's patience.
    #[error(
        "an earlier limit on this token lasts for another {}",
        humantime::format_duration(Duration::from_secs(.0.as_secs()))
    )]
    StillLimited(Duration),
    /// DNS, connect, TLS or read error.
    #[error("{0}")]
    Network(NoResponse),
    /// The complete response did not arrive within the time for a request.
    #[error("no complete response within {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// The server ended the response before its last byte, without an error.
    #[error("the server ended the response before its last byte")]
    Reset,
    /// The body can't be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The body is not JSON at all.
    #[error("the answer is not JSON but {what}")]
    NoJson {
        /// Its type and how it begins, in sanitized words.
        what: String,
    },
    /// The body is longer than a body of its kind may be.
    #[error("the body is longer than {} KiB", .limit / 1024)]
    TooLong {
        /// The most bytes.
        limit: usize,
    },
    /// The body is not a complete list.
    #[error(transparent)]
    Body(#[from] Malformed),
    /// An element of the list is not JSON.
    #[error(transparent)]
    Element(#[from] NotJson),
    /// The JSON has another shape than Heroku documents. The words don't quote it.
    #[error("an element of the list is not as documented: {0}")]
    Shape(String),
    /// A file does not have the checksum that Heroku announces.
    #[error(
        "the file's {bytes} bytes have the SHA-256 {found}, which is not the checksum that Heroku \
         announces: it is cut or damaged"
    )]
    Checksum {
        /// The checksum of the downloaded bytes, as lower-case hex.
        found: String,
        /// How many bytes were downloaded.
        bytes: u64,
    },
    /// A page does not continue its list.
    #[error(transparent)]
    Discontinued(#[from] Discontinued),
}

impl Fault {
    /// The fault of an object or element that serde rejects.
    ///
    /// The rejected value is left out: it may be the address of an archive.
    pub(super) fn shape(error: &serde_json::Error, token: &Token) -> Self {
        let words = error.to_string();
        let value =
            words.find('"').zip(words.rfind("\", expected ")).filter(|(start, end)| start < end);
        let words = match value {
            Some((start, end)) => format!("{}{}", words[..start].trim_end(), &words[end + 1..]),
            None => words,
        };
        Self::Shape(sanitize(&words, token))
    }

    /// Its class, which decides about a retry.
    pub(crate) fn class(&self) -> Class {
        self.meaning().0
    }

    /// What the operator of `source` can do about it.
    pub(super) fn hint(&self, source: &Source) -> String {
        self.meaning().1.of(source)
    }

    fn meaning(&self) -> (Class, Hint) {
        match self {
            Self::Network(_) | Self::NoJson { .. } => UNREACHED,
            _ => self.status().and_then(meaning).unwrap_or(BROKEN),
        }
    }

    /// The wait that Heroku requested; of an earlier limit, the rest of it.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::StillLimited(wait) => Some(*wait),
            _ => None,
        }
    }

    /// The status of a response that is not good; 429 also for [`Self::StillLimited`].
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::StillLimited(_) => Some(StatusCode::TOO_MANY_REQUESTS),
            _ => None,
        }
    }
}

/// A call that failed for good, or as often as its policy allows.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Error {
    /// Method, path and query.
    pub(crate) request: String,
    /// The fault of the last attempt.
    pub(crate) fault: Fault,
    /// Heroku's `Request-Id` of the last response.
    pub(crate) request_id: Option<String>,
    /// How many attempts were made; 1 also for [`Fault::StillLimited`].
    pub(crate) attempts: u32,
    /// The time since the first attempt began, waits included.
    pub(crate) elapsed: Duration,
    /// Only one attempt was allowed, because of an outage.
    pub(crate) in_outage: bool,
}

impl Error {
    /// The error of a response that was complete, but can't be used.
    pub(super) fn unusable(request: String, problem: &str) -> Self {
        Self {
            request,
            fault: Fault::Shape(problem.to_owned()),
            request_id: None,
            attempts: 1,
            elapsed: Duration::ZERO,
            in_outage: false,
        }
    }

    /// The class of the last fault.
    pub(crate) fn class(&self) -> Class {
        self.fault.class()
    }

    /// Whether Heroku has no such object, or does not show it to the token's user.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.fault.status().map(|status| status.as_u16()), Some(403 | 404 | 410))
    }

    /// What the operator of `source` can do about it.
    pub(crate) fn hint(&self, source: &Source) -> String {
        self.fault.hint(source)
    }

    /// What failed, why, and what the operator of `source` can do about it.
    pub(crate) fn message(&self, source: &Source) -> String {
        let text = self.to_string();
        // The text of a refused token has no name for it.
        let text = match text.strip_prefix(REFUSED_TOKEN) {
            Some(rest) => format!("{REFUSED_TOKEN} in {}{rest}", source.token_env),
            None => text,
        };
        format!("{text}. {}", self.hint(source))
    }

    /// Heroku's words, the request and its id.
    pub(super) fn details(&self) -> String {
        let words = self.fault.to_string();
        let id = self.request_id.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
        format!("{}; {}{id}", words.trim_end_matches('.'), self.request)
    }

    /// Whether Heroku refuses the token itself.
    pub(crate) fn is_of_token(&self) -> bool {
        self.fault.status() == Some(StatusCode::UNAUTHORIZED)
    }
}

/// How the text of a refused token begins.
const REFUSED_TOKEN: &str = "Heroku refused the token";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.fault, self.class()) {
            (fault, _) if self.is_of_token() => {
                let words = fault.to_string();
                write!(f, "{REFUSED_TOKEN} ({}; ", words.trim_end_matches('.'))?;
            }
            // It names the host and the reason.
            (Fault::Network(gone), _) if !gone.is_connected() => write!(f, "{gone} (")?,
            (fault, Class::Lasting) => write!(f, "Heroku refused: {fault} (")?,
            (fault, Class::Limited) => write!(f, "Heroku limits this token: {fault} (")?,
            (fault, Class::Passing) => write!(f, "Heroku did not answer properly: {fault} (")?,
        }
        f.write_str(&self.request)?;
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        write_attempts(f, self.attempts, self.elapsed)?;
        if self.in_outage {
            f.write_str(", one attempt only, because several requests in a row had failed")?;
        }
        f.write_str(")")
    }
}

/// Writes how many attempts there were, if there was more than one.
pub(super) fn write_attempts(
    f: &mut fmt::Formatter<'_>,
    attempts: u32,
    elapsed: Duration,
) -> fmt::Result {
    if attempts < 2 {
        return Ok(());
    }
    let elapsed = Duration::from_millis(elapsed.as_millis() as u64);
    write!(f, ", {attempts} attempts in {}", humantime::format_duration(elapsed))
}

/// What a body is that is not JSON: its type and how it begins, sanitized. `None` for JSON, also if
/// it is broken later on.
pub(super) fn not_json(kind: Option<&str>, body: &[u8], token: &Token) -> Option<String> {
    let begins_as_json = body.trim_ascii_start().first().is_some_and(|byte| b"[{".contains(byte));
    if begins_as_json || serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        return None;
    }
    let kind = kind.and_then(|kind| kind.split(';').next()).map(|kind| sanitize(kind, token));
    let kind = kind.filter(|kind| !kind.is_empty()).unwrap_or_else(|| "of no type".to_owned());
    // Sanitize before the cut, which could leave half a secret.
    let text = sanitize(&String::from_utf8_lossy(body), token);
    let mut begin: String = text.chars().take(LONGEST_BEGINNING).collect();
    if begin.len() < text.len() {
        begin.push('…');
    }
    Some(match &*begin {
        "" => "empty".to_owned(),
        _ => format!("{kind} beginning \"{begin}\", perhaps from a proxy"),
    })
}

/// How much of a body that is not JSON is quoted, in characters.
const LONGEST_BEGINNING: usize = 60;

/// The body of an error response. Any other body leaves both fields empty.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    id: Option<String>,
    message: Option<String>,
}

impl ErrorBody {
    pub(super) fn parse(body: &[u8]) -> Self {
        // Each field on its own, so that an odd one does not hide the other.
        let mut fields: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let mut text = |name| match fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Self { id: text("id"), message: text("message") }
    }

    /// The same with the words `what` for a body that is not Heroku's.
    pub(super) fn or(self, what: Option<String>) -> Self {
        Self { message: self.message.or(what), ..self }
    }

    /// The fault, in sanitized words without `token`.
    pub(super) fn into_fault(
        self,
        status: StatusCode,
        retry_after: Option<Duration>,
        token: &Token,
    ) -> Fault {
        let clean = |text: Option<String>| {
            text.map(|text| sanitize(&text, token)).filter(|text| !text.is_empty())
        };
        Fault::Status { status, id: clean(self.id), message: clean(self.message), retry_after }
    }
}

/// A status with an error id and a message. An id that repeats the words of the status replaces
/// them.
pub(super) fn refusal(status: StatusCode, id: Option<&String>, message: Option<&String>) -> String {
    let words = status.canonical_reason().unwrap_or_default().replace(' ', "_");
    match (id, message) {
        (Some(id), Some(message)) if id.eq_ignore_ascii_case(&words) => {
            format!("{} {id}: {message}", status.as_u16())
        }
        _ => format!("{status}{}", self::words(id, message)),
    }
}

/// An error id and a message, as they follow a status.
fn words(id: Option<&String>, message: Option<&String>) -> String {
    match (id, message) {
        (Some(id), Some(message)) => format!(" {id}: {message}"),
        (Some(text), None) | (None, Some(text)) => format!(": {text}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests;
