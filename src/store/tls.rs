//! How the connection to the database is protected, and what is said where it can't be.
//!
//! The words are those of libpq: `sslmode` and `sslrootcert` in the URL. Without them, as Heroku gives it, a connection
//! that leaves the machine is encrypted, and the certificate, which nobody signed, is not verified.

use std::path::PathBuf;

use reqwest::Url;
use rustls::CertificateError as Untrusted;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// What protects the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It does not leave the machine.
    Local,
    /// Nothing, on its way to another machine.
    None,
    /// It is encrypted, to whoever answers.
    Encrypted,
    /// It is encrypted, and a known CA signed the server's certificate.
    Signed,
    /// It is encrypted, and a known CA signed the server's certificate for this very host.
    Verified,
}

impl Protection {
    /// Of connections made with `options`.
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        match options.get_ssl_mode() {
            PgSslMode::VerifyFull => Self::Verified,
            PgSslMode::VerifyCa => Self::Signed,
            PgSslMode::Require => Self::Encrypted,
            _ if is_local(options) => Self::Local,
            _ => Self::None,
        }
    }

    /// Says in the log what a reader of the URL would not see.
    pub(super) fn announce(self) {
        match self {
            Self::Encrypted => tracing::info!(
                "the connection to the database is encrypted, its certificate not verified; \
                 sslmode=verify-full and sslrootcert=FILE in the URL would do that"
            ),
            Self::None => tracing::warn!("the connection to the database is not encrypted (sslmode=disable)"),
            Self::Local | Self::Signed | Self::Verified => {}
        }
    }
}

/// The mode that a URL without one means; and that a CA that it names is asked of, as libpq does.
pub(super) fn settle(options: PgConnectOptions, url: &str) -> PgConnectOptions {
    let says_nothing = matches!(options.get_ssl_mode(), PgSslMode::Prefer | PgSslMode::Allow);
    let options = if says_nothing && !is_local(&options) { options.ssl_mode(PgSslMode::Require) } else { options };
    if matches!(options.get_ssl_mode(), PgSslMode::Require) && root_certificate(url).is_some() {
        return options.ssl_mode(PgSslMode::VerifyCa);
    }
    options
}

/// The file of the CA's certificate that a URL names.
pub(super) fn root_certificate(url: &str) -> Option<PathBuf> {
    let url = Url::parse(url).ok()?;
    let names = ["sslrootcert", "ssl-root-cert", "ssl-ca"];
    let found = url.query_pairs().find(|(key, _)| names.contains(&&**key));
    found.map(|(_, path)| PathBuf::from(path.into_owned()))
}

/// Why no protected connection came about, and what to do; `None` if it is about something else.
pub(super) fn refusal(error: &sqlx::Error) -> Option<(String, &'static str)> {
    let error = match error {
        sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => {
            let advice = "sslmode=disable in the URL goes without it, if nobody else is on the way";
            return Some(("the server takes no encrypted connections".to_owned(), advice));
        }
        sqlx::Error::Tls(error) => error.downcast_ref::<rustls::Error>()?,
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    let advice = match error {
        rustls::Error::InvalidCertificate(Untrusted::NotValidForName | Untrusted::NotValidForNameContext { .. }) => {
            "Write the host in the URL as the certificate names it; sslmode=verify-ca takes any host of that CA"
        }
        rustls::Error::InvalidCertificate(Untrusted::UnknownIssuer | Untrusted::BadSignature) => {
            "Name the file of its CA's certificate in the URL, with sslrootcert=FILE"
        }
        _ => "sslmode=require in the URL would encrypt, and verify nothing",
    };
    let why = match error {
        rustls::Error::InvalidCertificate(Untrusted::UnknownIssuer | Untrusted::BadSignature) => {
            "no CA that is known here signed its certificate".to_owned()
        }
        error => error.to_string(),
    };
    Some((why, advice))
}

pub(super) fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
