//! The end of a connection, for people.

use std::fmt;

use sqlx::postgres::PgConnectOptions;

use crate::text::shown;

/// The server that a connection leads to, without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The host, or the folder of the socket.
    pub host: String,
    /// The TCP port, which also numbers sockets.
    pub port: u16,
}

impl Endpoint {
    pub(crate) fn of(options: &PgConnectOptions) -> Self {
        // The name of an abstract socket begins with a NUL, which people write as `@`.
        let socket =
            options.get_socket().map(|folder| folder.display().to_string().replace('\0', "@"));
        let host = socket.unwrap_or_else(|| options.get_host().to_owned());
        Self { host: shown(&host), port: options.get_port() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
