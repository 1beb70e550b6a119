//! The rows of a report, and how each is read.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;

use super::super::error::Result;
use super::super::statement::column;
use crate::coverage::DayState;
use crate::day::DateRange;
use crate::ledger::{HistoryAction, LateEvents};

/// Everything that a report shows of the database, except for its verification.
#[derive(Debug, Clone, Default)]
pub struct ReportRows {
    /// The sources that the ledger has.
    pub sources: Vec<RecordedSource>,
    /// The days with a row, by source and date.
    pub days: Vec<ReportedDay>,
    /// The scopes.
    pub scopes: Vec<RecordedScope>,
    /// The stored events.
    pub routes: Vec<RouteCount>,
    /// The attempts.
    pub attempts: Vec<AttemptCount>,
    /// The events that came late.
    pub late: Vec<LateEvents>,
    /// What else speaks for the days.
    pub witnesses: Vec<ReportedWitness>,
    /// The last failures, newest first.
    pub failures: Vec<ReportedFailure>,
    /// What people did, newest first.
    pub actions: Vec<OperatorAction>,
    /// The anchors.
    pub anchors: Vec<AnchorCount>,
}

/// A source of the ledger.
#[derive(Debug, Clone)]
pub struct RecordedSource {
    /// Its name.
    pub source: String,
    /// Its first and its last day.
    pub dates: DateRange,
    /// How many days before the range are complete.
    pub complete_before: u64,
}

/// A day of the range that has a row.
#[derive(Debug, Clone)]
pub struct ReportedDay {
    /// The place of its source.
    pub place: usize,
    /// The UTC date.
    pub date: NaiveDate,
    /// Its state, never [`DayState::Missing`].
    pub state: DayState,
    /// Whether it was complete at some time.
    pub was_complete: bool,
    /// The events of the last complete reading.
    pub events: Option<i32>,
    /// Why it is not complete.
    pub error: Option<String>,
}

/// Days of a source that were read with the same scope.
#[derive(Debug, Clone)]
pub struct RecordedScope {
    /// The place of the source.
    pub place: usize,
    /// The scope as JSON. `None` for days that auditsync never read.
    pub scope: Option<String>,
    /// The number of days.
    pub days: u64,
    /// From the first to the last of them.
    pub dates: DateRange,
}

/// Stored events of a source that came the same way.
#[derive(Debug, Clone)]
pub struct RouteCount {
    /// The place of the source.
    pub place: usize,
    /// `api`, `archive`, or `conflict` for events that are kept beside another of the same id.
    pub via: String,
    /// Their number.
    pub events: u64,
}

/// The attempts at the days of a source.
#[derive(Debug, Clone, Copy)]
pub struct AttemptCount {
    /// The place of the source.
    pub place: usize,
    /// All attempts.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that took a day over.
    pub takeovers: u64,
    /// The requests to Heroku.
    pub requests: u64,
}

/// What else speaks for a day.
#[derive(Debug, Clone)]
pub struct ReportedWitness {
    /// The place of the source.
    pub place: usize,
    /// The UTC date.
    pub date: NaiveDate,
    /// [`HistoryAction::Reconcile`] or [`HistoryAction::Confirm`].
    pub action: HistoryAction,
    /// The outcome.
    pub outcome: String,
    /// The stored events at that time.
    pub events: Option<i32>,
    /// What was compared and found.
    pub message: Option<String>,
    /// When that was.
    pub at: DateTime<Utc>,
}

/// A failed attempt, or a takeover.
#[derive(Debug, Clone)]
pub struct ReportedFailure {
    /// The source's name.
    pub source: String,
    /// The UTC date.
    pub date: NaiveDate,
    /// [`HistoryAction::Fail`] or [`HistoryAction::Takeover`].
    pub action: HistoryAction,
    /// The attempt.
    pub attempt: i32,
    /// Why.
    pub message: Option<String>,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// The process.
    pub by: String,
}

/// What a person did with one command.
#[derive(Debug, Clone)]
pub struct OperatorAction {
    /// The source's name.
    pub source: String,
    /// What was done.
    pub action: HistoryAction,
    /// The outcome.
    pub outcome: String,
    /// The state before, and the reason.
    pub message: Option<String>,
    /// The person.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// To how many days.
    pub days: u64,
    /// From the first to the last of them.
    pub dates: DateRange,
}

/// The app whose events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppIdentity {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// Events that name an app.
#[derive(Debug, Clone, Default)]
pub struct AppEvents {
    /// How many there are.
    pub found: u64,
    /// The newest ones.
    pub newest: Vec<AppEvent>,
}

/// An event that names an app.
#[derive(Debug, Clone)]
pub struct AppEvent {
    /// The source's name.
    pub source: String,
    /// The day that it is stored under.
    pub date: NaiveDate,
    /// When it happened.
    pub created_at: Option<DateTime<Utc>>,
    /// Its type.
    pub kind: Option<String>,
    /// Its action.
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// From which address.
    pub ip_address: Option<String>,
}

/// The anchors of one kind.
#[derive(Debug, Clone)]
pub struct AnchorCount {
    /// `checkpoint` or `timestamp`.
    pub kind: String,
    /// Their number.
    pub count: u64,
    /// The highest seal that one of them names.
    pub seq: i64,
    /// When the last one was recorded.
    pub at: DateTime<Utc>,
}

fn place(row: &PgRow) -> Result<usize> {
    Ok((column::<i32>(row, "place")? - 1) as usize)
}

fn count(row: &PgRow, name: &'static str) -> Result<u64> {
    Ok(column::<i64>(row, name)? as u64)
}

fn dates(row: &PgRow) -> Result<DateRange> {
    Ok(DateRange::new(column(row, "first_day")?, column(row, "last_day")?))
}

fn action(row: &PgRow) -> Result<HistoryAction> {
    Ok(HistoryAction::from(column::<String>(row, "action")?))
}

pub(super) fn recorded_source(row: &PgRow) -> Result<RecordedSource> {
    Ok(RecordedSource {
        source: column(row, "source")?,
        dates: dates(row)?,
        complete_before: count(row, "complete_before")?,
    })
}

pub(super) fn reported_day(row: &PgRow) -> Result<ReportedDay> {
    let state: String = column(row, "state")?;
    Ok(ReportedDay {
        place: place(row)?,
        date: column(row, "process_date")?,
        state: DayState::named(&state).unwrap_or(DayState::Failed),
        was_complete: column(row, "was_complete")?,
        events: column(row, "events")?,
        error: column(row, "error")?,
    })
}

pub(super) fn scope(row: &PgRow) -> Result<RecordedScope> {
    Ok(RecordedScope {
        place: place(row)?,
        scope: column(row, "scope")?,
        days: count(row, "days")?,
        dates: dates(row)?,
    })
}

pub(super) fn route(row: &PgRow) -> Result<RouteCount> {
    Ok(RouteCount {
        place: place(row)?,
        via: column::<Option<_>>(row, "via")?.unwrap_or_default(),
        events: count(row, "events")?,
    })
}

pub(super) fn attempt_count(row: &PgRow) -> Result<AttemptCount> {
    Ok(AttemptCount {
        place: place(row)?,
        attempts: count(row, "attempts")?,
        failures: count(row, "failures")?,
        takeovers: count(row, "takeovers")?,
        requests: count(row, "requests")?,
    })
}

pub(super) fn late_events(row: &PgRow) -> Result<LateEvents> {
    Ok(LateEvents {
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        events: column::<i32>(row, "late_events")? as u64,
        found_at: column(row, "at")?,
    })
}

pub(super) fn witness(row: &PgRow) -> Result<ReportedWitness> {
    Ok(ReportedWitness {
        place: place(row)?,
        date: column(row, "process_date")?,
        action: action(row)?,
        outcome: column(row, "outcome")?,
        events: column(row, "events")?,
        message: column(row, "message")?,
        at: column(row, "at")?,
    })
}

pub(super) fn failure(row: &PgRow) -> Result<ReportedFailure> {
    Ok(ReportedFailure {
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        action: action(row)?,
        attempt: column(row, "attempt")?,
        message: column(row, "message")?,
        at: column(row, "at")?,
        by: column(row, "by")?,
    })
}

pub(super) fn operator_action(row: &PgRow) -> Result<OperatorAction> {
    Ok(OperatorAction {
        source: column(row, "source")?,
        action: action(row)?,
        outcome: column(row, "outcome")?,
        message: column(row, "message")?,
        by: column(row, "by")?,
        at: column(row, "at")?,
        days: count(row, "days")?,
        dates: dates(row)?,
    })
}

pub(super) fn app_event(row: &PgRow) -> Result<AppEvent> {
    Ok(AppEvent {
        source: column(row, "source")?,
        date: column(row, "process_date")?,
        created_at: column(row, "created_at")?,
        kind: column(row, "type")?,
        action: column(row, "action")?,
        actor: column(row, "actor_email")?,
        ip_address: column(row, "ip_address")?,
    })
}

pub(super) fn anchor_count(row: &PgRow) -> Result<AnchorCount> {
    Ok(AnchorCount {
        kind: column(row, "kind")?,
        count: count(row, "anchors")?,
        seq: column(row, "last_seq")?,
        at: column(row, "last_at")?,
    })
}
