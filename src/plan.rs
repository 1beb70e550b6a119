//! Which days are due, and why: a pure function of the file, the ledger and the time.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};

use crate::config::Source;
use crate::day::{DayKey, range};
use crate::ledger::{LedgerRow, SourceDays, Status};

/// Which days are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Those that are due.
    Due,
    /// Every day from the first to the second date, both included.
    Named(NaiveDate, NaiveDate),
}

/// What planning looks at.
#[derive(Debug)]
pub struct Known<'k, 's> {
    /// The sources to plan for.
    pub sources: &'k [&'s Source],
    /// Their ledger rows: at least those of [`window`], and every PENDING one.
    pub rows: &'k [LedgerRow],
    /// Their first days.
    pub days: &'k HashMap<String, SourceDays>,
    /// The newest date that is over.
    pub last_over: NaiveDate,
    /// How far to look back for days missed or failed.
    pub catch_up_days: u32,
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
    /// It failed, or something unexpected happened.
    Failed,
    /// It was reset, or interrupted.
    Pending,
    /// Its lease ran out.
    Stale,
}

/// The dates whose rows a plan needs, beside the PENDING ones of any age.
pub fn window(selection: Selection, last_over: NaiveDate, catch_up_days: u32) -> (NaiveDate, NaiveDate) {
    match selection {
        Selection::Due => (last_over - Days::new(u64::from(catch_up_days.saturating_sub(1))), last_over),
        Selection::Named(from, to) => (from, to),
    }
}

/// The days that a run has to do with, oldest first.
///
/// Without a selection these are the due days, and yesterday in any case, so that a run can say how it stands.
pub fn plan<'s>(known: &Known<'_, 's>, selection: Selection) -> Vec<Planned<'s>> {
    let mut rows: BTreeMap<(&str, NaiveDate), &LedgerRow> = BTreeMap::new();
    for row in known.rows {
        rows.insert((&row.source, row.date), row);
    }
    let mut planned = Vec::new();
    for &source in known.sources {
        for date in dates(known, source, selection) {
            let verdict = verdict(rows.get(&(source.name.as_ref(), date)).copied());
            let is_news = !matches!(verdict, Verdict::Whole { .. });
            if is_news || date == known.last_over || selection != Selection::Due {
                planned.push(Planned { key: DayKey::new(&source.name, date), source, verdict });
            }
        }
    }
    planned.sort_by(|a, b| a.key.cmp(&b.key));
    planned
}

/// The dates of one source that are looked at.
fn dates(known: &Known<'_, '_>, source: &Source, selection: Selection) -> Vec<NaiveDate> {
    let (from, to) = window(selection, known.last_over, known.catch_up_days);
    if selection != Selection::Due {
        return range(from, to).collect();
    }
    let name = source.name.as_ref();
    let first_in_ledger = known.days.get(name).and_then(|days| days.first);
    let owed_from = match (source.since, first_in_ledger) {
        // The very first run takes yesterday alone; `since` counts from the second.
        (since, None) => since.map_or(to, |since| since.max(to)),
        (Some(since), Some(_)) => since,
        (None, Some(first)) => first,
    };
    let pending = known.rows.iter().filter(|row| row.source == name && row.status == Status::Pending);
    let mut dates: Vec<_> = range(from.max(owed_from), to).chain(pending.map(|row| row.date)).collect();
    dates.sort_unstable();
    dates.dedup();
    dates.retain(|date| *date <= known.last_over);
    dates
}

/// What a row, or none, means for a day that is looked at. Whole days whose recheck has come will be told apart here.
fn verdict(row: Option<&LedgerRow>) -> Verdict {
    let Some(row) = row else { return Verdict::Due(Reason::New) };
    match &row.status {
        Status::Pending => Verdict::Due(Reason::Pending),
        Status::Failed | Status::Error => Verdict::Due(Reason::Failed),
        Status::Success => Verdict::Whole { events: row.events.unwrap_or(0), attempt: row.attempt },
        Status::Processing => match (&row.locked_by, row.live) {
            (Some(holder), true) => Verdict::Held { by: holder.clone() },
            _ => Verdict::Due(Reason::Stale),
        },
        Status::Unknown(status) => Verdict::Broken { problem: format!("its status is `{status}`") },
    }
}
