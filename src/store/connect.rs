//! Connects, as Heroku's databases and their poolers want it.

use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::error::{describe, is_refused_for_now};
use super::outage::PATIENCE;
use super::patience::delays;
use super::pool::Connections;
use super::reader::Reader;
use super::tls::{self, Protection};
use crate::retry::Attempts;

/// The database can't be reached. Never names the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no PostgreSQL URL. It is not shown, since it may hold a password.
    #[error("the database's address is not of the form postgres://user:password@host:port/database")]
    Address,
    /// The CA's certificate can't be read.
    #[error("the file that sslrootcert names in the database's address can't be used: {path}: {why}")]
    RootCertificate {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The connection can't be protected as it should be.
    #[error("the database at {place} can't be reached over TLS: {why}. {advice}")]
    Tls {
        /// Host and port.
        place: String,
        /// Why.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// The server does not answer, or refuses.
    #[error("the database at {place} can't be reached: {}", describe(.source))]
    Unreachable {
        /// Host and port, or the socket's folder.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
}

/// Connects to the database at `url` with at most `max_connections`, and makes sure that it answers.
pub(super) async fn connect(url: &str, max_connections: u32) -> Result<Reader, ConnectError> {
    let options = options(url)?;
    let protection = Protection::of(&options);
    if let (Protection::Signed | Protection::Verified, Some(file)) = (protection, tls::root_certificate(url)) {
        readable(&file)?;
    }
    let place = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let connections = Connections::new(options, max_connections);
    let (began, mut attempts) = (Instant::now(), Attempts::new(&delays()));
    loop {
        let Err(source) = connections.connect_first(PATIENCE.saturating_sub(began.elapsed())).await else { break };
        let delay = if is_refused_for_now(&source) { attempts.next_delay(None) } else { None };
        match delay {
            Some(delay) if began.elapsed() + delay < PATIENCE => tokio::time::sleep(delay).await,
            _ => {
                return Err(match tls::refusal(&source) {
                    Some((why, advice)) => ConnectError::Tls { place, why, advice },
                    None => ConnectError::Unreachable { place, source },
                });
            }
        }
    }
    protection.announce();
    Ok(Reader::new(connections))
}

/// Makes sure that the CA's certificate is there: what the driver would say does not name the file.
fn readable(file: &Path) -> Result<(), ConnectError> {
    let why = match std::fs::read_to_string(file) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => return Ok(()),
        Ok(_) => "there is no PEM certificate in it".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(ConnectError::RootCertificate { path: file.display().to_string(), why })
}

fn options(url: &str) -> Result<PgConnectOptions, ConnectError> {
    // Whatever the scheme, the parser would take the rest for PostgreSQL's.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(ConnectError::Address);
    }
    let options = PgConnectOptions::from_str(url).map_err(|_| ConnectError::Address)?;
    let options = options
        .application_name("auditsync")
        // A pooler in transaction mode refuses start-up parameters that it does not know, and can't keep statements.
        .extra_float_digits(None)
        .statement_cache_capacity(0);
    Ok(tls::settle(options, url))
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgSslMode;

    use super::*;

    #[test]
    fn a_connection_that_leaves_the_machine_is_encrypted_even_if_the_url_does_not_say_so() {
        for (url, expected) in [
            ("postgres://u:p@db.example.com:5432/d", PgSslMode::Require),
            ("postgres://u:p@db.example.com/d?sslmode=verify-full", PgSslMode::VerifyFull),
            ("postgres://u:p@db.example.com/d?sslmode=disable", PgSslMode::Disable),
            // A CA that is named is asked, as libpq does.
            ("postgres://u:p@db.example.com/d?sslmode=require&sslrootcert=ca.pem", PgSslMode::VerifyCa),
            ("postgres://u:p@db.example.com/d?sslrootcert=ca.pem", PgSslMode::VerifyCa),
            ("postgresql://u@localhost/d?host=/var/run/postgresql", PgSslMode::Prefer),
            ("postgres://u@127.0.0.1/d", PgSslMode::Prefer),
        ] {
            let mode = options(url).expect("an address").get_ssl_mode();
            assert_eq!(format!("{mode:?}"), format!("{expected:?}"), "{url}");
        }
    }

    #[test]
    fn a_bad_address_is_an_error_that_does_not_show_it() {
        let error = options("postgres://user:secret@host:notaport/d").expect_err("a bad port");
        assert!(!error.to_string().contains("secret"));
    }
}
