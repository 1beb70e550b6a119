//! Finds out which schema a database has, and brings it up to date.
//!
//! The migrations run in one transaction under a lock that ends with the transaction. So any number
//! of processes may start at once, with or without a pooler, and a failure changes nothing. sqlx's
//! own runner is not used, because it locks for a session and prepares statements by name.

use sqlx::migrate::Migration;
use sqlx::{Executor as _, SqlStr};
use tracing::warn;

use super::diagnosis::{self, Diagnosis};
use super::error::{Error, ErrorContext as _, Result};
use super::handle::{Reader, Store};
use super::migrations::{
    LIST, LOCK, MIGRATE, Schema, all_migrations, first_without_ledger, migrations, name, schema_of,
};
use super::patience::Retrying;
use super::pool::Transaction;
use super::seal;
use super::statement::{column, statement};

/// The schema can't be used, or can't be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer auditsync migrated the database.
    #[error(
        "the database has version {0} of the schema, which this auditsync does not know: \
         use the newer auditsync that migrated it"
    )]
    Ahead(i64),
    /// A migration has another text here than in this program.
    #[error(
        "migration {0} ran here with another text than this auditsync has: \
         use the auditsync that ran it"
    )]
    Changed(i64),
    /// The ledger of the Python logger, which only `migrate` adopts.
    #[error(
        "the table audit_events_log is the Python logger's, with no column `source`: nothing was \
         changed. `auditsync migrate --dry-run` shows what adopting it would do, and \
         `auditsync migrate` does it; with several sources in the file, `--adopt-as NAME` \
         names the source of its days"
    )]
    PythonLogger,
    /// A table of another program.
    #[error(
        "the table audit_events_log exists already and has no column `source`, so another program \
         made it: nothing was changed. Use another database, or rename that table"
    )]
    Foreign,
    /// The role lacks a right; holds the server's message.
    #[error(
        "the schema is behind, and this database role may not bring it up to date: {0}. \
         Run `auditsync migrate` as a role that may create tables"
    )]
    NotAllowed(String),
    /// The schema is behind, and the command must not change it.
    #[error(
        "the database has no schema of auditsync yet, or an older one. \
         Run `auditsync migrate`, or a first sync"
    )]
    NotReady,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Schema {
    /// The error of a command that needs the schema of this program.
    pub fn into_error(self) -> SchemaError {
        match self {
            Self::Absent | Self::Behind(_) | Self::Current => SchemaError::NotReady,
            Self::Ahead(version) => SchemaError::Ahead(version),
            Self::Changed(version) => SchemaError::Changed(version),
            Self::PythonLogger => SchemaError::PythonLogger,
            Self::Foreign => SchemaError::Foreign,
        }
    }
}

impl Reader {
    /// The schema of the database. Fails when the database may hide rows, and when our tables are
    /// in a schema outside of the search path.
    pub async fn schema(&self) -> Result<Schema> {
        let schema = self.schema_for_migration().await?;
        if schema == Schema::Absent {
            let found = diagnosis::diagnose(self.connections()).await?;
            diagnosis::reject(found.reading)?;
            diagnosis::reject(found.automatic_migration)?;
        }
        Ok(schema)
    }

    /// The schema, for a command that makes it where the search path says. Fails when the database
    /// may hide rows.
    pub async fn schema_for_migration(&self) -> Result<Schema> {
        let (schema, may_hide_rows) = self.look_at_schema().await?;
        if may_hide_rows {
            diagnosis::require_readable(self.connections()).await?;
        }
        Ok(schema)
    }

    /// The schema, for a command that reports obstacles itself.
    pub async fn schema_unchecked(&self) -> Result<Schema> {
        Ok(self.look_at_schema().await?.0)
    }

    async fn look_at_schema(&self) -> Result<(Schema, bool)> {
        let ask = async || look(&mut self.begin().await?).await;
        match self.connections().persist("read its schema version", ask).await {
            Err(error) if error.is_schema_mismatch() => {
                Err(diagnosis::explain(self.connections(), error).await)
            }
            looked => looked,
        }
    }
}

impl Store {
    /// Brings the schema up to date, and returns the migrations that ran.
    pub async fn migrate(&self) -> Result<Vec<String>, SchemaError> {
        let mut retrying = Retrying::new(self.connections(), MIGRATE);
        let mut committing = Vec::new();
        loop {
            match retrying.attempt(self.try_migrate(&mut committing)).await {
                Err(SchemaError::Store(error)) => retrying.after(error).await?,
                migrated => return migrated,
            }
        }
    }

    /// Keeps in `committing` what a commit would do. If its answer is lost, the next attempt finds
    /// the schema current and returns that.
    async fn try_migrate(&self, committing: &mut Vec<String>) -> Result<Vec<String>, SchemaError> {
        let mut tx = self.begin().await?;
        let found = Diagnosis::read(&mut tx).await?;
        lock(&mut tx).await?;
        limit_lock_wait(&mut tx).await?;
        // Another process may have migrated while this one waited for the lock.
        let pending = match schema(&mut tx).await? {
            Schema::Current => {
                restart_chain(tx).await?;
                return Ok(std::mem::take(committing));
            }
            Schema::Absent => {
                found.require_migratable()?;
                migrations()
            }
            Schema::Behind(names) => {
                migrations().into_iter().filter(|m| names.contains(&name(m))).collect()
            }
            other => return Err(other.into_error()),
        };
        for migration in &pending {
            apply(&mut tx, migration).await.map_err(not_allowed)?;
        }
        *committing = pending.iter().map(name).collect();
        seal::begin_chain(&mut tx).await?;
        tx.commit().await?;
        Ok(std::mem::take(committing))
    }
}

/// Begins a new chain where a complete schema has none: its seals were deleted.
async fn restart_chain(mut tx: Transaction) -> Result<()> {
    if seal::begin_chain(&mut tx).await? {
        warn!(
            "the chain of seals was gone: a new one begins. `auditsync verify` shows which days \
            have no seal"
        );
        tx.commit().await?;
    }
    Ok(())
}

/// Locks the schema until the end of the transaction. Other processes that change it wait.
pub(super) async fn lock(tx: &mut Transaction) -> Result<()> {
    statement(include_str!("sql/schema_lock.sql"))
        .bind(LOCK)
        .execute(&mut **tx)
        .await
        .context("lock the schema")?;
    Ok(())
}

/// Shortens every wait for a lock in the transaction. Other sessions queue behind a change of a
/// table, so it gives up soon and is retried.
pub(super) async fn limit_lock_wait(tx: &mut Transaction) -> Result<()> {
    statement(include_str!("sql/limit_lock_wait.sql")).execute(&mut **tx).await.context(MIGRATE)?;
    Ok(())
}

async fn apply(tx: &mut Transaction, migration: &Migration) -> Result<()> {
    run_and_record(tx, migration, migration.sql.clone()).await
}

/// Applies the first migration to a database that has its ledger already.
pub(super) async fn apply_first_without_ledger(tx: &mut Transaction) -> Result<()> {
    run_and_record(tx, &migrations()[0], first_without_ledger()).await
}

/// Applies all migrations after the first, and returns the names of all.
pub(super) async fn apply_later(tx: &mut Transaction) -> Result<Vec<String>> {
    for migration in &migrations()[1..] {
        apply(tx, migration).await?;
    }
    Ok(all_migrations())
}

/// Runs the text of a migration, and adds it to the list of applied migrations.
async fn run_and_record(tx: &mut Transaction, migration: &Migration, sql: SqlStr) -> Result<()> {
    tx.execute(sqlx::raw_sql(LIST)).await.context(MIGRATE)?;
    tx.execute(sqlx::raw_sql(sql)).await.context(MIGRATE)?;
    statement(include_str!("sql/schema_record.sql"))
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .execute(&mut **tx)
        .await
        .context(MIGRATE)?;
    Ok(())
}

/// The schema of the database, as the transaction sees it.
pub(super) async fn schema(tx: &mut Transaction) -> Result<Schema> {
    Ok(look(tx).await?.0)
}

/// The schema, and whether the database may hide rows.
async fn look(tx: &mut Transaction) -> Result<(Schema, bool)> {
    let operation = "read its schema version";
    let row = statement(include_str!("sql/schema_present.sql"))
        .fetch_one(&mut **tx)
        .await
        .context(operation)?;
    let may_hide_rows = column(&row, "may_hide_rows")?;
    if column(&row, "ledger")? && !column::<bool>(&row, "ledger_has_source")? {
        let is_python = column(&row, "ledger_is_the_python_loggers")?;
        let schema = if is_python { Schema::PythonLogger } else { Schema::Foreign };
        return Ok((schema, may_hide_rows));
    }
    if !column::<bool>(&row, "migrations")? {
        return Ok((Schema::Absent, may_hide_rows));
    }
    let rows = statement(include_str!("sql/schema_versions.sql"))
        .fetch_all(&mut **tx)
        .await
        .context(operation)?;
    let applied = rows.iter().map(|row| Ok((column(row, "version")?, column(row, "checksum")?)));
    Ok((schema_of(&applied.collect::<Result<_>>()?), may_hide_rows))
}

/// Turns a missing right into its own error.
pub(super) fn not_allowed(error: Error) -> SchemaError {
    match error.missing_right() {
        Some(message) => SchemaError::NotAllowed(message.to_owned()),
        None => SchemaError::Store(error),
    }
}
