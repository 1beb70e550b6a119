//! Who holds the lock that was waited for in vain, as far as the role may see.
//!
//! When a wait for a lock has ended, the server has forgotten what was waited for. So this looks at who holds a lock on
//! one of our tables now, the strongest first.

use super::error::Doing;
use super::pool::Connections;
use super::schema::LOCK;
use super::{Error, Result, column, statement};

/// The modes that make somebody wait who reads or writes rows (PostgreSQL's manual, table 13.2).
const TABLE_MODES: [&str; 4] =
    ["AccessExclusiveLock", "ExclusiveLock", "ShareRowExclusiveLock", "ShareLock"];
/// The modes of whoever holds locks on single rows.
const ROW_MODES: [&str; 2] = ["RowExclusiveLock", "RowShareLock"];
/// Those that make a change of the schema wait, beside the others.
const READERS_MODES: [&str; 2] = ["ShareUpdateExclusiveLock", "AccessShareLock"];

/// What is locked, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    pid: i32,
    table: Option<String>,
    mode: String,
    role: Option<String>,
    program: Option<String>,
    state: Option<String>,
    /// When its transaction began.
    since: Option<String>,
}

/// The error to report after the last wait for a lock: who holds it.
pub(super) async fn name(connections: &Connections, doing: &'static str, error: Error) -> Error {
    let changes_schema = doing == super::schema::DOING || doing == super::adoption::DOING;
    let more: &[&[&str]] = if changes_schema { &[&READERS_MODES] } else { &[] };
    let mut found = None;
    for modes in [&TABLE_MODES[..], &ROW_MODES].iter().chain(more) {
        found = connections.look_briefly(async |tx| holder(tx, modes).await).await.flatten();
        if found.is_some() {
            break;
        }
    }
    let Some(holder) = found else { return error };
    Error::Locked { doing, by: holder.describe() }
}

async fn holder(tx: &mut super::Transaction, modes: &[&str]) -> Result<Option<Holder>> {
    let question = statement(include_str!("sql/lock_holders.sql")).bind(modes.to_vec()).bind(LOCK);
    let row = question.fetch_optional(&mut **tx).await.doing("look who holds a lock")?;
    row.map(|row| {
        Ok(Holder {
            pid: column(&row, "pid")?,
            table: column(&row, "table_name")?,
            mode: column(&row, "mode")?,
            role: column(&row, "role")?,
            program: column(&row, "program")?,
            state: column(&row, "state")?,
            since: column(&row, "since")?,
        })
    })
    .transpose()
}

impl Holder {
    /// For people: what is locked, by which process of the server, and since when.
    fn describe(&self) -> String {
        let what = match &self.table {
            Some(table) if ROW_MODES.contains(&&*self.mode) => {
                format!("a row of the table {table} is locked")
            }
            Some(table) => format!("the table {table} is locked ({})", self.mode),
            None => "another auditsync is changing the schema".to_owned(),
        };
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut who: Vec<String> = Vec::new();
        who.extend(text(&self.role).map(|role| format!("role {role}")));
        who.extend(text(&self.program));
        who.extend(text(&self.state));
        // A point in time, not a duration: days that fail for this reason are told together.
        who.extend(text(&self.since).map(|since| format!("in a transaction since {since}")));
        let who = if who.is_empty() { String::new() } else { format!(" ({})", who.join(", ")) };
        let pid = self.pid;
        format!(
            "{what} by the database process {pid}{who}. Wait until it is done, or end it: SELECT pg_terminate_backend({pid})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_described_with_its_table_and_what_is_known_of_its_holder() {
        let holder = Holder {
            pid: 7,
            table: Some("audit_events".to_owned()),
            mode: "ShareLock".to_owned(),
            role: Some("ada".to_owned()),
            program: Some("pg_dump".to_owned()),
            state: Some(String::new()),
            since: Some("2026-11-26T12:20:00Z".to_owned()),
        };
        let told = holder.describe();
        assert!(
            told.starts_with(
                "the table audit_events is locked (ShareLock) by the database process 7 \
                 (role ada, pg_dump, in a transaction since 2026-11-26T12:20:00Z). "
            ),
            "{told}"
        );
        let of_a_row = Holder {
            mode: "RowExclusiveLock".to_owned(),
            role: None,
            program: None,
            since: None,
            ..holder
        };
        assert!(
            of_a_row.describe().starts_with(
                "a row of the table audit_events is locked by the database process 7. "
            )
        );
        let of_the_schema = Holder { table: None, ..of_a_row };
        assert!(
            of_the_schema.describe().starts_with("another auditsync is changing the schema by"),
            "{of_the_schema:?}"
        );
    }
}
