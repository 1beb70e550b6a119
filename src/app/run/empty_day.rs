//! Whether an empty answer for an old day is credible.
//!
//! Heroku does not document how far back its list of events reaches, nor what it answers beyond
//! that. So `[]` for a day older than [`DOUBTED_AFTER`] needs a second witness: no other source of
//! the account may hold events of the day, and Heroku's archive of that month, if there is one, may
//! hold none either. The history records what the archive confirmed. Younger days need no second
//! witness. A day that was complete with events stays complete, with a warning.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{NaiveDate, TimeDelta};
use tokio::sync::OnceCell;
use tracing::warn;

use super::attempt::{DayAttempt, Writer};
use super::selector::Selector;
use crate::config::{Filter, Token};
use crate::day::{Month, end, last_over};
use crate::heroku::{Archive, DayQuery, Session, Unreadable};
use crate::report::day::StopReason;

/// The age from which an empty day needs a second witness. By then its month is over, and has its
/// archive.
const DOUBTED_AFTER: TimeDelta = TimeDelta::days(31);

/// What the archives hold for days that were empty in the list. A run reads each archive once.
#[derive(Debug, Default)]
pub(super) struct EmptyDays {
    archives: Mutex<HashMap<ArchiveQuery, Arc<OnceCell<ArchiveCount>>>>,
}

/// An archive, and which of its events count: those of an account that a filter lets through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ArchiveQuery {
    account: String,
    filter: Filter,
    month: Month,
    token: Token,
}

/// What an archive holds of a query's events.
#[derive(Debug)]
enum ArchiveCount {
    /// The number of each day, up to the newest day that the archive covers completely, and what
    /// speaks against it as a proof.
    Events {
        days: HashMap<NaiveDate, u64>,
        covered: Option<NaiveDate>,
        doubt: Option<&'static str>,
        checksum: String,
    },
    /// There is no archive of this month, or the token may not have it.
    None,
    /// The archive could not be read.
    Unknown(String),
}

/// What a second witness says of an empty day.
#[derive(Debug)]
enum Witness {
    /// The day is not empty, or that can't be found out.
    Doubts(String),
    /// The day is empty.
    Confirms(String),
    /// There is no second witness.
    Silent,
}

impl EmptyDays {
    /// Stops the days of a fetch that brought nothing, unless that is credible.
    pub(super) async fn verify<W: Writer>(
        &self,
        writer: &W,
        session: &Session,
        query: &DayQuery,
        attempts: &mut [DayAttempt<W::Record>],
    ) {
        let DayQuery { account, filter, date } = query;
        let mut doubted: Vec<&mut DayAttempt<W::Record>> = Vec::new();
        let mut newest = *date;
        for attempt in attempts.iter_mut().filter(|attempt| attempt.is_open()) {
            let began = writer.began_at(attempt);
            if began - end(*date) < DOUBTED_AFTER {
                continue;
            }
            newest = last_over(began);
            match writer.was_complete_with_events(attempt).await {
                Ok(true) => {}
                Ok(false) => doubted.push(attempt),
                Err(error) => attempt.stopped = Some(StopReason::of_store(error)),
            }
        }
        if doubted.is_empty() {
            return;
        }
        let witness = match writer.reader() {
            Some(reader) => reader.source_with_events(account, filter, *date).await,
            None => Ok(None),
        };
        let witness = match witness {
            Ok(Some(source)) => {
                Witness::Doubts(format!("the source {source} has stored events of it"))
            }
            Ok(None) => self.ask_archive(session, query, newest).await,
            Err(error) => Witness::Doubts(format!("other sources may hold events of it: {error}")),
        };
        for attempt in doubted {
            match &witness {
                Witness::Doubts(doubt) => {
                    attempt.stopped = Some(StopReason::EmptyDay { doubt: doubt.clone() });
                }
                Witness::Confirms(words) => {
                    attempt.provenance.confirmed_by = Some(words.clone());
                }
                Witness::Silent => {}
            }
        }
    }

    /// Whether the archive contradicts an empty answer, or confirms it. `newest` is the newest day
    /// that is over.
    async fn ask_archive(&self, session: &Session, query: &DayQuery, newest: NaiveDate) -> Witness {
        let DayQuery { account, filter, date } = query;
        let month = Month::of(*date);
        let cell = {
            let (account, filter) = (account.clone(), filter.clone());
            let key = ArchiveQuery { account, filter, month, token: session.token().clone() };
            Arc::clone(self.archives.lock().expect("no panic while locked").entry(key).or_default())
        };
        match cell.get_or_init(|| count(session, query, newest)).await {
            ArchiveCount::Events { days, covered, doubt, checksum } => {
                let is_covered = covered.is_some_and(|covered| covered >= *date);
                match (days.get(date), doubt) {
                    (Some(1..), _) if is_covered || doubt.is_some() => {
                        let events = days[date];
                        Witness::Doubts(format!(
                            "the archive of {month} holds {events} events of it"
                        ))
                    }
                    _ if is_covered => Witness::Confirms(holds_no_event(month, checksum)),
                    (_, None) => Witness::Doubts(format!(
                        "the archive of {month} was made before the day was over"
                    )),
                    // As if there were no archive.
                    (_, Some(doubt)) => {
                        warn!(account, %date, "Heroku lists no event for this old day, and its \
                            archive proves nothing of it: {doubt}");
                        Witness::Silent
                    }
                }
            }
            ArchiveCount::None => {
                warn!(account, %date, "Heroku lists no event for this old day, and has no archive \
                    that could confirm it");
                Witness::Silent
            }
            ArchiveCount::Unknown(why) => {
                Witness::Doubts(format!("the archive of {month} can't be read: {why}"))
            }
        }
    }
}

/// What the history says of an empty day that an archive confirms.
pub(super) fn holds_no_event(month: Month, checksum: &str) -> String {
    format!("the archive of {month} (sha256 {checksum}) holds no event of it")
}

/// Counts the events in the archive of the day's month that the fetch asks for.
async fn count(session: &Session, query: &DayQuery, newest: NaiveDate) -> ArchiveCount {
    let month = Month::of(query.date);
    let archive = match session.archive(&query.account, month).await {
        Ok(archive) => archive,
        Err(error) if error.is_absent() => return ArchiveCount::None,
        Err(error) => return ArchiveCount::Unknown(error.to_string()),
    };
    let selector = Selector { team: None, filter: query.filter.clone() };
    let (covered, doubt) = (archive.covers_to(newest), archive.dating(newest).doubt());
    match count_days(&archive, &selector).await {
        Ok(Some(days)) => {
            let checksum = archive.checksum.clone();
            ArchiveCount::Events { days, covered, doubt, checksum }
        }
        Ok(None) => ArchiveCount::Unknown("some of its events have no date".to_owned()),
        Err(error) => ArchiveCount::Unknown(error.to_string()),
    }
}

/// The number of events of each day; `None` if some do not say which day is theirs.
async fn count_days(
    archive: &Archive,
    selector: &Selector,
) -> Result<Option<HashMap<NaiveDate, u64>>, Unreadable> {
    let mut days = HashMap::new();
    let mut entries = archive.read()?;
    while let Some(batch) = entries.next().await? {
        for event in batch.iter().filter(|event| selector.takes(event)) {
            let Some(time) = event.columns.created_at else { return Ok(None) };
            *days.entry(time.date_naive()).or_default() += 1;
        }
    }
    Ok(Some(days))
}
