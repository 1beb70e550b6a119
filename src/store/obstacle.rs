//! What keeps a database from being used, told as what it is: by `check`, and by the first command that meets it.

use std::fmt;

use sqlx::postgres::PgRow;

use super::error::Doing;
use super::expected::Expected;
use super::patience::STATEMENT;
use super::{Error, Reader, Result, Transaction, column, statement};
use crate::text::shown;

/// Something that keeps the database from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// New transactions may not write.
    ReadOnly {
        /// What sets it, in the server's word: `database`, `user`, `configuration file`, …
        set_by: String,
        /// The database.
        database: String,
        /// The role.
        role: String,
    },
    /// The server follows another.
    Standby,
    /// Texts are not stored as UTF-8.
    Encoding(String),
    /// Rows of these tables are hidden from the role, or refused.
    RowSecurity {
        /// The tables.
        tables: Vec<String>,
        /// The role.
        role: String,
    },
    /// The role may not do what a statement asks for.
    Rights {
        /// The server's words.
        words: String,
        /// The role.
        role: String,
    },
    /// The role may not use the schema.
    NotAllowed {
        /// The schemas.
        schemas: Vec<String>,
        /// The role.
        role: String,
    },
    /// Our tables are in a schema in which they are not looked for.
    Elsewhere {
        /// The schemas that have them.
        schemas: Vec<String>,
        /// Where they are looked for.
        search_path: String,
        /// The role.
        role: String,
    },
    /// There is no schema to make tables in.
    NoSchema {
        /// Where one is looked for.
        search_path: String,
    },
    /// Another program made tables of our names.
    Taken(Vec<String>),
    /// The schema is ours, and lacks something.
    Lacking(Vec<String>),
}

impl Obstacle {
    /// What is wrong.
    pub fn problem(&self) -> String {
        match self {
            Self::ReadOnly { set_by, .. } => {
                format!(
                    "the database accepts no writes: default_transaction_read_only is on (set by: {set_by})"
                )
            }
            Self::Standby => "the server is a standby, which accepts no writes".to_owned(),
            Self::Encoding(encoding) => {
                format!("the database's encoding is {encoding}, and auditsync needs UTF8")
            }
            Self::RowSecurity { tables, role } => {
                format!(
                    "row-level security on {} hides or refuses rows for the role {role}",
                    tables.join(", ")
                )
            }
            Self::Rights { words, role } => format!("the role {role} lacks a right: {words}"),
            Self::NotAllowed { schemas, role } => {
                format!(
                    "the role {role} may not use the schema {} of its search_path",
                    schemas.join(", ")
                )
            }
            Self::Elsewhere { schemas, search_path, role } => format!(
                "auditsync's tables are in the schema {}, where the role {role} does not look: its search_path is '{search_path}'",
                schemas.join(", ")
            ),
            Self::NoSchema { search_path } => {
                format!("no schema of the search_path exists, which is '{search_path}'")
            }
            Self::Taken(tables) => format!(
                "{} exists already, and another program made it: nothing was changed",
                tables
                    .iter()
                    .map(|table| format!("the table {table}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Self::Lacking(lacking) => format!("the schema lacks {}", lacking.join(", ")),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::ReadOnly { set_by, database, role } => match set_by.as_str() {
                "database" => format!("`ALTER DATABASE {database} RESET default_transaction_read_only` ends that"),
                "user" => format!("`ALTER ROLE {role} RESET default_transaction_read_only` ends that"),
                "database user" => {
                    format!("`ALTER ROLE {role} IN DATABASE {database} RESET default_transaction_read_only` ends that")
                }
                "client" => "Take default_transaction_read_only out of the address's `options`".to_owned(),
                _ => "Reset default_transaction_read_only where the server's settings are".to_owned(),
            },
            Self::Standby => "Give the address of the primary server, or promote this one".to_owned(),
            Self::Encoding(_) => {
                "Use a database made with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`".to_owned()
            }
            Self::RowSecurity { tables, role } => format!(
                "Use the role that owns them, or `ALTER ROLE {role} BYPASSRLS`, or {}",
                tables
                    .iter()
                    .map(|table| format!("`ALTER TABLE {table} DISABLE ROW LEVEL SECURITY`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Self::Rights { role, .. } => {
                format!(
                    "GRANT it to {role}: sql/roles.sql has all that a role needs, and `auditsync check` tells what is missing"
                )
            }
            Self::NotAllowed { schemas, role } => format!("`GRANT USAGE ON SCHEMA {} TO {role}`", schemas.join(", ")),
            Self::Elsewhere { schemas, role, .. } => format!(
                "`ALTER ROLE {role} SET search_path = {}`; or, for a second ledger apart from that one, `auditsync migrate`",
                schemas.first().map_or("", |schema| schema)
            ),
            Self::NoSchema { .. } => "Create one of them, or set search_path to one that exists".to_owned(),
            Self::Taken(_) => "Use another database or schema, or rename what is there".to_owned(),
            Self::Lacking(_) => {
                "Somebody changed it after `auditsync migrate`: restore it as migrations/ makes it, or from a backup"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.problem(), self.advice())
    }
}

/// What stands in the way of what.
#[derive(Debug, Default)]
pub(super) struct Obstacles {
    role: String,
    pub(super) reading: Vec<Obstacle>,
    pub(super) writing: Vec<Obstacle>,
    /// Where the schema is brought up to date…
    pub(super) migrating: Vec<Obstacle>,
    /// …and where it is done without being asked for.
    pub(super) migrating_unasked: Vec<Obstacle>,
}

impl Obstacles {
    pub(super) fn of(row: &PgRow) -> Result<Self> {
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
        let (schemas, elsewhere) = (names("not_allowed")?, names("elsewhere")?);
        if !schemas.is_empty() {
            let obstacle = Obstacle::NotAllowed { schemas, role };
            found.migrating.push(obstacle.clone());
            found.migrating_unasked.push(obstacle);
        } else if !elsewhere.is_empty() {
            found.migrating_unasked.push(Obstacle::Elsewhere {
                schemas: elsewhere,
                search_path: search_path.clone(),
                role,
            });
        }
        if column::<Option<String>>(row, "schema")?.is_none() && found.migrating_unasked.is_empty()
        {
            found.migrating.push(Obstacle::NoSchema { search_path });
        }
        let taken = names("taken")?;
        let ours = taken.iter().any(|table| table == "auditsync_migrations");
        if !ours && !taken.is_empty() && found.migrating_unasked.is_empty() {
            found.migrating.push(Obstacle::Taken(taken));
        }
        Ok(found)
    }
}

impl Obstacles {
    /// Fails where the schema can't be made.
    pub(super) fn must_allow_migrating(self) -> Result<()> {
        [self.reading, self.writing, self.migrating].into_iter().try_for_each(fail_at)
    }
}

/// Looks for what stands in the way, in a transaction.
pub(super) async fn obstacles(tx: &mut Transaction) -> Result<Obstacles> {
    Obstacles::of(&server_row(tx).await?)
}

/// The server and the role, as `sql/server.sql` finds them.
pub(super) async fn server_row(tx: &mut Transaction) -> Result<PgRow> {
    let tables = Expected::of_this_program().tables();
    let question = statement(include_str!("sql/server.sql")).bind(tables);
    question.fetch_one(&mut **tx).await.doing("tell what it is")
}

/// What the schema lacks, in words; nothing where there is none.
async fn lacking(tx: &mut Transaction) -> Result<Vec<String>> {
    let expected = Expected::of_this_program();
    let (tables, columns): (Vec<&str>, Vec<&str>) = expected.columns.iter().copied().unzip();
    let (key_tables, keys): (Vec<&str>, Vec<&str>) = expected.keys.iter().copied().unzip();
    let question = statement(include_str!("sql/lacking.sql"))
        .bind(tables)
        .bind(columns)
        .bind(key_tables)
        .bind(keys);
    let rows = question.fetch_all(&mut **tx).await.doing("tell what its schema has")?;
    rows.iter().map(|row| column(row, "lacking")).collect()
}

impl Reader {
    pub(super) async fn obstacles(&self) -> Result<Obstacles> {
        let ask = async || obstacles(&mut self.begin().await?).await;
        self.connections().persist("tell what it is", ask).await
    }

    /// What the schema lacks, where there is one.
    pub async fn lacking(&self) -> Result<Option<Obstacle>> {
        let mut tx = self.begin().await?;
        let lacking = lacking(&mut tx).await?;
        Ok(if lacking.is_empty() { None } else { Some(Obstacle::Lacking(lacking)) })
    }

    /// Makes sure that the database shows all that it holds.
    pub(super) async fn must_show_all(&self) -> Result<()> {
        fail_at(self.obstacles().await?.reading)
    }

    /// Makes sure that the database takes writes and that the schema is whole, before anything is written or asked for.
    pub async fn must_take_writes(&self) -> Result<()> {
        let ask = async || {
            let mut tx = self.begin().await?;
            Ok((obstacles(&mut tx).await?, lacking(&mut tx).await?))
        };
        let (found, lacking) = self.connections().persist("tell what it is", ask).await?;
        fail_at(found.reading)?;
        fail_at(found.writing)?;
        if lacking.is_empty() { Ok(()) } else { Err(Error::Unusable(Obstacle::Lacking(lacking))) }
    }

    /// Why a statement does not fit the database, or may not be run: what hides rows, what the schema lacks, which right is
    /// missing, or else the server's own words.
    pub(super) async fn explain(&self, error: Error) -> Error {
        let looked = async || {
            let mut tx = self.begin().await?;
            Ok::<_, Error>((obstacles(&mut tx).await?, lacking(&mut tx).await?))
        };
        let looked = tokio::time::timeout(STATEMENT, looked()).await;
        let Ok(Ok((found, lacking))) = looked else { return error };
        if let Some(obstacle) = found.reading.into_iter().next() {
            return Error::Unusable(obstacle);
        }
        if !lacking.is_empty() {
            return Error::Unusable(Obstacle::Lacking(lacking));
        }
        match error.refused_right() {
            Some(words) => Error::Unusable(Obstacle::Rights { words, role: found.role }),
            None => error,
        }
    }
}

/// Fails for the first of what was found.
pub(super) fn fail_at(found: Vec<Obstacle>) -> Result<()> {
    found.into_iter().next().map_or(Ok(()), |obstacle| Err(Error::Unusable(obstacle)))
}
