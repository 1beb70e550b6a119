//! Reads everything that a verification recomputes, in one snapshot, and changes nothing.
//!
//! Days come in pages, in the order of the tables' keys. The events of a page are a stream, so no
//! day is too large for the memory.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row as _};
use tokio::time::timeout;

use super::error::{Error, ErrorContext as _, Result};
use super::handle::Reader;
use super::pool::{Access, STATEMENT, Transaction};
use super::raw::{RawDate, RawJson, RawTime};
use super::statement::{Statement, column, first, statement};
use crate::event::Hash;
use crate::evidence::{ConflictRow, DerivedColumns, EventRow, LedgerFacts, SealRow};
use crate::ledger::Status;

const OPERATION: &str = "read the evidence";

/// How many seals one query returns.
const SEALS: i64 = 2_000;
/// How many days a page has.
const DAYS: i64 = 1_000;
/// A chunk of events is full at this number of rows, or of bytes.
const CHUNK_ROWS: usize = 512;
const CHUNK_BYTES: usize = 512 * 1024;

/// Everything as it was at one moment.
#[derive(Debug)]
pub struct EvidenceSnapshot {
    pub(super) tx: Transaction,
}

/// Which days are verified. `None` selects all.
#[derive(Debug, Clone, Default)]
pub struct WantedDays {
    /// The names of their sources.
    pub sources: Option<Vec<String>>,
    /// The first date.
    pub from: Option<NaiveDate>,
    /// The last date.
    pub to: Option<NaiveDate>,
}

/// The name of a day. Its date may be one that the program never writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DayName {
    /// The source.
    pub source: String,
    /// The date.
    pub date: RawDate,
}

/// Some days in the order of the tables: those behind `after`, up to `until`.
#[derive(Debug, Clone, Default)]
pub struct DaysPage {
    after: Option<DayName>,
    until: Option<DayName>,
}

/// Something of a day.
#[derive(Debug, Clone)]
pub struct Selected<T> {
    /// The day.
    pub day: DayName,
    /// What it is.
    pub value: T,
}

/// What the tables hold of a page's days, except for its events.
#[derive(Debug, Default)]
pub struct DayRows {
    /// The rows of the ledger.
    pub ledger: Vec<Selected<LedgerFacts>>,
    /// The texts of seals, in their order.
    pub seals: Vec<Selected<String>>,
    /// The conflicts.
    pub conflicts: Vec<Selected<StoredConflict>>,
}

/// A row of `audit_event_conflicts`.
#[derive(Debug, Clone)]
pub struct StoredConflict {
    id: String,
    attempt: i32,
    bytes: Vec<u8>,
    hash: Vec<u8>,
    seen_at: RawTime,
}

impl StoredConflict {
    /// The row as a check takes it.
    pub fn row(&self) -> ConflictRow<'_> {
        let Self { id, attempt, bytes, hash, seen_at } = self;
        ConflictRow { id, attempt: *attempt, bytes, hash, seen_at: seen_at.0 }
    }
}

/// A row of `audit_anchors`.
#[derive(Debug, Clone)]
pub struct AnchorRow {
    /// The number of the seal.
    pub seq: i64,
    /// When it was recorded.
    pub at: Option<DateTime<Utc>>,
    /// `checkpoint`, `timestamp` or `edge`.
    pub kind: String,
    /// The note, or the answer of the authority.
    pub anchor: Vec<u8>,
}

impl Reader {
    /// A snapshot of everything.
    pub async fn evidence_snapshot(&self) -> Result<EvidenceSnapshot> {
        let mut tx = self.connections().begin(Access::ReadLong, OPERATION).await?;
        statement(include_str!("sql/verify_plan.sql"))
            .execute(&mut *tx)
            .await
            .context(OPERATION)?;
        Ok(EvidenceSnapshot { tx })
    }
}

impl EvidenceSnapshot {
    /// How many of the wanted days have a row.
    pub async fn count_days(&mut self, wanted: &WantedDays) -> Result<u64> {
        let query = statement(include_str!("sql/verify_count.sql"))
            .bind(wanted.sources.clone())
            .bind(wanted.from)
            .bind(wanted.to);
        let rows = self.rows(query).await?;
        Ok(column::<i64>(first(&rows, OPERATION)?, "days")? as u64)
    }

    /// The next seals behind the number `after`.
    pub async fn seals(&mut self, after: Option<i64>) -> Result<Vec<SealRow>> {
        let query = statement(include_str!("sql/verify_chain.sql")).bind(after).bind(SEALS);
        self.rows(query).await?.iter().map(seal_row).collect()
    }

    /// The anchors of these seals. `None` sets no limit.
    pub async fn anchors(&mut self, from: Option<i64>, to: Option<i64>) -> Result<Vec<AnchorRow>> {
        let query = statement(include_str!("sql/verify_anchors.sql")).bind(from).bind(to);
        let row = |row: &PgRow| {
            Ok(AnchorRow {
                seq: column(row, "seq")?,
                at: column::<RawTime>(row, "at")?.time(),
                kind: column(row, "kind")?,
                anchor: column(row, "anchor")?,
            })
        };
        self.rows(query).await?.iter().map(row).collect()
    }

    /// The number of a seal, if the chain has it.
    pub async fn find_seal(&mut self, seal: &Hash) -> Result<Option<i64>> {
        let query = statement(include_str!("sql/find_seal.sql")).bind(seal.to_vec());
        self.rows(query).await?.first().map(|row| column(row, "seq")).transpose()
    }

    /// The page of days behind `page`; `None` after the last one.
    pub async fn next_page(
        &mut self,
        wanted: &WantedDays,
        page: Option<&DaysPage>,
    ) -> Result<Option<DaysPage>> {
        let after = match page {
            None => None,
            Some(DaysPage { until: None, .. }) => return Ok(None),
            Some(DaysPage { until, .. }) => until.clone(),
        };
        let query = statement(include_str!("sql/verify_days.sql"));
        let query = wanted.bind(query, after.as_ref()).bind(DAYS);
        let rows = self.rows(query).await?;
        let until = rows.first().map(day_name).transpose()?;
        Ok(Some(DaysPage { after, until }))
    }

    /// What the tables hold of the page's days, except for its events.
    pub async fn day_rows(&mut self, wanted: &WantedDays, page: &DaysPage) -> Result<DayRows> {
        let ledger = page.bind(statement(include_str!("sql/verify_ledger.sql")), wanted);
        let ledger = self.rows(ledger).await?;
        let seals = page.bind(statement(include_str!("sql/verify_seals.sql")), wanted);
        let seals = self.rows(seals).await?;
        let conflicts = page.bind(statement(include_str!("sql/verify_conflicts.sql")), wanted);
        let conflicts = self.rows(conflicts).await?;
        let text = |row: &PgRow| Ok(column::<Option<_>>(row, "sealed")?.unwrap_or_default());
        Ok(DayRows {
            ledger: selected(&ledger, ledger_facts)?,
            seals: selected(&seals, text)?,
            conflicts: selected(&conflicts, stored_conflict)?,
        })
    }

    /// The events of the page's days.
    pub fn events<'s>(&'s mut self, wanted: &WantedDays, page: &DaysPage) -> EventStream<'s> {
        let query = page.bind(statement(include_str!("sql/verify_events.sql")), wanted);
        EventStream { rows: query.fetch(&mut *self.tx) }
    }

    pub(super) async fn rows(&mut self, query: Statement) -> Result<Vec<PgRow>> {
        let rows = timeout(LONGEST_WAIT, query.fetch_all(&mut *self.tx)).await;
        rows.map_err(|_| SILENT)?.context(OPERATION)
    }
}

/// How long the next row may take.
const LONGEST_WAIT: Duration = STATEMENT;
const SILENT: Error = Error::Silent { operation: OPERATION, waited: LONGEST_WAIT };

/// The events of a page as a stream.
pub struct EventStream<'s> {
    rows: BoxStream<'s, sqlx::Result<PgRow>>,
}

/// Some consecutive events of a stream.
#[derive(Debug)]
pub struct EventChunk(Vec<PgRow>);

impl EventStream<'_> {
    /// The next events; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<EventChunk>> {
        let (mut rows, mut bytes) = (Vec::with_capacity(CHUNK_ROWS), 0);
        while rows.len() < CHUNK_ROWS && bytes < CHUNK_BYTES {
            let next = timeout(LONGEST_WAIT, self.rows.next()).await;
            let Some(row) = next.map_err(|_| SILENT)? else { break };
            let row = row.context(OPERATION)?;
            bytes += event_bytes(&row).len();
            rows.push(row);
        }
        Ok((!rows.is_empty()).then_some(EventChunk(rows)))
    }
}

impl EventChunk {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each event, with the source and the date that it is stored under.
    pub fn rows(&self) -> impl Iterator<Item = (&str, RawDate, EventRow<'_>)> {
        self.0.iter().map(event_row)
    }
}

// The columns of `sql/verify_events.sql`, by their places: names would be looked up for each row.
const SOURCE: usize = 0;
const DATE: usize = 1;
const ID: usize = 2;
const ATTEMPT: usize = 3;
const EVENT: usize = 4;
const RAW: usize = 5;
const HASH: usize = 6;
const CREATED_AT: usize = 7;
const VIA: usize = 8;
const FIRST_SEEN_AT: usize = 9;
const IP_ADDRESS: usize = 10;
const FIRST_TEXT: usize = 11;

/// A column of an event. Its type is not looked up for each row: a value that does not fit the
/// type, or that the program can't have written, counts as none, and a check then finds it.
fn at<'r, T>(row: &'r PgRow, place: usize) -> Option<T>
where
    T: sqlx::Decode<'r, Postgres>,
{
    row.try_get_unchecked::<Option<T>, _>(place).ok().flatten()
}

fn event_row(row: &PgRow) -> (&str, RawDate, EventRow<'_>) {
    let text = |place| at::<&str>(row, place);
    let event = EventRow {
        id: text(ID).unwrap_or_default(),
        attempt: at(row, ATTEMPT).unwrap_or_default(),
        bytes: event_bytes(row),
        hash: at(row, HASH).unwrap_or_default(),
        created_at: at(row, CREATED_AT).map(|RawTime(micros)| micros),
        texts: std::array::from_fn(|text_place| text(FIRST_TEXT + text_place)),
        ip_address: row.try_get_unchecked(IP_ADDRESS).ok(),
        via: text(VIA).unwrap_or_default(),
        first_seen_at: at(row, FIRST_SEEN_AT).map_or(i64::MAX, |RawTime(micros)| micros),
    };
    let date = at(row, DATE).unwrap_or(RawDate::NONE);
    (text(SOURCE).unwrap_or_default(), date, event)
}

fn event_bytes(row: &PgRow) -> &[u8] {
    only(at(row, EVENT).map(|RawJson(bytes)| bytes), at(row, RAW))
}

/// The bytes, which stand in one of two columns. In both, they contradict each other.
fn only<T: Default>(json: Option<T>, raw: Option<T>) -> T {
    json.xor(raw).unwrap_or_default()
}

impl WantedDays {
    /// Binds the first five parameters.
    fn bind(&self, query: Statement, after: Option<&DayName>) -> Statement {
        query
            .bind(self.sources.clone())
            .bind(self.from)
            .bind(self.to)
            .bind(after.map(|day| day.source.clone()))
            .bind(after.map(|day| day.date))
    }
}

impl DaysPage {
    /// Binds all seven parameters.
    fn bind(&self, query: Statement, wanted: &WantedDays) -> Statement {
        let until = self.until.as_ref();
        wanted
            .bind(query, self.after.as_ref())
            .bind(until.map(|day| day.source.clone()))
            .bind(until.map(|day| day.date))
    }
}

fn day_name(row: &PgRow) -> Result<DayName> {
    let source = column::<Option<_>>(row, "source")?.unwrap_or_default();
    let date = column::<Option<_>>(row, "process_date")?.unwrap_or(RawDate::NONE);
    Ok(DayName { source, date })
}

fn selected<T>(rows: &[PgRow], value: fn(&PgRow) -> Result<T>) -> Result<Vec<Selected<T>>> {
    rows.iter().map(|row| Ok(Selected { day: day_name(row)?, value: value(row)? })).collect()
}

fn seal_row(row: &PgRow) -> Result<SealRow> {
    let date = column::<Option<RawDate>>(row, "process_date")?;
    let sealed_at = column::<Option<RawTime>>(row, "sealed_at")?;
    Ok(SealRow {
        seq: column(row, "seq")?,
        seal: column::<Option<_>>(row, "seal")?.unwrap_or_default(),
        sealed: column::<Option<_>>(row, "sealed")?.unwrap_or_default(),
        derived: DerivedColumns {
            prev: column(row, "prev")?,
            kind: column::<Option<_>>(row, "kind")?.unwrap_or_default(),
            source: column(row, "source")?,
            // A date that chrono does not know equals none that was sealed.
            date: date.map(|date| date.date().unwrap_or(NaiveDate::MAX)),
            attempt: column(row, "attempt")?,
            events: column(row, "events_count")?,
            digest: column(row, "digest")?,
            sealed_at: sealed_at.and_then(RawTime::time),
        },
    })
}

fn ledger_facts(row: &PgRow) -> Result<LedgerFacts> {
    let status = column::<Option<String>>(row, "status")?.unwrap_or_default();
    Ok(LedgerFacts {
        status: Status::from(status),
        // No attempt is lower, so this is none of any seal.
        attempt: column::<Option<_>>(row, "attempt")?.unwrap_or(i32::MIN),
        events: column(row, "events_count")?,
        digest: column(row, "digest")?,
        scope: column(row, "scope")?,
        is_read: column(row, "is_read")?,
    })
}

fn stored_conflict(row: &PgRow) -> Result<StoredConflict> {
    let json = column::<Option<RawJson<'_>>>(row, "event")?.map(|json| json.0.to_vec());
    let raw = column::<Option<Vec<u8>>>(row, "event_raw")?;
    Ok(StoredConflict {
        id: column::<Option<_>>(row, "event_id")?.unwrap_or_default(),
        attempt: column::<Option<_>>(row, "attempt")?.unwrap_or_default(),
        bytes: only(json, raw),
        hash: column::<Option<_>>(row, "event_hash")?.unwrap_or_default(),
        seen_at: column::<Option<_>>(row, "seen_at")?.unwrap_or(RawTime(i64::MAX)),
    })
}
