//! `reset`: makes days due again.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};

use super::clock;
use super::context::{App, existing};
use super::days_over::require_over;
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::{head, operator};
use crate::cli::ResetArgs;
use crate::config::Source;
use crate::day::{DateRange, DayKey};
use crate::ledger::{LedgerRow, ResetOutcome};
use crate::named_range::NamedRange;
use crate::report::operator::{ResetDay, ResetReport};
use crate::store::{Actor, Reader, ResetRequest, Store, StoredNames};

pub(super) async fn run(app: &App<'_>, args: &ResetArgs) -> Result<ExitStatus, Failure> {
    let sources = app.sources(&args.sources)?;
    // The earlier of both clocks counts, so this machine's may reject before any connection.
    dates(&args.dates, clock::here())?;
    let by = operator::name(args.operator.by.as_deref())?;
    let reader = app.connect().await?;
    let store = existing(&reader, &App::holder()).await?;
    if store.is_some() {
        reader.require_writable().await?;
    }
    let dates = dates(&args.dates, clock::now(&reader).await?)?;
    let actor = Actor { by: &by, reason: args.operator.reason.as_deref() };
    let resetting = Resetting { reader: &reader, store: store.as_ref(), force: args.force, actor };
    let mut days = Vec::with_capacity(sources.len() * dates.len());
    for source in sources {
        days.extend(resetting.reset(source, &dates).await?);
    }
    let rejected = days.iter().any(|day| day.outcome.is_rejected());
    app.global.output.print(&ResetReport { days })?;
    if store.is_some() {
        head::log("reset", &reader).await;
    }
    reader.close().await;
    Ok(if rejected { FOUND_WRONG } else { DONE })
}

/// The dates that are named, if each of them is over.
fn dates(named: &[NamedRange], now: DateTime<Utc>) -> Result<BTreeSet<NaiveDate>, Failure> {
    let mut dates = BTreeSet::new();
    for range in named {
        let range = range.at(now).map_err(Failure::usage)?;
        require_over(range.to, now, ", so it was never due")?;
        dates.extend(range.dates());
    }
    Ok(dates)
}

/// A reset, and the ledger that it works on. `store` is `None` where there is no ledger.
struct Resetting<'a> {
    reader: &'a Reader,
    store: Option<&'a Store>,
    force: bool,
    actor: Actor<'a>,
}

impl Resetting<'_> {
    /// Resets the days of a source, oldest first.
    async fn reset(
        &self,
        source: &Source,
        dates: &BTreeSet<NaiveDate>,
    ) -> Result<Vec<ResetDay>, Failure> {
        let stored = self.stored_days(source, dates).await?;
        let request = ResetRequest { force: self.force, actor: self.actor };
        let mut days = Vec::with_capacity(dates.len());
        for &date in dates {
            let outcome = match (self.store, stored.get(&date)) {
                (Some(store), Some(key)) => store.reset(key, request).await?,
                _ => ResetOutcome::NoRow,
            };
            days.push(reset_day(source, date, outcome));
        }
        Ok(days)
    }

    /// The days that have a row, each with the name under which it is stored. A long range with few
    /// rows needs no transaction for each date.
    async fn stored_days(
        &self,
        source: &Source,
        dates: &BTreeSet<NaiveDate>,
    ) -> Result<HashMap<NaiveDate, DayKey>, Failure> {
        let (Some(_), Some(&from), Some(&to)) = (self.store, dates.first(), dates.last()) else {
            return Ok(HashMap::new());
        };
        let names = StoredNames::of([source]);
        let rows = self.reader.ledger(&names, DateRange::new(from, to)).await?;
        let key = |row: &LedgerRow| DayKey::new(source.name_of(&row.stored_as), row.date);
        Ok(rows.iter().map(|row| (row.date, key(row))).collect())
    }
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
