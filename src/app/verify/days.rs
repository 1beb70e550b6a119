//! Checks the stored days against their seals.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::evidence::{DayCheck, DayFacts, Problem, Seal};
use crate::report::progress::{LiveLines, Progress};
use crate::store::{
    DayName, DayRows, EventChunk, EvidenceSnapshot, Result, Selected, StoredConflict, WantedDays,
};

/// How many chunks of events may wait for the checking thread.
const WAITING: usize = 4;

/// What was checked, and what was found.
#[derive(Debug, Default)]
pub(super) struct CheckedDays {
    /// The days with a seal of kind `day`.
    pub(super) sealed: u64,
    /// The days with a baseline alone.
    pub(super) baseline: u64,
    pub(super) events: u64,
    /// Events and conflicts that no seal covers yet.
    pub(super) unsealed: u64,
    pub(super) problems: Vec<Problem>,
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
#[derive(Debug)]
struct Checker {
    /// The days of the present page that are not begun.
    page: HashMap<DayName, PageDay>,
    /// The day whose events come.
    open: Option<(DayName, DayCheck)>,
    checked: CheckedDays,
    progress: Arc<Progress>,
}

/// Reads and checks the wanted days.
pub(super) async fn check(
    snapshot: &mut EvidenceSnapshot,
    wanted: &WantedDays,
    live_lines: LiveLines,
) -> Result<CheckedDays> {
    let progress = Progress::new(snapshot.count_days(wanted).await? as usize, live_lines);
    let (to_checker, work) = sync_channel(WAITING);
    let checker: JoinHandle<CheckedDays> = spawn_blocking(move || Checker::run(&work, progress));
    let read = read(snapshot, wanted, &to_checker).await;
    drop(to_checker);
    let days = checker.await.expect("the check does not panic");
    read.map(|()| days)
}

async fn read(
    snapshot: &mut EvidenceSnapshot,
    wanted: &WantedDays,
    checker: &SyncSender<Work>,
) -> Result<()> {
    let mut page = None;
    while let Some(next) = snapshot.next_page(wanted, page.as_ref()).await? {
        let days = snapshot.day_rows(wanted, &next).await?;
        send(checker, Work::Page(days));
        let mut events = snapshot.events(wanted, &next);
        while let Some(chunk) = events.next().await? {
            send(checker, Work::Events(chunk));
        }
        drop(events);
        page = Some(next);
    }
    Ok(())
}

/// Waits for a place in the queue. The checker ends only after the last piece of work.
fn send(checker: &SyncSender<Work>, work: Work) {
    tokio::task::block_in_place(|| checker.send(work)).expect("the checker lives");
}

impl Checker {
    fn run(work: &Receiver<Work>, progress: Arc<Progress>) -> CheckedDays {
        let mut checker =
            Self { page: HashMap::new(), open: None, checked: CheckedDays::default(), progress };
        for work in work {
            match work {
                Work::Page(days) => {
                    checker.end_page();
                    checker.page = page_days(days);
                }
                Work::Events(chunk) => checker.take(&chunk),
            }
        }
        checker.end_page();
        checker.checked
    }

    fn take(&mut self, chunk: &EventChunk) {
        for (source, date, event) in chunk.rows() {
            let is_open =
                |open: &&mut (DayName, DayCheck)| open.0.date == date && open.0.source == source;
            if let Some((_, check)) = self.open.as_mut().filter(is_open) {
                check.event(&event);
                continue;
            }
            self.end_day();
            let name = DayName { source: source.to_owned(), date };
            let day = self.page.remove(&name).unwrap_or_default();
            let mut check = begin(&name, day);
            check.event(&event);
            self.open = Some((name, check));
        }
    }

    /// Ends the day whose events came last.
    fn end_day(&mut self) {
        if let Some((_, check)) = self.open.take() {
            self.end(check);
        }
    }

    /// Ends the page: what is left has no events.
    fn end_page(&mut self) {
        self.end_day();
        let mut left: Vec<(DayName, PageDay)> = self.page.drain().collect();
        left.sort_by(|(a, _), (b, _)| (&a.source, a.date).cmp(&(&b.source, b.date)));
        for (name, day) in left {
            self.end(begin(&name, day));
        }
    }

    fn end(&mut self, check: DayCheck) {
        let day = check.finish();
        self.checked.sealed += u64::from(day.is_sealed);
        self.checked.baseline += u64::from(day.is_baseline);
        self.checked.events += day.events;
        self.checked.unsealed += day.unsealed;
        self.checked.problems.extend(day.problems);
        self.progress.done(1);
    }
}

fn begin(name: &DayName, day: PageDay) -> DayCheck {
    let mut check = DayCheck::new(name.source.clone(), name.date.date(), day.facts);
    day.conflicts.iter().for_each(|conflict| check.conflict(&conflict.row()));
    check
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
