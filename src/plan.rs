//! Which days are due, and why: a pure function of the file, the ledger and the time.

mod next;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};

pub use next::{AnyAge, CatchUp, Left, NextRun};

use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::config::Source;
use crate::day::{DateRange, DayKey, end, last_over};
use crate::ledger::{LedgerRow, SourceDays, Status};

/// Which days are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Those that are due.
    Due,
    /// Every day of a range.
    Named(DateRange),
}

/// What planning looks at.
#[derive(Debug)]
pub struct PlanInput<'k, 's> {
    /// The sources to plan for.
    pub sources: &'k [&'s Source],
    /// Their ledger rows: those of [`window`] that may ask for something, and every PENDING one.
    pub rows: &'k [LedgerRow],
    /// What is known of their days beside the rows, where they have any.
    pub days: &'k HashMap<String, SourceDays>,
    /// The present time.
    pub now: DateTime<Utc>,
    /// How far to look back for days missed or failed.
    pub catch_up_days: u32,
    /// The ages at which a whole day is read again, ascending.
    pub recheck_after: &'k [Duration],
    /// The same for the next run, which has no options.
    pub next_recheck_after: &'k [Duration],
}

/// One day, and what is to be done about it.
#[derive(Debug, Clone)]
pub struct Planned<'s> {
    /// The day.
    pub key: DayKey,
    /// Its source.
    pub source: &'s Source,
    /// What is to be done.
    pub verdict: Verdict,
    /// Whether it is due at any age.
    pub any_age: AnyAge,
}

/// What is to be done about a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is to be read.
    Due(Reason),
    /// It is whole.
    Whole {
        /// How many events it has.
        events: i32,
        /// The attempt that read it.
        attempt: i32,
    },
    /// Another process is at it.
    Held {
        /// Who.
        by: String,
    },
    /// Its row holds what this program never writes, so nothing is done about it.
    Broken {
        /// What is wrong with it.
        problem: String,
    },
}

/// Why a day is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has no row: it is new, was missed, or was named and never read.
    New,
    /// It is whole, and its next recheck has come.
    Recheck {
        /// The attempt that called it whole.
        attempt: i32,
    },
    /// Another program called it complete, and stored no event of it here.
    Adopted,
    /// It failed, or something unexpected happened.
    Failed,
    /// It was reset, or interrupted.
    Pending,
    /// Its lease ran out.
    Stale,
    /// It has settled, and a repair of it broke off: what is stored of it is counted again, without asking Heroku.
    Recount,
}

/// The dates whose rows a plan needs, beside the PENDING ones of any age.
pub fn window(selection: Selection, last_over: NaiveDate, catch_up_days: u32) -> DateRange {
    match selection {
        Selection::Due => {
            let from = last_over - Days::new(u64::from(catch_up_days.saturating_sub(1)));
            DateRange::new(from.max(AUDIT_TRAIL_BEGINS), last_over)
        }
        Selection::Named(range) => range,
    }
}

/// The days that a run has to do with, oldest first.
///
/// Without a selection these are the due days, and yesterday in any case, so that a run can say how it stands.
///
/// ```
/// use auditsync::config::Config;
/// use auditsync::plan::{PlanInput, Reason, Selection, Verdict, plan};
///
/// let text = "[[source]]\nname = \"acme\"\naccount = \"acme\"\ntoken_env = \"HEROKU_API_TOKEN\"\n";
/// let config = Config::parse("audit.toml".as_ref(), text)?;
/// let now = "2024-09-29T03:00:00Z".parse()?;
/// let sources: Vec<_> = config.sources.iter().collect();
/// let (rows, days) = (&[], &Default::default());
/// let (recheck_after, next_recheck_after) = (&[][..], &[][..]);
/// let known = PlanInput { sources: &sources, rows, days, now, catch_up_days: 7, recheck_after, next_recheck_after };
///
/// let planned = plan(&known, Selection::Due);
/// assert_eq!(planned.len(), 1, "a first run takes yesterday alone");
/// assert_eq!(planned[0].key.date.to_string(), "2024-09-28");
/// assert_eq!(planned[0].verdict, Verdict::Due(Reason::New));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn plan<'s>(known: &PlanInput<'_, 's>, selection: Selection) -> Vec<Planned<'s>> {
    let mut rows: BTreeMap<(&str, NaiveDate), &LedgerRow> = BTreeMap::new();
    for row in known.rows {
        rows.insert((&row.source, row.date), row);
    }
    let last_over = last_over(known.now);
    let mut planned = Vec::new();
    for &source in known.sources {
        for date in dates(known, source, selection) {
            let row = rows.get(&(source.name.as_ref(), date)).copied();
            let verdict = verdict(known, row);
            let is_news = !matches!(verdict, Verdict::Whole { .. });
            if is_news || date == last_over || selection != Selection::Due {
                let (key, any_age) = (DayKey::new(&source.name, date), AnyAge::of(known, row));
                planned.push(Planned { key, source, verdict, any_age });
            }
        }
    }
    planned.sort_by(|a, b| a.key.cmp(&b.key));
    planned
}

/// The dates of one source that are looked at.
fn dates(known: &PlanInput<'_, '_>, source: &Source, selection: Selection) -> Vec<NaiveDate> {
    let last_over = last_over(known.now);
    let window = window(selection, last_over, known.catch_up_days);
    if selection != Selection::Due {
        return window.dates().collect();
    }
    let name = source.name.as_ref();
    let days = known.days.get(name);
    let owed_from = owed_from(source, days.map(|days| days.first), window.to);
    let owed = DateRange::new(window.from.max(owed_from), window.to);
    let due_at_any_age = |row: &&LedgerRow| is_due_at_any_age(known.recheck_after, known.now, row);
    let others = known.rows.iter().filter(|row| row.source == name).filter(due_at_any_age);
    let mut dates: Vec<_> = owed.dates().chain(others.map(|row| row.date)).collect();
    dates.sort_unstable();
    dates.dedup();
    dates.retain(|date| (AUDIT_TRAIL_BEGINS..=last_over).contains(date));
    dates.retain(|date| !days.is_some_and(|days| days.settled.contains(date)));
    dates
}

/// The first day that a source owes, when its first day in the ledger is `first` and `to` is over last.
fn owed_from(source: &Source, first: Option<NaiveDate>, to: NaiveDate) -> NaiveDate {
    match (source.since, first) {
        // The very first run takes yesterday alone; `since` counts from the second.
        (since, None) => since.map_or(to, |since| since.max(to)),
        (Some(since), Some(_)) => since,
        (None, Some(first)) => first,
    }
}

fn is_due_at_any_age(recheck_after: &[Duration], now: DateTime<Utc>, row: &LedgerRow) -> bool {
    row.status == Status::Pending
        || recheck_has_come(recheck_after, now, row)
        || is_to_be_counted(row)
}

/// Whether a day that was read whole once is to be read again: an age has come that no whole reading reached or, beyond the
/// last one, the last reading still brought something. A failure on the way does not take that back.
///
/// A day that was asked with another scope is left as it is, until somebody resets it.
fn recheck_has_come(recheck_after: &[Duration], now: DateTime<Utc>, row: &LedgerRow) -> bool {
    let (Some(read_at), Some(&last)) = (row.synced_at, recheck_after.last()) else { return false };
    if row.settled || row.other_scope {
        return false;
    }
    let end = end(row.date);
    let interval =
        recheck_after.iter().rev().nth(1).map_or(last, |before| last.saturating_sub(*before));
    recheck_after.iter().any(|&age| read_at < end + age && end + age <= now)
        || (read_at >= end + last && read_at + interval <= now)
}

/// Whether a day has settled, and a repair of it was killed, failed or was interrupted before it could publish. A process
/// that is still at it is let be.
fn is_to_be_counted(row: &LedgerRow) -> bool {
    let is_at_rest = match row.status {
        Status::Pending | Status::Failed | Status::Error => true,
        Status::Processing => !row.live || row.locked_by.is_none(),
        Status::Success | Status::Unknown(_) => false,
    };
    row.settled && is_at_rest
}

/// What a row, or none, means for a day that is looked at.
fn verdict(known: &PlanInput<'_, '_>, row: Option<&LedgerRow>) -> Verdict {
    let Some(row) = row else { return Verdict::Due(Reason::New) };
    if is_to_be_counted(row) {
        return Verdict::Due(Reason::Recount);
    }
    match &row.status {
        Status::Pending => Verdict::Due(Reason::Pending),
        Status::Failed | Status::Error => Verdict::Due(Reason::Failed),
        Status::Success if row.adopted => Verdict::Due(Reason::Adopted),
        Status::Success if recheck_has_come(known.recheck_after, known.now, row) => {
            Verdict::Due(Reason::Recheck { attempt: row.attempt })
        }
        Status::Success => Verdict::Whole { events: row.events.unwrap_or(0), attempt: row.attempt },
        Status::Processing => match (&row.locked_by, row.live) {
            (Some(holder), true) if row.endless => Verdict::Broken {
                problem: format!(
                    "its lease, held by {holder}, ends more than 30 days from now, which no auditsync sets"
                ),
            },
            (Some(holder), true) => Verdict::Held { by: holder.clone() },
            _ => Verdict::Due(Reason::Stale),
        },
        Status::Unknown(status) => Verdict::Broken { problem: format!("its status is `{status}`") },
    }
}

#[cfg(test)]
mod tests;
