//! Finds the obstacles that keep a database from being used.

use sqlx::postgres::PgRow;
use tokio::time::timeout;

use super::error::{Error, ErrorContext as _, Result};
use super::expected::Expected;
use super::obstacle::Obstacle;
use super::pool::{Access, Connections, STATEMENT, Transaction};
use super::statement::{column, statement};
use crate::text::shown;

/// The obstacles of a database, by what they prevent.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    role: String,
    pub(super) reading: Vec<Obstacle>,
    pub(super) writing: Vec<Obstacle>,
    /// Obstacles to `auditsync migrate`.
    pub(super) migration: Vec<Obstacle>,
    /// Obstacles to the migration that a first sync makes.
    pub(super) automatic_migration: Vec<Obstacle>,
}

impl Diagnosis {
    /// Finds the obstacles in a transaction.
    pub(super) async fn read(tx: &mut Transaction) -> Result<Self> {
        Self::from_row(&server_row(tx).await?)
    }

    /// Finds the obstacles in the row that `sql/server.sql` returns.
    pub(super) fn from_row(row: &PgRow) -> Result<Self> {
        let mut found = Self::default();
        let name = |name| Ok::<_, Error>(shown(&column::<String>(row, name)?));
        let names = |name| {
            let names = column::<Option<Vec<String>>>(row, name)?.unwrap_or_default();
            Ok::<_, Error>(names.iter().map(|name| shown(name)).collect::<Vec<_>>())
        };
        let (role, database, search_path) =
            (name("role")?, name("database")?, name("search_path")?);
        found.role.clone_from(&role);
        let encoding = name("encoding")?;
        if encoding != "UTF8" {
            found.reading.push(Obstacle::Encoding(encoding));
        }
        let tables = names("row_security")?;
        if !tables.is_empty() {
            found.reading.push(Obstacle::RowSecurity { tables, role: role.clone() });
        }
        if column(row, "standby")? {
            found.writing.push(Obstacle::Standby);
        } else if column(row, "read_only")? {
            let set_by = name("read_only_source")?;
            found.writing.push(Obstacle::ReadOnly { set_by, database, role: role.clone() });
        }
        let (forbidden, elsewhere) = (names("not_allowed")?, names("elsewhere")?);
        if !forbidden.is_empty() {
            let obstacle = Obstacle::SchemaForbidden { schemas: forbidden, role };
            found.migration.push(obstacle.clone());
            found.automatic_migration.push(obstacle);
        } else if !elsewhere.is_empty() {
            let (schemas, search_path) = (elsewhere, search_path.clone());
            let obstacle = Obstacle::OutsideSearchPath { schemas, search_path, role };
            found.automatic_migration.push(obstacle);
        }
        let has_none = found.automatic_migration.is_empty();
        if has_none && column::<Option<String>>(row, "schema")?.is_none() {
            found.migration.push(Obstacle::NoSchema { search_path });
        }
        let taken = names("taken")?;
        let ours = taken.iter().any(|table| table == "auditsync_migrations");
        if has_none && !ours && !taken.is_empty() {
            found.migration.push(Obstacle::NamesTaken(taken));
        }
        Ok(found)
    }

    /// Fails when the schema can't be made.
    pub(super) fn require_migratable(self) -> Result<()> {
        [self.reading, self.writing, self.migration].into_iter().try_for_each(reject)
    }
}

/// Fails with the first obstacle, if there is one.
pub(super) fn reject(found: Vec<Obstacle>) -> Result<()> {
    found.into_iter().next().map_or(Ok(()), |obstacle| Err(Error::Unusable(obstacle)))
}

/// Describes the server and the role: the row of `sql/server.sql`.
pub(super) async fn server_row(tx: &mut Transaction) -> Result<PgRow> {
    let tables = Expected::of_this_program().tables();
    let query = statement(include_str!("sql/server.sql")).bind(tables);
    query.fetch_one(&mut **tx).await.context("describe its settings")
}

/// What is missing from a schema of ours, in words.
pub(super) async fn missing(tx: &mut Transaction) -> Result<Vec<String>> {
    let expected = Expected::of_this_program();
    let (tables, columns): (Vec<&str>, Vec<&str>) = expected.columns.iter().copied().unzip();
    let (key_tables, keys): (Vec<&str>, Vec<&str>) = expected.keys.iter().copied().unzip();
    let query = statement(include_str!("sql/schema_missing.sql"))
        .bind(tables)
        .bind(columns)
        .bind(key_tables)
        .bind(keys);
    let rows = query.fetch_all(&mut **tx).await.context("describe its schema")?;
    rows.iter().map(|row| column(row, "missing")).collect()
}

/// Finds the obstacles, and retries while the database fails.
pub(super) async fn diagnose(connections: &Connections) -> Result<Diagnosis> {
    let ask = async || Diagnosis::read(&mut begin(connections).await?).await;
    connections.persist("describe its settings", ask).await
}

/// Fails when the database may hide rows from the role.
pub(super) async fn require_readable(connections: &Connections) -> Result<()> {
    reject(diagnose(connections).await?.reading)
}

/// Fails when the database accepts no writes, or when the schema is incomplete.
pub(super) async fn require_writable(connections: &Connections) -> Result<()> {
    let ask = async || look(connections).await;
    let (found, missing) = connections.persist("describe its settings", ask).await?;
    reject(found.reading)?;
    reject(found.writing)?;
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Error::Unusable(Obstacle::SchemaIncomplete(missing)))
    }
}

/// Explains why a statement does not fit the database, or may not run: hidden rows, an incomplete
/// schema, a missing right, or else the server's own message.
pub(super) async fn explain(connections: &Connections, error: Error) -> Error {
    let Ok(Ok((found, missing))) = timeout(STATEMENT, look(connections)).await else {
        return error;
    };
    if let Some(obstacle) = found.reading.into_iter().next() {
        return Error::Unusable(obstacle);
    }
    if !missing.is_empty() {
        return Error::Unusable(Obstacle::SchemaIncomplete(missing));
    }
    match error.missing_right() {
        Some(message) => {
            let message = message.to_owned();
            Error::Unusable(Obstacle::MissingRight { message, role: found.role })
        }
        None => error,
    }
}

async fn look(connections: &Connections) -> Result<(Diagnosis, Vec<String>)> {
    let mut tx = begin(connections).await?;
    Ok((Diagnosis::read(&mut tx).await?, missing(&mut tx).await?))
}

async fn begin(connections: &Connections) -> Result<Transaction> {
    connections.begin(Access::Read, "begin a transaction").await
}
