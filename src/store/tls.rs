//! How the connection to the database is protected, and what is said where it can't be.
//!
//! The words are those of libpq: `sslmode` and `sslrootcert` in the URL. Without them, as Heroku gives it, a connection
//! that leaves the machine is encrypted, and the certificate, which nobody signed, is not verified. Even then rustls has
//! to read the certificate, and it reads version 3 alone.

use rustls::{AlertDescription, CertificateError as Untrusted};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::ConnectError;

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
            Self::None => tracing::warn!(
                "the connection to the database is not encrypted; sslmode=require in the URL would do that"
            ),
            Self::Local | Self::Signed | Self::Verified => {}
        }
    }
}

/// What makes a certificate that every client can verify.
const MAKE_ANOTHER: &str = "Give the server a certificate of X.509 version 3 with a key of 2048 bits or more: `openssl req -x509 \
                            -newkey rsa:2048 -nodes -days 3650 -keyout server.key -out server.crt -subj /CN=HOST \
                            -addext subjectAltName=DNS:HOST -addext basicConstraints=critical,CA:FALSE`; or write \
                            sslmode=disable, if nobody else is on the way";
const UNENCRYPTED: &str =
    "sslmode=disable in the URL goes without it, if nobody else is on the way";
const SHOW_CERTIFICATE: &str =
    "Name a certificate that it accepts, and its key, with sslcert=FILE and sslkey=FILE in the URL";

/// Why no protected connection came about, and what to do; `None` if it is about something else.
pub(super) fn refusal(error: &sqlx::Error) -> Option<(String, &'static str)> {
    let error = match error {
        sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => {
            return Some(("the server takes no encrypted connections".to_owned(), UNENCRYPTED));
        }
        sqlx::Error::Database(error) if error.message().contains("client certificate") => {
            return Some((error.message().to_owned(), SHOW_CERTIFICATE));
        }
        sqlx::Error::Tls(error) => error.downcast_ref::<rustls::Error>()?,
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    let (why, advice) = match error {
        rustls::Error::InvalidCertificate(error) => untrusted(error),
        rustls::Error::AlertReceived(alert) => refused_by_server(*alert),
        rustls::Error::PeerIncompatible(_) => (NOTHING_IN_COMMON, MAKE_ANOTHER),
        _ => return Some((error.to_string(), UNENCRYPTED)),
    };
    Some((if why.is_empty() { error.to_string() } else { why.to_owned() }, advice))
}

const NOTHING_IN_COMMON: &str =
    "the server has no kind of key and no cipher in common with auditsync";

/// Why a certificate is not trusted, or nothing where rustls says it best; and what to do.
fn untrusted(error: &Untrusted) -> (&'static str, &'static str) {
    match error {
        Untrusted::NotValidForName | Untrusted::NotValidForNameContext { .. } => (
            "",
            "Write the host in the URL as the certificate names it; sslmode=verify-ca takes any host of that CA",
        ),
        Untrusted::UnknownIssuer | Untrusted::BadSignature => (
            "no CA that is known here signed its certificate",
            "Name the file of its CA's certificate in the URL, with sslrootcert=FILE",
        ),
        Untrusted::Expired | Untrusted::ExpiredContext { .. } => (
            "its certificate has expired",
            "Renew it on the server, or set this machine's clock right; sslmode=require would encrypt, and verify nothing",
        ),
        Untrusted::NotValidYet | Untrusted::NotValidYetContext { .. } => (
            "its certificate is not valid yet",
            "Set the clocks right; sslmode=require in the URL would encrypt, and verify nothing",
        ),
        // What webpki finds wrong and rustls has no word of its own for.
        Untrusted::Other(error) => match format!("{error:?}") {
            text if text.contains("UnsupportedCertVersion") => {
                ("its certificate is of X.509 version 1, which auditsync can't read", MAKE_ANOTHER)
            }
            text if text.contains("CaUsedAsEndEntity") => (
                "its certificate is that of a CA, which can't be verified as that of a server",
                MAKE_ANOTHER,
            ),
            _ => ("", MAKE_ANOTHER),
        },
        Untrusted::BadEncoding => ("its certificate can't be read", MAKE_ANOTHER),
        _ => ("", "sslmode=require in the URL would encrypt, and verify nothing"),
    }
}

/// Why a server ended the handshake, and what to do.
fn refused_by_server(alert: AlertDescription) -> (&'static str, &'static str) {
    use AlertDescription as Alert;
    match alert {
        Alert::ProtocolVersion => (
            "the server speaks neither TLS 1.2 nor TLS 1.3",
            "Raise its ssl_max_protocol_version; or write sslmode=disable, if nobody else is on the way",
        ),
        Alert::HandshakeFailure | Alert::InsufficientSecurity => (NOTHING_IN_COMMON, MAKE_ANOTHER),
        Alert::CertificateRequired | Alert::NoCertificate => {
            ("the server asks for a client certificate", SHOW_CERTIFICATE)
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => {
            ("the server does not accept the client certificate", SHOW_CERTIFICATE)
        }
        _ => ("", UNENCRYPTED),
    }
}

/// Whether a server that refused so may take a connection that is protected in another way, as `prefer` and `allow` ask for.
pub(super) fn may_differ(error: &ConnectError) -> bool {
    match error {
        ConnectError::Tls { .. } => true,
        // invalid_authorization_specification: its rules have no line for connections of this kind.
        ConnectError::Unreachable { source: sqlx::Error::Database(error), .. } => {
            error.code().is_some_and(|code| code == "28000")
        }
        ConnectError::Unreachable { .. } | ConnectError::Address(_) => false,
    }
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
