//! What a preflight asks of the database: the server, and what the role may do. It changes nothing.

use std::fmt;

use sqlx::postgres::PgConnectOptions;

use super::error::Doing;
use super::obstacle::{Obstacle, Obstacles, server_row};
use super::tls::Protection;
use super::{Reader, Result, column, statement};
use crate::text::shown;

/// What the role that syncs needs, table by table; `sql/roles.sql` grants it.
const NEEDED: [(&str, &[&str]); 6] = [
    ("audit_events_log", &["SELECT", "INSERT", "UPDATE"]),
    ("audit_events", &["SELECT", "INSERT"]),
    ("audit_event_conflicts", &["SELECT", "INSERT"]),
    ("audit_seals", &["SELECT", "INSERT"]),
    ("audit_history", &["SELECT", "INSERT"]),
    ("auditsync_migrations", &["SELECT"]),
];

/// The oldest version that has all that the statements use.
const OLDEST: i32 = 13;

/// The server, as it tells about itself.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its version, in its own words.
    pub version: String,
    /// Whether that is one that auditsync works with.
    pub supported: bool,
    /// The port that it listens on.
    pub port: u16,
    /// The role that is connected.
    pub role: String,
    /// Whether the role may create tables.
    pub may_create: bool,
    /// What keeps a sync from using it.
    pub obstacles: Vec<Obstacle>,
    /// What keeps a first sync from making the schema.
    pub to_migrating: Vec<Obstacle>,
}

/// What a role may do with one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The table.
    pub table: String,
    /// The statements that it needs and may run.
    pub granted: Vec<String>,
    /// The statements that it needs and may not.
    pub lacking: Vec<String>,
}

/// Where a connection leads, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The host, or the socket's folder.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Place {
    /// Where connections with `options` lead.
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        // An abstract socket begins with a NUL, which people write as `@`.
        let socket =
            options.get_socket().map(|folder| folder.display().to_string().replace('\0', "@"));
        let host = socket.unwrap_or_else(|| options.get_host().to_owned());
        Self { host: shown(&host), port: options.get_port() }
    }
}

impl Reader {
    /// Where the address leads.
    pub fn place(&self) -> Place {
        Place::of(self.connections().options())
    }

    /// How the connections are protected.
    pub fn protection(&self) -> Protection {
        Protection::of(self.connections().options())
    }

    /// What the server tells about itself, and about the role.
    pub async fn server(&self) -> Result<Server> {
        let ask = async || server_row(&mut self.begin().await?).await;
        let row = self.connections().persist("tell its version", ask).await?;
        let found = Obstacles::of(&row)?;
        Ok(Server {
            version: column(&row, "version")?,
            supported: column::<i32>(&row, "version_number")? / 10_000 >= OLDEST,
            port: column::<i32>(&row, "port")? as u16,
            role: column(&row, "role")?,
            may_create: column(&row, "may_create")?,
            obstacles: [found.reading, found.writing].concat(),
            to_migrating: [found.migrating_unasked, found.migrating].concat(),
        })
    }

    /// What the role may do with each of the tables that are there.
    pub async fn rights(&self) -> Result<Vec<Rights>> {
        let needed =
            NEEDED.iter().flat_map(|(table, needs)| needs.iter().map(|need| (*table, *need)));
        let (tables, privileges): (Vec<&str>, Vec<&str>) = needed.unzip();
        let rows = self.connections().persist("tell what the role may do", async || {
            let mut tx = self.begin().await?;
            let question =
                statement(include_str!("sql/rights.sql")).bind(&tables).bind(&privileges);
            question.fetch_all(&mut *tx).await.doing("tell what the role may do")
        });
        let mut rights: Vec<Rights> = Vec::new();
        for row in &rows.await? {
            let table: String = column(row, "table_name")?;
            let last = rights.pop_if(|last| last.table == table);
            let mut of_table =
                last.unwrap_or(Rights { table, granted: Vec::new(), lacking: Vec::new() });
            let into =
                if column(row, "granted")? { &mut of_table.granted } else { &mut of_table.lacking };
            into.push(column(row, "privilege")?);
            rights.push(of_table);
        }
        Ok(rights)
    }
}
