//! What was asked, and what was wrong with it.

use std::time::Instant;

use chrono::NaiveDate;

/// The listener that a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The Platform API.
    Api,
    /// Where archives are downloaded from, which must never see a token.
    Archive,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When its headers had been read.
    pub at: Instant,
    /// The listener it came to.
    pub host: Host,
    /// `GET`, hopefully.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What follows the `?`, undecoded; empty if nothing does.
    pub query: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The token in `Authorization`, or the whole header if it has no usable form.
    pub token: Option<String>,
    /// How the token was sent: `Bearer` or `Basic`.
    pub scheme: Option<&'static str>,
    /// The header `User-Agent`.
    pub user_agent: Option<String>,
    /// The header `Accept`.
    pub accept: Option<String>,
    /// The header `Accept-Encoding`.
    pub accept_encoding: Option<String>,
    /// The name of the enterprise account in the path.
    pub account: Option<String>,
    /// The day asked for, of a request for events.
    pub day: Option<NaiveDate>,
    /// The page asked for, of a request for events; the first is 1.
    pub page: Option<usize>,
    /// The status of the answer; `None` while there is none, or when the client has left before.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) requests: Vec<Recorded>,
    pub(crate) violations: Vec<String>,
}
