//! Compares events with the stored ones: which are stored, under which day, and with the same
//! bytes.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use sqlx::postgres::PgRow;

use super::error::{ErrorContext as _, Result};
use super::handle::Reader;
use super::patience::Retrying;
use super::pool::Transaction;
use super::statement::{column, statement};
use crate::day::DayKey;
use crate::event::{Event, same_value};

const OPERATION: &str = "look for stored events";

/// The source of an event at Heroku: the column `via`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The list of a day's events.
    Api,
    /// The archive of a month.
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

/// When an event counts as the same as the stored one with its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// With equal bytes; as equal JSON values if their [`Via`] differs.
    Bytes(Via),
    /// As equal JSON values.
    Values,
}

/// How a stored event compares with a new one of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// They are the same.
    Same(Under),
    /// They differ.
    Other(Under),
}

/// The day that an event is stored under, compared with the day that it arrived with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// The same day.
    ThisDay,
    /// Only another day of the source.
    AnotherDay,
}

impl Stored {
    /// Whether they are the same.
    pub fn is_same(self) -> bool {
        matches!(self, Self::Same(_))
    }

    /// The day that the event is stored under.
    pub fn under(self) -> Under {
        match self {
            Self::Same(under) | Self::Other(under) => under,
        }
    }
}

/// Where to search for stored events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// Under every day of the source.
    EveryDay,
    /// Under every day but this one, of which nothing is stored.
    OtherDays,
}

/// A day whose events are searched for.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchedDay<'a> {
    pub(super) key: &'a DayKey,
    /// Every name under which its source stores days.
    pub(super) names: &'a [String],
    pub(super) search: Search,
}

/// The stored row of an event, as far as it is compared.
#[derive(Debug)]
struct StoredCopy {
    source: String,
    date: NaiveDate,
    hash: Vec<u8>,
    via: String,
}

impl Reader {
    /// Compares events that arrived with the day `key` with the stored ones of the same ids, under
    /// any day of the source, which has these `names`. `None` means that the event is not stored.
    pub async fn compare(
        &self,
        key: &DayKey,
        names: &[String],
        events: &[&Event],
        sameness: Sameness,
    ) -> Result<Vec<Option<Stored>>> {
        let day = SearchedDay { key, names, search: Search::EveryDay };
        let mut retrying = Retrying::new(self.connections(), OPERATION);
        loop {
            match retrying.attempt(self.try_compare(day, events, sameness)).await {
                Err(error) => retrying.after(error).await?,
                compared => return compared,
            }
        }
    }

    async fn try_compare(
        &self,
        day: SearchedDay<'_>,
        events: &[&Event],
        sameness: Sameness,
    ) -> Result<Vec<Option<Stored>>> {
        let mut tx = self.begin().await?;
        compare(&mut tx, day, events, sameness).await
    }
}

/// Compares events that arrived with a day with the stored ones of the same ids. An id is one event
/// across all days of a source, so every day is searched.
pub(super) async fn compare(
    tx: &mut Transaction,
    day: SearchedDay<'_>,
    events: &[&Event],
    sameness: Sameness,
) -> Result<Vec<Option<Stored>>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let known = find_stored(tx, day, events).await?;
    if known.is_empty() {
        return Ok(vec![None; events.len()]);
    }
    let by_values = |stored: &StoredCopy| match sameness {
        Sameness::Values => true,
        Sameness::Bytes(now) => now.as_str() != stored.via,
    };
    let is_unclear =
        |event: &Event, stored: &StoredCopy| stored.hash != event.hash && by_values(stored);
    let unclear: Vec<(&StoredCopy, &str)> = events
        .iter()
        .flat_map(|event| {
            known.get(&event.id).into_iter().flatten().map(move |stored| (event, stored))
        })
        .filter(|(event, stored)| is_unclear(event, stored))
        .map(|(event, stored)| (stored, event.id.as_str()))
        .collect();
    let bytes =
        if unclear.is_empty() { HashMap::new() } else { stored_bytes(tx, &unclear).await? };
    let is_same = |event: &Event, stored: &StoredCopy| {
        let value = || {
            let place = (stored.source.clone(), stored.date, event.id.clone());
            bytes.get(&place).is_some_and(|bytes| same_value(&event.bytes, bytes))
        };
        stored.hash == event.hash || (by_values(stored) && value())
    };
    let compared = events.iter().map(|event| {
        let found = known.get(&event.id)?;
        let here = found.iter().any(|stored| stored.date == day.key.date);
        let under = if here { Under::ThisDay } else { Under::AnotherDay };
        let same = found.iter().any(|stored| is_same(event, stored));
        Some(if same { Stored::Same(under) } else { Stored::Other(under) })
    });
    Ok(compared.collect())
}

/// The stored copies of the events, by id.
async fn find_stored(
    tx: &mut Transaction,
    SearchedDay { key, names, search }: SearchedDay<'_>,
    events: &[&Event],
) -> Result<HashMap<String, Vec<StoredCopy>>> {
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let elsewhere = events.iter().filter_map(|event| Some((event.id.as_str(), event.own_day()?)));
    let (of_another_day, their_days): (Vec<&str>, Vec<NaiveDate>) =
        elsewhere.filter(|(_, own)| *own != key.date).unzip();
    let rows = statement(include_str!("sql/stored_events.sql"))
        .bind(key.source.as_ref())
        .bind(key.date)
        .bind(ids)
        .bind(search == Search::EveryDay)
        .bind(of_another_day)
        .bind(their_days)
        .bind(names.to_vec())
        .fetch_all(&mut **tx)
        .await
        .context(OPERATION)?;
    let mut known: HashMap<String, Vec<StoredCopy>> = HashMap::with_capacity(rows.len());
    for row in &rows {
        known.entry(column(row, "event_id")?).or_default().push(StoredCopy::from_row(row)?);
    }
    Ok(known)
}

impl StoredCopy {
    fn from_row(row: &PgRow) -> Result<Self> {
        Ok(Self {
            source: column(row, "source")?,
            date: column(row, "process_date")?,
            hash: column(row, "event_hash")?,
            via: column(row, "via")?,
        })
    }
}

/// A source, a date, and an event's id.
type StoredPlace = (String, NaiveDate, String);

/// The stored bytes of the wanted events. It may return further ones: the query combines every
/// wanted name and date with every wanted id.
async fn stored_bytes(
    tx: &mut Transaction,
    wanted: &[(&StoredCopy, &str)],
) -> Result<HashMap<StoredPlace, Vec<u8>>> {
    let names: BTreeSet<&str> = wanted.iter().map(|(copy, _)| copy.source.as_str()).collect();
    let dates: BTreeSet<NaiveDate> = wanted.iter().map(|(copy, _)| copy.date).collect();
    let ids: BTreeSet<&str> = wanted.iter().map(|(_, id)| *id).collect();
    let rows = statement(include_str!("sql/stored_bytes.sql"))
        .bind(names.into_iter().collect::<Vec<_>>())
        .bind(dates.into_iter().collect::<Vec<_>>())
        .bind(ids.into_iter().collect::<Vec<_>>())
        .fetch_all(&mut **tx)
        .await
        .context("read stored events")?;
    let bytes = |row| {
        let (source, date) = (column(row, "source")?, column(row, "process_date")?);
        Ok(((source, date, column(row, "event_id")?), column(row, "bytes")?))
    };
    rows.iter().map(bytes).collect()
}
