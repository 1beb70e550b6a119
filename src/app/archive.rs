//! Takes days out of a month's archive: its events sorted by source and day, whatever their order, and stored under each
//! day's own lease.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use tracing::warn;

use super::fetch::{JobDay, Selector, Teams};
use super::view::{ReadFrom, Stop, View, Writing, all_lost, claim, finish_all};
use crate::config::{Source, Token, Tokens};
use crate::day::{DayKey, Month};
use crate::event::Event;
use crate::heroku::{Archive, Asker, Client, Cost, Unreadable};
use crate::lease::Heartbeat;
use crate::report;
use crate::report::run::DayReport;
use crate::store::Via;

/// The most leases held at a time: a month of four sources. More days take another passage through the file.
const LEASES: usize = 124;

/// A day's events are handed on when there are so many.
const BIN_EVENTS: usize = 1000;
/// All events that wait to be handed on have at most so many bytes, or one more event.
const BINS_BYTES: usize = 4 * 1024 * 1024;

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
    pub(super) asker: Asker,
    pub(super) sources: Vec<&'s Source>,
}

/// The sources by account and token, in the order of the first of each.
pub(super) fn accounts<'s>(sources: &[&'s Source], tokens: &Tokens) -> Vec<Account<'s>> {
    let mut accounts: Vec<Account<'s>> = Vec::new();
    for &source in sources {
        let (name, token) = (&source.scope.account, tokens.of(source));
        match accounts.iter_mut().find(|account| account.name == *name && account.asker.token == *token) {
            Some(account) => account.sources.push(source),
            None => accounts.push(Account {
                name: name.clone(),
                asker: Asker::new(token, &source.retry),
                sources: vec![source],
            }),
        }
    }
    accounts
}

/// Where an event of an archive goes: to the day of its `created_at` in UTC. One without, or of another month, is a stray,
/// and goes to the nearest day that the archive covers, so that it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    date: NaiveDate,
    is_stray: bool,
}

impl Place {
    fn of(event: &Event, month: Month, covered: NaiveDate) -> Self {
        let own = event.columns.created_at.map(|time| time.date_naive());
        match own.filter(|date| Month::of(*date) == month) {
            Some(date) => Self { date, is_stray: false },
            None => Self { date: own.unwrap_or(month.first()).clamp(month.first(), covered), is_stray: true },
        }
    }
}

/// Takes the events of an archive, day by day.
pub(super) trait Sink {
    /// Whether it takes what is of this source, by its number, and of this day.
    fn wants(&self, source: usize, date: NaiveDate) -> bool;

    /// Takes some events of a day; false when nobody is left who wants more.
    fn take(&mut self, source: usize, date: NaiveDate, events: &[&Event]) -> impl Future<Output = bool> + Send;
}

/// What was found in an archive beside what was wanted.
#[derive(Debug, Default)]
pub(super) struct Passage {
    /// All events of the file.
    pub(super) events: u64,
    /// The days of strays that the sink did not want, by the number of their source.
    pub(super) unwanted_strays: BTreeSet<(usize, NaiveDate)>,
    strays: u64,
    named: Vec<String>,
}

/// Events of one day that wait to be handed on.
#[derive(Debug, Default)]
struct Bin {
    events: Vec<Arc<Event>>,
    bytes: usize,
}

/// Reads `archive`, which covers its month up to the day `covered`, to its end, and hands its events to `sink`, each for
/// every source that it belongs to.
pub(super) async fn sort(
    archive: &mut Archive,
    covered: NaiveDate,
    selectors: &[Selector],
    sink: &mut impl Sink,
) -> Result<Passage, Unreadable> {
    let month = archive.month;
    let (mut bins, mut bytes) = (HashMap::<(usize, NaiveDate), Bin>::new(), 0);
    let mut passage = Passage::default();
    let mut entries = archive.read()?;
    while let Some(batch) = entries.next().await? {
        for event in batch.into_iter().map(Arc::new) {
            let place = Place::of(&event, month, covered);
            passage.note(&event, place);
            for source in selectors.iter().enumerate().filter(|(_, s)| s.takes(&event)).map(|(source, _)| source) {
                if !sink.wants(source, place.date) {
                    if place.is_stray {
                        passage.unwanted_strays.insert((source, place.date));
                    }
                    continue;
                }
                let bin = bins.entry((source, place.date)).or_default();
                bin.events.push(Arc::clone(&event));
                bin.bytes += event.bytes.len();
                bytes += event.bytes.len();
            }
        }
        let is_full = |bin: &Bin| bin.events.len() >= BIN_EVENTS;
        while let Some((&key, _)) =
            bins.iter().filter(|(_, bin)| is_full(bin) || bytes > BINS_BYTES).max_by_key(|(_, bin)| bin.bytes)
        {
            let bin = bins.remove(&key).expect("it was just found");
            bytes -= bin.bytes;
            if !hand_on(sink, key, &bin).await {
                return Ok(passage);
            }
        }
    }
    for (key, bin) in bins {
        if !hand_on(sink, key, &bin).await {
            break;
        }
    }
    passage.tell(month);
    Ok(passage)
}

async fn hand_on(sink: &mut impl Sink, (source, date): (usize, NaiveDate), bin: &Bin) -> bool {
    for events in bin.events.chunks(BIN_EVENTS) {
        let events: Vec<&Event> = events.iter().map(AsRef::as_ref).collect();
        if !sink.take(source, date, &events).await {
            return false;
        }
    }
    true
}

impl Passage {
    fn note(&mut self, event: &Event, place: Place) {
        self.events += 1;
        if place.is_stray {
            self.strays += 1;
            if self.named.len() < NAMED {
                self.named.push(event.id.clone());
            }
        }
    }

    fn tell(&self, month: Month) {
        if self.strays > 0 {
            warn!(%month, events = self.strays, ids = self.named.join(" "),
                "the archive holds events that are not of its month, or do not say when they were; they are kept with its nearest day");
        }
    }
}

/// Stores `days`, whose source's number among `sources` is beside them, from the archive, and reports on each. With them
/// come the strays' days that were not among them.
pub(super) async fn store_days(
    context: &Context,
    archive: &mut Archive,
    account: &Account<'_>,
    selectors: &[Selector],
    days: Vec<JobDay>,
    found: &Found,
) -> (Vec<DayReport>, BTreeSet<(usize, NaiveDate)>) {
    let (mut reports, mut strays) = (Vec::new(), BTreeSet::new());
    let mut days: VecDeque<JobDay> = days.into();
    while !days.is_empty() {
        let part: Vec<JobDay> = days.drain(..days.len().min(LEASES)).collect();
        let taken: BTreeSet<DayKey> = part.iter().map(|day| day.key.clone()).collect();
        let mut heartbeat = Heartbeat::default();
        let mut views = claim(&context.writing, &part, &mut heartbeat, &mut reports).await;
        if !views.is_empty() {
            let unwanted = read(context, archive, account, selectors, &mut views, found).await;
            let is_other = |(source, date): &(usize, NaiveDate)| {
                !taken.contains(&DayKey::new(&account.sources[*source].name, *date))
            };
            strays.extend(unwanted.into_iter().filter(is_other));
            reports.extend(finish_all(&context.writing, views, found.read_from).await);
        }
        if context.writing.shutdown.is_asked() {
            break;
        }
    }
    reports.iter().for_each(report::log::day);
    (reports, strays)
}

/// What is known of an archive that was downloaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) read_from: ReadFrom,
    /// The newest day that it covers wholly.
    pub(super) covered: NaiveDate,
    /// What finding it took.
    pub(super) cost: Cost,
}

/// Reads the archive into the views. Afterwards each view that is not stopped was read whole.
async fn read(
    context: &Context,
    archive: &mut Archive,
    account: &Account<'_>,
    selectors: &[Selector],
    views: &mut [View],
    found: &Found,
) -> BTreeSet<(usize, NaiveDate)> {
    let all_lost = all_lost(views);
    let number = |view: &View| account.sources.iter().position(|source| source.name == view.day.source.name);
    let places = views.iter().enumerate().filter_map(|(at, view)| Some(((number(view)?, view.day.key.date), at)));
    let places: HashMap<(usize, NaiveDate), usize> = places.collect();
    let mut storing = Storing { context, token: &account.asker.token, views: &mut *views, places };
    let read = tokio::select! {
        biased;
        () = context.writing.shutdown.asked() => Err(Stop::Interrupted),
        () = all_lost => Err(Stop::LostLock),
        read = sort(archive, found.covered, selectors, &mut storing) => read.map_err(|error| Stop::Heroku(format!(
            "{error}. The day is due all the same; Heroku's list of it may do: `auditsync backfill --via api`"
        ))),
    };
    for view in views {
        (view.totals.requests, view.totals.retries) = (found.cost.requests, found.cost.retries);
        if let (None, Err(stop)) = (&view.stopped, &read) {
            view.stopped = Some(stop.clone());
        }
    }
    read.map(|passage| passage.unwanted_strays).unwrap_or_default()
}

/// Stores each day's events under its own lease.
struct Storing<'a> {
    context: &'a Context,
    token: &'a Token,
    views: &'a mut [View],
    places: HashMap<(usize, NaiveDate), usize>,
}

impl Sink for Storing<'_> {
    fn wants(&self, source: usize, date: NaiveDate) -> bool {
        self.places.contains_key(&(source, date))
    }

    async fn take(&mut self, source: usize, date: NaiveDate, events: &[&Event]) -> bool {
        let view = &mut self.views[self.places[&(source, date)]];
        if view.stopped.is_none() {
            view.store(&self.context.writing, self.token, events, Via::Archive).await;
        }
        self.views.iter().any(|view| view.stopped.is_none())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_event_goes_to_its_utc_day_and_a_stray_to_the_nearest_day_of_the_month() {
        let month: Month = "2024-09".parse().expect("a month");
        let covered = |day: &str| day.parse::<NaiveDate>().expect("a date");
        for (created_at, day, is_stray) in [
            (r#""2024-09-28T23:59:59.999Z""#, "2024-09-28", false),
            (r#""2024-09-28T23:00:00-02:00""#, "2024-09-29", false),
            (r#""2024-10-01T00:30:00+01:00""#, "2024-09-30", false),
            (r#""2024-10-01T00:00:00Z""#, "2024-09-30", true),
            (r#""2019-01-01T00:00:00Z""#, "2024-09-01", true),
            ("null", "2024-09-01", true),
        ] {
            let text = format!(r#"{{"id":"e","created_at":{created_at}}}"#);
            let event = Event::from_bytes(Bytes::from(text)).expect("an event");
            let place = Place::of(&event, month, covered("2024-09-30"));
            assert_eq!((place.date.to_string().as_str(), place.is_stray), (day, is_stray), "{created_at}");
            // A day that the archive does not cover can't be called whole for a stray's sake.
            if is_stray {
                assert!(Place::of(&event, month, covered("2024-09-10")).date <= covered("2024-09-10"));
            }
        }
    }
}
