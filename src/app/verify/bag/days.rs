//! Checks the days of a bag against their seals.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;

use super::super::super::failure::Failure;
use super::super::super::verification::CheckedDays;
use super::chain::BagChain;
use crate::bag::{
    BagReader, COVERAGE, CoverageRow, CoverageState, DayFile, DayItems, NotADay, StoredItem,
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
}

pub(super) fn check(
    bag: &BagReader,
    chain: &mut BagChain,
    live_lines: LiveLines,
) -> Result<CheckedBag, Failure> {
    let mut checked = CheckedBag::default();
    let days = match calendar(bag)? {
        Ok(days) => days,
        Err(why) => {
            let detail = format!("{COVERAGE}: {why}, so no day was checked");
            checked.days.problems.push(Problem::of_chain(ProblemKind::Malformed, detail));
            return Ok(checked);
        }
    };
    checked.describe(bag, &days);
    if let Some(head) = &chain.head {
        let labels =
            [("Auditsync-Log", head.log.to_string()), ("Auditsync-Head", head.to_string())];
        checked.compare_info(bag, &labels);
    }
    let progress = Progress::new(days.len(), live_lines);
    let mut files: HashSet<&str> = bag.payload().filter(|name| DayFile::is_named(name)).collect();
    for row in days.values() {
        let seals = chain.take(&row.source, row.date);
        for file in DayFile::ALL {
            files.remove(file.path(&row.source, row.date).as_str());
        }
        checked.check_day(bag, row, seals);
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
fn calendar(bag: &BagReader) -> Result<Result<BagDays, String>, Failure> {
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
                let twice = format!("it has {} {} twice", day.0, day.1);
                if days.insert(day, row).is_some() {
                    return Ok(Err(twice));
                }
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

    /// Says what the bag is about. Every source must have every day.
    fn describe(&mut self, bag: &BagReader, days: &BagDays) {
        let dates = days.keys().map(|(_, date)| *date);
        (self.contents.from, self.contents.to) = (dates.clone().min(), dates.max());
        let range = DateRange::between(self.contents.from, self.contents.to);
        for row in days.values() {
            let sources = &mut self.contents.sources;
            if sources.last().is_none_or(|last| last.source != row.source) {
                sources.push(BagSource { source: row.source.clone(), complete: 0, incomplete: 0 });
            }
            let Some(last) = sources.last_mut() else { continue };
            match row.state() {
                CoverageState::Complete => last.complete += 1,
                _ => last.incomplete += 1,
            }
        }
        let Some(range) = range else { return };
        for BagSource { source, complete, incomplete } in &self.contents.sources {
            if complete + incomplete != range.len() {
                let detail = format!("{COVERAGE} does not have every day of {source} in {range}");
                self.days.problems.push(Problem::of_chain(ProblemKind::Missing, detail));
            }
        }
        let names: Vec<&str> =
            self.contents.sources.iter().map(|source| source.source.as_str()).collect();
        let DateRange { from, to } = range;
        self.compare_info(
            bag,
            &[("Auditsync-Days", format!("{from}..{to}")), ("Auditsync-Sources", names.join(", "))],
        );
    }

    /// Compares labels of `bag-info.txt` with what the payload says.
    fn compare_info(&mut self, bag: &BagReader, expected: &[(&str, String)]) {
        let of_info = bag.info();
        for (label, value) in expected {
            if of_info.get(*label) != Some(value) {
                let detail = format!("bag-info.txt: {label} is not {value}, as the payload says");
                self.days.problems.push(Problem::of_chain(ProblemKind::Altered, detail));
            }
        }
    }

    fn check_day(&mut self, bag: &BagReader, row: &CoverageRow, seals: Vec<Seal>) {
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
            let [name, index] = [of, index].map(|file| file.path(&row.source, row.date));
            let is_demanded = of == DayFile::Events && is_published;
            if !bag.has(&name) {
                if is_demanded || bag.has(&index) {
                    let detail = format!("the bag does not have the file {name}");
                    self.note(row, ProblemKind::Missing, detail);
                }
            } else if let Err(error) = read(bag, of, row, &mut check) {
                self.note(row, ProblemKind::Malformed, format!("{name}: {error}"));
            }
        }
        self.days.add(check.finish());
    }

    /// Finds days of the bag's sources and range that are sealed and not in the calendar.
    fn find_withheld(&mut self, chain: &mut BagChain) {
        let Some(range) = DateRange::between(self.contents.from, self.contents.to) else { return };
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
