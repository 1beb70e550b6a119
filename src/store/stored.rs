//! Reads what is stored of a day.

use std::collections::HashMap;
use std::vec;

use chrono::NaiveDate;
use sqlx::postgres::PgRow;

use super::compare::Via;
use super::error::Result;
use super::handle::Reader;
use super::statement::{column, statement};
use crate::config::{Filter, SourceName};
use crate::day::{DateRange, DayKey};

/// How many events one query returns. It bounds the memory that a stream takes.
const PAGE: i64 = 10_000;

/// Selects the stored events of a day by the scope of its source. Events of another scope, which
/// the source had before, are omitted.
#[derive(Debug, Clone)]
pub struct StoredQuery<'a> {
    /// The day.
    pub key: &'a DayKey,
    /// The filter of the source.
    pub filter: &'a Filter,
    /// The team of the source, if it has one.
    pub team: Option<StoredTeam<'a>>,
}

/// A team as events name it: by its id, and in events without an id by its name.
#[derive(Debug, Clone, Copy)]
pub struct StoredTeam<'a> {
    /// The team's id.
    pub id: &'a str,
    /// The team's name.
    pub name: &'a str,
}

/// A stored event, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event's id.
    pub id: String,
    /// The SHA-256 of the event's bytes, which the day's digest is made of.
    pub hash: Vec<u8>,
    /// The UTC date of its `created_at`, if it has one. It may differ from the day that the event
    /// is stored under.
    pub own_day: Option<NaiveDate>,
    is_from_list: bool,
}

impl StoredEvent {
    fn from_row(row: &PgRow) -> Result<Self> {
        let via: String = column(row, "via")?;
        Ok(Self {
            id: column(row, "event_id")?,
            hash: column(row, "event_hash")?,
            own_day: column(row, "own_day")?,
            is_from_list: via == Via::Api.as_str(),
        })
    }

    /// Whether Heroku's list of `date`, the day that the event is stored under, should contain it.
    /// Heroku may now list an event of another day under its own day. An event without a date
    /// should still be in the list that it came from.
    pub fn should_be_listed_on(&self, date: NaiveDate) -> bool {
        self.own_day.map_or(self.is_from_list, |own| own == date)
    }
}

/// A stream of stored events in ascending byte order of their ids. It holds one page at a time, and
/// reads each page in a transaction of its own.
#[derive(Debug)]
pub struct StoredEvents<'a> {
    reader: &'a Reader,
    query: StoredQuery<'a>,
    page: vec::IntoIter<StoredEvent>,
    /// The id of the last event that was read.
    after: String,
}

impl StoredEvents<'_> {
    /// The next event, or `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<StoredEvent>> {
        if self.page.as_slice().is_empty() {
            let page = self.read_page().await?;
            if let Some(last) = page.last() {
                self.after.clone_from(&last.id);
            }
            self.page = page.into_iter();
        }
        Ok(self.page.next())
    }

    async fn read_page(&self) -> Result<Vec<StoredEvent>> {
        let StoredQuery { key, filter, team } = &self.query;
        let rows = self.reader.rows("read the events of a day", || {
            statement(include_str!("sql/stored_page.sql"))
                .bind(key.source.as_ref())
                .bind(key.date)
                .bind(&self.after)
                .bind(PAGE)
                .bind(&filter.r#type)
                .bind(&filter.action)
                .bind(&filter.actor)
                .bind(team.map(|team| team.id))
                .bind(team.map(|team| team.name))
        });
        rows.await?.iter().map(StoredEvent::from_row).collect()
    }
}

impl Reader {
    /// Streams the stored events that `query` selects.
    pub fn stored<'a>(&'a self, query: StoredQuery<'a>) -> StoredEvents<'a> {
        StoredEvents { reader: self, query, page: Vec::new().into_iter(), after: String::new() }
    }

    /// The number of stored events of each day of `source` in `window`. Days without events are
    /// omitted.
    pub async fn stored_counts(
        &self,
        source: &SourceName,
        window: DateRange,
    ) -> Result<HashMap<NaiveDate, u64>> {
        let ask = || {
            statement(include_str!("sql/stored_counts.sql"))
                .bind(source.as_ref())
                .bind(window.from)
                .bind(window.to)
        };
        let rows = self.rows("count stored events", ask).await?;
        let count = |row| Ok((column(row, "process_date")?, column::<i64>(row, "events")? as u64));
        rows.iter().map(count).collect()
    }

    /// A source of `account` that has stored events of `date` which match `filter`.
    pub async fn source_with_events(
        &self,
        account: &str,
        filter: &Filter,
        date: NaiveDate,
    ) -> Result<Option<String>> {
        let rows = self.rows("look for events of other sources", || {
            statement(include_str!("sql/source_with_events.sql"))
                .bind(date)
                .bind(account)
                .bind(&filter.r#type)
                .bind(&filter.action)
                .bind(&filter.actor)
        });
        rows.await?.first().map(|row| column(row, "source")).transpose()
    }
}
