//! `reconcile`: compares what is stored with Heroku's archive of a month, event by event.
//!
//! Or every month that Heroku lists. A month that can't be compared does not stop the others.
//!
//! Heroku makes the archive in another way than its lists of events, so it is a second witness.
//! Events are compared as JSON values, on the days that the source must cover and that the archive
//! covers completely.

mod compare;
mod record;

use std::collections::HashMap;

use chrono::NaiveDate;
use tracing::warn;

use compare::{Broken, Comparing};
use record::Recorder;

use super::anchoring;
use super::clock;
use super::context::{App, existing, writable};
use super::environment::env;
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::head;
use super::run::archive::sort;
use super::run::archive_days::{
    Account, ArchiveRun, OpenArchive, accounts, find_selectors, store_days,
};
use super::run::archive_plan::Archives;
use super::run::attempt::ReadFrom;
use super::run::fetches::FetchDay;
use super::run::leased::LedgerWriter;
use super::run::schedule::TIME_TO_RELEASE;
use super::run::supervise::{close, within};
use super::shutdown::Shutdown;
use crate::cli::ReconcileArgs;
use crate::config::{Source, SourceName, Tokens};
use crate::day::{DateRange, DayKey, Month, last_over};
use crate::evidence::Head;
use crate::heroku::{Client, Session, Teams};
use crate::ledger::LedgerRow;
use crate::report::archives::ArchiveReport;
use crate::report::day::{DayReport, Outcome, StopReason};
use crate::report::progress::Progress;
use crate::report::reconcile::{MonthReport, ReconcileReport, ReconciledDay, covers_nothing};
use crate::store::{Claimable, Reader, StoredNames};

pub(super) async fn run(app: &App<'_>, args: &ReconcileArgs) -> Result<ExitStatus, Failure> {
    let shutdown = Shutdown::listen().map_err(Failure::Process)?;
    let work = reconcile(app, args, &shutdown);
    let Reconciled { report, reader, before } = within(&shutdown, TIME_TO_RELEASE, work).await?;
    let status = if report.is_good() { DONE } else { FOUND_WRONG };
    let printed = app.global.output.print(&report);
    if args.repair {
        let before = before.as_ref();
        anchoring::sign(app, &reader, before, &shutdown).await;
        let head = tokio::select! {
            head = head::log("reconcile", &reader) => head,
            () = shutdown.overdue(TIME_TO_RELEASE) => None,
        };
        anchoring::stamp(app, &reader, (before, head.as_ref()), &shutdown).await;
    }
    close(reader, &shutdown).await;
    printed?;
    Ok(shutdown.exit_status().unwrap_or(status))
}

/// What a comparison did.
struct Reconciled {
    report: ReconcileReport,
    /// The connections, to be closed after the report.
    reader: Reader,
    /// The head before a repair.
    before: Option<Head>,
}

async fn reconcile(
    app: &App<'_>,
    args: &ReconcileArgs,
    shutdown: &Shutdown,
) -> Result<Reconciled, Failure> {
    let sources = app.sources(&args.sources)?;
    let tokens = app.config.tokens(sources.iter().copied(), &env)?;
    let client = Client::new(&app.config.api, sources.iter().copied(), &tokens)?;
    let reader = app.connect().await?;
    let newest = last_over(clock::now(&reader).await?);
    let accounts = accounts(&sources, &tokens);
    let archives = match args.month {
        Some(month) => {
            refuse_month(month, newest)?;
            Archives::of_month(accounts, month)
        }
        None => Archives::listed(&client, accounts).await,
    };
    let holder = App::holder();
    let store = if args.repair {
        Some(writable(&reader, &holder).await?)
    } else {
        existing(&reader, &holder).await?
    };
    let Some(store) = store else {
        let mut months = nothing_stored(&archives, newest);
        months.extend(unread(&sources, &tokens, (args.month, newest)));
        let report = in_order(months, &sources, newest);
        return Ok(Reconciled { report, reader, before: None });
    };
    let before = if args.repair { head::read(&reader).await } else { None };
    let writer = LedgerWriter::new(store, reader.clone(), shutdown.clone());
    let run = ArchiveRun { teams: Teams::default(), writer };
    let mut recorder = Recorder::new(&reader, &run.writer.store).await;
    let mut months = not_listed(&archives);
    months.extend(without_token(&reader, &sources, &tokens, (args.month, newest)).await?);
    let begun: Vec<(&Account, Month)> = archives.begun(newest).collect();
    let days = |month: Month| month.days().len() as usize;
    let all_days = begun.iter().map(|(_, month)| days(*month)).sum();
    let progress = Progress::new(all_days, app.global.live_lines());
    for (account, month) in begun {
        if shutdown.is_asked() {
            break;
        }
        let session = account.session(&client);
        let _line = progress.line(format!("{month} {}", account.name), activity(&session));
        let mut compared = compare_account(&run, account, &session, month, newest).await?;
        // Before a repair, which changes what was found.
        recorder.record(&compared.months).await;
        if args.repair {
            repair(&run, account, &mut compared).await;
        }
        months.extend(compared.months);
        progress.done(days(month));
    }
    Ok(Reconciled { report: in_order(months, &sources, newest), reader, before })
}

/// What a comparison is doing, each time it is called.
fn activity(session: &Session) -> impl Fn() -> String + Clone + Send + Sync + 'static {
    let activity = session.activity().clone();
    move || activity.waits_for().unwrap_or_else(|| "reading and comparing the archive".to_owned())
}

/// The report, in the order of the sources and months.
fn in_order(
    mut months: Vec<MonthReport>,
    sources: &[&Source],
    newest: NaiveDate,
) -> ReconcileReport {
    months.sort_by_key(|month| {
        let place = sources.iter().position(|source| source.name.as_ref() == month.source);
        (place, month.month)
    });
    ReconcileReport { months, newest }
}

/// A report for each source of an account whose archives are not known.
fn not_listed(archives: &Archives) -> Vec<MonthReport> {
    let of_source = |problem: &ArchiveReport, source: &SourceName| MonthReport {
        error: problem.error.clone(),
        ..MonthReport::new(source.as_ref(), None)
    };
    let problems = archives.problems.iter();
    problems
        .flat_map(|problem| problem.sources.iter().map(|source| of_source(problem, source)))
        .collect()
}

/// The reports where there is no ledger. It is an error for a source that must cover days of the
/// month.
fn nothing_stored(archives: &Archives, newest: NaiveDate) -> Vec<MonthReport> {
    let one = |source: &Source, month: Month| {
        let message = Some(
            "nothing is stored in this database yet. Check that it is the right one, or run \
             `auditsync`"
                .to_owned(),
        );
        let owes = source.since.is_some_and(|since| since <= month.last());
        let (error, note) = if owes { (message, None) } else { (None, message) };
        MonthReport { error, note, ..MonthReport::new(source.name.as_ref(), Some(month)) }
    };
    let mut months = not_listed(archives);
    for (account, month) in archives.begun(newest) {
        months.extend(account.sources.iter().map(|source| one(source, month)));
    }
    months
}

/// Refuses a month that can't have an archive yet.
fn refuse_month(month: Month, newest: NaiveDate) -> Result<(), Failure> {
    if month.first() > newest {
        return Err(Failure::usage(format!(
            "no day of {month} is over in UTC, so there is nothing to compare"
        )));
    }
    Ok(())
}

/// How the sources of an account compare with its archive, and what a repair needs.
struct Compared {
    months: Vec<MonthReport>,
    open: Option<OpenArchive>,
    /// The days that the sources must cover.
    days: Vec<FetchDay>,
}

impl Compared {
    /// Ends the comparison: `error` concerns every source that has none of its own.
    fn failed(mut self, error: &str) -> Self {
        for month in self.months.iter_mut().filter(|month| month.error.is_none()) {
            month.error = Some(error.to_owned());
        }
        self
    }
}

/// The reports of the sources whose token is missing, where there is no ledger.
fn unread(
    sources: &[&Source],
    tokens: &Tokens,
    (month, newest): (Option<Month>, NaiveDate),
) -> Vec<MonthReport> {
    let of_source = |source: &&Source| {
        let missing = tokens.of(source).err()?;
        let is_owed = |month: Month| source.since.is_some_and(|since| since <= month.last());
        let why = Some(StopReason::NoToken(missing).message(source, newest));
        let (error, note) = if month.is_none_or(is_owed) { (why, None) } else { (None, why) };
        Some(MonthReport { error, note, ..MonthReport::new(source.name.as_ref(), month) })
    };
    sources.iter().filter_map(of_source).collect()
}

/// The reports of the sources whose token is missing. That is an error for a source that must cover
/// days of the month, or that is compared with every month.
async fn without_token(
    reader: &Reader,
    sources: &[&Source],
    tokens: &Tokens,
    (month, newest): (Option<Month>, NaiveDate),
) -> Result<Vec<MonthReport>, Failure> {
    let mut months = Vec::new();
    for &source in sources {
        let Err(missing) = tokens.of(source) else { continue };
        let reason = StopReason::NoToken(missing);
        let Some(month) = month else {
            let error = Some(reason.message(source, newest));
            months.push(MonthReport { error, ..MonthReport::new(source.name.as_ref(), None) });
            continue;
        };
        let days = owed_days(reader, std::slice::from_ref(source), month, newest).await?;
        let failed: Vec<DayReport> =
            days.first().into_iter().map(|day| day.failed(&reason)).collect();
        if failed.is_empty() {
            let name = &source.name;
            warn!(target: "auditsync", "{name}: {}", reason.message(source, month.first()));
        }
        months.push(begin_report(source, month, &days, &failed));
    }
    Ok(months)
}

async fn compare_account(
    run: &ArchiveRun,
    account: &Account,
    session: &Session,
    month: Month,
    newest: NaiveDate,
) -> Result<Compared, Failure> {
    let mut days = owed_days(&run.writer.reader, &account.sources, month, newest).await?;
    let (selectors, failed) = find_selectors(run, account, session, &mut days).await;
    let months = account.sources.iter();
    let months = months.map(|source| begin_report(source, month, &days, &failed)).collect();
    let mut compared = Compared { months, open: None, days };
    if compared.days.is_empty() {
        return Ok(compared);
    }
    let archive = match session.archive(&account.name, month).await {
        Ok(archive) => archive,
        Err(error) => {
            let why = error.message(&account.sources[0]);
            return Ok(compared.failed(&format!("nothing was compared, nothing changed: {why}")));
        }
    };
    let Some(covered) = archive.covers_to(newest) else {
        return Ok(compared.failed(&covers_nothing(archive.dating(newest))));
    };
    let covered = DateRange::new(month.first(), covered);
    let mut comparing =
        Comparing::new(&run.writer.reader, account, &selectors, &compared.days, covered);
    let ended = match sort(&archive, &selectors, &mut comparing).await {
        Ok(events) => comparing.finish(&mut compared.months, &archive, events).await,
        Err(error) => Err(Broken::Archive(error)),
    };
    match ended {
        Ok(()) => {
            let read_from = ReadFrom::Archive { month, as_of: archive.as_of() };
            compared.open = Some(OpenArchive {
                archive,
                selectors,
                read_from,
                kept_as: None,
                cost: session.cost(),
            });
            Ok(compared)
        }
        Err(Broken::Store(error)) => Err(error.into()),
        Err(broken) => Ok(compared.failed(&broken.to_string())),
    }
}

/// The report of a source before anything is compared: what is wrong with it, or why it must cover
/// no day.
fn begin_report(
    source: &Source,
    month: Month,
    days: &[FetchDay],
    failed: &[DayReport],
) -> MonthReport {
    let failed = failed.iter().find(|day| day.source == source.name);
    let error = failed.and_then(|day| day.error.clone());
    let owes = days.iter().any(|day| day.source.name == source.name);
    let note = (!owes && error.is_none())
        .then(|| "nothing was compared, because no day of this month is stored or owed".to_owned());
    MonthReport { error, note, ..MonthReport::new(source.name.as_ref(), Some(month)) }
}

/// The days of the month that the sources must cover, and those before them that have a row, with
/// the claim that each allows.
async fn owed_days(
    reader: &Reader,
    sources: &[Source],
    month: Month,
    newest: NaiveDate,
) -> Result<Vec<FetchDay>, Failure> {
    let names = sources.iter().flat_map(Source::names).map(AsRef::as_ref);
    let first_days = reader.first_days(&names.collect::<Vec<_>>()).await?;
    let rows = reader.ledger(&StoredNames::of(sources), month.days()).await?;
    let rows: HashMap<(&str, NaiveDate), &LedgerRow> =
        rows.iter().map(|row| ((row.source.as_str(), row.date), row)).collect();
    let mut days = Vec::new();
    for source in sources {
        let name = source.name.as_ref();
        let firsts = source.names().filter_map(|name| first_days.get(name.as_ref())).copied();
        let first = firsts.min();
        let Some(owed_from) = source.since.or(first) else { continue };
        let from = first.map_or(owed_from, |first| first.min(owed_from));
        for date in DateRange::new(from, newest).overlap(month.days()).dates() {
            let row = rows.get(&(name, date));
            // Before `since`, only what is stored is compared.
            if date < owed_from && row.is_none() {
                continue;
            }
            let claimable = row.map_or(Claimable::Due, |row| Claimable::of(row));
            let stored_as = row.map_or(&source.name, |row| source.name_of(&row.stored_as));
            let key = DayKey::new(stored_as, date);
            let was_complete = row.is_some_and(|row| row.was_complete());
            let source = source.clone();
            days.push(FetchDay { key, source, claimable, is_recount: false, was_complete });
        }
    }
    Ok(days)
}

/// Stores the events that are missing here or differ, each day under its lease.
async fn repair(run: &ArchiveRun, account: &Account, compared: &mut Compared) {
    let Some(open) = &compared.open else { return };
    let wants_repair = |day: &&FetchDay| {
        let month = compared.months.iter().find(|month| month.source == day.source.name.as_ref());
        month.is_some_and(|month| {
            month.days.iter().any(|found| found.date == day.key.date && found.wants_repair())
        })
    };
    let mut days: Vec<FetchDay> = compared.days.iter().filter(wants_repair).cloned().collect();
    days.sort_by(|a, b| a.key.cmp(&b.key));
    for report in store_days(run, account, open, days).await {
        let month = compared.months.iter_mut().find(|month| month.source == report.source.as_ref());
        let day = month.and_then(|month| month.days.iter_mut().find(|day| day.date == report.date));
        if let Some(day) = day {
            note_repair(day, report);
        }
    }
}

fn note_repair(day: &mut ReconciledDay, report: DayReport) {
    match report.outcome {
        Outcome::Synced => day.repaired = Some(report.new_events),
        outcome => {
            day.error = Some(
                report.error.unwrap_or_else(|| format!("the day could not be repaired: {outcome}")),
            );
        }
    }
}
