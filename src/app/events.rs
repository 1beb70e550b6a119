//! `events`: finds stored events and prints them, newest first.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::context::App;
use super::failure::{DONE, ExitStatus, Failure};
use crate::calendar::NotADate;
use crate::cli::EventsArgs;
use crate::report::Output;
use crate::report::found::{FixedColumn, FoundEvents};
use crate::store::{EventSearch, Pattern, Reader};

/// How many events a table has without `--limit`: some screens full.
const DEFAULT_ROWS: u32 = 50;

/// How long to look for the reason why no event matches.
const REASON: Duration = Duration::from_secs(5);

pub(super) async fn run(app: &App<'_>, args: &EventsArgs) -> Result<ExitStatus, Failure> {
    let output = app.global.output;
    let limit = args.limit.or((output == Output::Text).then_some(DEFAULT_ROWS));
    let reader = app.connect_to_current().await?;
    let search = search(args, limit, reader.now().await?)?;
    let sources = app.select_from_ledger(&args.sources, &reader).await?.stored_names();
    let search = EventSearch { sources, ..search };
    let mut found = FoundEvents::new(output, limit, fixed_columns(args));
    print(&reader, search, &mut found).await?;
    let unknown = match output {
        Output::Text if !found.has_begun() => unknown_values(&reader, args).await,
        _ => Vec::new(),
    };
    found.end(&unknown)?;
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

/// The values of options that no stored event has, such as ``action `destory` ``. Empty if that
/// can't be found out soon.
async fn unknown_values(reader: &Reader, args: &EventsArgs) -> Vec<String> {
    let options = [
        ("app", &args.apps),
        ("actor", &args.actors),
        ("type", &args.types),
        ("action", &args.actions),
        ("team", &args.teams),
    ];
    let named: Vec<(&str, &str)> = options
        .into_iter()
        .flat_map(|(option, values)| values.iter().map(move |value| (option, value.as_str())))
        .collect();
    let looked = tokio::time::timeout(REASON, reader.stored_values(&named)).await;
    let Ok(Ok(known)) = looked else { return Vec::new() };
    let unknown = named.iter().zip(known).filter(|(_, is_known)| !is_known);
    unknown.map(|((option, value), _)| format!("{option} `{value}`")).collect()
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
