//! `status`: how the ledger stands.

use std::collections::HashMap;

use chrono::{DateTime, Days, Utc};

use super::{App, DONE, ExitStatus, FOUND_WRONG, Failure, now};
use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::cli::StatusArgs;
use crate::config::{Scope, Source};
use crate::coverage::{Adopted, Coverage, Standings, coverage};
use crate::day::{DateRange, last_over};
use crate::ledger::LedgerRow;
use crate::report::status::{Behind, Check, DayStatus, StatusReport};
use crate::store::{Reader, Schema};

pub(super) async fn run(app: &App<'_>, args: &StatusArgs) -> Result<ExitStatus, Failure> {
    let reader = app.connect().await?;
    let ledger = match reader.schema().await? {
        Schema::Current => Some(&reader),
        Schema::Absent => None,
        other => return Err(other.into_error().into()),
    };
    let now = now(&reader).await?;
    let to = last_over(now);
    let from = (to - Days::new(u64::from(args.days - 1))).max(AUDIT_TRAIL_BEGINS);
    let window = DateRange::new(from, to);
    let standings = standings(app, ledger, &args.sources).await?;
    let sources = wanted(app, &args.sources, &standings)?;
    let covered = coverage(&sources, standings, now);
    let rows = match ledger {
        Some(ledger) => days_of(ledger, &covered, &sources, window).await?,
        None => Vec::new(),
    };
    let check = args.check.then(|| check(&covered, args, now));
    let status = if check.as_ref().is_some_and(|check| !check.ok) { FOUND_WRONG } else { DONE };
    let days = days(&covered, &rows, window);
    app.global.output.print(&StatusReport { from, to, sources: covered, days, check })?;
    reader.close().await;
    Ok(status)
}

/// How the named sources stand, or all of the ledger; nothing does where there is none.
async fn standings(
    app: &App<'_>,
    ledger: Option<&Reader>,
    names: &[String],
) -> Result<Standings, Failure> {
    let Some(ledger) = ledger else { return Ok(Standings::default()) };
    let only: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(ledger.standings(&app.config.sources, (!only.is_empty()).then_some(&only)).await?)
}

/// The file's sources that are wanted. A name that only the ledger knows is right too.
fn wanted<'a>(
    app: &'a App<'_>,
    names: &[String],
    standings: &Standings,
) -> Result<Vec<&'a Source>, Failure> {
    if names.is_empty() {
        return Ok(app.config.sources.iter().collect());
    }
    let in_ledger = |name: &String| standings.counts.iter().any(|count| count.source == *name);
    let mut of_file: Vec<String> = names.to_vec();
    of_file.retain(|name| app.config.source(name).is_ok() || !in_ledger(name));
    if of_file.is_empty() { Ok(Vec::new()) } else { app.sources(&of_file) }
}

/// The ledger's rows of the sources in the window, and those that are due at any age.
async fn days_of(
    reader: &Reader,
    covered: &[Coverage],
    sources: &[&Source],
    window: DateRange,
) -> Result<Vec<LedgerRow>, Failure> {
    let scopes: HashMap<&str, &Scope> =
        sources.iter().map(|source| (source.name.as_ref(), &source.scope)).collect();
    let names: Vec<(&str, Option<&Scope>)> = covered
        .iter()
        .map(|source| (source.source.as_str(), scopes.get(source.source.as_str()).copied()))
        .collect();
    Ok(reader.ledger(&names, window).await?)
}

/// The days in the window that have a row or should have one, and those that are due at any age, newest first.
fn days(covered: &[Coverage], rows: &[LedgerRow], window: DateRange) -> Vec<DayStatus> {
    let mut days: Vec<DayStatus> = rows.iter().map(DayStatus::of).collect();
    for source in covered {
        for missing in source.missing_ranges() {
            let dates = DateRange::new(missing.from, missing.to).overlap(window);
            days.extend(dates.dates().map(|date| DayStatus::missing(&source.source, date)));
        }
    }
    days.sort_by(|a, b| (b.date, &a.source).cmp(&(a.date, &b.source)));
    days
}

fn check(covered: &[Coverage], args: &StatusArgs, now: DateTime<Utc>) -> Check {
    let adopted = if args.accept_adopted { Adopted::Accepted } else { Adopted::Rejected };
    let behind: Vec<Behind> = covered
        .iter()
        .flat_map(|source| {
            let reasons = source.behind(args.max_lag.into(), adopted, now).into_iter();
            reasons.map(|reason| Behind { source: source.source.clone(), reason })
        })
        .collect();
    Check { ok: behind.is_empty(), max_lag: told(args.max_lag), behind }
}

/// A duration as people type it: whole hours as hours, also more than a day of them.
fn told(duration: humantime::Duration) -> String {
    let seconds = duration.as_secs();
    if seconds > 0 && seconds.is_multiple_of(3600) && duration.subsec_nanos() == 0 {
        format!("{}h", seconds / 3600)
    } else {
        duration.to_string()
    }
}
