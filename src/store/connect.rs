//! Connects to the database, and explains why that fails.

use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::address::{Address, AddressError, Endpoint};
use super::error::{describe, may_connect_later};
use super::handle::Reader;
use super::outage::PATIENCE;
use super::patience::delays;
use super::pool::Connections;
use super::tls::{self, Protection};
use crate::retry::Attempts;

/// The database can't be reached. No message contains the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The connection can't be protected as required.
    #[error("the database at {endpoint} can't be reached over TLS: {reason}. {advice}")]
    Tls {
        /// The server.
        endpoint: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// The server does not answer, or refuses.
    #[error("the database at {endpoint} can't be reached: {}. {}",
        describe(.source), advice(.source, .place))]
    Unreachable {
        /// The server.
        endpoint: String,
        /// What gave the address.
        place: String,
        /// The cause.
        source: sqlx::Error,
    },
}

/// What to do about a server that can't be reached, or refuses, at the address that `place` gave.
fn advice(error: &sqlx::Error, place: &str) -> String {
    let code = match error {
        sqlx::Error::Database(error) => error.code(),
        _ => None,
    };
    match code.as_deref() {
        // invalid_catalog_name
        Some("3D000") => format!("Correct the database's name in {place}, or create the database"),
        // invalid_password, invalid_authorization_specification
        Some("28P01" | "28000") => {
            format!("Check user and password in {place}, and the server's pg_hba.conf")
        }
        // insufficient_privilege
        Some("42501") => format!("Grant the user in {place} CONNECT on the database"),
        // too_many_connections
        Some("53300") => "End other sessions, or raise the limit, and try again".to_owned(),
        Some(_) => "See the server's log".to_owned(),
        None => format!("Check that the server runs, the address in {place}, and the network"),
    }
}

impl ConnectError {
    /// Whether the server may accept a connection with another protection, as `prefer` and `allow`
    /// ask for.
    fn may_depend_on_protection(&self) -> bool {
        match self {
            Self::Tls { .. } => true,
            // invalid_authorization_specification: pg_hba.conf has no line for such a connection.
            Self::Unreachable { source: sqlx::Error::Database(error), .. } => {
                error.code().is_some_and(|code| code == "28000")
            }
            Self::Unreachable { .. } | Self::Address(_) => false,
        }
    }
}

impl Reader {
    /// Connects to the database at `url` with at most `max_connections`, and waits for its answer.
    /// Ignores the environment.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        Self::connect_to(&Address::parse(url, &|_| None)?, max_connections).await
    }

    /// Connects to the database at `address` with at most `max_connections`, and waits for its
    /// answer.
    pub async fn connect_to(address: &Address, max_connections: u32) -> Result<Self, ConnectError> {
        address.warn_unencoded();
        let options = &address.resolved.options;
        let place = &address.place;
        let opened = open(options.clone(), max_connections, place).await;
        let connections = match (opened, address.resolved.fallback) {
            (Err(error), Some(mode)) if error.may_depend_on_protection() => {
                // Report the first error, which is about the preferred protection.
                let options = options.clone().ssl_mode(mode);
                open(options, max_connections, place).await.map_err(|_| error)?
            }
            (opened, _) => opened?,
        };
        Protection::of(connections.options()).log();
        Ok(Self::new(connections))
    }
}

async fn open(
    options: PgConnectOptions,
    max_connections: u32,
    place: &str,
) -> Result<Connections, ConnectError> {
    let endpoint = Endpoint::of(&options).to_string();
    let connections = Connections::new(options, max_connections);
    let (began, mut attempts) = (Instant::now(), Attempts::new(&delays()));
    loop {
        let patience = PATIENCE.saturating_sub(began.elapsed());
        let Err(source) = connections.connect_first(patience).await else {
            return Ok(connections);
        };
        let delay = if may_connect_later(&source) { attempts.next_delay(None) } else { None };
        match delay {
            Some(delay) if began.elapsed() + delay < PATIENCE => tokio::time::sleep(delay).await,
            _ => {
                let place = place.to_owned();
                return Err(match tls::refusal(&source) {
                    Some((reason, advice)) => ConnectError::Tls { endpoint, reason, advice },
                    None => ConnectError::Unreachable { endpoint, place, source },
                });
            }
        }
    }
}
