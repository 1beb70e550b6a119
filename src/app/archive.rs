//! Takes days out of a month's archive: its events sorted by source and day, whatever their order, and stored under each
//! day's own lease.

mod bins;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use futures_util::future::join_all;
use tracing::warn;

use bins::{Bin, Bins, Place};

use super::fetch::{FetchDay, Selector, Teams};
use super::view::{DayAttempt, ReadFrom, StopReason, Writing, all_lost, claim, finish_all};
use crate::config::{Source, Token, Tokens};
use crate::day::Month;
use crate::event::Event;
use crate::heartbeat::Heartbeat;
use crate::heroku::{Archive, Client, Cost, Session, Unreadable};
use crate::logging;
use crate::report::run::DayReport;
use crate::store::Via;

/// The most leases held at a time: a month of four sources. More days take another passage through the file.
const LEASES: usize = 124;

/// How many events outside their month are named.
const NAMED: usize = 10;

/// What the days of a run have in common.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) client: Client,
    pub(super) teams: Teams,
    pub(super) writing: Writing,
}

/// Sources that one archive serves: of one account, with one token.
#[derive(Debug)]
pub(super) struct Account<'s> {
    pub(super) name: String,
    pub(super) asker: Session,
    pub(super) sources: Vec<&'s Source>,
}

/// The sources by account and token, in the order of the first of each.
pub(super) fn accounts<'s>(sources: &[&'s Source], tokens: &Tokens) -> Vec<Account<'s>> {
    let mut accounts: Vec<Account<'s>> = Vec::new();
    for &source in sources {
        let (name, token) = (&source.scope.account, tokens.of(source));
        match accounts
            .iter_mut()
            .find(|account| account.name == *name && account.asker.token == *token)
        {
            Some(account) => account.sources.push(source),
            None => accounts.push(Account {
                name: name.clone(),
                asker: Session::new(token, &source.retry),
                sources: vec![source],
            }),
        }
    }
    accounts
}

/// Takes the events of an archive, day by day.
pub(super) trait Sink {
    /// Whether it takes what is of this source, by its number, and of this day.
    fn wants(&self, source: usize, date: NaiveDate) -> bool;

    /// The day that a stray of this source goes to, if it goes to one: an event that is not of the archive's month, or does
    /// not say when it was.
    fn day_of_stray(&mut self, source: usize, event: &Event) -> Option<NaiveDate>;

    /// Takes some events of each of these days; false when nobody is left who wants more.
    fn take(&mut self, days: &[Sorted<'_>]) -> impl Future<Output = bool> + Send;
}

/// The one of a source's `days` that is nearest to a stray's own; the month's first stands for a date that it lacks.
pub(super) fn nearest<T>(
    days: &BTreeMap<(usize, NaiveDate), T>,
    source: usize,
    (event, month): (&Event, Month),
) -> Option<NaiveDate> {
    let own = event.own_day().unwrap_or(month.first());
    let its =
        days.range((source, NaiveDate::MIN)..=(source, NaiveDate::MAX)).map(|((_, date), _)| *date);
    its.min_by_key(|date| (*date - own).num_days().abs())
}

/// Some events of one day of a source, which is given by its number.
#[derive(Debug)]
pub(super) struct Sorted<'e> {
    pub(super) source: usize,
    pub(super) date: NaiveDate,
    pub(super) events: Vec<&'e Event>,
}

/// Which day an event goes to: that of its `created_at` in UTC, if that is in `month`.
fn own_day(event: &Event, month: Month) -> Option<NaiveDate> {
    event.own_day().filter(|date| Month::of(*date) == month)
}

/// What was found in an archive beside what was wanted.
#[derive(Debug, Default)]
pub(super) struct Passage {
    /// All events of the file.
    pub(super) events: u64,
    strays: u64,
    named: Vec<String>,
}

/// Reads `archive` to its end, and hands its events to `sink`, each for every source that it belongs to. A source without
/// a selector gets none.
pub(super) async fn sort(
    archive: &Archive,
    selectors: &[Option<Selector>],
    sink: &mut impl Sink,
) -> Result<Passage, Unreadable> {
    let month = archive.month;
    let mut bins = Bins::default();
    let mut passage = Passage::default();
    let mut entries = archive.read()?;
    while let Some(batch) = entries.next().await? {
        for event in batch.into_iter().map(Arc::new) {
            let day = own_day(&event, month);
            passage.note(&event, day);
            let takes = |selector: &&Option<Selector>| {
                selector.as_ref().is_some_and(|selector| selector.takes(&event))
            };
            for (source, _) in selectors.iter().enumerate().filter(|(_, selector)| takes(selector))
            {
                let day = match day {
                    Some(day) => Some(day).filter(|day| sink.wants(source, *day)),
                    None => sink.day_of_stray(source, &event),
                };
                if let Some(day) = day {
                    bins.put((source, day), &event);
                }
            }
        }
        while let Some(full) = bins.take_full() {
            if !hand_on(sink, &full).await {
                return Ok(passage);
            }
        }
    }
    while let Some(rest) = bins.take_largest() {
        if !hand_on(sink, &rest).await {
            break;
        }
    }
    passage.tell(month);
    Ok(passage)
}

async fn hand_on(sink: &mut impl Sink, bins: &[(Place, Bin)]) -> bool {
    let mut days = Vec::new();
    for ((source, date), bin) in bins {
        days.push(Sorted {
            source: *source,
            date: *date,
            events: bin.events.iter().map(AsRef::as_ref).collect(),
        });
    }
    sink.take(&days).await
}

impl Passage {
    fn note(&mut self, event: &Event, day: Option<NaiveDate>) {
        self.events += 1;
        if day.is_none() {
            self.strays += 1;
            if self.named.len() < NAMED {
                self.named.push(event.id.clone());
            }
        }
    }

    fn tell(&self, month: Month) {
        if self.strays > 0 {
            warn!(%month, events = self.strays, ids = self.named.join(" "),
                "the archive holds events that are not of its month, or do not say when they were");
        }
    }
}

/// Stores `days` from the archive, and reports on each.
pub(super) async fn store_days(
    context: &Context,
    account: &Account<'_>,
    found: &Found,
    days: Vec<FetchDay>,
) -> Vec<DayReport> {
    let mut reports = Vec::new();
    let mut days: VecDeque<FetchDay> = days.into();
    while !days.is_empty() && !context.writing.shutdown.is_asked() {
        let part: Vec<FetchDay> = days.drain(..days.len().min(LEASES)).collect();
        let mut heartbeat = Heartbeat::default();
        let mut views = claim(&context.writing, &part, &mut heartbeat, &mut reports).await;
        if !views.is_empty() {
            read(context, account, found, &mut views).await;
            reports.extend(finish_all(&context.writing, views, found.read_from).await);
        }
    }
    reports.iter().for_each(logging::day);
    reports
}

/// An archive that was downloaded, and what is known of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) archive: Archive,
    /// Which of its events are each source's own, by the source's number.
    pub(super) selectors: Vec<Option<Selector>>,
    pub(super) read_from: ReadFrom,
    /// What finding it took.
    pub(super) cost: Cost,
}

/// Reads the archive into the views. Afterwards each view that is not stopped was read whole.
async fn read(context: &Context, account: &Account<'_>, found: &Found, views: &mut [DayAttempt]) {
    let all_lost = all_lost(views);
    let number = |view: &DayAttempt| {
        account.sources.iter().position(|source| source.name == view.day.source.name)
    };
    let places = views
        .iter()
        .enumerate()
        .filter_map(|(at, view)| Some(((number(view)?, view.day.key.date), at)));
    let places = places.collect();
    let (token, month) = (&account.asker.token, found.archive.month);
    let mut storing =
        Storing { context, token, month, views: &mut *views, places, undated: HashMap::new() };
    let read = tokio::select! {
        biased;
        () = context.writing.shutdown.asked() => Err(Broken::Here(StopReason::Interrupted)),
        () = all_lost => Err(Broken::Here(StopReason::LostLock)),
        read = sort(&found.archive, &found.selectors, &mut storing) => read.map(drop).map_err(Broken::Archive),
    };
    storing.withhold_undated();
    for view in views {
        (view.totals.requests, view.totals.retries) = (found.cost.requests, found.cost.retries);
        if let (None, Err(broken)) = (&view.stopped, &read) {
            view.stopped = Some(broken.stops(view, month));
        }
    }
}

/// Why an archive was not read to its end.
#[derive(Debug)]
enum Broken {
    Here(StopReason),
    Archive(Unreadable),
}

impl Broken {
    fn stops(&self, view: &DayAttempt, month: Month) -> StopReason {
        let name = &view.day.source.name;
        match self {
            Self::Here(stop) => stop.clone(),
            Self::Archive(error) if view.lease.was_settled() => StopReason::Heroku(format!(
                "{error}. The day had settled: the next run counts what is stored of it. To repair it, repeat \
                 `auditsync reconcile --source {name} --month {month} --repair`"
            )),
            Self::Archive(error) => StopReason::Heroku(format!(
                "{error}. The day is due all the same; Heroku's list of it may do: `auditsync backfill --via api`"
            )),
        }
    }
}

/// Stores each day's events under its own lease.
struct Storing<'a> {
    context: &'a Context,
    token: &'a Token,
    month: Month,
    views: &'a mut [DayAttempt],
    places: BTreeMap<(usize, NaiveDate), usize>,
    /// How many events of each source do not say when they were.
    undated: HashMap<usize, u64>,
}

impl Storing<'_> {
    /// Stores some events of each of these views, side by side.
    async fn store(&mut self, events: &HashMap<usize, &[&Event]>) {
        let (writing, token) = (&self.context.writing, self.token);
        let wanted = self.views.iter_mut().enumerate().filter(|(_, view)| view.stopped.is_none());
        let storing = wanted.filter_map(|(at, view)| {
            Some(view.store(writing, token, events.get(&at)?, Via::Archive))
        });
        join_all(storing).await;
    }

    /// An event that does not say when it was may be of any day, so that no day of its source is whole for sure by this
    /// archive. One that was whole before is so by another reading.
    fn withhold_undated(&mut self) {
        for (&(source, _), &at) in &self.places {
            let view = &mut self.views[at];
            if let (Some(undated), None, false) =
                (self.undated.get(&source), &view.stopped, view.lease.was_whole())
            {
                let name = &view.day.source.name;
                view.stopped = Some(StopReason::Heroku(format!(
                    "the archive of {} holds {undated} events of this source that do not say when they were, so no day of it is \
                     whole for sure; they are kept. Take the day from Heroku's list: `auditsync backfill --source {name} --from {date} --to {date}`",
                    self.month,
                    date = view.day.key.date
                )));
            }
        }
    }
}

impl Sink for Storing<'_> {
    fn wants(&self, source: usize, date: NaiveDate) -> bool {
        self.places.contains_key(&(source, date))
    }

    fn day_of_stray(&mut self, source: usize, event: &Event) -> Option<NaiveDate> {
        let day = nearest(&self.places, source, (event, self.month))?;
        if event.own_day().is_none() {
            *self.undated.entry(source).or_default() += 1;
        }
        Some(day)
    }

    async fn take(&mut self, days: &[Sorted<'_>]) -> bool {
        let events =
            days.iter().map(|day| (self.places[&(day.source, day.date)], &*day.events)).collect();
        self.store(&events).await;
        self.views.iter().any(|view| view.stopped.is_none())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_event_goes_to_its_utc_day_and_is_a_stray_in_another_month_or_without_a_day() {
        let month: Month = "2024-09".parse().expect("a month");
        for (created_at, day) in [
            (r#""2024-09-28T23:59:59.999Z""#, Some("2024-09-28")),
            (r#""2024-09-28T23:00:00-02:00""#, Some("2024-09-29")),
            (r#""2024-10-01T00:30:00+01:00""#, Some("2024-09-30")),
            (r#""2024-10-01T00:00:00Z""#, None),
            (r#""2019-09-28T00:00:00Z""#, None),
            ("null", None),
            (r#""2024-09-28 12:00:00""#, None),
        ] {
            let text = format!(r#"{{"id":"e","created_at":{created_at}}}"#);
            let event = Event::from_bytes(Bytes::from(text)).expect("an event");
            assert_eq!(
                own_day(&event, month).map(|day| day.to_string()).as_deref(),
                day,
                "{created_at}"
            );
        }
    }
}
