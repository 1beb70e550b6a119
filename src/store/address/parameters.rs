//! libpq's parameters by name, and how auditsync treats each of them.

use super::error::{AddressError, ENCODE};
use crate::config::nearest;

/// A parameter of libpq (PostgreSQL's manual, "Parameter Key Words").
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// The environment variable that holds its default.
    pub(super) variable: Option<&'static str>,
    usage: Usage,
}

/// How a parameter is treated.
#[derive(Debug)]
enum Usage {
    /// It has the meaning that libpq gives it.
    Honoured,
    /// It is ignored, because auditsync bounds every wait itself. It still must be a number.
    Bounded,
    /// Only the values that describe what auditsync does anyway are accepted; then the advice for
    /// any other value.
    Only(&'static [&'static str], &'static str),
}

/// Where a value was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Address,
    Variable,
}

/// A parameter with its value. It has no `Debug`, because the value may be a secret.
pub(super) struct Given {
    pub(super) parameter: &'static Parameter,
    pub(super) value: String,
    pub(super) origin: Origin,
}

const fn honoured(name: &'static str, variable: &'static str) -> Parameter {
    Parameter { name, variable: Some(variable), usage: Usage::Honoured }
}

const fn bounded(name: &'static str) -> Parameter {
    Parameter { name, variable: None, usage: Usage::Bounded }
}

const fn only(
    name: &'static str,
    variable: Option<&'static str>,
    values: &'static [&'static str],
    advice: &'static str,
) -> Parameter {
    Parameter { name, variable, usage: Usage::Only(values, advice) }
}

const NO_KERBEROS: &str =
    "auditsync does not speak Kerberos: use a password or a client certificate, and leave it out";
const NO_OAUTH: &str =
    "auditsync does not speak OAuth: use a password or a client certificate, and leave it out";
const NO_SERVICE: &str = "Write host, dbname and user into the address itself";
const NO_REVOCATION: &str = "auditsync checks no revocation lists: leave it out, and name in \
                             sslrootcert only a CA that you trust";
const NO_AUTHENTICATION_CHECK: &str = "auditsync can't check who the server is or how \
                                       it authenticates: leave it out, and use \
                                       sslmode=verify-full";

/// All parameters of libpq up to version 18, with the variables that libpq reads.
pub(super) const PARAMETERS: &[Parameter] = &[
    honoured("host", "PGHOST"),
    honoured("hostaddr", "PGHOSTADDR"),
    honoured("port", "PGPORT"),
    honoured("dbname", "PGDATABASE"),
    honoured("user", "PGUSER"),
    honoured("password", "PGPASSWORD"),
    honoured("passfile", "PGPASSFILE"),
    honoured("sslmode", "PGSSLMODE"),
    honoured("sslrootcert", "PGSSLROOTCERT"),
    honoured("sslcert", "PGSSLCERT"),
    honoured("sslkey", "PGSSLKEY"),
    honoured("sslcertmode", "PGSSLCERTMODE"),
    honoured("options", "PGOPTIONS"),
    honoured("application_name", "PGAPPNAME"),
    Parameter { name: "fallback_application_name", variable: None, usage: Usage::Honoured },
    Parameter {
        name: "connect_timeout",
        variable: Some("PGCONNECT_TIMEOUT"),
        usage: Usage::Bounded,
    },
    bounded("keepalives"),
    bounded("keepalives_idle"),
    bounded("keepalives_interval"),
    bounded("keepalives_count"),
    bounded("tcp_user_timeout"),
    only(
        "client_encoding",
        Some("PGCLIENTENCODING"),
        &["utf8", "utf-8", "unicode", "auto"],
        "auditsync speaks UTF-8: leave it out",
    ),
    only(
        "target_session_attrs",
        Some("PGTARGETSESSIONATTRS"),
        &["any", "read-write", "primary", "prefer-standby"],
        "auditsync writes: name the primary server, and leave it out",
    ),
    only(
        "load_balance_hosts",
        Some("PGLOADBALANCEHOSTS"),
        &["disable", "random"],
        "It is `disable` or `random`: with one host, leave it out",
    ),
    only("replication", None, &["false", "off", "no", "0"], "auditsync runs SQL: leave it out"),
    only(
        "sslpassword",
        None,
        &[],
        "auditsync reads keys that are not encrypted: decrypt it with `openssl pkey -in KEY -out \
         FILE`, keep FILE readable by its owner alone, and name it in sslkey",
    ),
    only(
        "sslcompression",
        Some("PGSSLCOMPRESSION"),
        &["0", "1"],
        "auditsync never compresses: leave it out",
    ),
    only("sslcrl", Some("PGSSLCRL"), &[], NO_REVOCATION),
    only("sslcrldir", Some("PGSSLCRLDIR"), &[], NO_REVOCATION),
    only(
        "sslsni",
        Some("PGSSLSNI"),
        &["1"],
        "auditsync always names the host to the server: leave it out",
    ),
    only(
        "sslnegotiation",
        Some("PGSSLNEGOTIATION"),
        &["postgres"],
        "auditsync asks the server for TLS first, which every version understands: leave it out",
    ),
    only(
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        &["tlsv1", "tlsv1.1", "tlsv1.2"],
        "auditsync takes TLS 1.2 and 1.3: leave it out, and set the server's \
         ssl_min_protocol_version",
    ),
    only(
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        &["tlsv1.3"],
        "auditsync takes TLS 1.2 and 1.3: leave it out, and set the server's \
         ssl_max_protocol_version",
    ),
    only(
        "sslkeylogfile",
        None,
        &[],
        "auditsync writes the keys of a connection nowhere: leave it out",
    ),
    only("requiressl", Some("PGREQUIRESSL"), &["0"], "Write sslmode=require instead"),
    only("requirepeer", Some("PGREQUIREPEER"), &[], NO_AUTHENTICATION_CHECK),
    only("require_auth", Some("PGREQUIREAUTH"), &[], NO_AUTHENTICATION_CHECK),
    only(
        "channel_binding",
        Some("PGCHANNELBINDING"),
        &["disable", "prefer"],
        "auditsync does not bind the password to the connection: leave it out, and use \
         sslmode=verify-full",
    ),
    only("gssencmode", Some("PGGSSENCMODE"), &["disable", "prefer"], NO_KERBEROS),
    only("krbsrvname", Some("PGKRBSRVNAME"), &["postgres"], NO_KERBEROS),
    only("gsslib", Some("PGGSSLIB"), &[], NO_KERBEROS),
    only("gssdelegation", Some("PGGSSDELEGATION"), &["0"], NO_KERBEROS),
    only("scram_client_key", None, &[], "Use `password` instead"),
    only("scram_server_key", None, &[], "Use `password` instead"),
    only("oauth_issuer", None, &[], NO_OAUTH),
    only("oauth_client_id", None, &[], NO_OAUTH),
    only("oauth_client_secret", None, &[], NO_OAUTH),
    only("oauth_scope", None, &[], NO_OAUTH),
    only("service", Some("PGSERVICE"), &[], NO_SERVICE),
    only("servicefile", None, &[], NO_SERVICE),
    only(
        "min_protocol_version",
        Some("PGMINPROTOCOLVERSION"),
        &["3.0"],
        "auditsync speaks version 3.0 of the protocol: leave it out",
    ),
    only(
        "max_protocol_version",
        Some("PGMAXPROTOCOLVERSION"),
        &["3.0", "3.2", "latest"],
        "auditsync speaks version 3.0 of the protocol: leave it out",
    ),
];

impl Parameter {
    pub(super) fn is_secret(&self) -> bool {
        ["password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"]
            .contains(&self.name)
    }
}

impl Given {
    /// A parameter that a URI gives by position. `name` is one of [`PARAMETERS`].
    pub(super) fn of(name: &'static str, value: String) -> Self {
        Self {
            parameter: parameter(name).expect("a parameter of the table"),
            value,
            origin: Origin::Address,
        }
    }

    /// Checks that its value is supported.
    pub(super) fn check(&self) -> Result<(), AddressError> {
        match self.parameter.usage {
            Usage::Honoured => Ok(()),
            Usage::Bounded if self.value.trim().parse::<i32>().is_ok() => Ok(()),
            Usage::Bounded => Err(self
                .rejected("is not a number", "auditsync bounds every wait itself: leave it out")),
            Usage::Only(values, _)
                if values.iter().any(|value| self.value.eq_ignore_ascii_case(value)) =>
            {
                Ok(())
            }
            Usage::Only(values, advice) => {
                let why = if values.is_empty() {
                    "is not supported"
                } else {
                    "has a value that is not supported"
                };
                Err(self.rejected(why, advice))
            }
        }
    }

    /// The error for its value; `why` completes "its parameter …".
    pub(super) fn rejected(&self, why: &str, advice: impl Into<String>) -> AddressError {
        let name = self.parameter.name;
        let name = match (self.origin, self.parameter.variable) {
            (Origin::Variable, Some(variable)) => {
                format!("the variable {variable} gives `{name}`, which")
            }
            _ => format!("its parameter `{name}`"),
        };
        AddressError::new(format!("{name} {why}"), advice)
    }
}

pub(super) fn parameter(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == name)
}

/// Whether a text looks like the name of a parameter.
pub(super) fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// Whether a text resembles the name of a parameter.
pub(super) fn is_misspelt(name: &str) -> bool {
    nearest(name, PARAMETERS.iter().map(|parameter| parameter.name)).is_some()
}

/// The error for an unknown parameter. It omits the value, which may be a password whose name is
/// misspelt.
pub(super) fn unknown(name: &str) -> AddressError {
    let meant = nearest(name, PARAMETERS.iter().map(|parameter| parameter.name));
    // Secrets have digits more often than names do.
    if !is_name(name) || meant.is_none() && name.contains(|c: char| c.is_ascii_digit()) {
        return AddressError::new("it holds a parameter that libpq does not know", ENCODE);
    }
    let advice = match meant {
        Some(meant) => format!("Did you mean `{meant}`?"),
        None => "Leave it out: libpq's documentation, section \"Parameter Key Words\", lists all \
             parameters"
            .into(),
    };
    AddressError::new(format!("its parameter `{name}` is unknown"), advice)
}
