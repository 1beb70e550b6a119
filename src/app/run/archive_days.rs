//! Stores days from a month's archive, each under its own lease.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use futures_util::future::join_all;

use super::archive::{Sink, Slot, Sorted, nearest, sort};
use super::attempt::{ReadFrom, Writer};
use super::empty_day::holds_no_event;
use super::fetches::FetchDay;
use super::finish::finish_all;
use super::leased::{LeasedAttempt, LedgerWriter};
use super::selector::Selector;
use crate::config::{Filter, Retry, Source, Token, Tokens};
use crate::event::Event;
use crate::heroku::{Archive, Client, Cost, Session, Teams};
use crate::logging;
use crate::report::day::{BrokenDay, DayReport, StopReason};
use crate::store::{Provenance, SealedArchive, Via};

/// The most leases held at a time: a month of four sources. More days need the file to be read
/// again.
const LEASES: usize = 124;

/// What the archives of a run share.
#[derive(Debug)]
pub(crate) struct ArchiveRun {
    pub(crate) teams: Teams,
    pub(crate) writer: LedgerWriter,
}

/// Sources that one archive serves: those of one account with one token.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) token: Token,
    pub(crate) retry: Retry,
    pub(crate) sources: Vec<Source>,
}

/// A downloaded archive, and what is known of it.
#[derive(Debug)]
pub(crate) struct OpenArchive {
    pub(crate) archive: Archive,
    /// Which of its events belong to each source of the account; `None` where that is unknown.
    pub(crate) selectors: Vec<Option<Selector>>,
    pub(crate) read_from: ReadFrom,
    /// The name of the file that keeps it, if one does.
    pub(crate) kept_as: Option<String>,
    /// What the download cost.
    pub(crate) cost: Cost,
}

/// The sources that have a token, by account and token, in the order of the first of each.
pub(crate) fn accounts(sources: &[&Source], tokens: &Tokens) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for &source in sources {
        let (name, Ok(token)) = (&source.scope.account, tokens.of(source)) else { continue };
        let is_its = |account: &&mut Account| account.name == *name && account.token == *token;
        match accounts.iter_mut().find(is_its) {
            Some(account) => account.sources.push(source.clone()),
            None => accounts.push(Account {
                name: name.clone(),
                token: token.clone(),
                retry: source.retry.clone(),
                sources: vec![source.clone()],
            }),
        }
    }
    accounts
}

impl Account {
    /// A new session for one archive.
    pub(crate) fn session(&self, client: &Client) -> Session {
        client.session(&self.token, &self.retry)
    }

    /// The number of the source that `day` belongs to.
    pub(crate) fn slot(&self, day: &FetchDay) -> Option<Slot> {
        let source = self.sources.iter().position(|source| source.name == day.source.name)?;
        Some(Slot::new(source, day.key.date))
    }
}

/// Finds the selector of each source of `account`. Days of a source without one are reported and
/// left out.
pub(crate) async fn find_selectors(
    run: &ArchiveRun,
    account: &Account,
    session: &Session,
    days: &mut Vec<FetchDay>,
) -> (Vec<Option<Selector>>, Vec<DayReport>) {
    let (mut selectors, mut reports) = (Vec::new(), Vec::new());
    for source in &account.sources {
        match Selector::find(&run.teams, session, source, &Filter::default()).await {
            Ok(selector) => selectors.push(Some(selector)),
            Err(error) => {
                selectors.push(None);
                let reason = StopReason::Team(Arc::new(error));
                let its = days.extract_if(.., |day| day.source.name == source.name);
                reports.extend(its.map(|day| day.failed(&reason)));
            }
        }
    }
    reports.iter().for_each(logging::day);
    (selectors, reports)
}

/// Stores `days` from the archive, and reports on each.
pub(crate) async fn store_days(
    run: &ArchiveRun,
    account: &Account,
    open: &OpenArchive,
    days: Vec<FetchDay>,
) -> Vec<DayReport> {
    let mut reports = Vec::new();
    // One download serves all days, so it counts for the first of them.
    let mut cost = Some(open.cost);
    let mut days: VecDeque<FetchDay> = days.into();
    while !days.is_empty() && !run.writer.shutdown.is_asked() {
        let part: Vec<FetchDay> = days.drain(..days.len().min(LEASES)).collect();
        let mut attempts = run.writer.begin(&part, &mut reports).await;
        if let Some(first) = attempts.first_mut() {
            first.cost = cost.take().unwrap_or_default();
            read(&run.writer, account, open, &mut attempts).await;
            reports.extend(finish_all(&run.writer, attempts, open.read_from).await);
        }
    }
    reports.iter().for_each(logging::day);
    reports
}

/// Reads the archive into the days. A day that is not stopped afterwards was read completely.
async fn read(
    writer: &LedgerWriter,
    account: &Account,
    open: &OpenArchive,
    attempts: &mut [LeasedAttempt],
) {
    let OpenArchive { archive, selectors, .. } = open;
    let all_lost = writer.all_lost(attempts);
    let places = attempts.iter().enumerate();
    let places = places.filter_map(|(at, attempt)| Some((account.slot(&attempt.day)?, at)));
    let places = places.collect();
    let token = &account.token;
    let mut storing = Storing {
        writer,
        token,
        archive,
        attempts: &mut *attempts,
        places,
        undated: HashMap::new(),
    };
    let month = archive.month;
    let stopped = tokio::select! {
        biased;
        () = writer.shutdown.asked() => Some(StopReason::Interrupted),
        () = all_lost => Some(StopReason::LostLock { trouble: None }),
        read = sort(archive, selectors, &mut storing) => read.err().map(|error| {
            StopReason::BrokenArchive { month, error: Arc::new(error), day: BrokenDay::Due }
        }),
    };
    storing.withhold_undated();
    for attempt in attempts {
        attempt.provenance = provenance(open);
        if attempt.is_open() {
            attempt.stopped = stopped.clone().map(|reason| for_day(reason, attempt));
        }
    }
}

/// What the seals of the archive's days say of it.
fn provenance(open: &OpenArchive) -> Provenance {
    let Archive { month, bytes, checksum, request_id, .. } = &open.archive;
    let facts = SealedArchive { month: *month, checksum: checksum.clone(), bytes: *bytes };
    // It says so of a day in which nothing is stored: no list is needed to confirm that.
    let confirmed_by = Some(holds_no_event(*month, checksum));
    let (archive, kept_as) = (Some(facts), open.kept_as.clone());
    Provenance { request_id: request_id.clone(), archive, kept_as, confirmed_by }
}

/// The reason for one day: what to do depends on whether the day had settled.
fn for_day(reason: StopReason, attempt: &LeasedAttempt) -> StopReason {
    match reason {
        StopReason::BrokenArchive { month, error, .. } if attempt.record.lease.was_settled() => {
            StopReason::BrokenArchive { month, error, day: BrokenDay::Settled }
        }
        reason => reason,
    }
}

/// Stores each day's events under that day's lease.
struct Storing<'a> {
    writer: &'a LedgerWriter,
    token: &'a Token,
    archive: &'a Archive,
    attempts: &'a mut [LeasedAttempt],
    places: BTreeMap<Slot, usize>,
    /// How many events of each source have no date.
    undated: HashMap<usize, u64>,
}

impl Storing<'_> {
    /// Stops the days of a source that has events without a date: such an event may belong to any
    /// of them. A day that was complete before stays complete, because another reading made it so.
    fn withhold_undated(&mut self) {
        let month = self.archive.month;
        for (slot, &at) in &self.places {
            let attempt = &mut self.attempts[at];
            if let Some(&events) = self.undated.get(&slot.source)
                && attempt.is_open()
                && !attempt.record.lease.was_complete()
            {
                attempt.stopped = Some(StopReason::Undated { month, events });
            }
        }
    }
}

impl Sink for Storing<'_> {
    fn wants(&self, slot: Slot) -> bool {
        self.places.contains_key(&slot)
    }

    fn day_of_stray(&mut self, source: usize, event: &Event) -> Option<NaiveDate> {
        let own = event.own_day();
        let first = self.archive.month.first();
        let day = nearest(&self.places, source, own.unwrap_or(first))?;
        if own.is_none() {
            *self.undated.entry(source).or_default() += 1;
        }
        Some(day)
    }

    async fn take(&mut self, days: &[Sorted<'_>]) -> bool {
        let events: HashMap<usize, &[&Event]> =
            days.iter().map(|day| (self.places[&day.slot], &*day.events)).collect();
        let (writer, token) = (self.writer, self.token);
        let open = self.attempts.iter_mut().enumerate().filter(|(_, attempt)| attempt.is_open());
        let stores = open.filter_map(|(at, attempt)| Some((attempt, *events.get(&at)?)));
        let stores = stores.map(|(attempt, events)| async move {
            if let Err(error) = writer.store_events(attempt, events, Via::Archive, token).await {
                attempt.stopped = Some(StopReason::of_store(error));
            }
        });
        join_all(stores).await;
        self.attempts.iter().any(LeasedAttempt::is_open)
    }
}
