//! Checks the stored days against their seals.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};

use tokio::task::{JoinHandle, spawn_blocking};

use super::super::failure::Failure;
use super::visitor::Visitor;
use crate::evidence::{CheckedDay, DayCheck, DayFacts, Problem, Seal};
use crate::report::progress::{LiveLines, Progress};
use crate::store::{
    DayName, DayRows, EventChunk, EvidenceSnapshot, Selected, StoredConflict, WantedDays,
};

/// How many chunks of events may wait for the checking thread.
const WAITING: usize = 4;

/// What was checked, and what was found.
#[derive(Debug, Default)]
pub(crate) struct CheckedDays {
    /// The days with a seal of kind `day`.
    pub(crate) sealed: u64,
    /// The days with a baseline alone.
    pub(crate) baseline: u64,
    pub(crate) events: u64,
    /// Events and conflicts that no seal covers yet.
    pub(crate) unsealed: u64,
    pub(crate) problems: Vec<Problem>,
}

impl CheckedDays {
    /// Adds a day.
    pub(crate) fn add(&mut self, day: CheckedDay) {
        self.sealed += u64::from(day.is_sealed);
        self.baseline += u64::from(day.is_baseline);
        self.events += day.events;
        self.unsealed += day.unsealed;
        self.problems.extend(day.problems);
    }
}

/// What the reading side hands to the checking thread.
#[derive(Debug)]
enum Work {
    /// The days of the next page.
    Page(DayRows),
    /// Some of their events, in their order.
    Events(EventChunk),
}

/// A day of the present page.
#[derive(Debug, Default)]
struct PageDay {
    facts: DayFacts,
    conflicts: Vec<StoredConflict>,
}

/// The checking thread.
struct Checker<V> {
    /// The days of the present page that are not begun.
    page: HashMap<DayName, PageDay>,
    /// The day whose events come.
    open: Option<(DayName, DayCheck)>,
    checked: CheckedDays,
    progress: Arc<Progress>,
    visitor: V,
}

/// Reads and checks the wanted days, and shows them to the visitor.
pub(super) async fn check<V: Visitor>(
    snapshot: &mut EvidenceSnapshot,
    wanted: &WantedDays,
    live_lines: LiveLines,
    visitor: V,
) -> Result<(CheckedDays, V), Failure> {
    let progress = Progress::new(snapshot.count_days(wanted).await? as usize, live_lines);
    let (to_checker, work) = sync_channel(WAITING);
    let checker = Checker {
        page: HashMap::new(),
        open: None,
        checked: CheckedDays::default(),
        progress,
        visitor,
    };
    let checker: JoinHandle<Result<(CheckedDays, V), Failure>> =
        spawn_blocking(move || checker.run(&work));
    let read = read(snapshot, wanted, &to_checker).await;
    drop(to_checker);
    let days = checker.await.expect("the check does not panic");
    read?;
    days
}

async fn read(
    snapshot: &mut EvidenceSnapshot,
    wanted: &WantedDays,
    checker: &SyncSender<Work>,
) -> Result<(), Failure> {
    let mut page = None;
    while let Some(next) = snapshot.next_page(wanted, page.as_ref()).await? {
        let days = snapshot.day_rows(wanted, &next).await?;
        if send(checker, Work::Page(days)).is_err() {
            return Ok(());
        }
        let mut events = snapshot.events(wanted, &next);
        while let Some(chunk) = events.next().await? {
            if send(checker, Work::Events(chunk)).is_err() {
                return Ok(());
            }
        }
        drop(events);
        page = Some(next);
    }
    Ok(())
}

/// Waits for a place in the queue. The checker has ended only if its visitor failed.
fn send(checker: &SyncSender<Work>, work: Work) -> Result<(), SendError<Work>> {
    tokio::task::block_in_place(|| checker.send(work))
}

impl<V: Visitor> Checker<V> {
    fn run(mut self, work: &Receiver<Work>) -> Result<(CheckedDays, V), Failure> {
        for work in work {
            match work {
                Work::Page(days) => {
                    self.end_page()?;
                    self.page = page_days(days);
                }
                Work::Events(chunk) => self.take(&chunk)?,
            }
        }
        self.end_page()?;
        Ok((self.checked, self.visitor))
    }

    fn take(&mut self, chunk: &EventChunk) -> Result<(), Failure> {
        for (source, date, event) in chunk.rows() {
            let is_open =
                |open: &&mut (DayName, DayCheck)| open.0.date == date && open.0.source == source;
            if let Some((_, check)) = self.open.as_mut().filter(is_open) {
                check.event(&event);
            } else {
                self.end_day()?;
                let name = DayName { source: source.to_owned(), date };
                let day = self.page.remove(&name).unwrap_or_default();
                let mut check = self.begin(&name, day)?;
                check.event(&event);
                self.open = Some((name, check));
            }
            self.visitor.event(&event)?;
        }
        Ok(())
    }

    fn begin(&mut self, name: &DayName, day: PageDay) -> Result<DayCheck, Failure> {
        self.visitor.begin_day(name, &day.facts, &day.conflicts)?;
        let mut check = DayCheck::new(name.source.clone(), name.date.date(), day.facts);
        day.conflicts.iter().for_each(|conflict| check.conflict(&conflict.row()));
        Ok(check)
    }

    /// Ends the day whose events came last.
    fn end_day(&mut self) -> Result<(), Failure> {
        self.open.take().map_or(Ok(()), |(_, check)| self.end(check))
    }

    /// Ends the page: what is left has no events.
    fn end_page(&mut self) -> Result<(), Failure> {
        self.end_day()?;
        let mut left: Vec<(DayName, PageDay)> = self.page.drain().collect();
        left.sort_by(|(a, _), (b, _)| (&a.source, a.date).cmp(&(&b.source, b.date)));
        for (name, day) in left {
            let check = self.begin(&name, day)?;
            self.end(check)?;
        }
        Ok(())
    }

    fn end(&mut self, check: DayCheck) -> Result<(), Failure> {
        self.visitor.end_day()?;
        self.checked.add(check.finish());
        self.progress.done(1);
        Ok(())
    }
}

fn page_days(rows: DayRows) -> HashMap<DayName, PageDay> {
    let mut days: HashMap<DayName, PageDay> = HashMap::new();
    for Selected { day, value } in rows.ledger {
        let facts = &mut days.entry(day).or_default().facts;
        facts.other_rows += u32::from(facts.ledger.replace(value).is_some());
    }
    for Selected { day, value } in rows.seals {
        // The walk along the chain reports a text that can't be read, or is of another day.
        let seal = Seal::parse(&value).ok().filter(|seal| {
            seal.sealed.source == day.source && seal.sealed.date == day.date.date().ok()
        });
        if let Some(seal) = seal {
            days.entry(day).or_default().facts.seals.push(seal);
        }
    }
    for Selected { day, value } in rows.conflicts {
        days.entry(day).or_default().conflicts.push(value);
    }
    days
}
