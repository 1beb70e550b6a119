//! Makes statements and reads their rows.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row as _};

use super::error::{ErrorContext as _, Result};
use crate::event::Hash;

/// A statement with its parameters, which owns them.
pub(super) type Statement = Query<'static, Postgres, PgArguments>;

/// A statement that PostgreSQL prepares without a name. A pooler in transaction mode would leave a
/// named one on a connection that another client gets next. `clippy.toml` rejects every other way
/// to make a statement.
#[expect(clippy::disallowed_methods, reason = "the one place where a statement is made")]
pub(super) fn statement(sql: &'static str) -> Statement {
    sqlx::query(sql).persistent(false)
}

/// A column of a row that one of our statements returned.
pub(super) fn column<'r, T>(row: &'r PgRow, name: &'static str) -> Result<T>
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    row.try_get(name).context("return a column as expected")
}

/// A column that holds a SHA-256.
pub(super) fn hash(row: &PgRow, name: &'static str) -> Result<Hash> {
    let bytes: &[u8] = column(row, name)?;
    bytes.try_into().map_err(|_| sqlx::Error::Decode("32 bytes are expected".into())).context(name)
}

/// The row of a statement that always returns one.
pub(super) fn first<'r>(rows: &'r [PgRow], operation: &'static str) -> Result<&'r PgRow> {
    rows.first().ok_or(sqlx::Error::RowNotFound).context(operation)
}
