//! What became of one day: its outcome, and the reason where it was not synced.

use std::fmt;
use std::io;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use crate::config::{MissingToken, Source, SourceName};
use crate::day::{DayKey, Month};
use crate::heroku::{self, ArchiveError, Dating, TeamError, Unreadable};
use crate::plan::{Left, Planned, Verdict};
use crate::store;

/// What became of one day.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DayReport {
    /// The source.
    pub(crate) source: SourceName,
    /// The UTC date.
    pub(crate) date: NaiveDate,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The events that are stored of the day; for a dry run, those that Heroku lists. 0 if reading
    /// did not end.
    pub(crate) events: u64,
    /// Those that were not stored before.
    pub(crate) new_events: u64,
    /// Those first seen now, after the day had been complete.
    pub(crate) late_events: u64,
    /// The events that were kept beside another one with the same id.
    pub(crate) conflicts: u64,
    /// The stored events that Heroku lists no longer.
    pub(crate) vanished_events: u64,
    /// Requests to Heroku. Sources that share a fetch share this figure. A download that serves
    /// several days counts for the first of them.
    pub(crate) requests: u64,
    /// How many of them repeated one that had failed.
    pub(crate) retries: u64,
    /// The fencing number of the claim; 0 if there was none.
    pub(crate) attempt: i32,
    /// From the claim to the end of reading, before the day is published, in milliseconds. Days
    /// that one archive serves share this time.
    pub(crate) duration_ms: u64,
    /// Why the day was not synced by this run, and what to do.
    pub(crate) error: Option<String>,
    /// The reason alone, if `error` also names a command that the text names once for all days.
    #[serde(skip)]
    pub(crate) reason: Option<String>,
    /// How its row was left, if it was not finished.
    #[serde(skip)]
    pub(crate) left: Left,
}

/// How a day ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was read to its proper end, and stored.
    Synced,
    /// It was complete already.
    AlreadySynced,
    /// Another process is syncing it.
    LockedElsewhere,
    /// It is due again.
    Failed,
    /// A signal ended the run before the day was done. It is due again.
    Interrupted,
    /// Its lease was lost, so nothing more was changed.
    LostLock,
    /// A dry run read it.
    WouldSync,
}

/// Why a day that is due was never begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// A signal ended the run first.
    Interrupted,
    /// Its task ended without a report.
    Unexplained,
}

/// Why an attempt at a day ended without publishing it.
#[derive(Debug, Clone)]
pub(crate) enum StopReason {
    /// Its lease was lost, or is about to be. `trouble` kept it from being renewed.
    LostLock { trouble: Option<String> },
    /// A signal came.
    Interrupted,
    /// Heroku rejected a request, or did not answer it properly.
    Heroku(Arc<heroku::Error>),
    /// The source has no token.
    NoToken(MissingToken),
    /// It is not known which events belong to the source.
    Team(Arc<TeamError>),
    /// Heroku listed nothing for an old day, and this speaks against it.
    EmptyDay { doubt: String },
    /// There is no archive of the month to read.
    NoArchive(Arc<ArchiveError>),
    /// The folder of `--keep` does not take the archive.
    NotKept { month: Month, folder: String, error: Arc<io::Error> },
    /// The archive is not proven to hold all of the day. `to` is the last day that it covers.
    NotCovered { month: Month, to: Option<NaiveDate>, dating: Dating },
    /// The archive could not be read to its end.
    BrokenArchive { month: Month, error: Arc<Unreadable>, day: BrokenDay },
    /// Some events of the source have no date, so any day may lack them.
    Undated { month: Month, events: u64 },
    /// The database failed.
    Store(Arc<store::Error>),
}

/// What a day was before its archive broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BrokenDay {
    /// It had settled.
    Settled,
    /// It was due, or complete.
    Due,
}

impl StopReason {
    /// The reason for an error of the store.
    pub(crate) fn of_store(error: store::Error) -> Self {
        match error {
            store::Error::LeaseLost => Self::LostLock { trouble: None },
            store::Error::OutOfTime => Self::Interrupted,
            error => Self::Store(Arc::new(error)),
        }
    }

    /// How the day ended.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::LostLock { .. } => Outcome::LostLock,
            Self::Interrupted => Outcome::Interrupted,
            _ => Outcome::Failed,
        }
    }

    /// What happened, why, and what to do, for the day `date` of `source`.
    pub(crate) fn message(&self, source: &Source, date: NaiveDate) -> String {
        let name = &source.name;
        match self {
            Self::LostLock { trouble: None } => {
                "its lease expired, or another process took it over; nothing more was changed. \
                 The process that holds the day finishes it, or else the next run does"
                    .to_owned()
            }
            Self::LostLock { trouble: Some(trouble) } => format!(
                "its lease could not be renewed and expired; nothing more was changed. {trouble}"
            ),
            Self::Interrupted => "not finished, because a signal ended the run".to_owned(),
            Self::NoToken(missing) => format!("no token: {missing}"),
            Self::Heroku(error) => error.message(source),
            Self::Team(error) => no_team(error, source),
            Self::EmptyDay { doubt } => format!(
                "Heroku lists no event for this old day, which is not credible: {doubt}. Read the \
                 day from the archive: \
                 `auditsync backfill --via archive --source {name} --from {date} --to {date}`"
            ),
            Self::NoArchive(error) if error.is_not_found() => format!(
                "{}. Heroku's list may have the day: `auditsync backfill --via api`",
                error.message(source)
            ),
            Self::NoArchive(error) => error.message(source),
            Self::NotKept { month, folder, error } => not_kept(*month, folder, error),
            Self::NotCovered { month, to, dating } => not_covered(*month, *to, *dating),
            Self::BrokenArchive { month, error, day } => broken(name, *month, error, *day),
            Self::Undated { month, events } => format!(
                "the archive of {month} holds {events} events of this source without a date, so \
                 any of its days may be incomplete. These events stay stored. Read the day from \
                 Heroku's list: \
                 `auditsync backfill --source {name} --from {date} --to {date}`"
            ),
            // These say what to do.
            Self::Store(error)
                if matches!(
                    **error,
                    store::Error::NotStarted(_)
                        | store::Error::BrokenRow { .. }
                        | store::Error::Locked { .. }
                        | store::Error::RowLocked
                        | store::Error::Unusable(_)
                ) =>
            {
                error.to_string()
            }
            Self::Store(error) => format!("{error}. Check the database"),
        }
    }
}

fn broken(source: &SourceName, month: Month, error: &Unreadable, day: BrokenDay) -> String {
    match day {
        BrokenDay::Settled => format!(
            "{error}. The day had settled. The next run counts its stored events again. To repair \
             the day, repeat `auditsync reconcile --source {source} --month {month} --repair`"
        ),
        BrokenDay::Due => format!(
            "{error}. The day is still due. Heroku's list may have it: `auditsync backfill --via \
             api`"
        ),
    }
}

fn not_kept(month: Month, folder: &str, error: &io::Error) -> String {
    let first = match error.kind() {
        io::ErrorKind::AlreadyExists => "Move it away",
        io::ErrorKind::PermissionDenied => "Allow auditsync to write there",
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::WriteZero => "Free some space there",
        _ => "Check that folder",
    };
    format!(
        "the archive of {month} can't be kept in {folder}: {error}. Nothing of it was stored. \
         {first}, or name another folder with --keep, and run the command again"
    )
}

/// Why it is not known which events belong to a team.
fn no_team(error: &TeamError, source: &Source) -> String {
    match error {
        TeamError::Heroku(error) => error.message(source),
        error => format!("{error}. {}", error.hint(source)),
    }
}

/// Why an archive that covers days up to `to` proves nothing of a later day.
fn not_covered(month: Month, to: Option<NaiveDate>, dating: Dating) -> String {
    let covers = match dating.doubt() {
        None => format!("the archive of {month} covers {}", covered(to)),
        Some(doubt) => format!("{doubt} ({month}), so it proves {}", covered(to)),
    };
    format!("{covers}; Heroku's list may have the day: `auditsync backfill --via api`")
}

/// What an archive covers that ends with the day `to`.
fn covered(to: Option<NaiveDate>) -> String {
    to.map_or("no complete day".to_owned(), |to| format!("complete days up to {to} only"))
}

impl DayReport {
    /// A report of which only the outcome is known.
    pub(crate) fn new(key: &DayKey, outcome: Outcome) -> Self {
        Self {
            source: key.source.clone(),
            date: key.date,
            outcome,
            events: 0,
            new_events: 0,
            late_events: 0,
            conflicts: 0,
            vanished_events: 0,
            requests: 0,
            retries: 0,
            attempt: 0,
            duration_ms: 0,
            error: None,
            reason: None,
            left: Left::Untouched,
        }
    }

    /// The same day, stopped for this reason.
    pub(crate) fn stopped(self, source: &Source, reason: &StopReason) -> Self {
        let error = Some(reason.message(source, self.date));
        Self { outcome: reason.outcome(), error, ..self }
    }

    /// A day that another process holds.
    pub(crate) fn held(key: &DayKey, by: &str) -> Self {
        Self::new(key, Outcome::LockedElsewhere)
            .because(format!("{by} is already syncing this day"))
    }

    /// A day that was complete before this run.
    pub(crate) fn complete(key: &DayKey, events: i32, attempt: i32) -> Self {
        let events = u64::try_from(events).unwrap_or(0);
        Self { events, attempt, ..Self::new(key, Outcome::AlreadySynced) }
    }

    /// A planned day that was not read.
    pub(crate) fn unread(day: &Planned<'_>, why: Unread) -> Self {
        let key = &day.shown();
        match &day.verdict {
            Verdict::Complete { events, attempt } => Self::complete(key, *events, *attempt),
            Verdict::Held { by } => Self::held(key, by),
            Verdict::Broken { problem } => Self::new(key, Outcome::Failed).because(format!(
                "its ledger row can't be used: {problem}. `auditsync reset --force --source {} \
                 {}` repairs it",
                key.source, key.date
            )),
            Verdict::Due(_) if why == Unread::Interrupted => Self::new(key, Outcome::Interrupted)
                .because("not begun, because a signal ended the run"),
            Verdict::Due(_) => Self::new(key, Outcome::Failed).because(
                "its task ended unexpectedly: see the log. If it holds a lease, that lease expires",
            ),
        }
    }

    /// The same report with its reason.
    pub(crate) fn because(self, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..self }
    }

    /// Why it was not synced, without the command that reads it.
    pub(super) fn why(&self) -> Option<&str> {
        self.reason.as_deref().or(self.error.as_deref())
    }

    /// Adds to the reason what to do.
    pub(crate) fn advise(&mut self, what: &str) {
        let reason = self.error.take();
        self.error = Some(match &reason {
            Some(reason) => format!("{}. {what}", reason.trim_end_matches('.')),
            None => what.to_owned(),
        });
        self.reason = reason;
    }
}

impl Outcome {
    /// Whether the day is as the run wants it, or another process is syncing it.
    pub(crate) fn is_good(self) -> bool {
        !matches!(self, Self::Failed | Self::Interrupted | Self::LostLock)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Synced => "synced",
            Self::AlreadySynced => "already_synced",
            Self::LockedElsewhere => "locked_elsewhere",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::LostLock => "lost_lock",
            Self::WouldSync => "would_sync",
        })
    }
}
