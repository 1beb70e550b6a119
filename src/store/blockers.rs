//! Names the holder of a lock that a statement waited for, as far as the role may see it.
//!
//! When a wait for a lock has ended, the server no longer knows what it was for. So this reports
//! the strongest lock that another session holds on one of our tables now.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::error::{Error, ErrorContext as _, Result};
use super::migrations::{ADOPT, CHAIN_LOCK, LOCK, MIGRATE};
use super::pool::{Access, Connections};
use super::statement::{column, statement};

/// How long one query for lock holders may take.
const SEARCH: Duration = Duration::from_secs(3);

/// The modes that block readers or writers of rows (PostgreSQL's manual, table 13.2).
const TABLE_MODES: [&str; 4] =
    ["AccessExclusiveLock", "ExclusiveLock", "ShareRowExclusiveLock", "ShareLock"];
/// The modes of sessions that hold row locks.
const ROW_MODES: [&str; 2] = ["RowExclusiveLock", "RowShareLock"];
/// The modes that block only a change of the schema.
const READERS_MODES: [&str; 2] = ["ShareUpdateExclusiveLock", "AccessShareLock"];

/// The session that holds a lock, and what it has locked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LockHolder {
    pid: i32,
    table: Option<String>,
    /// The number of an advisory lock.
    number: Option<i64>,
    mode: String,
    role: Option<String>,
    program: Option<String>,
    state: Option<String>,
    /// When its transaction began.
    since: Option<String>,
}

/// The error to report after the last wait for a lock: it names the holder, or else is `error`.
pub(super) async fn explain(
    connections: &Connections,
    operation: &'static str,
    error: Error,
) -> Error {
    // The server reports a failed wait shortly before it releases what the transaction held.
    sleep(Duration::from_millis(100)).await;
    let changes_schema = [MIGRATE, ADOPT].contains(&operation);
    let more: &[&[&str]] = if changes_schema { &[&READERS_MODES] } else { &[] };
    for modes in [&TABLE_MODES[..], &ROW_MODES].iter().chain(more) {
        if let Ok(Ok(Some(holder))) = timeout(SEARCH, find(connections, modes)).await {
            return Error::Locked { operation, holder: holder.describe() };
        }
    }
    error
}

const OPERATION: &str = "look up who holds a lock";

async fn find(connections: &Connections, modes: &[&str]) -> Result<Option<LockHolder>> {
    let mut tx = connections.begin(Access::Read, OPERATION).await?;
    let query = statement(include_str!("sql/lock_holders.sql")).bind(modes.to_vec());
    let row =
        query.bind(vec![LOCK, CHAIN_LOCK]).fetch_optional(&mut *tx).await.context(OPERATION)?;
    row.map(|row| {
        Ok(LockHolder {
            pid: column(&row, "pid")?,
            table: column(&row, "table_name")?,
            number: column(&row, "number")?,
            mode: column(&row, "mode")?,
            role: column(&row, "role")?,
            program: column(&row, "program")?,
            state: column(&row, "state")?,
            since: column(&row, "since")?,
        })
    })
    .transpose()
}

impl LockHolder {
    /// What is locked, by which process of the server, since when, and what to do.
    fn describe(&self) -> String {
        let what = match &self.table {
            Some(table) if ROW_MODES.contains(&&*self.mode) => {
                format!("a row of the table {table} is locked")
            }
            Some(table) => format!("the table {table} is locked ({})", self.mode),
            None if self.number == Some(CHAIN_LOCK) => {
                "another auditsync is sealing a day: the chain of seals is locked".to_owned()
            }
            None => "another auditsync is changing the schema".to_owned(),
        };
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut who: Vec<String> = Vec::new();
        who.extend(text(&self.role).map(|role| format!("role {role}")));
        who.extend(text(&self.program));
        who.extend(text(&self.state));
        // A point in time, not a duration, so that days with the same blocker have the same
        // message.
        who.extend(text(&self.since).map(|since| format!("in a transaction since {since}")));
        let who = if who.is_empty() { String::new() } else { format!(" ({})", who.join(", ")) };
        let pid = self.pid;
        format!(
            "{what} by the database process {pid}{who}. Wait until it is done, or end it: \
             SELECT pg_terminate_backend({pid})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_described_with_its_table_and_what_is_known_of_its_holder() {
        let holder = LockHolder {
            pid: 7,
            table: Some("audit_events".to_owned()),
            number: None,
            mode: "ShareLock".to_owned(),
            role: Some("ada".to_owned()),
            program: Some("pg_dump".to_owned()),
            state: Some(String::new()),
            since: Some("2026-11-26T12:20:00Z".to_owned()),
        };
        let message = holder.describe();
        assert!(
            message.starts_with(
                "the table audit_events is locked (ShareLock) by the database process 7 \
                 (role ada, pg_dump, in a transaction since 2026-11-26T12:20:00Z). "
            ),
            "{message}"
        );
        let of_a_row = LockHolder {
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
        let of_the_schema = LockHolder { table: None, number: Some(LOCK), ..of_a_row };
        assert!(
            of_the_schema.describe().starts_with("another auditsync is changing the schema by"),
            "{of_the_schema:?}"
        );
        let of_the_chain = LockHolder { number: Some(CHAIN_LOCK), ..of_the_schema };
        assert!(
            of_the_chain.describe().starts_with(
                "another auditsync is sealing a day: the chain of seals is locked by the database \
                 process 7. "
            ),
            "{of_the_chain:?}"
        );
    }
}
