//! `events`: finds stored events and prints them, newest first.

use chrono::{DateTime, Utc};

use super::context::{App, has_ledger};
use super::failure::{DONE, ExitStatus, Failure};
use crate::calendar::NotADate;
use crate::cli::EventsArgs;
use crate::report::Output;
use crate::report::found::{FixedColumn, FoundEvents};
use crate::store::{EventSearch, Pattern, Reader};

/// How many events a table has without `--limit`: some screens full.
const DEFAULT_ROWS: u32 = 50;

pub(super) async fn run(app: &App<'_>, args: &EventsArgs) -> Result<ExitStatus, Failure> {
    let output = app.global.output;
    let limit = args.limit.or((output == Output::Text).then_some(DEFAULT_ROWS));
    let reader = app.connect().await?;
    let search = search(args, limit, reader.now().await?)?;
    let ledger = has_ledger(&reader).await?.then_some(&reader);
    let known = async |names: &[&str]| match ledger {
        Some(ledger) => Ok(ledger.first_days(names).await?.into_keys().collect()),
        None => Ok(Vec::new()),
    };
    let sources = app.select(&args.sources, known).await?.stored_names();
    let search = EventSearch { sources, ..search };
    let mut found = FoundEvents::new(output, limit, fixed_columns(args));
    if let Some(ledger) = ledger {
        print(ledger, search, &mut found).await?;
    }
    found.end()?;
    reader.close().await;
    Ok(DONE)
}

async fn print(
    reader: &Reader,
    search: EventSearch,
    found: &mut FoundEvents,
) -> Result<(), Failure> {
    let mut snapshot = reader.evidence_snapshot().await?;
    snapshot.wait_for_reader().await?;
    let mut events = snapshot.search(search);
    loop {
        let chunk = events.next().await.map_err(|error| {
            let failure = Failure::Store(error);
            if found.has_begun() { failure.behind_output() } else { failure }
        })?;
        match chunk {
            Some(chunk) if found.print(&chunk)?.is_continue() => {}
            _ => return Ok(()),
        }
    }
}

fn search(
    args: &EventsArgs,
    limit: Option<u32>,
    now: DateTime<Utc>,
) -> Result<EventSearch, Failure> {
    let of =
        |option: &'static str| move |error: NotADate| Failure::usage(format!("{option}: {error}"));
    let since = args.since.map(|time| time.begin(now)).transpose().map_err(of("--since"))?;
    let until = args.until.map(|time| time.end(now)).transpose().map_err(of("--until"))?;
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(Failure::usage("--since is after --until"));
    }
    Ok(EventSearch {
        sources: None,
        apps: given(&args.apps, |typed| Pattern::new(typed)),
        actors: given(&args.actors, |typed| Pattern::new(typed)),
        types: given(&args.types, |typed| Pattern::new(typed)),
        actions: given(&args.actions, |typed| Pattern::new(typed)),
        teams: given(&args.teams, |typed| Pattern::new(typed)),
        networks: given(&args.networks, |network| *network),
        since,
        until,
        // One more shows whether there are more.
        limit: limit.map(|limit| limit + 1),
    })
}

/// The columns for which the filters leave one value.
fn fixed_columns(args: &EventsArgs) -> Vec<FixedColumn> {
    let of_filters = [(&args.types, FixedColumn::Type), (&args.actions, FixedColumn::Action)];
    let is_fixed = |values: &[String]| matches!(values, [one] if !one.contains('*'));
    let fixed = of_filters.into_iter().filter(|(values, _)| is_fixed(values));
    fixed.map(|(_, column)| column).collect()
}

/// The values of an option; `None` if it was not given.
fn given<T, U>(values: &[T], value: impl Fn(&T) -> U) -> Option<Vec<U>> {
    (!values.is_empty()).then(|| values.iter().map(value).collect())
}
