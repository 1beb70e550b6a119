//! A dry run: the same plan and the same fetch as a sync, but it only looks, and holds nothing that can write.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::Instant;

use super::fetch::{End, Fetch, FetchDay, Selector, Sink, Teams, advice, read_through};
use super::sync::{Unread, report_unread};
use super::{App, Shutdown};
use crate::config::{EventLog, Source, Token};
use crate::day::DateRange;
use crate::event::Event;
use crate::fingerprints::fingerprint;
use crate::heroku::{Batch, Client, Cost};
use crate::logging;
use crate::logging::Novelty;
use crate::plan::{Planned, Reason, Verdict};
use crate::report::progress::Progress;
use crate::report::run::{DayReport, Outcome};
use crate::store::{self, Reader, Sameness, Stored, Under, Via};

/// What the days in flight share. Without a reader, nothing is stored yet.
#[derive(Debug)]
pub(super) struct Context<'a> {
    client: &'a Client,
    teams: Teams,
    reader: Option<&'a Reader>,
    event_log: EventLog,
    shutdown: &'a Shutdown,
    progress: Arc<Progress>,
}

impl<'a> Context<'a> {
    /// Looking with `client` at Heroku, and with `reader` at what is stored.
    pub(super) fn new(
        app: &App<'_>,
        client: &'a Client,
        reader: Option<&'a Reader>,
        shutdown: &'a Shutdown,
        progress: Arc<Progress>,
    ) -> Self {
        Self {
            client,
            teams: Teams::default(),
            reader,
            event_log: app.config.events,
            shutdown,
            progress,
        }
    }
}

/// Reads the due days and counts; reports on every planned day.
pub(super) async fn read_days(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    jobs: VecDeque<Fetch>,
    concurrency: usize,
) -> Vec<DayReport> {
    let read: Vec<Vec<DayReport>> = stream::iter(jobs)
        .map(|job| async move {
            let (name, tell) = job.told();
            let line = context.progress.line(name, tell);
            let reports = match context.reader.and_then(Reader::refuses_more) {
                Some(words) => not_read(&job, &words),
                None => read(context, &job).await,
            };
            reports.iter().for_each(logging::day);
            drop(line);
            context.progress.done(reports.len());
            reports
        })
        .buffer_unordered(concurrency)
        .collect()
        .await;
    let unread = planned.iter().filter(|day| !matches!(day.verdict, Verdict::Due(_)));
    let unread: Vec<DayReport> =
        unread.map(|day| report_unread(day, Unread::Unexplained)).collect();
    let recounted = recount(context, planned).await;
    unread.into_iter().chain(recounted).chain(read.into_iter().flatten()).collect()
}

/// Counts what is stored of the settled days of which a repair broke off. A sync would do no more.
async fn recount(context: &Context<'_>, planned: &[Planned<'_>]) -> Vec<DayReport> {
    let mut reports = Vec::new();
    for Planned { key, .. } in planned.iter().filter(|day| is_recount(day)) {
        let Some(reader) = context.reader else { break };
        let report = match reader.stored_counts(&key.source, DateRange::of(key.date)).await {
            Ok(counts) => DayReport {
                events: counts.get(&key.date).copied().unwrap_or_default(),
                ..DayReport::new(key, Outcome::WouldSync)
            },
            Err(error) => DayReport::new(key, Outcome::Failed).because(error.to_string()),
        };
        logging::day(&report);
        reports.push(report);
    }
    reports
}

/// Whether a day is only to be counted again, without a request.
pub(super) fn is_recount(day: &Planned<'_>) -> bool {
    day.verdict == Verdict::Due(Reason::Recount)
}

/// The reports of a job that was not begun, because the database is out of reach.
fn not_read(job: &Fetch, words: &str) -> Vec<DayReport> {
    let error = store::Error::NotBegun(words.to_owned()).to_string();
    job.days
        .iter()
        .map(|day| DayReport::new(&day.key, Outcome::Failed).because(error.clone()))
        .collect()
}

/// A day, and what was counted of it.
struct Count {
    day: FetchDay,
    selector: Option<Selector>,
    seen: HashSet<u64>,
    events: u64,
    new: u64,
    conflicts: u64,
    stopped: Option<(Outcome, String)>,
}

async fn read(context: &Context<'_>, job: &Fetch) -> Vec<DayReport> {
    let begun = Instant::now();
    let mut counts: Vec<Count> = job.days.iter().cloned().map(Count::new).collect();
    let mut reader = context.client.read_day(&job.query, &job.asker);
    let mut cost = Cost::default();
    let reading = async {
        for count in &mut counts {
            count.find_selector(context, job, &mut cost).await;
        }
        if counts.iter().all(|count| count.stopped.is_some()) {
            return Ok(End::NobodyLeft);
        }
        read_through(
            &mut reader,
            &mut Counting { context, token: &job.asker.token, counts: &mut counts },
        )
        .await
    };
    // Without an error of Heroku's, it was a signal.
    let read = tokio::select! {
        biased;
        () = context.shutdown.asked() => Err(None),
        read = reading => read.map_err(Some),
    };
    let stopped = |source: &Source| match &read {
        Ok(_) => None,
        Err(None) => Some((Outcome::Interrupted, "the run was ended by a signal".to_owned())),
        Err(Some(error)) => {
            Some((Outcome::Failed, format!("{error}. {}", advice(&error.fault, source))))
        }
    };
    cost += reader.cost();
    let report = |count: Count| {
        let report = DayReport {
            requests: u64::from(cost.requests),
            retries: u64::from(cost.retries),
            new_events: count.new,
            conflicts: count.conflicts,
            duration_ms: begun.elapsed().as_millis() as u64,
            ..DayReport::new(&count.day.key, Outcome::WouldSync)
        };
        match count.stopped.or_else(|| stopped(&count.day.source)) {
            None => DayReport { events: count.events, ..report },
            Some((outcome, error)) => DayReport { outcome, ..report }.because(error),
        }
    };
    counts.into_iter().map(report).collect()
}

impl Count {
    fn new(day: FetchDay) -> Self {
        Self {
            day,
            selector: None,
            seen: HashSet::new(),
            events: 0,
            new: 0,
            conflicts: 0,
            stopped: None,
        }
    }

    async fn find_selector(&mut self, context: &Context<'_>, job: &Fetch, cost: &mut Cost) {
        let source = &self.day.source;
        match context.teams.selector(context.client, source, job, cost).await {
            Ok(selector) => self.selector = Some(selector),
            Err(none) => self.stopped = Some((Outcome::Failed, none.told(source))),
        }
    }

    async fn count(
        &mut self,
        context: &Context<'_>,
        token: &Token,
        batch: &Batch,
    ) -> store::Result<()> {
        let selector = self.selector.as_ref().expect("found before anything is read");
        let mut first_seen: Vec<&Event> =
            batch.iter().filter(|event| selector.takes(event)).collect();
        // A retry, or a page that overlaps another, brings an event again.
        first_seen.retain(|event| self.seen.insert(fingerprint(&event.id)));
        let known = match context.reader {
            Some(reader) => {
                reader.compare(&self.day.key, &first_seen, Sameness::Bytes(Via::Api)).await?
            }
            None => vec![None; first_seen.len()],
        };
        for (event, stored) in first_seen.into_iter().zip(known) {
            match stored {
                None => {
                    self.new += 1;
                    logging::new_event(
                        context.event_log,
                        Novelty::New,
                        &self.day.key.source,
                        event,
                        token,
                    );
                }
                Some(Stored::Other(_)) => self.conflicts += 1,
                Some(Stored::Same(_)) => {}
            }
            // An event that is stored under another day is none of this one.
            self.events += u64::from(stored.is_none_or(|stored| stored.under() == Under::ThisDay));
        }
        Ok(())
    }
}

/// Counts each batch for every day.
struct Counting<'a, 'c> {
    context: &'a Context<'c>,
    token: &'a Token,
    counts: &'a mut [Count],
}

impl Sink for Counting<'_, '_> {
    async fn take(&mut self, batch: &Batch) -> bool {
        for count in self.counts.iter_mut().filter(|count| count.stopped.is_none()) {
            if let Err(error) = count.count(self.context, self.token, batch).await {
                count.stopped = Some((Outcome::Failed, error.to_string()));
            }
        }
        self.counts.iter().any(|count| count.stopped.is_none())
    }
}
