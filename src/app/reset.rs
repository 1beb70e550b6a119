//! `reset`: makes days due again.

use std::collections::{BTreeSet, HashSet};

use chrono::NaiveDate;

use super::{App, DONE, ExitStatus, FOUND_WRONG, Failure, clock, env, existing};
use crate::cli::ResetArgs;
use crate::config::{Source, SourceName};
use crate::day::{DateRange, DayKey, last_over};
use crate::report::operator::{ResetDay, ResetReport};
use crate::store::{Actor, Reader, Reset, ResetOrder, Store};
use crate::text::clean;

pub(super) async fn run(app: &App<'_>, args: &ResetArgs) -> Result<ExitStatus, Failure> {
    let source = app.config.source(&args.source).map_err(Failure::usage)?;
    refuse_unfinished(&args.dates, last_over(clock()))?;
    let reader = app.connect().await?;
    let store = existing(&reader, &App::holder()).await?;
    if store.is_some() {
        reader.must_take_writes().await?;
    }
    let by = operator(args.operator.by.as_deref());
    let behalf = Actor { by: &by, reason: args.operator.reason.as_deref() };
    let order = ResetOrder { force: args.force, behalf };
    let dates: BTreeSet<NaiveDate> = args.dates.iter().flat_map(|range| range.dates()).collect();
    let mut days = Vec::with_capacity(dates.len());
    if let (Some(first), Some(last)) = (dates.first(), dates.last()) {
        let rows =
            rows(&reader, store.as_ref(), &source.name, DateRange::new(*first, *last)).await?;
        for date in dates {
            let reset = match &store {
                Some(store) if rows.contains(&date) => {
                    store.reset(&DayKey::new(&source.name, date), &order).await?
                }
                _ => Reset::NoRow,
            };
            days.push(told(source, date, &reset));
        }
    }
    let rejected = days.iter().any(|day| matches!(day.outcome, "refused" | "no_row"));
    app.global.output.print(&ResetReport { days })?;
    reader.close().await;
    Ok(if rejected { FOUND_WRONG } else { DONE })
}

/// Refuses days that are not over, before anything is done to the others.
fn refuse_unfinished(named: &[DateRange], last_over: NaiveDate) -> Result<(), Failure> {
    match named.iter().map(|dates| dates.to).find(|to| *to > last_over) {
        Some(date) => Err(Failure::usage(format!(
            "{date} is not over in UTC, so it was never due: the newest day to reset is {last_over}"
        ))),
        None => Ok(()),
    }
}

/// The dates that have a row, so that a long range with few of them does not take a transaction for each.
async fn rows(
    reader: &Reader,
    store: Option<&Store>,
    source: &SourceName,
    window: DateRange,
) -> Result<HashSet<NaiveDate>, Failure> {
    if store.is_none() {
        return Ok(HashSet::new());
    }
    let rows = reader.ledger(&[(source.as_ref(), None)], window).await?;
    Ok(rows.into_iter().map(|row| row.date).collect())
}

fn told(source: &Source, date: NaiveDate, reset: &Reset) -> ResetDay {
    let name = &source.name;
    // A run without options leaves a disabled source out.
    let run = if source.enabled {
        "the next `auditsync`".to_owned()
    } else {
        format!("`auditsync --source {name}`")
    };
    let (outcome, message) = match reset {
        Reset::Done { was } => ("reset", format!("due again (was {was}); {run} reads it")),
        Reset::AlreadyDue => ("already_due", format!("due already; {run} reads it")),
        Reset::NoRow => ("no_row", ResetDay::without_row(name.as_ref(), DateRange::of(date))),
        Reset::Refused { holder } => (
            "refused",
            format!(
                "at work: {holder} has it. Wait for that, or take the day away from it with --force"
            ),
        ),
    };
    ResetDay { source: name.to_string(), date, outcome, message }
}

/// Who acts, for the history: the name that was given, or the user and the dyno.
pub(super) fn operator(by: Option<&str>) -> String {
    let user =
        by.map(str::to_owned).or_else(|| env("USER")).unwrap_or_else(|| "somebody".to_owned());
    match env("DYNO") {
        Some(dyno) if by.is_none() => clean(&format!("{user} on {dyno}")),
        _ => clean(&user),
    }
}
