//! `status`: shows the state of each source.

use chrono::{DateTime, Days, Utc};

use super::clock;
use super::context::{App, SelectedSources, has_ledger};
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::cli::StatusArgs;
use crate::config::Source;
use crate::coverage::{AdoptedPolicy, Coverage, Standings, coverage};
use crate::day::{DateRange, last_over};
use crate::ledger::LedgerRow;
use crate::report::status::{DayStatus, LagCheck, SourceBehind, StatusReport};
use crate::store::{Reader, StoredNames};

pub(super) async fn run(app: &App<'_>, args: &StatusArgs) -> Result<ExitStatus, Failure> {
    let reader = app.connect().await?;
    let ledger = has_ledger(&reader).await?.then_some(&reader);
    let now = clock::now(&reader).await?;
    let to = last_over(now);
    let from = (to - Days::new(u64::from(args.days - 1))).max(AUDIT_TRAIL_BEGINS);
    let window = DateRange::new(from, to);
    let selected = app.split(&args.sources)?;
    let standings = standings(app, ledger, &selected).await?;
    let is_recorded = |name: &&str| standings.counts.iter().any(|count| count.source == **name);
    if let Some(unknown) = selected.others.iter().find(|name| !is_recorded(name)) {
        return Err(app.unknown(unknown));
    }
    let sources = if args.sources.is_empty() {
        app.config.sources.iter().collect()
    } else {
        selected.sources
    };
    let covered = coverage(&sources, standings, now);
    let (rows, head) = match ledger {
        Some(ledger) => (days_of(ledger, &covered, &sources, window).await?, ledger.head().await?),
        None => (Vec::new(), None),
    };
    let check = args.check.then(|| check(&covered, args, now));
    let status = if check.as_ref().is_some_and(|check| !check.ok) { FOUND_WRONG } else { DONE };
    let days = days(&covered, &rows, window);
    app.global.output.print(&StatusReport { window, head, sources: covered, days, check })?;
    reader.close().await;
    Ok(status)
}

/// The standings of the named sources, or of all in the ledger; empty where there is no ledger.
async fn standings(
    app: &App<'_>,
    ledger: Option<&Reader>,
    selected: &SelectedSources<'_, '_>,
) -> Result<Standings, Failure> {
    let Some(ledger) = ledger else { return Ok(Standings::default()) };
    Ok(ledger.standings(&app.config.sources, selected.stored_names()).await?)
}

/// The rows of the sources in the window, and the rows that are due at any age.
async fn days_of(
    reader: &Reader,
    covered: &[Coverage],
    sources: &[&Source],
    window: DateRange,
) -> Result<Vec<LedgerRow>, Failure> {
    let others = covered.iter().filter(|source| !source.in_file);
    let names =
        StoredNames::of(sources.iter().copied()).and(others.map(|source| source.source.as_str()));
    Ok(reader.ledger(&names, window).await?)
}

/// The days in the window that have a row or should have one, and the days that are due at any age,
/// newest first.
fn days(covered: &[Coverage], rows: &[LedgerRow], window: DateRange) -> Vec<DayStatus> {
    let mut days: Vec<DayStatus> = rows.iter().map(DayStatus::of).collect();
    for source in covered {
        for missing in source.missing_ranges() {
            let dates = missing.dates.overlap(window);
            days.extend(dates.dates().map(|date| DayStatus::missing(&source.source, date)));
        }
    }
    days.sort_by(|a, b| (b.date, &a.source).cmp(&(a.date, &b.source)));
    days
}

fn check(covered: &[Coverage], args: &StatusArgs, now: DateTime<Utc>) -> LagCheck {
    let adopted =
        if args.accept_adopted { AdoptedPolicy::Accepted } else { AdoptedPolicy::Rejected };
    let behind: Vec<SourceBehind> = covered
        .iter()
        .flat_map(|source| {
            let reasons = source.behind(args.max_lag.into(), adopted, now).into_iter();
            reasons.map(|reason| SourceBehind { source: source.source.clone(), reason })
        })
        .collect();
    LagCheck { ok: behind.is_empty(), max_lag: describe(args.max_lag), behind }
}

/// A duration as people type it: full hours as hours, also more than 24 of them.
fn describe(duration: humantime::Duration) -> String {
    let seconds = duration.as_secs();
    if seconds > 0 && seconds.is_multiple_of(3600) && duration.subsec_nanos() == 0 {
        format!("{}h", seconds / 3600)
    } else {
        duration.to_string()
    }
}
