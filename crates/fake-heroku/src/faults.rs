//! Faults as data: what goes wrong, for which requests, how often. They are used up in the order they were given.

use std::time::Duration;

use bytes::Bytes;

use crate::journal::Recorded;
use crate::matching::{Match, Uses};

/// What goes wrong. Those that spoil the answer instead of replacing it leave anything but a listing of events, or the
/// download of an archive, as it is.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An error in Heroku's form.
    Status {
        /// The HTTP status.
        code: u16,
        /// Heroku's word for it, such as `rate_limit`.
        id: String,
        /// The text for people.
        message: String,
        /// The header `Retry-After`, as it is.
        retry_after: Option<String>,
        /// More headers.
        headers: Vec<(String, String)>,
    },
    /// Any answer at all.
    Body {
        /// The HTTP status.
        status: u16,
        /// The header `Content-Type`.
        content_type: String,
        /// The body.
        bytes: Bytes,
    },
    /// The connection breaks when so many bytes of the body (as sent: gzipped, if it is) are out; 0: before the answer's
    /// first byte.
    CutBody {
        /// Bytes that still arrive.
        after_bytes: usize,
    },
    /// The body ends after so many bytes (as sent: gzipped, if it is) as if it were whole: nothing but its contents tells.
    EndBody {
        /// Bytes that arrive.
        after_bytes: usize,
    },
    /// No answer, until [`release_hangs`](crate::FakeHeroku::release_hangs) or the client has had enough.
    Hang,
    /// The body comes in small pieces.
    Trickle {
        /// Bytes in a piece.
        chunk: usize,
        /// The pause before each.
        every: Duration,
    },
    /// 206 with a `Next-Range` that names the very page being answered.
    RepeatPage,
    /// 206 without a `Next-Range`.
    NoNextRange,
    /// A good answer, later.
    Delay(Duration),
    /// 302.
    Redirect {
        /// Where to.
        location: String,
    },
    /// A good answer with one more header, in place of its own of that name.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A good answer with something behind the end of its JSON.
    TrailingGarbage,
    /// An error whose message repeats the `Authorization` header: nothing a client may log as it is.
    EchoToken {
        /// The HTTP status.
        status: u16,
    },
}

impl Fault {
    /// An error in Heroku's form, without more headers.
    pub fn status(code: u16, id: &str, message: &str) -> Self {
        Self::Status {
            code,
            id: id.into(),
            message: message.into(),
            retry_after: None,
            headers: Vec::new(),
        }
    }

    /// Heroku's 429, with this `Retry-After`, if any.
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

    /// A redirect with this status, to anywhere or, against the rules, to nowhere.
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

    /// An error in the form of the archive host, which is S3's: XML with a code and a message.
    pub fn storage(status: u16, code: &str, message: &str) -> Self {
        Self::body(status, "application/xml", crate::storage::error(code, message))
    }

    /// What the archive host says of an address whose time is over.
    pub fn expired_address() -> Self {
        Self::storage(403, "AccessDenied", "Request has expired")
    }

    /// What the archive host says of an address from a machine whose clock differs too much.
    pub fn skewed_clock() -> Self {
        let message = "The difference between the request time and the current time is too large.";
        Self::storage(403, "RequestTimeTooSkewed", message)
    }

    /// Any answer at all.
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

/// All faults, in the order they were given.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<Scripted>);

impl Script {
    pub(crate) fn add(&mut self, matching: Match, fault: Fault) {
        self.0.push(Scripted { matching, fault, used: 0 });
    }

    /// The fault for this request: one at a time, the oldest that is meant for it and not used up.
    pub(crate) fn take(&mut self, asked: &Recorded) -> Option<Fault> {
        let usable =
            |scripted: &&mut Scripted| scripted.matching.uses == Uses::Always || scripted.is_left();
        let scripted =
            self.0.iter_mut().filter(usable).find(|scripted| scripted.matching.meets(asked))?;
        scripted.used += 1;
        Some(scripted.fault.clone())
    }

    /// What was scripted and has not happened in full. A fault for always counts until its first use.
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
