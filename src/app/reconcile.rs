//! `reconcile`: what is stored against Heroku's archive of a month, event by event.
//!
//! The archive is Heroku's own, made on another way than its lists of events, so it is a second witness. Events are
//! compared as JSON values. Compared are the days that coverage is owed for and that the archive covers wholly.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{Days, NaiveDate};

use super::archive::{Account, Context, Found, Sink, Sorted, accounts, days_of_stray, sort, store_days};
use super::backfill::{selectors, told};
use super::fetch::{JobDay, Selector, Teams};
use super::view::{ReadFrom, Writing};
use super::{App, DONE, ExitStatus, FOUND_WRONG, Failure, Shutdown, existing, now, writable};
use crate::cli::ReconcileArgs;
use crate::config::Source;
use crate::day::{DayKey, Month, last_over, range};
use crate::event::Event;
use crate::heroku::{Archive, Client, Cost};
use crate::ledger::LedgerRow;
use crate::report::reconcile::{ArchiveFacts, MonthReport, ReconcileReport, ReconciledDay};
use crate::report::run::{DayReport, Outcome};
use crate::seen::Seen;
use crate::store::{Claimable, Reader, Sameness, Stored};

pub(super) async fn run(app: &App<'_>, args: &ReconcileArgs) -> Result<ExitStatus, Failure> {
    let shutdown = Shutdown::listen().map_err(Failure::Process)?;
    let report = tokio::select! {
        report = reconcile(app, args, &shutdown) => report?,
        () = shutdown.overdue(super::view::TIME_TO_RELEASE) => {
            return Err(Failure::Interrupted(shutdown.exit_status().unwrap_or(FOUND_WRONG)));
        }
    };
    let status = if report.is_good() { DONE } else { FOUND_WRONG };
    app.global.output.print(&report)?;
    Ok(shutdown.exit_status().unwrap_or(status))
}

async fn reconcile(app: &App<'_>, args: &ReconcileArgs, shutdown: &Shutdown) -> Result<ReconcileReport, Failure> {
    let sources = app.sources(&args.sources)?;
    let tokens = app.config.tokens(sources.iter().copied(), &super::env)?;
    let client = Client::new(&app.config.api, sources.iter().copied(), &tokens)?;
    let reader = app.connect().await?;
    let newest = last_over(now(&reader).await?);
    refuse_month(args.month, newest)?;
    let holder = App::holder();
    let store = if args.repair { Some(writable(&reader, &holder).await?) } else { existing(&reader, &holder).await? };
    let Some(store) = store else { return Ok(nothing_stored(&sources, args.month)) };
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
    if !shutdown.is_asked() {
        reader.close().await;
    }
    months.sort_by_key(|month| sources.iter().position(|source| source.name.as_ref() == month.source));
    Ok(ReconcileReport { months })
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
        return Err(Failure::usage(format!("no day of {month} is over in UTC, so there is nothing to compare")));
    }
    Ok(())
}

/// How an account's sources compare with its archive, and what a repair takes.
struct Compared {
    months: Vec<MonthReport>,
    found: Option<Found>,
    /// The days that coverage is owed for.
    days: Vec<JobDay>,
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
    let mut months: Vec<MonthReport> =
        account.sources.iter().map(|source| MonthReport::new(source.name.as_ref(), month)).collect();
    for (report, source) in months.iter_mut().zip(&account.sources) {
        report.error = failed.iter().find(|day| day.source == source.name).and_then(|day| day.error.clone());
    }
    let blame = |months: &mut [MonthReport], why: &str| {
        months.iter_mut().filter(|month| month.error.is_none()).for_each(|month| month.error = Some(why.to_owned()));
    };
    for month in &mut months {
        let is_owed = days.iter().any(|day| day.key.source.as_ref() == month.source);
        if !is_owed && month.error.is_none() {
            month.note = Some("coverage is owed for no day of this month, so nothing was compared".to_owned());
        }
    }
    if days.is_empty() {
        return Ok(Compared { months, found: None, days });
    }
    let archive = match context.client.archive(&account.name, month, &account.asker, &mut cost).await {
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
    let mut comparing = Comparing::new(&context.writing.reader, account, &selectors, &days, (month, covered));
    match sort(&archive, &selectors, &mut comparing).await {
        Ok(passage) => comparing.finish(&mut months, &archive, passage.events).await?,
        Err(error) => {
            blame(&mut months, &error.to_string());
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
) -> Result<Vec<JobDay>, Failure> {
    let names: Vec<&str> = account.sources.iter().map(|source| source.name.as_ref()).collect();
    let scoped: Vec<_> = account.sources.iter().map(|source| (source.name.as_ref(), Some(&source.scope))).collect();
    let first_days = reader.first_days(&names).await?;
    let window = (month.first(), month.last());
    let rows = reader.ledger(&scoped, window).await?;
    let rows: HashMap<(&str, NaiveDate), &LedgerRow> =
        rows.iter().map(|row| ((row.source.as_str(), row.date), row)).collect();
    let owed_from = |source: &Source| source.since.or_else(|| first_days.get(source.name.as_ref()).copied());
    let mut days = Vec::new();
    for &source in &account.sources {
        let Some(from) = owed_from(source) else { continue };
        for date in range(month.first().max(from), month.last().min(newest)) {
            let row = rows.get(&(source.name.as_ref(), date));
            let wanted = row.map_or(Claimable::Due, |row| Claimable::of(row));
            days.push(JobDay { key: DayKey::new(&source.name, date), source: source.clone(), wanted });
        }
    }
    Ok(days)
}

/// Compares each day's events with what is stored of it.
struct Comparing<'a> {
    reader: &'a Reader,
    sources: &'a [&'a Source],
    selectors: &'a [Option<Selector>],
    month: Month,
    /// The last date that the archive covers wholly.
    covered: NaiveDate,
    days: BTreeMap<(usize, NaiveDate), Day>,
    /// Events of each source that are stored under another day than the archive's: neither is missing.
    elsewhere: HashSet<(usize, String)>,
    fault: Option<crate::store::Error>,
}

/// What was found of a day so far.
#[derive(Default)]
struct Day {
    archived: Seen,
    /// How many of them are stored under another day.
    beside: u64,
    missing_here: BTreeSet<String>,
    differing: BTreeSet<String>,
}

impl<'a> Comparing<'a> {
    fn new(
        reader: &'a Reader,
        account: &'a Account<'_>,
        selectors: &'a [Option<Selector>],
        days: &[JobDay],
        (month, covered): (Month, NaiveDate),
    ) -> Self {
        let number = |day: &JobDay| account.sources.iter().position(|source| source.name == day.key.source);
        let days = days.iter().filter(|day| day.key.date <= covered);
        let days = days.filter_map(|day| Some(((number(day)?, day.key.date), Day::default()))).collect();
        let (sources, elsewhere) = (&*account.sources, HashSet::new());
        Self { reader, sources, selectors, month, covered, days, elsewhere, fault: None }
    }

    /// Looks for events that their own day does not hold under `dates` of the same source, and gives those back that are
    /// stored nowhere.
    async fn stored_nowhere<'e>(
        &mut self,
        source: usize,
        events: Vec<&'e Event>,
        dates: &[NaiveDate],
    ) -> crate::store::Result<Vec<&'e Event>> {
        if events.is_empty() {
            return Ok(events);
        }
        let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
        let stored: HashSet<String> =
            self.reader.stored_under(&self.sources[source].name, dates, &ids).await?.into_iter().collect();
        let (elsewhere, nowhere): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| stored.contains(&event.id));
        self.elsewhere.extend(elsewhere.into_iter().map(|event| (source, event.id.clone())));
        Ok(nowhere)
    }

    async fn compare(&mut self, Sorted { source, date, events }: &Sorted<'_>) -> crate::store::Result<()> {
        let (source, date) = (*source, *date);
        let key = DayKey::new(&self.sources[source].name, date);
        let compared = self.reader.compare(&key, events, Sameness::Values).await?;
        let missing = events.iter().zip(&compared).filter(|(_, stored)| stored.is_none()).map(|(event, _)| *event);
        // Whether Heroku's days are those of UTC is not documented.
        let beside = [date - Days::new(1), date + Days::new(1)];
        let nowhere = self.stored_nowhere(source, missing.collect(), &beside).await?;
        let day = self.days.get_mut(&(source, date)).expect("it was wanted");
        let not_here = compared.iter().filter(|stored| stored.is_none()).count();
        day.beside += (not_here - nowhere.len()) as u64;
        day.missing_here.extend(nowhere.iter().map(|event| event.id.clone()));
        for (event, stored) in events.iter().zip(compared) {
            day.archived.note(&event.id);
            if stored == Some(Stored::Other) {
                day.differing.insert(event.id.clone());
            }
        }
        Ok(())
    }

    /// A stray that is stored nowhere is missing on the nearest of the days.
    async fn compare_stray(&mut self, source: usize, event: &Event) -> crate::store::Result<()> {
        let nowhere = self.stored_nowhere(source, vec![event], &days_of_stray(event, self.month)).await?;
        let own = event.columns.created_at.map_or(self.month.first(), |time| time.date_naive());
        let its = self.days.range_mut((source, NaiveDate::MIN)..=(source, NaiveDate::MAX));
        let nearest = its.min_by_key(|((_, date), _)| (*date - own).num_days().abs());
        if let (Some((_, day)), false) = (nearest, nowhere.is_empty()) {
            day.archived.note(&event.id);
            day.missing_here.insert(event.id.clone());
        }
        Ok(())
    }

    /// Puts what was found into the sources' reports.
    async fn finish(mut self, months: &mut [MonthReport], archive: &Archive, events: u64) -> Result<(), Failure> {
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
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
            let window = (archive.month.first(), archive.month.last());
            stored.insert(number, self.reader.stored_counts(&source.name, window).await?);
        }
        for ((number, date), mut day) in std::mem::take(&mut self.days) {
            let report = &mut months[number];
            if report.error.is_some() {
                continue;
            }
            let key = DayKey::new(&self.sources[number].name, date);
            let stored = stored.get(&number).and_then(|days| days.get(&date)).copied().unwrap_or_default();
            let archived = day.archived.count() as u64;
            let is_more = stored > archived.saturating_sub(day.missing_here.len() as u64 + day.beside);
            let missing_there =
                if is_more { self.not_archived(number, &key, &mut day.archived).await? } else { Vec::new() };
            report.days.push(ReconciledDay {
                date,
                stored,
                archived,
                missing_here: day.missing_here.into_iter().collect(),
                missing_there,
                differing: day.differing.into_iter().collect(),
                repaired: None,
                error: None,
            });
        }
        Ok(())
    }

    /// The stored events of a day that the source's scope takes, and that the archive does not hold.
    async fn not_archived(
        &self,
        source: usize,
        key: &DayKey,
        archived: &mut Seen,
    ) -> crate::store::Result<Vec<String>> {
        let filter = &self.sources[source].scope.filter;
        let team = self.selectors[source].as_ref().and_then(|selector| selector.team.as_ref());
        let team = team.map(|team| (team.id.as_str(), team.name.as_str()));
        let (mut missing, mut after) = (Vec::new(), String::new());
        loop {
            let ids = self.reader.event_ids(key, filter, team, &after).await?;
            let Some(last) = ids.last() else { return Ok(missing) };
            after.clone_from(last);
            let mut is_archived = |id: &String| archived.contains(id) || self.elsewhere.contains(&(source, id.clone()));
            missing.extend(ids.into_iter().filter(|id| !is_archived(id)));
        }
    }
}

impl Sink for Comparing<'_> {
    fn wants(&self, source: usize, date: NaiveDate) -> bool {
        self.days.contains_key(&(source, date))
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

    async fn take_strays(&mut self, source: usize, events: &[&Event]) -> bool {
        for event in events {
            if let Err(fault) = self.compare_stray(source, event).await {
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
    let wants_repair = |day: &JobDay| {
        let month = compared.months.iter().find(|month| month.source == day.key.source.as_ref());
        month.is_some_and(|month| month.days.iter().any(|found| found.date == day.key.date && found.wants_repair()))
    };
    let mut days: Vec<JobDay> = compared.days.iter().filter(|day| wants_repair(day)).cloned().collect();
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
            day.error = Some(report.error.unwrap_or_else(|| format!("the day could not be repaired: {outcome}")));
        }
    }
}
