//! Compares the events of an archive with the stored ones, day by day.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use chrono::NaiveDate;

use super::super::run::archive::{Sink, Slot, Sorted, nearest};
use super::super::run::archive_days::Account;
use super::super::run::fetches::FetchDay;
use super::super::run::selector::Selector;
use crate::config::Source;
use crate::day::{DateRange, DayKey, Month};
use crate::event::Event;
use crate::fingerprints::Fingerprints;
use crate::heroku::{Archive, Unreadable};
use crate::report::reconcile::{ArchiveFacts, ListId, MonthReport, ReconciledDay, Spool};
use crate::store::{self, Reader, Sameness, Stored, StoredEvent, StoredQuery, Under};

/// Why a month was not compared to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Archive(#[from] Unreadable),
    #[error(
        "the found ids can't be stored in the temporary folder (TMPDIR): {0}. Free some space, \
         or set TMPDIR to a folder with enough space"
    )]
    Disk(#[from] io::Error),
}

/// Compares each day's events with the stored ones. Memory holds eight bytes for each event of the
/// archive, and few of the ids that it finds.
pub(super) struct Comparing<'a> {
    reader: &'a Reader,
    sources: &'a [Source],
    selectors: &'a [Option<Selector>],
    /// The days of the month that the archive covers completely.
    covered: DateRange,
    days: BTreeMap<Slot, Day>,
    /// The stray events of each source: those of other months, or without a date.
    strays: HashMap<usize, Fingerprints>,
    spool: Spool,
    broken: Option<Broken>,
}

/// What was found of a day so far.
struct Day {
    /// The day, with the name under which it is stored, or would be.
    key: DayKey,
    archived: Fingerprints,
    /// How many of them are stored under another day.
    beside: u64,
    missing_here: ListId,
    missing_there: ListId,
    differing: ListId,
}

impl Day {
    fn new(key: DayKey, spool: &mut Spool) -> Self {
        Self {
            key,
            archived: Fingerprints::default(),
            beside: 0,
            missing_here: spool.list(),
            missing_there: spool.list(),
            differing: spool.list(),
        }
    }
}

impl<'a> Comparing<'a> {
    pub(super) fn new(
        reader: &'a Reader,
        account: &'a Account,
        selectors: &'a [Option<Selector>],
        days: &[FetchDay],
        covered: DateRange,
    ) -> Self {
        let mut spool = Spool::default();
        let days = days.iter().filter(|day| covered.contains(day.key.date));
        let slots = days.filter_map(|day| Some((account.slot(day)?, day.key.clone())));
        let days = slots.map(|(slot, key)| (slot, Day::new(key, &mut spool))).collect();
        let (sources, strays) = (&*account.sources, HashMap::new());
        Self { reader, sources, selectors, covered, days, strays, spool, broken: None }
    }

    /// Compares some events of a day, or stray events that go to it. An event that is stored under
    /// another day is not missing.
    async fn compare(&mut self, Sorted { slot, events }: &Sorted<'_>) -> Result<(), Broken> {
        let names: Vec<String> =
            self.sources[slot.source].names().map(ToString::to_string).collect();
        let day = self.days.get_mut(slot).expect("the day is wanted");
        let compared = self.reader.compare(&day.key, &names, events, Sameness::Values).await?;
        for (event, stored) in events.iter().zip(compared) {
            let is_beside = stored.is_some_and(|stored| stored.under() == Under::AnotherDay);
            // A stray event counts for the day that holds it, or that would take it.
            let counts = !is_beside || event.own_day() == Some(slot.date);
            if counts {
                day.archived.note(&event.id);
                day.beside += u64::from(is_beside);
            }
            match stored {
                None => self.spool.put(day.missing_here, &event.id)?,
                Some(Stored::Other(_)) => self.spool.put(day.differing, &event.id)?,
                Some(Stored::Same(_)) => {}
            }
        }
        Ok(())
    }

    /// Adds what was found to the sources' reports.
    pub(super) async fn finish(
        mut self,
        months: &mut [MonthReport],
        archive: &Archive,
        events: u64,
    ) -> Result<(), Broken> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        let mut stored: HashMap<DayKey, u64> = HashMap::new();
        for (number, source) in self.sources.iter().enumerate() {
            let report = &mut months[number];
            if report.error.is_some() {
                continue;
            }
            let checksum = archive.checksum.clone();
            report.archive = Some(ArchiveFacts { events, bytes: archive.bytes, checksum });
            let window = archive.month.days();
            for name in source.names() {
                let counts = self.reader.stored_counts(name, window).await?.into_iter();
                stored.extend(counts.map(|(date, events)| (DayKey::new(name, date), events)));
            }
        }
        let places: BTreeSet<Slot> =
            self.days.keys().filter(|slot| months[slot.source].error.is_none()).copied().collect();
        let count = |day: &Day| stored.get(&day.key).copied().unwrap_or_default();
        for place in &places {
            let stored = count(&self.days[place]);
            self.find_missing_there(*place, stored).await?;
        }
        let Self { mut days, spool, covered, .. } = self;
        let mut lists = spool.finish()?;
        for (place, day) in days.iter_mut().filter(|(place, _)| places.contains(place)) {
            let compared = ReconciledDay {
                date: place.date,
                stored_as: day.key.source.clone(),
                stored: count(day),
                archived: day.archived.count() as u64,
                missing_here: lists.take(day.missing_here),
                missing_there: lists.take(day.missing_there),
                differing: lists.take(day.differing),
                repaired: None,
                error: None,
            };
            months[place.source].days.push(compared);
        }
        for report in months.iter_mut().filter(|report| report.error.is_none()) {
            conclude(report, archive.month, covered);
        }
        Ok(())
    }

    /// Finds the events of the source's scope that are stored under a day and that the archive does
    /// not hold.
    async fn find_missing_there(&mut self, slot: Slot, stored: u64) -> Result<(), Broken> {
        let day = self.days.get_mut(&slot).expect("the day is wanted");
        let key = day.key.clone();
        let here = (day.archived.count() as u64)
            .saturating_sub(day.beside + self.spool.put_into(day.missing_here));
        let missing_there = day.missing_there;
        // Every archived event is missing here, stored under another day, or stored here. If the
        // numbers agree, so do the events.
        if stored <= here {
            return Ok(());
        }
        let filter = &self.sources[slot.source].scope.filter;
        let team = self.selectors[slot.source].as_ref().and_then(Selector::stored_team);
        let mut events = self.reader.stored(StoredQuery { key: &key, filter, team });
        while let Some(event) = events.next().await? {
            if !self.is_archived(slot, &event) {
                self.spool.put(missing_there, &event.id)?;
            }
        }
        Ok(())
    }

    /// Whether the archive holds an event that is stored under a day. An event of another day is
    /// searched for under its own day. If that day is not compared, or is in another month's
    /// archive, the event does not count as missing.
    fn is_archived(&mut self, slot: Slot, stored: &StoredEvent) -> bool {
        let own = stored.own_day.unwrap_or(slot.date);
        let of_its_day = self
            .days
            .get_mut(&Slot::new(slot.source, own))
            .is_none_or(|day| day.archived.contains(&stored.id));
        of_its_day
            || self.strays.get_mut(&slot.source).is_some_and(|strays| strays.contains(&stored.id))
    }
}

/// Sums up the compared days of a source. Without one, nothing agrees or differs.
fn conclude(report: &mut MonthReport, month: Month, covered: DateRange) {
    if report.days.is_empty() {
        report.note.get_or_insert_with(|| {
            format!(
                "nothing was compared, because the archive ends at {}, before the first day of \
                 this source",
                covered.to
            )
        });
        return;
    }
    report.covers_month = Some(covered == month.days());
    report.agrees = Some(report.days.iter().all(ReconciledDay::agrees));
}

impl Sink for Comparing<'_> {
    fn wants(&self, slot: Slot) -> bool {
        self.days.contains_key(&slot)
    }

    fn day_of_stray(&mut self, source: usize, event: &Event) -> Option<NaiveDate> {
        self.strays.entry(source).or_default().note(&event.id);
        nearest(&self.days, source, event.own_day().unwrap_or(self.covered.from))
    }

    async fn take(&mut self, days: &[Sorted<'_>]) -> bool {
        for day in days {
            if let Err(broken) = self.compare(day).await {
                self.broken = Some(broken);
                return false;
            }
        }
        true
    }
}
