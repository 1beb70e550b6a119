//! One builder for every HTTP client of the program.
//!
//! Each client has our name as its `User-Agent`, decodes nothing, follows no redirect and sends no
//! `Referer`. Its caller adds timeouts and headers.

use std::error::Error as _;
use std::fmt;

use reqwest::{Client, ClientBuilder, Url, redirect};

use crate::text;

/// The host of Heroku's API, which no setting has to name.
const HEROKU: &str = "api.heroku.com";

/// Our name as a `User-Agent`, with `more` at the end of its comment.
pub(crate) fn user_agent(more: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let more = more.map(|more| format!("; {more}")).unwrap_or_default();
    format!("auditsync/{version} (audit trail to PostgreSQL{more})")
}

/// The HTTP client can't be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// Without certificates, no host can be verified.
    #[error("this machine has no CA certificates, so no host can be verified. {}", Self::INSTALL)]
    NoCertificates(reqwest::Error),
    /// Any other reason.
    #[error("the HTTP client can't be set up: {}", reason(.0))]
    Other(reqwest::Error),
}

impl SetupError {
    /// What to do on a machine without CA certificates.
    pub(crate) const INSTALL: &str = "Install them (Debian: `apt-get install ca-certificates`), \
        or set \
                               SSL_CERT_FILE to a file of them";

    /// The error of the HTTP library.
    pub(crate) fn into_source(self) -> reqwest::Error {
        match self {
            Self::NoCertificates(error) | Self::Other(error) => error,
        }
    }
}

impl From<reqwest::Error> for SetupError {
    fn from(failure: reqwest::Error) -> Self {
        // The certificate verifier reports this case by its text only.
        let mut source: Option<&dyn std::error::Error> = Some(&failure);
        while let Some(error) = source {
            if error.to_string().contains("No CA certificates") {
                return Self::NoCertificates(failure);
            }
            source = error.source();
        }
        Self::Other(failure)
    }
}

/// No complete response came. The text names the host, and the reason in the system's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoResponse {
    host: Option<String>,
    is_connected: bool,
    reason: String,
}

impl NoResponse {
    /// What `error` says. `setting` is where a person can change the host, if that is worth saying.
    pub(crate) fn new(error: &reqwest::Error, setting: Option<&str>) -> Self {
        let host = error.url().and_then(|url| Some((url.host_str()?, url.port())));
        let host = host.map(|(host, port)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let setting = setting.filter(|_| host != HEROKU);
            let setting = setting.map(|setting| format!(" ({setting})")).unwrap_or_default();
            format!("{host}{port}{setting}")
        });
        Self { host, is_connected: !error.is_connect(), reason: reason(error) }
    }

    /// Whether there was a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected
    }
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, is_connected, reason } = self;
        match (host, is_connected) {
            (Some(host), false) => write!(f, "can't reach {host}: {reason}"),
            (None, false) => write!(f, "can't connect: {reason}"),
            (Some(host), true) => write!(f, "the connection to {host} broke: {reason}"),
            (None, true) => write!(f, "the connection broke: {reason}"),
        }
    }
}

/// The innermost cause, which is the one that knows the reason.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    let named = [
        ("failed to lookup address information: ", "its name can't be resolved"),
        ("invalid peer certificate: ", "its certificate is not accepted"),
        ("received corrupt message of type ", "it does not speak TLS"),
        ("received fatal alert: ", "it ends the TLS handshake"),
    ];
    let named = named.into_iter().find_map(|(prefix, meaning)| {
        text.strip_prefix(prefix).map(|rest| format!("{meaning} ({rest})"))
    });
    named.unwrap_or_else(|| text::reason(&text))
}

/// A client for the server at `url`; `configure` adds what this use needs.
///
/// Plain `http://` needs no CA certificates, so it works on a machine without any.
pub(crate) fn client(
    url: &Url,
    configure: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<Client, SetupError> {
    let builder = || configure(base(url));
    match builder().build().map_err(SetupError::from) {
        Err(SetupError::NoCertificates(_)) if url.scheme() == "http" => {
            Ok(builder().tls_certs_only([]).build()?)
        }
        built => built,
    }
}

fn base(url: &Url) -> ClientBuilder {
    let client = Client::builder()
        .user_agent(user_agent(None))
        .no_gzip()
        .redirect(redirect::Policy::none())
        .referer(false);
    // A proxy would see the token. A server on this machine needs none.
    if url.scheme() == "http" && is_loopback(url) { client.no_proxy() } else { client }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
