//! `status`: how the ledger stands.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

use super::{App, DONE, ExitStatus, Failure, now};
use crate::cli::StatusArgs;
use crate::config::Source;
use crate::day::{last_over, range};
use crate::ledger::{LedgerRow, SourceDays, Status};
use crate::report::status::{DayStatus, SourceStatus, StatusReport};
use crate::store::Schema;

pub(super) async fn run(app: &App<'_>, args: &StatusArgs) -> Result<ExitStatus, Failure> {
    let sources: Vec<&Source> =
        if args.sources.is_empty() { app.config.sources.iter().collect() } else { app.sources(&args.sources)? };
    let reader = app.connect().await?;
    let to = last_over(now(&reader).await?);
    let from = to - Days::new(u64::from(args.days - 1));
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_ref()).collect();
    let (rows, days) = match reader.schema().await? {
        Schema::Current => (reader.ledger(&names, from, to).await?, reader.source_days(&names).await?),
        Schema::Absent => (Vec::new(), HashMap::new()),
        other => return Err(other.into_error().into()),
    };
    let report = report(&sources, &rows, &days, from, to);
    app.global.output.print(&report)?;
    reader.close().await;
    Ok(DONE)
}

/// How each source stands from `from` to `to`, from the calendar: a day owed without a row is as visible as one that failed.
fn report(
    sources: &[&Source],
    rows: &[LedgerRow],
    known: &HashMap<String, SourceDays>,
    from: NaiveDate,
    to: NaiveDate,
) -> StatusReport {
    let by_day: HashMap<(&str, NaiveDate), &LedgerRow> =
        rows.iter().map(|row| ((row.source.as_str(), row.date), row)).collect();
    let mut report = StatusReport { sources: Vec::new(), days: Vec::new() };
    for source in sources {
        let name = source.name.as_ref();
        let of_source = known.get(name).cloned().unwrap_or_default();
        let covered_from = source.since.or(of_source.first);
        let mut status = SourceStatus {
            source: name.to_owned(),
            enabled: source.enabled,
            covered_from,
            last_whole_day: of_source.last_whole,
            from,
            to,
            whole: 0,
            failed: 0,
            at_work: 0,
            pending: 0,
            missing: 0,
            oldest_gap: None,
        };
        for date in range(from, to) {
            let row = by_day.get(&(name, date)).copied();
            let owed = covered_from.is_some_and(|first| first <= date);
            if let Some(day) = day(name, date, row, owed) {
                status.count(row, date, owed);
                report.days.push(day);
            }
        }
        report.sources.push(status);
    }
    // Days reset long ago are due all the same.
    report.days.extend(
        rows.iter().filter(|row| row.date < from).filter_map(|row| day(&row.source, row.date, Some(row), true)),
    );
    report.days.sort_by(|a, b| (b.date, &a.source).cmp(&(a.date, &b.source)));
    report
}

impl SourceStatus {
    fn count(&mut self, row: Option<&LedgerRow>, date: NaiveDate, owed: bool) {
        match row.map(|row| (&row.status, row.live)) {
            Some((Status::Success, _)) => self.whole += 1,
            Some((Status::Processing, true)) => self.at_work += 1,
            Some((Status::Pending, _)) => self.pending += 1,
            Some(_) => self.failed += 1,
            None => self.missing += 1,
        }
        let whole = row.is_some_and(|row| row.status == Status::Success);
        if owed && !whole && self.oldest_gap.is_none() {
            self.oldest_gap = Some(date);
        }
    }
}

fn day(source: &str, date: NaiveDate, row: Option<&LedgerRow>, owed: bool) -> Option<DayStatus> {
    let source = source.to_owned();
    match row {
        Some(row) => Some(DayStatus {
            source,
            date,
            status: row.status.to_string(),
            events: row.events,
            attempt: row.attempt,
            error: row.error.clone(),
            updated_at: Some(row.updated_at),
        }),
        None if owed => Some(DayStatus {
            source,
            date,
            status: "MISSING".to_owned(),
            events: None,
            attempt: 0,
            error: None,
            updated_at: None,
        }),
        None => None,
    }
}
