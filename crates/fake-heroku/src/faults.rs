//! Faults as data: what goes wrong, for which requests, and how often. They are used up in order.

use std::time::Duration;

use bytes::Bytes;

use crate::journal::Recorded;
use crate::matching::{Match, Uses};

/// What goes wrong. A fault that spoils the answer, instead of replacing it, affects only listings
/// of events and downloads of archives.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An error in Heroku's form.
    Status {
        /// The HTTP status.
        code: u16,
        /// Heroku's error id, such as `rate_limit`.
        id: String,
        /// Heroku's message.
        message: String,
        /// The header `Retry-After`, verbatim.
        retry_after: Option<String>,
        /// Further headers.
        headers: Vec<(String, String)>,
    },
    /// Any answer.
    Body {
        /// The HTTP status.
        status: u16,
        /// The header `Content-Type`.
        content_type: String,
        /// The body.
        bytes: Bytes,
    },
    /// The connection breaks after this many bytes of the body, counted as sent (compressed or
    /// not). With 0 it breaks before the first byte of the answer.
    CutBody {
        /// Bytes that still arrive.
        after_bytes: usize,
    },
    /// The body ends after this many bytes, counted as sent (compressed or not), as if it were
    /// complete. Only its content reveals the loss.
    EndBody {
        /// Bytes that arrive.
        after_bytes: usize,
    },
    /// No answer until [`release_hangs`](crate::FakeHeroku::release_hangs), or until the client
    /// gives up.
    Hang,
    /// The body arrives in small pieces.
    Trickle {
        /// Bytes in a piece.
        chunk: usize,
        /// The pause before each.
        every: Duration,
    },
    /// Status 206 with a `Next-Range` that names the current page again.
    RepeatPage,
    /// Status 206 without a `Next-Range`.
    NoNextRange,
    /// A correct answer after this delay.
    Delay(Duration),
    /// Status 302.
    Redirect {
        /// The header `Location`.
        location: String,
    },
    /// A correct answer with this header, which replaces its own of the same name.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A correct answer with further bytes after the end of its JSON.
    TrailingGarbage,
    /// An error whose message repeats the `Authorization` header. No client may log it verbatim.
    EchoToken {
        /// The HTTP status.
        status: u16,
    },
}

impl Fault {
    /// An error in Heroku's form, without further headers.
    pub fn status(code: u16, id: &str, message: &str) -> Self {
        Self::Status {
            code,
            id: id.into(),
            message: message.into(),
            retry_after: None,
            headers: Vec::new(),
        }
    }

    /// Heroku's 429, with or without a `Retry-After`.
    pub fn rate_limit(retry_after: Option<&str>) -> Self {
        let message = crate::refusal::RATE_LIMIT.to_owned();
        let retry_after = retry_after.map(str::to_owned);
        Self::Status {
            code: 429,
            id: "rate_limit".into(),
            message,
            retry_after,
            headers: Vec::new(),
        }
    }

    /// A redirect with this status. Without a location it breaks the rules of HTTP.
    pub fn redirect(code: u16, location: Option<&str>) -> Self {
        let headers = location
            .map(|location| ("Location".to_owned(), location.to_owned()))
            .into_iter()
            .collect();
        Self::Status {
            code,
            id: "redirect".into(),
            message: "elsewhere".into(),
            retry_after: None,
            headers,
        }
    }

    /// An error in the form of the archive host, which is Amazon S3's: XML with a code and a
    /// message.
    pub fn storage(status: u16, code: &str, message: &str) -> Self {
        Self::body(status, "application/xml", crate::storage::error(code, message))
    }

    /// The archive host's answer to an address that has expired.
    pub fn expired_address() -> Self {
        Self::storage(403, "AccessDenied", "Request has expired")
    }

    /// The archive host's answer when the clocks differ too much.
    pub fn skewed_clock() -> Self {
        let message = "The difference between the request time and the current time is too large.";
        Self::storage(403, "RequestTimeTooSkewed", message)
    }

    /// Any answer.
    pub fn body(status: u16, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self::Body { status, content_type: content_type.into(), bytes: bytes.into() }
    }
}

#[derive(Debug)]
struct Scripted {
    matching: Match,
    fault: Fault,
    used: usize,
}

impl Scripted {
    fn is_left(&self) -> bool {
        match self.matching.uses {
            Uses::Times(times) => self.used < times,
            Uses::Always => self.used == 0,
        }
    }
}

/// All faults, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<Scripted>);

impl Script {
    pub(crate) fn add(&mut self, matching: Match, fault: Fault) {
        self.0.push(Scripted { matching, fault, used: 0 });
    }

    /// Take the oldest fault that matches this request and is not used up.
    pub(crate) fn take(&mut self, asked: &Recorded) -> Option<Fault> {
        let usable =
            |scripted: &&mut Scripted| scripted.matching.uses == Uses::Always || scripted.is_left();
        let scripted =
            self.0.iter_mut().filter(usable).find(|scripted| scripted.matching.meets(asked))?;
        scripted.used += 1;
        Some(scripted.fault.clone())
    }

    /// Describe the faults that have not happened in full. A fault that applies always counts until
    /// its first use.
    pub(crate) fn left(&self) -> Vec<String> {
        let left = self.0.iter().filter(|scripted| scripted.is_left());
        left.map(|Scripted { matching, fault, used }| {
            format!("{fault:?}, used {used} times, for {matching:?}")
        })
        .collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
