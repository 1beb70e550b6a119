//! Turns the parameters of an address into the options of a connection.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::error::{AddressError, ENCODE};
use super::parameters::{Given, Origin, parameter};
use super::passfile;
use crate::config::nearest;
use crate::text::shown;

/// The usual folders of sockets: of Debian, of Homebrew, and PostgreSQL's own default.
const SOCKET_FOLDERS: [&str; 3] = ["/var/run/postgresql", "/private/tmp", "/tmp"];
const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
/// The default of `application_name`.
const APPLICATION_NAME: &str = "auditsync";

/// Looks parameters up by name; the first of several counts.
struct Lookup<'a>(&'a [Given]);

impl<'a> Lookup<'a> {
    fn given(&self, name: &str) -> Option<&'a Given> {
        debug_assert!(parameter(name).is_some(), "{name} is a parameter");
        self.0.iter().find(|given| given.parameter.name == name)
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.given(name).map(|given| given.value.as_str())
    }
}

/// The options of a connection.
#[derive(Clone)]
pub(crate) struct Resolved {
    pub(crate) options: PgConnectOptions,
    /// The `sslmode` to try after that of `options` fails, as `prefer` and `allow` ask for.
    pub(crate) fallback: Option<PgSslMode>,
}

/// Makes the options of a connection. `variable` looks up environment variables; `HOME` leads to
/// the password file.
pub(super) fn resolve(
    given: &[Given],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Resolved, AddressError> {
    given.iter().try_for_each(Given::check)?;
    let given = Lookup(given);
    one_host(&given)?;
    let port = port(&given)?;
    let target = Target::of(&given, port)?;
    let user = user(&given)?;
    let database = given.value("dbname").unwrap_or(&user).to_owned();
    let password = given.value("password").map(str::to_owned).or_else(|| {
        let home = variable("HOME").filter(|home| !home.is_empty());
        let file = given
            .value("passfile")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(&home?).join(".pgpass")));
        passfile::password(&file?, [target.name(), &port.to_string(), &database, &user])
    });
    let name = given.value("application_name").or_else(|| given.value("fallback_application_name"));
    // This constructor reads the environment. The calls below override it, and `check` has seen the
    // rest of it.
    let options = PgConnectOptions::new_without_pgpass()
        .port(port)
        .username(&user)
        .password(password.as_deref().unwrap_or_default())
        .database(&database)
        .application_name(name.unwrap_or(APPLICATION_NAME))
        // A pooler in transaction mode rejects unknown start-up parameters, and can't keep prepared
        // statements.
        .extra_float_digits(None)
        .statement_cache_capacity(0)
        // The texts of statements do not belong into our log, however slow the statements are.
        .disable_statement_logging();
    let options = match &target {
        Target::Socket(folder) => options.host("localhost").socket(folder),
        Target::Host(host) => options.host(host),
    };
    let options = settings(options, &given)?;
    protect(options, &given, &target)
}

/// Where to connect to.
enum Target {
    /// A socket's folder, or a NUL and the name of an abstract one.
    Socket(String),
    /// The name or the IP address of a host.
    Host(String),
}

impl Target {
    fn of(given: &Lookup<'_>, port: u16) -> Result<Self, AddressError> {
        let host = given.given("host");
        if let Some(address) = given.given("hostaddr") {
            if address.value.parse::<IpAddr>().is_err() {
                return Err(
                    address.rejected("is not an IP address", "Write the name of a host as `host`")
                );
            }
            // The driver connects to the address, so TLS would verify the address, not the name.
            if host.is_some() && given.value("sslmode").is_some_and(|mode| mode == "verify-full") {
                let advice =
                    "auditsync verifies the host that it connects to: leave `hostaddr` out";
                return Err(address.rejected(
                    "can't be used together with `host` and sslmode=verify-full",
                    advice,
                ));
            }
            return Ok(Self::Host(address.value.clone()));
        }
        let Some(host) = host else {
            let folder = SOCKET_FOLDERS
                .into_iter()
                .find(|f| Path::new(f).join(format!(".s.PGSQL.{port}")).exists());
            return Ok(folder.map_or_else(
                || Self::Host("localhost".into()),
                |folder| Self::Socket(folder.into()),
            ));
        };
        if host.value.starts_with('/') {
            return Ok(Self::Socket(host.value.clone()));
        }
        if let Some(name) = host.value.strip_prefix('@') {
            if cfg!(target_os = "linux") {
                return Ok(Self::Socket(format!("\0{name}")));
            }
            return Err(host.rejected(
                "names an abstract socket, which only Linux has",
                "Name the socket's folder",
            ));
        }
        let is_name = |c: char| c.is_alphanumeric() || "-._".contains(c);
        // An IPv6 address may name the network interface behind a `%`.
        let (address, interface) = host.value.split_once('%').unwrap_or((&host.value, ""));
        let is_address = address.parse::<IpAddr>().is_ok() && interface.chars().all(is_name);
        if is_address || host.value.chars().all(is_name) {
            return Ok(Self::Host(host.value.clone()));
        }
        Err(host.rejected("is not a host name, an IP address or a socket's folder", ENCODE))
    }

    /// Its name in the password file.
    fn name(&self) -> &str {
        match self {
            Self::Socket(folder) if SOCKET_FOLDERS.contains(&&**folder) => "localhost",
            Self::Socket(folder) => folder,
            Self::Host(host) => host,
        }
    }

    fn is_this_machine(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Host(host) => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

fn one_host(given: &Lookup<'_>) -> Result<(), AddressError> {
    match ["host", "hostaddr"]
        .into_iter()
        .filter_map(|name| given.given(name))
        .find(|given| given.value.contains(','))
    {
        None => Ok(()),
        Some(given) => {
            let advice = "Name the one that accepts writes, or a name that always leads to it";
            Err(given.rejected("names several hosts", advice))
        }
    }
}

fn port(given: &Lookup<'_>) -> Result<u16, AddressError> {
    let Some(port) = given.given("port") else { return Ok(5432) };
    if port.value.contains(',') {
        return Err(port.rejected("names several ports", "Name one host and one port"));
    }
    match port.value.trim().parse() {
        Ok(0) | Err(_) => Err(port.rejected("is not a number from 1 to 65535", ENCODE)),
        Ok(port) => Ok(port),
    }
}

/// The user; by default the operating system's user of this process.
fn user(given: &Lookup<'_>) -> Result<String, AddressError> {
    match given.value("user") {
        Some(user) => Ok(user.to_owned()),
        None => whoami::username().map_err(|_| {
            AddressError::new(
                "it names no user, and the system does not name the current one",
                "Add `user=NAME`",
            )
        }),
    }
}

/// The settings that `options` gives, as `-c name=value` or `--name=value`.
fn settings(
    options: PgConnectOptions,
    given: &Lookup<'_>,
) -> Result<PgConnectOptions, AddressError> {
    let Some(text) = given.given("options") else { return Ok(options) };
    if text.origin == Origin::Variable {
        // The driver has read the variable already.
        return Ok(options);
    }
    let advice =
        "Write each setting as `-c name=value`, with a backslash before each space in the value";
    let mut settings = Vec::new();
    let mut words = words(&text.value).into_iter();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next(),
            rest => rest.map(str::to_owned),
        };
        let setting = setting.as_deref().and_then(|setting| setting.split_once('='));
        let Some((name, value)) = setting.filter(|(name, _)| !name.is_empty()) else {
            return Err(text.rejected("holds more than settings", advice));
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(options.options(settings))
}

/// Splits a text at spaces that no backslash escapes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => word.extend(characters.next()),
            c if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Sets how the connection is protected. An address that does not say, such as Heroku's, gets an
/// encrypted connection, unless it stays on this machine. Like libpq, every mode that encrypts
/// verifies the certificate when the address names a CA.
fn protect(
    options: PgConnectOptions,
    given: &Lookup<'_>,
    target: &Target,
) -> Result<Resolved, AddressError> {
    use PgSslMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
    let mode = given.value("sslmode");
    let (options, has_root) = root_certificate(options, given)?;
    let options = client_certificate(options, given)?;
    let encrypted = if has_root { VerifyCa } else { Require };
    let (first, fallback) = match mode {
        Some(mode) if !MODES.contains(&mode) => {
            let advice = match nearest(mode, MODES) {
                Some(meant) => format!("Did you mean `{meant}`?"),
                None => format!("Choose one of {}", MODES.join(", ")),
            };
            return Err(given
                .given("sslmode")
                .expect("it is given")
                .rejected("is not a mode of libpq", advice));
        }
        // Like libpq, ignore it for a socket.
        _ if matches!(target, Target::Socket(_)) => (Disable, None),
        Some("disable") => (Disable, None),
        Some("allow") => (Disable, Some(encrypted)),
        Some("prefer") | None if target.is_this_machine() && !has_root => (Prefer, Some(Disable)),
        Some("prefer") => (encrypted, Some(Disable)),
        Some("verify-ca") => (VerifyCa, None),
        Some("verify-full") => (VerifyFull, None),
        None if given.value("sslrootcert") == Some("system") => (VerifyFull, None),
        _ => (encrypted, None),
    };
    Ok(Resolved { options: options.ssl_mode(first), fallback })
}

/// Sets the CA certificates that the address names; the bool says whether it names any.
fn root_certificate(
    options: PgConnectOptions,
    given: &Lookup<'_>,
) -> Result<(PgConnectOptions, bool), AddressError> {
    let Some(root) = given.given("sslrootcert") else { return Ok((options, false)) };
    let mode = given.value("sslmode");
    if mode == Some("disable") {
        return Ok((options, false));
    }
    if root.value != "system" {
        readable(root, "-----BEGIN CERTIFICATE-----", "there is no PEM certificate in it")?;
        return Ok((options.ssl_root_cert(&root.value), true));
    }
    if mode.is_some_and(|mode| mode != "verify-full") {
        return Err(root.rejected(
            "is `system`, which verifies the host too",
            "Write sslmode=verify-full beside it",
        ));
    }
    let known = rustls_native_certs::load_native_certs().certs;
    if known.is_empty() {
        let advice =
            "Install them (Debian: ca-certificates), or set SSL_CERT_FILE to a file of them";
        return Err(root.rejected("is `system`, and this machine has no CA certificates", advice));
    }
    let encoded = known.iter().map(|certificate| {
        let text = base64::engine::general_purpose::STANDARD.encode(certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    });
    Ok((options.ssl_root_cert_from_pem(encoded.collect::<String>().into_bytes()), true))
}

/// Sets the client certificate and its key.
fn client_certificate(
    options: PgConnectOptions,
    given: &Lookup<'_>,
) -> Result<PgConnectOptions, AddressError> {
    let mode = given.given("sslcertmode");
    let (certificate, key) = match (given.given("sslcert"), given.given("sslkey")) {
        (None, None) => return Ok(options),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(one), None) | (None, Some(one)) => {
            return Err(
                one.rejected("is given alone", "Give both `sslcert` and `sslkey`, or neither")
            );
        }
    };
    match mode.map(|mode| (mode, &*mode.value)) {
        None | Some((_, "allow" | "require")) => {}
        Some((mode, _)) => {
            return Err(mode.rejected(
                "contradicts `sslcert`",
                "Leave out either it, or `sslcert` and `sslkey`",
            ));
        }
    }
    readable(certificate, "-----BEGIN CERTIFICATE-----", "there is no PEM certificate in it")?;
    let text = readable(key, "PRIVATE KEY-----", "there is no PEM private key in it")?;
    if text.contains("ENCRYPTED") {
        let advice = "Decrypt it with `openssl pkey -in KEY -out FILE`, keep FILE readable by its \
                      owner alone, and name it";
        return Err(key.rejected("names a file that is encrypted", advice));
    }
    Ok(options.ssl_client_cert(&certificate.value).ssl_client_key(&key.value))
}

/// The text of the file that a parameter names, which must contain `mark`. The driver's own error
/// would not name the file.
fn readable(given: &Given, mark: &str, without_mark: &str) -> Result<String, AddressError> {
    let why = match std::fs::read_to_string(&given.value) {
        Ok(text) if text.contains(mark) => return Ok(text),
        Ok(_) => without_mark.to_owned(),
        Err(error) => error.to_string(),
    };
    // Some people put the key itself there.
    let is_path = given.parameter.name != "sslkey" && !given.value.contains("-----");
    let file =
        if is_path { format!("the file {}", shown(&given.value)) } else { "a file".to_owned() };
    let why = format!("names {file}, which can't be used: {why}");
    Err(given.rejected(&why, "Name a PEM file that this process may read"))
}
