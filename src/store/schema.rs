//! The schema's versions: what a database has, and how it is brought up to date.
//!
//! The migrations run in one transaction under a lock that ends with it, so that any number of processes may start at
//! once, with or without a pooler between, and a failure leaves nothing half done. sqlx's own runner is not used: it
//! locks for a session and prepares statements by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlx::Executor as _;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::{SqlSafeStr as _, SqlStr};

use super::error::Doing;
use super::patience::Tries;
use super::{Error, Reader, Store, Transaction, column, obstacle, statement};

/// Every migration, oldest first. A file under `migrations/` that is not named here would never run; a test compares.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "ledger and events", include_str!("../../migrations/0001_ledger_and_events.sql"))];

/// Any number that other programs on the same database are unlikely to lock by.
pub(super) const LOCK: i64 = 0x6175_6469_7473_796e;

pub(super) const DOING: &str = "bring the schema up to date";

/// What schema a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// None of ours.
    Absent,
    /// An older one: these migrations are to come.
    Behind(Vec<String>),
    /// This program's.
    Current,
    /// A newer one than this program knows.
    Ahead(i64),
    /// One of our migrations was changed after it ran here.
    Changed(i64),
    /// The ledger of the Python logger.
    PythonLogger,
    /// A ledger without sources, which another program made.
    Foreign,
}

/// The schema can't be used, or not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer program was here.
    #[error(
        "the database has version {0} of the schema, which this auditsync does not know: \
         use the newer auditsync that migrated it"
    )]
    Ahead(i64),
    /// The list of migrations does not fit.
    #[error(
        "migration {0} ran here with another text than this auditsync has: use the auditsync that ran it"
    )]
    Changed(i64),
    /// The ledger of the Python logger, which is taken over only when that is asked for.
    #[error(
        "the table audit_events_log is the Python logger's, with no column `source`: nothing was changed. \
         `auditsync migrate --dry-run` tells what taking it over would do, and `auditsync migrate` does it; \
         where the file has several sources, `--adopt-as NAME` says whose days they are"
    )]
    PythonLogger,
    /// Somebody else's table.
    #[error(
        "the table audit_events_log exists already and has no column `source`, so another program made it: \
         nothing was changed. Use another database, or rename that table"
    )]
    Foreign,
    /// The role lacks a right.
    #[error(
        "the schema is behind, and this database role may not bring it up to date: {0}. \
         Run `auditsync migrate` as a role that may create tables"
    )]
    NotAllowed(String),
    /// The schema is behind, where it is not to be changed.
    #[error(
        "the database has no schema of auditsync's yet, or an older one. Run `auditsync migrate`, or a first sync"
    )]
    NotReady,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Schema {
    /// Why a command that needs this program's own schema can't go on.
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
    /// What schema the database has. Fails where it may hold more than it shows, and where it has none but another schema
    /// than the one that is looked in has ours.
    pub async fn schema(&self) -> Result<Schema, Error> {
        let schema = self.schema_to_migrate().await?;
        if schema == Schema::Absent {
            let found = self.obstacles().await?;
            obstacle::fail_at(found.reading)?;
            obstacle::fail_at(found.migrating_unasked)?;
        }
        Ok(schema)
    }

    /// The same for one who asks for a schema in the place where tables are made.
    pub async fn schema_to_migrate(&self) -> Result<Schema, Error> {
        let (schema, is_suspect) = self.look_at_schema().await?;
        if is_suspect {
            self.must_show_all().await?;
        }
        Ok(schema)
    }

    /// The same for one who tells what is in the way.
    pub async fn schema_as_it_is(&self) -> Result<Schema, Error> {
        Ok(self.look_at_schema().await?.0)
    }

    async fn look_at_schema(&self) -> Result<(Schema, bool), Error> {
        let ask = async || look(&mut self.begin().await?).await;
        match self.connections().persist("tell its schema", ask).await {
            Err(error) if error.is_misfit() => Err(self.explain(error).await),
            looked => looked,
        }
    }
}

impl Store {
    /// Brings the schema up to date, and returns the migrations that this took.
    pub async fn migrate(&self) -> Result<Vec<String>, SchemaError> {
        let mut tries = Tries::new(&self.connections, DOING);
        let mut ordered = Vec::new();
        loop {
            match tries.attempt(self.try_migrate(&mut ordered)).await {
                Err(SchemaError::Store(error)) => tries.again(error).await?,
                migrated => return migrated,
            }
        }
    }

    /// `ordered` holds what was ordered to be committed, for when no answer comes and the next try finds it done.
    async fn try_migrate(&self, ordered: &mut Vec<String>) -> Result<Vec<String>, SchemaError> {
        let mut tx = self.begin().await?;
        let found = obstacle::obstacles(&mut tx).await?;
        lock(&mut tx).await?;
        wait_briefly(&mut tx).await?;
        // Another process may have done it while this one waited for the lock.
        let to_come = match schema(&mut tx).await? {
            Schema::Current => return Ok(std::mem::take(ordered)),
            Schema::Absent => {
                found.must_allow_migrating()?;
                migrations()
            }
            Schema::Behind(names) => {
                migrations().into_iter().filter(|m| names.contains(&name(m))).collect()
            }
            other => return Err(other.into_error()),
        };
        for migration in &to_come {
            apply(&mut tx, migration).await.map_err(not_allowed)?;
        }
        *ordered = to_come.iter().map(name).collect();
        tx.commit().await?;
        Ok(std::mem::take(ordered))
    }
}

/// The texts of what makes tables.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    [include_str!("sql/schema_list.sql")]
        .into_iter()
        .chain(MIGRATIONS.iter().map(|(_, _, text)| *text))
}

/// All migrations, by name.
pub fn all_migrations() -> Vec<String> {
    migrations().iter().map(name).collect()
}

/// Waits until no other process changes the schema, and keeps it so to the end of the transaction.
pub(super) async fn lock(tx: &mut Transaction) -> Result<(), Error> {
    statement(include_str!("sql/schema_lock.sql"))
        .bind(LOCK)
        .execute(&mut **tx)
        .await
        .doing("lock the schema")?;
    Ok(())
}

/// For the rest of the transaction: a change of a table that somebody uses is given up soon and tried again, because all
/// others would wait behind it.
pub(super) async fn wait_briefly(tx: &mut Transaction) -> Result<(), Error> {
    statement(include_str!("sql/wait_briefly.sql")).execute(&mut **tx).await.doing(DOING)?;
    Ok(())
}

/// Applies a migration.
async fn apply(tx: &mut Transaction, migration: &Migration) -> Result<(), Error> {
    run_and_record(tx, migration, migration.sql.clone()).await
}

/// Applies the first migration to a database that has its ledger already.
pub(super) async fn begin_beside_a_ledger(tx: &mut Transaction) -> Result<(), Error> {
    run_and_record(tx, &migrations()[0], beside_a_ledger().into_sql_str()).await
}

/// Applies those behind the first, and names them all.
pub(super) async fn finish(tx: &mut Transaction) -> Result<Vec<String>, Error> {
    for migration in &migrations()[1..] {
        apply(tx, migration).await?;
    }
    Ok(all_migrations())
}

/// What the first migration makes beside the ledger.
fn beside_a_ledger() -> &'static str {
    let (_, _, first) = MIGRATIONS[0];
    first.find("\n-- The events.").map_or(first, |end| &first[end..])
}

/// Runs the text of a migration, and puts it on the list.
async fn run_and_record(
    tx: &mut Transaction,
    migration: &Migration,
    sql: SqlStr,
) -> Result<(), Error> {
    let doing = DOING;
    let list = include_str!("sql/schema_list.sql");
    tx.execute(sqlx::raw_sql(list)).await.doing(doing)?;
    tx.execute(sqlx::raw_sql(sql)).await.doing(doing)?;
    statement(include_str!("sql/schema_record.sql"))
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .execute(&mut **tx)
        .await
        .doing(doing)?;
    Ok(())
}

/// What schema the database has, as the transaction sees it.
pub(super) async fn schema(tx: &mut Transaction) -> Result<Schema, Error> {
    Ok(look(tx).await?.0)
}

/// The same, and whether there is reason to look closer.
async fn look(tx: &mut Transaction) -> Result<(Schema, bool), Error> {
    let doing = "tell its schema";
    let row = statement(include_str!("sql/schema_present.sql"))
        .fetch_one(&mut **tx)
        .await
        .doing(doing)?;
    let is_suspect = column(&row, "suspect")?;
    if column(&row, "ledger")? && !column::<bool>(&row, "ledger_has_source")? {
        let known = column(&row, "ledger_is_the_python_loggers")?;
        return Ok((if known { Schema::PythonLogger } else { Schema::Foreign }, is_suspect));
    }
    if !column::<bool>(&row, "migrations")? {
        return Ok((Schema::Absent, is_suspect));
    }
    let rows = statement(include_str!("sql/schema_versions.sql"))
        .fetch_all(&mut **tx)
        .await
        .doing(doing)?;
    let applied = rows.iter().map(|row| Ok((column(row, "version")?, column(row, "checksum")?)));
    Ok((of(&applied.collect::<Result<_, Error>>()?), is_suspect))
}

/// The schema of a database in which these migrations ran, each with its checksum.
pub(super) fn of(applied: &BTreeMap<i64, Vec<u8>>) -> Schema {
    compare(&migrations(), applied)
}

fn compare(known: &[Migration], applied: &BTreeMap<i64, Vec<u8>>) -> Schema {
    let newest_known = known.iter().map(|migration| migration.version).max();
    if let Some((version, _)) =
        applied.last_key_value().filter(|(version, _)| Some(**version) > newest_known)
    {
        return Schema::Ahead(*version);
    }
    let changed =
        |m: &&Migration| applied.get(&m.version).is_some_and(|checksum| **checksum != *m.checksum);
    if let Some(migration) = known.iter().find(changed) {
        return Schema::Changed(migration.version);
    }
    let to_come: Vec<_> =
        known.iter().filter(|m| !applied.contains_key(&m.version)).map(name).collect();
    if to_come.is_empty() { Schema::Current } else { Schema::Behind(to_come) }
}

fn migrations() -> Vec<Migration> {
    let migration = |(version, description, sql): &(i64, &'static str, &'static str)| {
        Migration::new(
            *version,
            Cow::Borrowed(*description),
            MigrationType::Simple,
            (*sql).into_sql_str(),
            false,
        )
    };
    MIGRATIONS.iter().map(migration).collect()
}

fn name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}

/// Tells a right that the role lacks from what else may have failed.
pub(super) fn not_allowed(error: Error) -> SchemaError {
    match &error {
        // insufficient_privilege
        Error::Database { source: sqlx::Error::Database(refusal), .. }
            if refusal.code().as_deref() == Some("42501") =>
        {
            SchemaError::NotAllowed(refusal.message().to_owned())
        }
        _ => SchemaError::Store(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(migrations: &[Migration]) -> BTreeMap<i64, Vec<u8>> {
        migrations
            .iter()
            .map(|migration| (migration.version, migration.checksum.to_vec()))
            .collect()
    }

    #[test]
    fn a_database_is_current_behind_ahead_or_changed() {
        let known = migrations();
        assert_eq!(compare(&known, &applied(&known)), Schema::Current);
        assert_eq!(compare(&known, &BTreeMap::new()), Schema::Behind(all_migrations()));
        let mut newer = applied(&known);
        newer.insert(9999, vec![1]);
        assert_eq!(compare(&known, &newer), Schema::Ahead(9999));
        let mut changed = applied(&known);
        changed.insert(1, vec![1]);
        assert_eq!(compare(&known, &changed), Schema::Changed(1));
    }

    #[test]
    fn a_ledger_that_is_there_is_left_out_of_the_first_migration_and_nothing_else() {
        let (_, _, first) = MIGRATIONS[0];
        let tables = |sql: &str| -> Vec<_> {
            let lines = sql.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
            lines.map(|line| line.trim_end_matches(" (").to_owned()).collect()
        };
        let mut beside = tables(beside_a_ledger());
        beside.insert(0, "audit_events_log".to_owned());
        assert_eq!(beside, tables(first));
    }

    #[test]
    fn every_file_of_migrations_is_known_under_its_number() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let files = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path());
        let mut texts: Vec<_> = files
            .map(|file| (file.clone(), std::fs::read_to_string(file).expect("a file")))
            .collect();
        texts.sort();
        assert_eq!(texts.len(), MIGRATIONS.len());
        for ((file, text), (version, _, known)) in texts.iter().zip(MIGRATIONS) {
            assert_eq!(text, known);
            let number =
                file.file_name().and_then(|name| name.to_str()).and_then(|name| name.get(..4));
            assert_eq!(number, Some(&*format!("{version:04}")));
        }
    }
}
