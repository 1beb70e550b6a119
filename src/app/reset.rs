//! `reset`: makes days due again.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use super::clock;
use super::context::{App, existing};
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::{head, operator};
use crate::cli::ResetArgs;
use crate::config::Source;
use crate::day::{DateRange, DayKey, last_over};
use crate::ledger::{LedgerRow, ResetOutcome};
use crate::report::operator::{ResetDay, ResetReport};
use crate::store::{Actor, Reader, ResetRequest, Store, StoredNames};

pub(super) async fn run(app: &App<'_>, args: &ResetArgs) -> Result<ExitStatus, Failure> {
    let sources = app.config.select(&args.source).map_err(Failure::usage)?;
    refuse_unfinished(&args.dates, last_over(clock::here()))?;
    let reader = app.connect().await?;
    let store = existing(&reader, &App::holder()).await?;
    if store.is_some() {
        reader.require_writable().await?;
    }
    let by = operator::name(args.operator.by.as_deref());
    let actor = Actor { by: &by, reason: args.operator.reason.as_deref() };
    let request = ResetRequest { force: args.force, actor };
    let dates: BTreeSet<NaiveDate> = args.dates.iter().flat_map(|range| range.dates()).collect();
    let mut days = Vec::with_capacity(dates.len());
    for source in sources {
        let stored = stored_days(&reader, store.as_ref(), source, &dates).await?;
        for &date in &dates {
            let reset = match (&store, stored.get(&date)) {
                (Some(store), Some(key)) => store.reset(key, request).await?,
                _ => ResetOutcome::NoRow,
            };
            days.push(reset_day(source, date, reset));
        }
    }
    let rejected = days.iter().any(|day| day.outcome.is_rejected());
    app.global.output.print(&ResetReport { days })?;
    if store.is_some() {
        head::log("reset", &reader).await;
    }
    reader.close().await;
    Ok(if rejected { FOUND_WRONG } else { DONE })
}

/// Rejects days that are not over before any other day is reset.
fn refuse_unfinished(named: &[DateRange], last_over: NaiveDate) -> Result<(), Failure> {
    match named.iter().map(|dates| dates.to).find(|to| *to > last_over) {
        Some(date) => Err(Failure::usage(format!(
            "{date} is not over in UTC, so it was never due. The newest day to reset is {last_over}"
        ))),
        None => Ok(()),
    }
}

/// The days that have a row, each with the name under which it is stored. A long range with few
/// rows needs no transaction for each date.
async fn stored_days(
    reader: &Reader,
    store: Option<&Store>,
    source: &Source,
    dates: &BTreeSet<NaiveDate>,
) -> Result<HashMap<NaiveDate, DayKey>, Failure> {
    let window = DateRange::between(dates.first().copied(), dates.last().copied());
    let (Some(window), Some(_)) = (window, store) else { return Ok(HashMap::new()) };
    let rows = reader.ledger(&StoredNames::of([source]), window).await?;
    let stored = |row: LedgerRow| (row.date, DayKey::new(source.name_of(&row.stored_as), row.date));
    Ok(rows.into_iter().map(stored).collect())
}

fn reset_day(source: &Source, date: NaiveDate, outcome: ResetOutcome) -> ResetDay {
    let name = &source.name;
    // A run without options skips a disabled source.
    let run = if source.enabled {
        "the next `auditsync`".to_owned()
    } else {
        format!("`auditsync --source {name}`")
    };
    let message = match &outcome {
        ResetOutcome::Reset { was } => format!("due again (was {was}); {run} reads it"),
        ResetOutcome::AlreadyDue => format!("already due; {run} reads it"),
        ResetOutcome::NoRow => ResetDay::without_row(name.as_ref(), DateRange::of(date)),
        ResetOutcome::Refused { holder } => {
            format!("syncing: {holder} holds it. Wait until it ends, or take it over with --force")
        }
    };
    ResetDay { source: name.to_string(), date, outcome, message }
}
