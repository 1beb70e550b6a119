//! What is stored already, under which day, and whether what comes is the same.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use sqlx::postgres::PgRow;

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
    Same(Under),
    /// It differs.
    Other(Under),
}

/// The day that an event is stored under, seen from the one that it comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// The same day.
    ThisDay,
    /// Another day of the source, and not this one.
    AnotherDay,
}

impl Stored {
    /// Whether it is the same.
    pub fn is_same(self) -> bool {
        matches!(self, Self::Same(_))
    }

    /// The day that it is stored under.
    pub fn under(self) -> Under {
        match self {
            Self::Same(under) | Self::Other(under) => under,
        }
    }
}

/// What may be stored of a day when some of its events are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// None of them, so that they need not be looked for under this day.
    Nothing,
    /// Some of them.
    Something,
}

/// An event as it is stored.
#[derive(Debug)]
struct StoredEvent {
    date: NaiveDate,
    hash: Vec<u8>,
    via: String,
}

/// Compares each of `events`, which come with the day `key`, with what is stored under its id; `None` where nothing is. An
/// id is one event across all days of a source, so every day is looked at, as cheaply as the statement says.
pub(super) async fn compare(
    tx: &mut Transaction,
    key: &DayKey,
    events: &[&Event],
    sameness: Sameness,
    before: Before,
) -> Result<Vec<Option<Stored>>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let known = stored_events(tx, key, events, before).await?;
    if known.is_empty() {
        return Ok(vec![None; events.len()]);
    }
    let by_values = |stored: &StoredEvent| match sameness {
        Sameness::Values => true,
        Sameness::Bytes(now) => now.as_str() != stored.via,
    };
    let is_unclear =
        |event: &Event, stored: &StoredEvent| stored.hash != event.hash && by_values(stored);
    let unclear: Vec<(NaiveDate, &str)> = events
        .iter()
        .flat_map(|event| {
            known.get(&event.id).into_iter().flatten().map(move |stored| (event, stored))
        })
        .filter(|(event, stored)| is_unclear(event, stored))
        .map(|(event, stored)| (stored.date, event.id.as_str()))
        .collect();
    let bytes =
        if unclear.is_empty() { HashMap::new() } else { stored_bytes(tx, key, &unclear).await? };
    let is_same = |event: &Event, stored: &StoredEvent| {
        let value = || {
            bytes.get(&(stored.date, event.id.clone())).is_some_and(|b| same_value(&event.bytes, b))
        };
        stored.hash == event.hash || (by_values(stored) && value())
    };
    let compared = events.iter().map(|event| {
        let found = known.get(&event.id)?;
        let here = found.iter().any(|stored| stored.date == key.date);
        let under = if here { Under::ThisDay } else { Under::AnotherDay };
        let same = found.iter().any(|stored| is_same(event, stored));
        Some(if same { Stored::Same(under) } else { Stored::Other(under) })
    });
    Ok(compared.collect())
}

/// What is stored under the events' ids, by id.
async fn stored_events(
    tx: &mut Transaction,
    key: &DayKey,
    events: &[&Event],
    before: Before,
) -> Result<HashMap<String, Vec<StoredEvent>>> {
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let elsewhere = events.iter().filter_map(|event| Some((event.id.as_str(), event.own_day()?)));
    let (of_another_day, their_days): (Vec<&str>, Vec<NaiveDate>) =
        elsewhere.filter(|(_, own)| *own != key.date).unzip();
    let rows = statement(include_str!("sql/stored_events.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(ids)
        .bind(before == Before::Something)
        .bind(of_another_day)
        .bind(their_days)
        .fetch_all(&mut **tx)
        .await
        .doing("look for stored events")?;
    let mut known: HashMap<String, Vec<StoredEvent>> = HashMap::with_capacity(rows.len());
    for row in &rows {
        known.entry(column(row, "event_id")?).or_default().push(StoredEvent::from_row(row)?);
    }
    Ok(known)
}

impl StoredEvent {
    fn from_row(row: &PgRow) -> Result<Self> {
        Ok(Self {
            date: column(row, "process_date")?,
            hash: column(row, "event_hash")?,
            via: column(row, "via")?,
        })
    }
}

/// The bytes that are stored under some days and ids, and under others that come with them.
async fn stored_bytes(
    tx: &mut Transaction,
    key: &DayKey,
    wanted: &[(NaiveDate, &str)],
) -> Result<HashMap<(NaiveDate, String), Vec<u8>>> {
    let dates: BTreeSet<NaiveDate> = wanted.iter().map(|(date, _)| *date).collect();
    let ids: BTreeSet<&str> = wanted.iter().map(|(_, id)| *id).collect();
    let rows = statement(include_str!("sql/stored_bytes.sql"))
        .bind(key.source.as_ref())
        .bind(dates.into_iter().collect::<Vec<_>>())
        .bind(ids.into_iter().collect::<Vec<_>>())
        .fetch_all(&mut **tx)
        .await
        .doing("read stored events")?;
    let bytes =
        |row| Ok(((column(row, "process_date")?, column(row, "event_id")?), column(row, "bytes")?));
    rows.iter().map(bytes).collect()
}
