//! `reconcile`: what is stored against Heroku's archive of a month, event by event.
//!
//! The archive is Heroku's own, made on another way than its lists of events, so it is a second witness. Events are
//! compared as JSON values. Compared are the days that coverage is owed for and that the archive covers wholly.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use chrono::NaiveDate;

use super::archive::{Account, Context, Found, Sink, Sorted, accounts, nearest, sort, store_days};
use super::backfill::{selectors, told};
use super::fetch::{FetchDay, Selector, Teams};
use super::view::{ReadFrom, Writing};
use super::{App, DONE, ExitStatus, FOUND_WRONG, Failure, Shutdown, existing, now, writable};
use crate::cli::ReconcileArgs;
use crate::config::Source;
use crate::day::{DateRange, DayKey, Month, last_over};
use crate::event::Event;
use crate::fingerprints::Fingerprints;
use crate::heroku::{Archive, Client, Cost, Unreadable};
use crate::ledger::LedgerRow;
use crate::report::reconcile::{
    ArchiveFacts, ListId, MonthReport, ReconcileReport, ReconciledDay, Spool,
};
use crate::report::run::{DayReport, Outcome};
use crate::store::{self, Claimable, Reader, Sameness, Stored, StoredId, Under};

pub(super) async fn run(app: &App<'_>, args: &ReconcileArgs) -> Result<ExitStatus, Failure> {
    let shutdown = Shutdown::listen().map_err(Failure::Process)?;
    let (report, reader) = tokio::select! {
        report = reconcile(app, args, &shutdown) => report?,
        () = shutdown.overdue(super::view::TIME_TO_RELEASE) => {
            return Err(Failure::Interrupted(shutdown.exit_status().unwrap_or(FOUND_WRONG)));
        }
    };
    let status = if report.is_good() { DONE } else { FOUND_WRONG };
    let printed = app.global.output.print(&report);
    if !shutdown.is_asked() {
        reader.close().await;
    }
    printed?;
    Ok(shutdown.exit_status().unwrap_or(status))
}

/// The report, and the reader that is to be closed once it is printed.
async fn reconcile(
    app: &App<'_>,
    args: &ReconcileArgs,
    shutdown: &Shutdown,
) -> Result<(ReconcileReport, Reader), Failure> {
    let sources = app.sources(&args.sources)?;
    let tokens = app.config.tokens(sources.iter().copied(), &super::env)?;
    let client = Client::new(&app.config.api, sources.iter().copied(), &tokens)?;
    let reader = app.connect().await?;
    let newest = last_over(now(&reader).await?);
    refuse_month(args.month, newest)?;
    let holder = App::holder();
    let store = if args.repair {
        Some(writable(&reader, &holder).await?)
    } else {
        existing(&reader, &holder).await?
    };
    let Some(store) = store else { return Ok((nothing_stored(&sources, args.month), reader)) };
    let writing = Writing::new(app, store, reader.clone(), shutdown.clone());
    let context = Context { client, teams: Teams::default(), writing };
    let mut months = Vec::new();
    for account in accounts(&sources, &tokens) {
        if shutdown.is_asked() {
            break;
        }
        let mut of_account = compare_account(&context, &account, args.month, newest).await?;
        if args.repair {
            repair(&context, &account, &mut of_account).await;
        }
        months.extend(of_account.months);
    }
    months.sort_by_key(|month| {
        sources.iter().position(|source| source.name.as_ref() == month.source)
    });
    Ok((ReconcileReport { months }, reader))
}

/// Without a ledger nothing is stored; for a source that owes the month, that is wrong.
fn nothing_stored(sources: &[&Source], month: Month) -> ReconcileReport {
    let one = |source: &&Source| {
        let words =
            Some("nothing is stored in this database yet: see that it is the right one, or run `auditsync`".to_owned());
        let owes = source.since.is_some_and(|since| since <= month.last());
        let (error, note) = if owes { (words, None) } else { (None, words) };
        MonthReport { error, note, ..MonthReport::new(source.name.as_ref(), month) }
    };
    ReconcileReport { months: sources.iter().map(one).collect() }
}

/// Refuses a month of which there can't be an archive.
fn refuse_month(month: Month, newest: NaiveDate) -> Result<(), Failure> {
    if month.first() > newest {
        return Err(Failure::usage(format!(
            "no day of {month} is over in UTC, so there is nothing to compare"
        )));
    }
    Ok(())
}

/// How an account's sources compare with its archive, and what a repair takes.
struct Compared {
    months: Vec<MonthReport>,
    found: Option<Found>,
    /// The days that coverage is owed for.
    days: Vec<FetchDay>,
}

async fn compare_account(
    context: &Context,
    account: &Account<'_>,
    month: Month,
    newest: NaiveDate,
) -> Result<Compared, Failure> {
    let mut cost = Cost::default();
    let days = owed_days(&context.writing.reader, account, month, newest).await?;
    let mut failed = Vec::new();
    let (selectors, days) = selectors(context, account, days, &mut cost, &mut failed).await;
    let mut months: Vec<MonthReport> = account
        .sources
        .iter()
        .map(|source| MonthReport::new(source.name.as_ref(), month))
        .collect();
    for (report, source) in months.iter_mut().zip(&account.sources) {
        report.error =
            failed.iter().find(|day| day.source == source.name).and_then(|day| day.error.clone());
    }
    let blame = |months: &mut [MonthReport], why: &str| {
        months
            .iter_mut()
            .filter(|month| month.error.is_none())
            .for_each(|month| month.error = Some(why.to_owned()));
    };
    for month in &mut months {
        let is_owed = days.iter().any(|day| day.key.source.as_ref() == month.source);
        if !is_owed && month.error.is_none() {
            month.note = Some(
                "coverage is owed for no day of this month, so nothing was compared".to_owned(),
            );
        }
    }
    if days.is_empty() {
        return Ok(Compared { months, found: None, days });
    }
    let archive =
        match context.client.archive(&account.name, month, &account.asker, &mut cost).await {
            Ok(archive) => archive,
            Err(error) => {
                blame(&mut months, &told(&error, account, month));
                return Ok(Compared { months, found: None, days });
            }
        };
    let Some(covered) = archive.covers_to(newest) else {
        blame(&mut months, "the archive covers no whole day of it yet");
        return Ok(Compared { months, found: None, days });
    };
    let mut comparing =
        Comparing::new(&context.writing.reader, account, &selectors, &days, (month, covered));
    let compared = match sort(&archive, &selectors, &mut comparing).await {
        Ok(passage) => comparing.finish(&mut months, &archive, passage.events).await,
        Err(error) => Err(Fault::Archive(error)),
    };
    match compared {
        Ok(()) => {}
        Err(Fault::Store(error)) => return Err(error.into()),
        Err(fault) => {
            blame(&mut months, &fault.to_string());
            return Ok(Compared { months, found: None, days });
        }
    }
    let read_from = ReadFrom::Archive { month, as_of: archive.as_of(newest) };
    Ok(Compared { months, found: Some(Found { archive, selectors, read_from, cost }), days })
}

/// The days of the month that coverage is owed for, as their rows show them.
async fn owed_days(
    reader: &Reader,
    account: &Account<'_>,
    month: Month,
    newest: NaiveDate,
) -> Result<Vec<FetchDay>, Failure> {
    let names: Vec<&str> = account.sources.iter().map(|source| source.name.as_ref()).collect();
    let scoped: Vec<_> =
        account.sources.iter().map(|source| (source.name.as_ref(), Some(&source.scope))).collect();
    let first_days = reader.first_days(&names).await?;
    let window = month.days();
    let rows = reader.ledger(&scoped, window).await?;
    let rows: HashMap<(&str, NaiveDate), &LedgerRow> =
        rows.iter().map(|row| ((row.source.as_str(), row.date), row)).collect();
    let owed_from =
        |source: &Source| source.since.or_else(|| first_days.get(source.name.as_ref()).copied());
    let mut days = Vec::new();
    for &source in &account.sources {
        let Some(from) = owed_from(source) else { continue };
        for date in DateRange::new(from, newest).overlap(month.days()).dates() {
            let row = rows.get(&(source.name.as_ref(), date));
            let wanted = row.map_or(Claimable::Due, |row| Claimable::of(row));
            days.push(FetchDay {
                key: DayKey::new(&source.name, date),
                source: source.clone(),
                wanted,
            });
        }
    }
    Ok(days)
}

/// Why a month was not compared to its end.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Archive(#[from] Unreadable),
    #[error(
        "the ids of what was found can't be kept in the temporary folder (TMPDIR): {0}. Make room, or set TMPDIR to a folder that has it"
    )]
    Disk(#[from] io::Error),
}

/// Compares each day's events with what is stored of the source. Of what it finds, memory holds eight bytes an event of the
/// archive, and no ids but a few.
struct Comparing<'a> {
    reader: &'a Reader,
    sources: &'a [&'a Source],
    selectors: &'a [Option<Selector>],
    month: Month,
    /// The last date that the archive covers wholly.
    covered: NaiveDate,
    days: BTreeMap<(usize, NaiveDate), Day>,
    /// Events of each source that are not of the month, or do not say when they were, wherever they are stored.
    strays: HashMap<usize, Fingerprints>,
    spool: Spool,
    fault: Option<Fault>,
}

/// What was found of a day so far.
struct Day {
    archived: Fingerprints,
    /// How many of them are stored under another day.
    beside: u64,
    missing_here: ListId,
    missing_there: ListId,
    differing: ListId,
}

impl Day {
    fn new(spool: &mut Spool) -> Self {
        Self {
            archived: Fingerprints::default(),
            beside: 0,
            missing_here: spool.list(),
            missing_there: spool.list(),
            differing: spool.list(),
        }
    }
}

impl<'a> Comparing<'a> {
    fn new(
        reader: &'a Reader,
        account: &'a Account<'_>,
        selectors: &'a [Option<Selector>],
        days: &[FetchDay],
        (month, covered): (Month, NaiveDate),
    ) -> Self {
        let number = |day: &FetchDay| {
            account.sources.iter().position(|source| source.name == day.key.source)
        };
        let days = days.iter().filter(|day| day.key.date <= covered);
        let places: Vec<_> = days.filter_map(|day| Some((number(day)?, day.key.date))).collect();
        let mut spool = Spool::default();
        let days = places.into_iter().map(|place| (place, Day::new(&mut spool))).collect();
        let (sources, strays) = (&*account.sources, HashMap::new());
        Self { reader, sources, selectors, month, covered, days, strays, spool, fault: None }
    }

    /// Compares some events of a day, or strays that go to it. One that is stored under another day is missing nowhere.
    async fn compare(&mut self, Sorted { source, date, events }: &Sorted<'_>) -> Result<(), Fault> {
        let key = DayKey::new(&self.sources[*source].name, *date);
        let compared = self.reader.compare(&key, events, Sameness::Values).await?;
        let day = self.days.get_mut(&(*source, *date)).expect("it was wanted");
        for (event, stored) in events.iter().zip(compared) {
            let is_beside = stored.is_some_and(|stored| stored.under() == Under::AnotherDay);
            // A stray counts for the day that holds it, or that is to take it.
            let counts = !is_beside || event.own_day() == Some(*date);
            if counts {
                day.archived.note(&event.id);
                day.beside += u64::from(is_beside);
            }
            match stored {
                None => self.spool.put(day.missing_here, &event.id)?,
                Some(Stored::Other(_)) => self.spool.put(day.differing, &event.id)?,
                Some(Stored::Same(_)) => {}
            }
        }
        Ok(())
    }

    /// Puts what was found into the sources' reports.
    async fn finish(
        mut self,
        months: &mut [MonthReport],
        archive: &Archive,
        events: u64,
    ) -> Result<(), Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut stored: HashMap<usize, HashMap<NaiveDate, u64>> = HashMap::new();
        for (number, source) in self.sources.iter().enumerate() {
            let report = &mut months[number];
            if report.error.is_some() {
                continue;
            }
            report.complete = self.covered == self.month.last();
            let checksum = archive.checksum.clone();
            report.archive = Some(ArchiveFacts { events, bytes: archive.bytes, checksum });
            let window = archive.month.days();
            stored.insert(number, self.reader.stored_counts(&source.name, window).await?);
        }
        let places: BTreeSet<(usize, NaiveDate)> = self
            .days
            .keys()
            .filter(|(number, _)| months[*number].error.is_none())
            .copied()
            .collect();
        let count = |place: &(usize, NaiveDate)| stored.get(&place.0)?.get(&place.1).copied();
        for place in &places {
            self.find_missing_there(*place, count(place).unwrap_or_default()).await?;
        }
        let Self { mut days, spool, .. } = self;
        let mut lists = spool.finish()?;
        for (place, day) in days.iter_mut().filter(|(place, _)| places.contains(place)) {
            months[place.0].days.push(ReconciledDay {
                date: place.1,
                stored: count(place).unwrap_or_default(),
                archived: day.archived.count() as u64,
                missing_here: lists.take(day.missing_here),
                missing_there: lists.take(day.missing_there),
                differing: lists.take(day.differing),
                repaired: None,
                error: None,
            });
        }
        Ok(())
    }

    /// Finds the events that are stored under a day, that the source's scope takes, and that the archive does not hold.
    async fn find_missing_there(
        &mut self,
        (source, date): (usize, NaiveDate),
        stored: u64,
    ) -> Result<(), Fault> {
        let key = DayKey::new(&self.sources[source].name, date);
        let day = self.days.get_mut(&(source, date)).expect("it is one of them");
        let here = (day.archived.count() as u64)
            .saturating_sub(day.beside + self.spool.put_into(day.missing_here));
        let missing_there = day.missing_there;
        // Every archived event that is not missing here, or beside, is stored here: as many are the same.
        if stored <= here {
            return Ok(());
        }
        let filter = &self.sources[source].scope.filter;
        let team = self.selectors[source].as_ref().and_then(|selector| selector.team.as_ref());
        let team = team.map(|team| (team.id.as_str(), team.name.as_str()));
        let mut after = String::new();
        loop {
            let ids = self.reader.event_ids(&key, filter, team, &after).await?;
            let Some(last) = ids.last() else { return Ok(()) };
            after.clone_from(&last.id);
            for stored in ids {
                if !self.is_archived(source, date, &stored) {
                    self.spool.put(missing_there, &stored.id)?;
                }
            }
        }
    }

    /// Whether the archive holds an event that is stored under a day. An event of another day is looked for on its own;
    /// where that day is not compared, or has another month's archive, it can't be told and is not missed.
    fn is_archived(&mut self, source: usize, date: NaiveDate, stored: &StoredId) -> bool {
        let own = stored.own_day.unwrap_or(date);
        let of_its_day =
            self.days.get_mut(&(source, own)).is_none_or(|day| day.archived.contains(&stored.id));
        of_its_day || self.strays.get_mut(&source).is_some_and(|strays| strays.contains(&stored.id))
    }
}

impl Sink for Comparing<'_> {
    fn wants(&self, source: usize, date: NaiveDate) -> bool {
        self.days.contains_key(&(source, date))
    }

    fn day_of_stray(&mut self, source: usize, event: &Event) -> Option<NaiveDate> {
        self.strays.entry(source).or_default().note(&event.id);
        nearest(&self.days, source, (event, self.month))
    }

    async fn take(&mut self, days: &[Sorted<'_>]) -> bool {
        for day in days {
            if let Err(fault) = self.compare(day).await {
                self.fault = Some(fault);
                return false;
            }
        }
        true
    }
}

/// Takes in what is missing here, and keeps what differs, each day under its lease.
async fn repair(context: &Context, account: &Account<'_>, compared: &mut Compared) {
    let Some(found) = &compared.found else { return };
    let wants_repair = |day: &FetchDay| {
        let month = compared.months.iter().find(|month| month.source == day.key.source.as_ref());
        month.is_some_and(|month| {
            month.days.iter().any(|found| found.date == day.key.date && found.wants_repair())
        })
    };
    let mut days: Vec<FetchDay> =
        compared.days.iter().filter(|day| wants_repair(day)).cloned().collect();
    days.sort_by(|a, b| a.key.cmp(&b.key));
    for report in store_days(context, account, found, days).await {
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
