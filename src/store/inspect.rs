//! Describes the server and the rights of the role, for `check`. Changes nothing.

use super::address::Endpoint;
use super::diagnosis::{self, Diagnosis, missing, server_row};
use super::error::{ErrorContext as _, Result};
use super::handle::Reader;
use super::obstacle::Obstacle;
use super::statement::{column, statement};
use super::tls::Protection;

/// The rights that the syncing role needs, by table. `sql/roles.sql` grants them.
const NEEDED: [(&str, &[&str]); 7] = [
    ("audit_events_log", &["SELECT", "INSERT", "UPDATE"]),
    ("audit_events", &["SELECT", "INSERT"]),
    ("audit_event_conflicts", &["SELECT", "INSERT"]),
    ("audit_history", &["SELECT", "INSERT"]),
    ("audit_seals", &["SELECT", "INSERT"]),
    ("audit_anchors", &["SELECT", "INSERT"]),
    ("auditsync_migrations", &["SELECT"]),
];

/// The oldest major version of PostgreSQL that has everything that the statements use.
const OLDEST: i32 = 13;

/// A description of the server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its version, as the server writes it.
    pub version: String,
    /// Whether auditsync works with that version.
    pub supported: bool,
    /// The port that it listens on.
    pub port: u16,
    /// The connected role.
    pub role: String,
    /// Whether the role may create tables.
    pub may_create: bool,
    /// Why a sync can't use the database.
    pub obstacles: Vec<Obstacle>,
    /// Why a first sync can't make the schema.
    pub migration_obstacles: Vec<Obstacle>,
}

/// The needed rights of a role on one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The table.
    pub table: String,
    /// The privileges that it has.
    pub granted: Vec<String>,
    /// The privileges that it lacks.
    pub lacking: Vec<String>,
}

impl Reader {
    /// The server that the connections lead to.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::of(self.connections().options())
    }

    /// How the connections are protected.
    pub fn protection(&self) -> Protection {
        Protection::of(self.connections().options())
    }

    /// Fails when the database accepts no writes or the schema is incomplete. Commands that write
    /// call it before they write or request anything.
    pub async fn require_writable(&self) -> Result<()> {
        diagnosis::require_writable(self.connections()).await
    }

    /// The obstacle of an incomplete schema, if it is one. The schema must be the current one.
    pub async fn schema_gaps(&self) -> Result<Option<Obstacle>> {
        let mut tx = self.begin().await?;
        let missing = missing(&mut tx).await?;
        Ok((!missing.is_empty()).then_some(Obstacle::SchemaIncomplete(missing)))
    }

    /// Describes the server and the role.
    pub async fn server(&self) -> Result<Server> {
        let ask = async || server_row(&mut self.begin().await?).await;
        let row = self.connections().persist("describe its settings", ask).await?;
        let found = Diagnosis::from_row(&row)?;
        Ok(Server {
            version: column(&row, "version")?,
            supported: column::<i32>(&row, "version_number")? / 10_000 >= OLDEST,
            port: column::<i32>(&row, "port")? as u16,
            role: column(&row, "role")?,
            may_create: column(&row, "may_create")?,
            obstacles: [found.reading, found.writing].concat(),
            migration_obstacles: [found.automatic_migration, found.migration].concat(),
        })
    }

    /// The rights of the role on each table that exists.
    pub async fn rights(&self) -> Result<Vec<Rights>> {
        let needed =
            NEEDED.iter().flat_map(|(table, needs)| needs.iter().map(|need| (*table, *need)));
        let (tables, privileges): (Vec<&str>, Vec<&str>) = needed.unzip();
        let operation = "describe the role's rights";
        let rows = self.connections().persist(operation, async || {
            let mut tx = self.begin().await?;
            let query = statement(include_str!("sql/rights.sql")).bind(&tables).bind(&privileges);
            query.fetch_all(&mut *tx).await.context(operation)
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
