//! Checks the days of a bag against their seals.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;

use super::super::super::verification::CheckedDays;
use super::chain::BagChain;
use crate::bag::{
    self, BagReader, COVERAGE, CoverageRow, CoverageState, DayFile, DayItems, NotADay, StoredItem,
};
use crate::day::DateRange;
use crate::evidence::{
    ConflictRow, DayCheck, DayFacts, DerivedParts, EventRow, LedgerFacts, Problem, ProblemKind,
    Seal, SealKind,
};
use crate::ledger::Status;
use crate::report::progress::{LiveLines, Progress};
use crate::report::verify::{BagContents, BagSource};

/// What was checked, and what was found.
#[derive(Debug, Default)]
pub(super) struct CheckedBag {
    pub(super) days: CheckedDays,
    pub(super) contents: BagContents,
    /// The days that the bag is about: of its sources, it has each sealed one.
    range: Option<DateRange>,
}

/// The label of the range.
const DAYS: &str = "Auditsync-Days";

pub(super) fn check(
    bag: &BagReader,
    chain: &mut BagChain,
    live_lines: LiveLines,
) -> Result<CheckedBag, bag::Error> {
    let mut checked = CheckedBag::default();
    let days = match calendar(bag)? {
        Ok(days) => days,
        Err(why) => {
            let detail = format!("{COVERAGE}: {why}, so no day was checked");
            checked.days.problems.push(Problem::of_chain(ProblemKind::Malformed, detail));
            return Ok(checked);
        }
    };
    checked.describe(bag, &days)?;
    if let Some(head) = &chain.head {
        let labels =
            [("Auditsync-Log", head.log.to_string()), ("Auditsync-Head", head.to_string())];
        checked.compare_info(bag, &labels)?;
    }
    let progress = Progress::new(days.len(), live_lines);
    let mut files: HashSet<&str> = bag.payload().filter(|name| DayFile::is_named(name)).collect();
    for row in days.values() {
        let seals = chain.take(&row.source, row.date);
        for file in DayFile::ALL {
            files.remove(file.path(&row.source, row.date).as_str());
        }
        checked.check_day(bag, row, seals)?;
        progress.done(1);
    }
    let mut files: Vec<&str> = files.into_iter().collect();
    files.sort_unstable();
    checked.days.problems.extend(files.into_iter().map(|name| {
        let detail = format!("{COVERAGE} does not have the day of the file {name}");
        Problem::of_chain(ProblemKind::Added, detail)
    }));
    checked.find_withheld(chain);
    checked.contents.other_days = chain.left();
    Ok(checked)
}

type BagDays = BTreeMap<(String, NaiveDate), CoverageRow>;

/// The days of the calendar, each once.
fn calendar(bag: &BagReader) -> Result<Result<BagDays, String>, bag::Error> {
    if !bag.has(COVERAGE) {
        return Ok(Err("the bag does not have it".to_owned()));
    }
    let mut rows = match bag.coverage()? {
        Ok(rows) => rows,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut days = BagDays::new();
    loop {
        match rows.next() {
            Ok(None) => return Ok(Ok(days)),
            Ok(Some(row)) => {
                let day = (row.source.clone(), row.date);
                match days.last_key_value().map(|(last, _)| day.cmp(last)) {
                    None | Some(Ordering::Greater) => {}
                    Some(Ordering::Equal) => {
                        return Ok(Err(format!("it has {} {} twice", day.0, day.1)));
                    }
                    Some(Ordering::Less) => {
                        let why = format!("{} {} is not in the order of the days", day.0, day.1);
                        return Ok(Err(why));
                    }
                }
                days.insert(day, row);
            }
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
}

impl CheckedBag {
    fn note(&mut self, row: &CoverageRow, problem: ProblemKind, detail: String) {
        let (source, date) = (Some(row.source.clone()), Some(row.date));
        self.days.problems.push(Problem { source, date, problem, detail });
    }

    /// Says what the bag is about.
    fn describe(&mut self, bag: &BagReader, days: &BagDays) -> Result<(), bag::Error> {
        for row in days.values() {
            let sources = &mut self.contents.sources;
            if sources.last().is_none_or(|last| last.source != row.source) {
                sources.push(BagSource::from(row.source.clone(), row.date));
            }
            let Some(last) = sources.last_mut() else { continue };
            last.dates.to = row.date;
            match row.state() {
                CoverageState::Complete => last.complete += 1,
                _ => last.incomplete += 1,
            }
        }
        let sources = &self.contents.sources;
        self.contents.from = sources.iter().map(|source| source.dates.from).min();
        self.contents.to = sources.iter().map(|source| source.dates.to).max();
        let names: Vec<&str> = sources.iter().map(|source| source.source.as_str()).collect();
        let sources = ("Auditsync-Sources", names.join(", "));
        let label = bag.info()?.remove(DAYS).unwrap_or_default();
        let range = label.split_once("..").and_then(|(from, to)| {
            let range = DateRange::new(from.parse().ok()?, to.parse().ok()?);
            (format!("{}..{}", range.from, range.to) == label).then_some(range)
        });
        let rows = DateRange::between(self.contents.from, self.contents.to);
        let has_all = range
            .zip(rows)
            .is_none_or(|(range, rows)| range.contains(rows.from) && range.contains(rows.to));
        if range.is_none() || !has_all {
            let detail = format!("bag-info.txt: {DAYS} is not the range of {COVERAGE}");
            self.days.problems.push(Problem::of_chain(ProblemKind::Altered, detail));
        }
        self.range = range.filter(|_| has_all).or(rows);
        self.compare_info(bag, &[sources])
    }

    /// Compares labels of `bag-info.txt` with what the payload says.
    fn compare_info(
        &mut self,
        bag: &BagReader,
        expected: &[(&str, String)],
    ) -> Result<(), bag::Error> {
        let of_info = bag.info()?;
        for (label, value) in expected {
            if of_info.get(*label) != Some(value) {
                let detail = format!("bag-info.txt: {label} is not {value}, as the payload says");
                self.days.problems.push(Problem::of_chain(ProblemKind::Altered, detail));
            }
        }
        Ok(())
    }

    fn check_day(
        &mut self,
        bag: &BagReader,
        row: &CoverageRow,
        seals: Vec<Seal>,
    ) -> Result<(), bag::Error> {
        if row.attempt.is_none() && !row.status.is_empty() {
            let detail = format!("{COVERAGE} does not say which attempt was the last");
            self.note(row, ProblemKind::Malformed, detail);
        }
        let is_published = seals.iter().any(|seal| seal.sealed.kind == SealKind::Day);
        let facts = DayFacts { ledger: ledger(row), other_rows: 0, seals };
        let mut check = DayCheck::new(row.source.clone(), Ok(row.date), facts);
        for (of, index) in
            [(DayFile::Conflicts, DayFile::ConflictIndex), (DayFile::Events, DayFile::EventIndex)]
        {
            let names = [of, index].map(|file| file.path(&row.source, row.date));
            let are_there = names.each_ref().map(|name| bag.has(name));
            let is_demanded = of == DayFile::Events && is_published;
            if are_there != [true, true] {
                let gone = names.iter().zip(are_there).filter(|(_, is_there)| !is_there);
                for (name, _) in gone.filter(|_| is_demanded || are_there != [false, false]) {
                    let detail = format!("the bag does not have the file {name}");
                    self.note(row, ProblemKind::Missing, detail);
                }
                continue;
            }
            match read(bag, of, row, &mut check) {
                Ok(()) => {}
                Err(NotADay::File(error)) => return Err(error),
                Err(error) => {
                    self.note(row, ProblemKind::Malformed, format!("{}: {error}", names[0]));
                }
            }
        }
        self.days.add(check.finish());
        Ok(())
    }

    /// Finds days of the bag's sources and range that are sealed and not in the calendar.
    fn find_withheld(&mut self, chain: &mut BagChain) {
        let Some(range) = self.range else { return };
        let names: HashSet<&str> =
            self.contents.sources.iter().map(|source| source.source.as_str()).collect();
        let withheld =
            chain.take_rest(|source, date| names.contains(source) && range.contains(date));
        self.days.problems.extend(withheld.into_iter().map(|(source, date)| Problem {
            source: Some(source),
            date: Some(date),
            problem: ProblemKind::Missing,
            detail: format!("the chain seals this day, and {COVERAGE} does not have it"),
        }));
    }
}

fn ledger(row: &CoverageRow) -> Option<LedgerFacts> {
    (!row.status.is_empty()).then(|| LedgerFacts {
        status: Status::from(row.status.clone()),
        attempt: row.attempt.unwrap_or_default(),
        events: row.events,
        digest: row.digest.map(|digest| digest.to_vec()),
        scope: row.scope.clone(),
        is_read: row.synced_at.is_some(),
    })
}

/// Shows the check every event or conflict of a day.
fn read(
    bag: &BagReader,
    of: DayFile,
    day: &CoverageRow,
    check: &mut DayCheck,
) -> Result<(), NotADay> {
    let mut rows = DayItems::open(bag.root(), of, &day.source, day.date)?;
    while let Some(StoredItem { id, bytes, hash, via, attempt, seen_at }) = rows.next()? {
        match via {
            Some(via) => check.event(&EventRow {
                id,
                attempt,
                bytes,
                hash,
                created_at: None,
                texts: [None; 9],
                ip_address: None,
                via,
                first_seen_at: seen_at,
                derived: DerivedParts::Absent,
            }),
            None => check.conflict(&ConflictRow { id, attempt, bytes, hash, seen_at }),
        }
    }
    Ok(())
}
