//! The requests so far, and what was wrong with them.

use std::time::Instant;

use chrono::NaiveDate;

/// The listener that received a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The Platform API.
    Api,
    /// The archive host, which must never receive a token.
    Archive,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When its headers were complete.
    pub at: Instant,
    /// The listener that received it.
    pub host: Host,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The text after the `?`, not decoded; empty if there is none.
    pub query: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The token in `Authorization`, or the entire header if its form is unknown.
    pub token: Option<String>,
    /// The scheme of the token: `Bearer` or `Basic`.
    pub scheme: Option<&'static str>,
    /// The header `User-Agent`.
    pub user_agent: Option<String>,
    /// The header `Accept`.
    pub accept: Option<String>,
    /// The header `Accept-Encoding`.
    pub accept_encoding: Option<String>,
    /// The name of the enterprise account in the path.
    pub account: Option<String>,
    /// The requested day, for a request for events.
    pub day: Option<NaiveDate>,
    /// The requested page, for a request for events. The first is 1.
    pub page: Option<usize>,
    /// The status of the answer. `None` before the answer, and if the client left before it.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) requests: Vec<Recorded>,
    pub(crate) violations: Vec<String>,
}
