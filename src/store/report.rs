//! Reads what a report shows, in the snapshot that its verification reads. Changes nothing.

mod present;
mod rows;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;

use super::error::Result;
use super::evidence::EvidenceSnapshot;
use super::names::StoredNames;
use super::statement::{Statement, column, statement};
use crate::day::DateRange;

use present::PresentNames;
pub use rows::{
    AnchorCount, AppEvent, AppEvents, AppIdentity, AttemptCount, OperatorAction, RecordedScope,
    RecordedSource, ReportRows, ReportedDay, ReportedFailure, ReportedWitness, RouteCount,
};

/// The statements that make a report's figures, with what each one answers. A report prints them.
pub const REPORT_STATEMENTS: [(&str, &str); 11] = [
    ("the sources of the ledger", include_str!("sql/report_sources.sql")),
    ("the state of each day", include_str!("sql/report_days.sql")),
    ("the scopes", include_str!("sql/report_scopes.sql")),
    ("the stored events and conflicts", include_str!("sql/report_routes.sql")),
    ("the attempts", include_str!("sql/report_attempts.sql")),
    ("the events that came late", include_str!("sql/report_late.sql")),
    ("comparisons with archives, and confirmations", include_str!("sql/report_witnesses.sql")),
    ("the failed attempts and takeovers", include_str!("sql/report_failures.sql")),
    ("what people did", include_str!("sql/report_actions.sql")),
    ("the events about the recorder's own app", include_str!("sql/report_app_events.sql")),
    ("the anchors", include_str!("sql/report_anchors.sql")),
];

/// The most entries of one list of the history.
pub const MOST_REPORTED: u16 = 200;
/// The most events about the recorder's own app.
const MOST_APP_EVENTS: i64 = 100;

/// What a report shows.
#[derive(Debug, Clone, Copy)]
pub struct ReportQuery<'a> {
    /// The names of each source, of which the first is its present one. Rows name a source by its
    /// place here, or by its present name.
    pub sources: &'a [Vec<String>],
    /// The days.
    pub range: DateRange,
    /// The time at which a lease counts as valid or not.
    pub as_of: DateTime<Utc>,
}

impl EvidenceSnapshot {
    /// The names in the ledger: those of the given sources, or all. Complete days are counted up
    /// to the day `before`.
    pub async fn recorded_sources(
        &mut self,
        sources: Option<&[Vec<String>]>,
        before: NaiveDate,
    ) -> Result<Vec<RecordedSource>> {
        let mut names = StoredNames::default();
        for source in sources.unwrap_or_default() {
            names.add(source.iter().map(String::as_str), None);
        }
        let stored: Vec<String> = names.stored().into_iter().map(str::to_owned).collect();
        let query = statement(include_str!("sql/report_sources.sql"));
        let query = query.bind(sources.map(<[Vec<String>]>::concat)).bind(before);
        let rows = self.rows(query.bind(stored).bind(names.preceding())).await?;
        rows.iter().map(rows::recorded_source).collect()
    }

    /// Everything that a report shows.
    pub async fn report_rows(&mut self, query: &ReportQuery<'_>) -> Result<ReportRows> {
        let of = |sql| query.bind(statement(sql));
        let rows = ReportRows {
            sources: self.recorded_sources(Some(query.sources), query.range.from).await?,
            days: {
                let days = of(include_str!("sql/report_days.sql")).bind(query.as_of);
                read(&self.rows(days).await?, rows::reported_day)?
            },
            scopes: read(
                &self.rows(of(include_str!("sql/report_scopes.sql"))).await?,
                rows::scope,
            )?,
            routes: read(
                &self.rows(of(include_str!("sql/report_routes.sql"))).await?,
                rows::route,
            )?,
            attempts: {
                let attempts = of(include_str!("sql/report_attempts.sql"));
                read(&self.rows(attempts).await?, rows::attempt_count)?
            },
            late: read(
                &self.rows(of(include_str!("sql/report_late.sql"))).await?,
                rows::late_events,
            )?,
            witnesses: {
                let witnesses = of(include_str!("sql/report_witnesses.sql"));
                read(&self.rows(witnesses).await?, rows::witness)?
            },
            failures: {
                let failures =
                    of(include_str!("sql/report_failures.sql")).bind(i64::from(MOST_REPORTED));
                read(&self.rows(failures).await?, rows::failure)?
            },
            actions: {
                let actions =
                    of(include_str!("sql/report_actions.sql")).bind(i64::from(MOST_REPORTED));
                read(&self.rows(actions).await?, rows::operator_action)?
            },
            anchors: {
                let anchors = statement(include_str!("sql/report_anchors.sql"));
                read(&self.rows(anchors).await?, rows::anchor_count)?
            },
        };
        Ok(PresentNames::of(query.sources).rows(rows))
    }

    /// The events that name this app.
    pub async fn events_of_app(
        &mut self,
        query: &ReportQuery<'_>,
        app: &AppIdentity,
    ) -> Result<AppEvents> {
        let events = query.bind(statement(include_str!("sql/report_app_events.sql")));
        let events = events.bind(app.id.clone()).bind(app.name.clone()).bind(MOST_APP_EVENTS);
        let rows = self.rows(events).await?;
        let found = rows.first().map(|row| column::<i64>(row, "found")).transpose()?;
        let mut newest = read(&rows, rows::app_event)?;
        let names = PresentNames::of(query.sources);
        for event in &mut newest {
            names.rename(&mut event.source);
        }
        Ok(AppEvents { found: found.unwrap_or(0) as u64, newest })
    }
}

impl ReportQuery<'_> {
    /// All names of all sources.
    fn names(&self) -> Vec<String> {
        self.sources.concat()
    }

    /// Binds the first three parameters.
    fn bind(&self, query: Statement) -> Statement {
        query.bind(self.names()).bind(self.range.from).bind(self.range.to)
    }
}

fn read<T>(rows: &[PgRow], of: fn(&PgRow) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(of).collect()
}
