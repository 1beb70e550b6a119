//! The migrations that this program knows, and how their lists compare.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlx::migrate::{Migration, MigrationType};
use sqlx::{SqlSafeStr as _, SqlStr};

/// Every migration, oldest first. A file under `migrations/` that this list omits would never run;
/// a test compares them.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "ledger and events", include_str!("../../migrations/0001_ledger_and_events.sql"))];

/// The statement that makes the table of migrations.
pub(super) const LIST: &str = include_str!("sql/schema_list.sql");

/// The number of the advisory lock on the schema. Other programs are unlikely to use it.
pub(super) const LOCK: i64 = 0x6175_6469_7473_796e;

/// The number of the advisory lock on the chain of seals. The function `auditsync_seal` takes it.
pub(super) const CHAIN_LOCK: i64 = 7_022_629_598_042_219_873;

/// The operations that change the schema, for error messages.
pub(super) const MIGRATE: &str = "bring the schema up to date";
pub(super) const ADOPT: &str = "adopt the Python logger's table";

/// The schema that a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// None of ours.
    Absent,
    /// An older one, which lacks the named migrations.
    Behind(Vec<String>),
    /// The one of this program.
    Current,
    /// A newer version than this program knows.
    Ahead(i64),
    /// The text of this migration changed after it ran here.
    Changed(i64),
    /// The ledger of the Python logger.
    PythonLogger,
    /// A ledger without sources, which another program made.
    Foreign,
}

/// The names of all migrations, oldest first.
pub fn all_migrations() -> Vec<String> {
    migrations().iter().map(name).collect()
}

pub(super) fn migrations() -> Vec<Migration> {
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

pub(super) fn name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}

/// Every text that makes tables.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    [LIST].into_iter().chain(MIGRATIONS.iter().map(|(_, _, text)| *text))
}

/// The part of the first migration that follows the ledger, for a database that has its ledger.
pub(super) fn first_without_ledger() -> SqlStr {
    behind_the_ledger().into_sql_str()
}

fn behind_the_ledger() -> &'static str {
    let (_, _, first) = MIGRATIONS[0];
    first.find("\n-- The events.").map_or(first, |end| &first[end..])
}

/// The schema of a database in which these migrations ran, each with its checksum.
pub(super) fn schema_of(applied: &BTreeMap<i64, Vec<u8>>) -> Schema {
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
    let pending: Vec<_> =
        known.iter().filter(|m| !applied.contains_key(&m.version)).map(name).collect();
    if pending.is_empty() { Schema::Current } else { Schema::Behind(pending) }
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
    fn without_its_ledger_the_first_migration_makes_all_other_tables() {
        let (_, _, first) = MIGRATIONS[0];
        let tables = |sql: &str| -> Vec<_> {
            let lines = sql.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
            lines.map(|line| line.trim_end_matches(" (").to_owned()).collect()
        };
        let mut made = tables(behind_the_ledger());
        made.insert(0, "audit_events_log".to_owned());
        assert_eq!(made, tables(first));
    }

    #[test]
    fn every_migration_file_is_listed_under_its_number() {
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
