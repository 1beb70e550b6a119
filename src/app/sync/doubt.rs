//! Whether an empty answer for an old day is believed.
//!
//! How far back Heroku's list of events reaches is not documented, nor what it answers beyond that. `[]` for a day that is
//! older than [`DOUBTED_AFTER`] is therefore not taken alone: it is believed only where no other source of the account
//! holds events of the day, and where Heroku's archive of that month, if there is one, has none either. Younger days need
//! no second witness, and a day that was whole with events stays so, with a warning.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{NaiveDate, TimeDelta};
use tokio::sync::OnceCell;
use tracing::warn;

use super::super::fetch::{Fetch, Selector};
use super::super::view::{DayAttempt, StopReason};
use super::Context;
use crate::config::{Filter, Token};
use crate::day::{Month, end};
use crate::heroku::{Archive, ArchiveError, Cost, DayQuery, Unreadable};

/// The age at which an empty day wants a second witness. By then its month is over, and has its archive.
const DOUBTED_AFTER: TimeDelta = TimeDelta::days(31);

/// What the archives know of days that were empty in the list: each is asked once in a run.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    archives: Mutex<HashMap<Asked, Arc<OnceCell<Known>>>>,
}

/// An archive, who asks for it, and which of its events: those of an account that a filter lets through.
type Asked = (String, Filter, Month, Token);

/// What an archive holds of a query's events.
#[derive(Debug)]
enum Known {
    /// So many of each day, up to the newest that it covers wholly.
    Events { days: HashMap<NaiveDate, u64>, covered: Option<NaiveDate> },
    /// There is no archive of this month, or none that may be had.
    Nothing,
    /// It can't be said now.
    Unclear(String),
}

impl Doubts {
    /// Stops the views of a fetch that came empty, unless it is to be believed.
    pub(super) async fn disbelieve(
        &self,
        context: &Context,
        job: &Fetch,
        views: &mut [DayAttempt],
        cost: &mut Cost,
    ) {
        let DayQuery { account, filter, date } = &job.query;
        let doubted = |view: &&mut DayAttempt| {
            view.stopped.is_none() && !(view.lease.was_whole() && view.lease.stored_before() > 0)
        };
        if views
            .iter_mut()
            .filter(doubted)
            .all(|view| view.lease.claimed_at() - end(*date) < DOUBTED_AFTER)
        {
            return;
        }
        let reason = match context.writing.reader.witness(account, filter, *date).await {
            Ok(Some(source)) => Some(format!("events of it are stored for the source {source}")),
            Ok(None) => self.ask_archive(context, job, cost).await,
            Err(error) => Some(format!("whether others hold events of it can't be said: {error}")),
        };
        let Some(reason) = reason else { return };
        for view in views.iter_mut().filter(doubted) {
            view.stopped = Some(StopReason::Heroku(format!(
                "Heroku lists no event for this old day, which is not believed: {reason}. \
                 Take the day from the archive: `auditsync backfill --via archive --source {} --from {date} --to {date}`",
                view.day.source.name
            )));
        }
    }

    /// Why the archive contradicts an empty answer, or can't confirm it; `None` where it does not contradict.
    async fn ask_archive(&self, context: &Context, job: &Fetch, cost: &mut Cost) -> Option<String> {
        let DayQuery { account, filter, date } = &job.query;
        let month = Month::of(*date);
        let cell = {
            let key = (account.clone(), filter.clone(), month, job.asker.token.clone());
            Arc::clone(self.archives.lock().expect("no panic while locked").entry(key).or_default())
        };
        match cell.get_or_init(|| count(context, job, month, cost)).await {
            Known::Events { covered, .. } if covered.is_none_or(|covered| covered < *date) => {
                Some(format!("the archive of {month} was made before the day was over"))
            }
            Known::Events { days, .. } => {
                let events = days.get(date).filter(|events| **events > 0)?;
                Some(format!("the archive of {month} holds {events} events of it"))
            }
            Known::Nothing => {
                warn!(account, %date, "Heroku lists no event for this old day, and has no archive that could confirm it");
                None
            }
            Known::Unclear(why) => Some(format!("the archive of {month} can't be asked: {why}")),
        }
    }
}

/// Counts the events in the archive of `month` that the job's query asks for.
async fn count(context: &Context, job: &Fetch, month: Month, cost: &mut Cost) -> Known {
    let archive = match context.client.archive(&job.query.account, month, &job.asker, cost).await {
        Ok(archive) => archive,
        Err(ArchiveError::Heroku(error))
            if error
                .fault
                .status()
                .is_some_and(|status| matches!(status.as_u16(), 403 | 404 | 410)) =>
        {
            return Known::Nothing;
        }
        Err(error) => return Known::Unclear(error.to_string()),
    };
    let selector = Selector { team: None, filter: job.query.filter.clone() };
    let covered = archive.covers_to(month.last());
    match count_days(&archive, &selector).await {
        Ok(Some(days)) => Known::Events { days, covered },
        Ok(None) => Known::Unclear("some of its events do not say when they were".to_owned()),
        Err(error) => Known::Unclear(error.to_string()),
    }
}

/// How many events each day has; `None` where some do not say which day is theirs.
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
