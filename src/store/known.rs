//! What is stored already, and whether what comes is the same.

use std::collections::{HashMap, HashSet};

use super::error::Doing;
use super::{Result, Transaction, column, statement};
use crate::day::DayKey;
use crate::event::{Event, same_value};

/// The way that an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Heroku's list of a day's events.
    Api,
    /// Heroku's archive of a month.
    Archive,
}

impl Via {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Archive => "archive",
        }
    }
}

/// When an event is the same as the one that is stored under its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// To the byte; where they came in different ways, as JSON values.
    Bytes(Via),
    /// As JSON values.
    Values,
}

/// How a stored event compares with one that comes under the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is the same.
    Same,
    /// It differs.
    Other,
}

/// Compares each of `events` with what is stored under its id; `None` where nothing is.
pub(super) async fn compare(
    tx: &mut Transaction,
    key: &DayKey,
    events: &[&Event],
    sameness: Sameness,
) -> Result<Vec<Option<Stored>>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let rows = statement(include_str!("sql/known_events.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(ids)
        .fetch_all(&mut **tx)
        .await
        .doing("look for stored events")?;
    let known: HashMap<String, (Vec<u8>, String)> = rows
        .iter()
        .map(|row| Ok((column(row, "event_id")?, (column(row, "event_hash")?, column(row, "via")?))))
        .collect::<Result<_>>()?;
    let is_same = |event: &Event| known.get(&event.id).is_some_and(|(hash, _)| *hash == event.hash);
    let by_values = |event: &Event| match sameness {
        Sameness::Values => true,
        Sameness::Bytes(now) => known.get(&event.id).is_some_and(|(_, via)| now.as_str() != via),
    };
    let unclear: HashSet<&str> = events
        .iter()
        .filter(|event| known.contains_key(&event.id) && !is_same(event) && by_values(event))
        .map(|event| event.id.as_str())
        .collect();
    let bytes = if unclear.is_empty() { HashMap::new() } else { stored_bytes(tx, key, &unclear).await? };
    let compared = events.iter().map(|event| {
        known.get(&event.id)?;
        let same = is_same(event) || bytes.get(&event.id).is_some_and(|bytes| same_value(&event.bytes, bytes));
        Some(if same { Stored::Same } else { Stored::Other })
    });
    Ok(compared.collect())
}

async fn stored_bytes(
    tx: &mut Transaction,
    key: &DayKey,
    ids: &HashSet<&str>,
) -> Result<HashMap<String, Vec<u8>>> {
    let rows = statement(include_str!("sql/stored_bytes.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(ids.iter().copied().collect::<Vec<_>>())
        .fetch_all(&mut **tx)
        .await
        .doing("read stored events")?;
    rows.iter().map(|row| Ok((column(row, "event_id")?, column(row, "bytes")?))).collect()
}
