//! Why a database can't be used, and what to do about it. `check` and the first command that meets
//! an obstacle use the same words.

use std::fmt;

/// A reason why the database can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// New transactions may not write.
    ReadOnly {
        /// What sets it: the column `source` of the view `pg_settings`, such as `database`.
        set_by: String,
        /// The name of the database.
        database: String,
        /// The connected role.
        role: String,
    },
    /// The server is a standby.
    Standby,
    /// The database stores text in this encoding, not in UTF-8.
    Encoding(String),
    /// Row-level security hides rows from the role, or rejects rows.
    RowSecurity {
        /// The tables that have it.
        tables: Vec<String>,
        /// The connected role.
        role: String,
    },
    /// The role lacks a right that a statement needs.
    MissingRight {
        /// The server's message.
        message: String,
        /// The connected role.
        role: String,
    },
    /// The role may not use schemas of its search path.
    SchemaForbidden {
        /// These schemas.
        schemas: Vec<String>,
        /// The connected role.
        role: String,
    },
    /// Our tables are in a schema outside of the search path.
    OutsideSearchPath {
        /// The schemas that have them.
        schemas: Vec<String>,
        /// The search path.
        search_path: String,
        /// The connected role.
        role: String,
    },
    /// No schema of the search path exists, so there is none to create tables in.
    NoSchema {
        /// The search path.
        search_path: String,
    },
    /// Another program made tables with our names.
    NamesTaken(Vec<String>),
    /// The schema is ours, and these tables, columns or constraints are missing.
    SchemaIncomplete(Vec<String>),
}

impl Obstacle {
    /// What is wrong.
    pub fn problem(&self) -> String {
        match self {
            Self::ReadOnly { set_by, .. } => format!(
                "the database accepts no writes: default_transaction_read_only is on \
                 (set by: {set_by})"
            ),
            Self::Standby => "the server is a standby, which accepts no writes".to_owned(),
            Self::Encoding(encoding) => {
                format!("the database's encoding is {encoding}, and auditsync needs UTF8")
            }
            Self::RowSecurity { tables, role } => format!(
                "row-level security on {} hides or refuses rows for the role {role}",
                tables.join(", ")
            ),
            Self::MissingRight { message, role } => {
                format!("the role {role} lacks a right: {message}")
            }
            Self::SchemaForbidden { schemas, role } => format!(
                "the role {role} may not use the schema {} of its search_path",
                schemas.join(", ")
            ),
            Self::OutsideSearchPath { schemas, search_path, role } => format!(
                "auditsync's tables are in the schema {}, which the role {role} does not search: \
                 its search_path is '{search_path}'",
                schemas.join(", ")
            ),
            Self::NoSchema { search_path } => {
                format!("no schema of the search_path exists: it is '{search_path}'")
            }
            Self::NamesTaken(tables) => format!(
                "{} exists already, and another program made it: nothing was changed",
                listed(tables, |table| format!("the table {table}"))
            ),
            Self::SchemaIncomplete(missing) => format!("the schema lacks {}", missing.join(", ")),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::ReadOnly { set_by, database, role } => writable_again(set_by, database, role),
            Self::Standby => {
                "Give the address of the primary server, or promote this one".to_owned()
            }
            Self::Encoding(_) => "Use a database made with \
                                  `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`"
                .to_owned(),
            Self::RowSecurity { tables, role } => format!(
                "Use the role that owns them, or `ALTER ROLE {role} BYPASSRLS`, or {}",
                listed(tables, |table| format!("`ALTER TABLE {table} DISABLE ROW LEVEL SECURITY`"))
            ),
            Self::MissingRight { role, .. } => format!(
                "Use a role that has it, or GRANT it: `auditsync check` lists the rights of \
                 {role}, and sql/roles.sql grants all that a role needs"
            ),
            Self::SchemaForbidden { schemas, role } => {
                format!("Run `GRANT USAGE ON SCHEMA {} TO {role}`", schemas.join(", "))
            }
            Self::OutsideSearchPath { schemas, role, .. } => format!(
                "Run `ALTER ROLE {role} SET search_path = {}`; or, to begin a second ledger, \
                 `auditsync migrate`",
                schemas.first().map_or("", |schema| schema)
            ),
            Self::NoSchema { .. } => {
                "Create one of them, or set search_path to one that exists".to_owned()
            }
            Self::NamesTaken(_) => {
                "Use another database or schema, or rename these tables".to_owned()
            }
            Self::SchemaIncomplete(_) => "It was changed after `auditsync migrate`: restore it \
                                          as migrations/ makes it, or from a backup"
                .to_owned(),
        }
    }
}

/// How to end a read-only default, depending on what sets it.
fn writable_again(set_by: &str, database: &str, role: &str) -> String {
    const SETTING: &str = "default_transaction_read_only";
    match set_by {
        "database" => format!("Run `ALTER DATABASE {database} RESET {SETTING}`"),
        "user" => format!("Run `ALTER ROLE {role} RESET {SETTING}`"),
        "database user" => {
            format!("Run `ALTER ROLE {role} IN DATABASE {database} RESET {SETTING}`")
        }
        "client" => format!("Remove {SETTING} from the address's `options`"),
        _ => format!("Reset {SETTING} in the server's configuration"),
    }
}

fn listed(names: &[String], one: impl Fn(&String) -> String) -> String {
    names.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.problem(), self.advice())
    }
}
