//! Connects, as Heroku's databases and their poolers want it.

use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use super::error::{describe, is_refused_for_now};
use super::inspect::Place;
use super::outage::PATIENCE;
use super::patience::delays;
use super::pool::Connections;
use super::reader::Reader;
use super::tls;
use super::{Address, AddressError};
use crate::retry::Attempts;

/// The database can't be reached. Never names the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
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

/// Connects to the database at `address` with at most `max_connections`, and makes sure that it answers.
pub(super) async fn connect(
    address: &Address,
    max_connections: u32,
) -> Result<Reader, ConnectError> {
    address.announce();
    let reader = match (open(address.options.clone(), max_connections).await, address.otherwise) {
        (Err(error), Some(mode)) if tls::may_differ(&error) => {
            // The first refusal says why it was not as the address would rather have it.
            open(address.options.clone().ssl_mode(mode), max_connections)
                .await
                .map_err(|_| error)?
        }
        (opened, _) => opened?,
    };
    reader.protection().announce();
    Ok(reader)
}

async fn open(options: PgConnectOptions, max_connections: u32) -> Result<Reader, ConnectError> {
    let place = Place::of(&options).to_string();
    let connections = Connections::new(options, max_connections);
    let (began, mut attempts) = (Instant::now(), Attempts::new(&delays()));
    loop {
        let Err(source) = connections.connect_first(PATIENCE.saturating_sub(began.elapsed())).await
        else {
            return Ok(Reader::new(connections));
        };
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
}
