//! The protection of the connection to the database, and the messages when it fails.
//!
//! `sslmode` and `sslrootcert` in the URL mean what they mean to libpq. Heroku's URLs have neither:
//! then a connection that leaves the machine is encrypted, and the self-signed certificate is not
//! verified. rustls still has to parse the certificate, and it parses only X.509 version 3.

use rustls::{AlertDescription, CertificateError as Untrusted};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It does not leave the machine.
    Local,
    /// It leaves the machine without protection.
    None,
    /// It is encrypted. The certificate is not verified.
    Encrypted,
    /// It is encrypted, and a known CA signed the certificate.
    Signed,
    /// It is encrypted, and a known CA signed the certificate for this host.
    Verified,
}

impl Protection {
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        match options.get_ssl_mode() {
            PgSslMode::VerifyFull => Self::Verified,
            PgSslMode::VerifyCa => Self::Signed,
            PgSslMode::Require => Self::Encrypted,
            _ if is_local(options) => Self::Local,
            _ => Self::None,
        }
    }

    /// Logs a protection that the URL does not show.
    pub(super) fn log(self) {
        match self {
            Self::Encrypted => tracing::info!(
                "the connection to the database is encrypted, but its certificate is not verified; \
                 to verify it, add sslmode=verify-full and sslrootcert=FILE to the URL"
            ),
            Self::None => tracing::warn!(
                "the connection to the database is not encrypted; to encrypt it, add \
                 sslmode=require to the URL"
            ),
            Self::Local | Self::Signed | Self::Verified => {}
        }
    }
}

/// How to make a certificate that every client can verify.
const MAKE_ANOTHER: &str = "\
     Give the server a certificate of X.509 version 3 with a key of 2048 bits or more: \
     `openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout server.key -out server.crt \
     -subj /CN=HOST -addext subjectAltName=DNS:HOST -addext basicConstraints=critical,CA:FALSE`; \
     or write sslmode=disable, if you trust the network";
const UNENCRYPTED: &str =
    "If you trust the network, add sslmode=disable to the URL: it connects without encryption";
const SHOW_CERTIFICATE: &str = "Name a certificate that the server accepts, and its key, with \
                                sslcert=FILE and sslkey=FILE in the URL";

/// Why a connection can't be protected, and what to do. `None` if the error has another cause.
pub(super) fn refusal(error: &sqlx::Error) -> Option<(String, &'static str)> {
    let error = match error {
        sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => {
            return Some(("the server accepts no encrypted connections".to_owned(), UNENCRYPTED));
        }
        sqlx::Error::Database(error) if error.message().contains("client certificate") => {
            return Some((error.message().to_owned(), SHOW_CERTIFICATE));
        }
        sqlx::Error::Tls(error) => error.downcast_ref::<rustls::Error>()?,
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    let (reason, advice) = match error {
        rustls::Error::InvalidCertificate(error) => untrusted(error),
        rustls::Error::AlertReceived(alert) => refused_by_server(*alert),
        rustls::Error::PeerIncompatible(_) => (NOTHING_IN_COMMON, MAKE_ANOTHER),
        _ => return Some((error.to_string(), UNENCRYPTED)),
    };
    let reason = if reason.is_empty() { error.to_string() } else { reason.to_owned() };
    Some((reason, advice))
}

const NOTHING_IN_COMMON: &str =
    "the server and auditsync have no kind of key and no cipher in common";

/// Why a certificate is not trusted, or an empty text to use the message of rustls; and what to do.
fn untrusted(error: &Untrusted) -> (&'static str, &'static str) {
    match error {
        Untrusted::NotValidForName | Untrusted::NotValidForNameContext { .. } => (
            "",
            "Write the host in the URL as the certificate names it; sslmode=verify-ca accepts any \
             host of that CA",
        ),
        Untrusted::UnknownIssuer | Untrusted::BadSignature => (
            "no CA that this machine knows signed its certificate",
            "Name the file of its CA's certificate in the URL, with sslrootcert=FILE",
        ),
        Untrusted::Expired | Untrusted::ExpiredContext { .. } => (
            "its certificate has expired",
            "Renew it on the server, or correct this machine's clock; sslmode=require encrypts \
             without verification",
        ),
        Untrusted::NotValidYet | Untrusted::NotValidYetContext { .. } => (
            "its certificate is not valid yet",
            "Correct the clocks; sslmode=require in the URL encrypts without verification",
        ),
        // Errors of webpki that rustls has no variant for.
        Untrusted::Other(error) => match format!("{error:?}") {
            text if text.contains("UnsupportedCertVersion") => {
                ("its certificate is of X.509 version 1, which auditsync can't read", MAKE_ANOTHER)
            }
            text if text.contains("CaUsedAsEndEntity") => (
                "its certificate is that of a CA, so it can't be verified as a server's",
                MAKE_ANOTHER,
            ),
            _ => ("", MAKE_ANOTHER),
        },
        Untrusted::BadEncoding => ("its certificate can't be read", MAKE_ANOTHER),
        _ => ("", "sslmode=require in the URL encrypts without verification"),
    }
}

/// Why a server ended the handshake, and what to do.
fn refused_by_server(alert: AlertDescription) -> (&'static str, &'static str) {
    use AlertDescription as Alert;
    match alert {
        Alert::ProtocolVersion => (
            "the server speaks neither TLS 1.2 nor TLS 1.3",
            "Raise its ssl_max_protocol_version; or write sslmode=disable, if you trust the \
             network",
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

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
