//! Writes what a verification reads into a bag.

use std::collections::HashMap;

use super::super::super::failure::Failure;
use super::super::super::verification::Visitor;
use crate::bag::{
    AnchorFile, BagFile, BagFolder, DayFile, DayFiles, SEALS, StoredItem, write_seal,
};
use crate::evidence::key::VerifierKey;
use crate::evidence::{DayFacts, EventRow, Seal, SealKind, SealRow};
use crate::store::{AnchorRow, DayName, StoredConflict};

/// Writes seals, anchors and days.
#[derive(Debug)]
pub(super) struct BagWriter {
    bag: BagFolder,
    seals: BagFile,
    /// The key that the chain names last.
    announced: Option<VerifierKey>,
    /// How many anchors of a seal and kind there are.
    anchors: HashMap<(i64, String), u32>,
    day: Option<DayName>,
    events: Option<DayFiles>,
}

impl BagWriter {
    /// Begins with an empty bag.
    pub(super) fn new(bag: BagFolder) -> Result<Self, Failure> {
        let seals = bag.begin(SEALS)?;
        let anchors = HashMap::new();
        Ok(Self { bag, seals, announced: None, anchors, day: None, events: None })
    }

    /// The bag, and the key that the chain names last.
    pub(super) fn finish(mut self) -> Result<(BagFolder, Option<VerifierKey>), Failure> {
        self.bag.end(self.seals)?;
        Ok((self.bag, self.announced))
    }

    fn begin_files(&self, of: DayFile) -> Result<Option<DayFiles>, Failure> {
        let Some(DayName { source, date }) = &self.day else { return Ok(None) };
        let Ok(date) = date.date() else { return Ok(None) };
        Ok(Some(DayFiles::begin(&self.bag, of, source, date)?))
    }
}

impl Visitor for BagWriter {
    fn seal(&mut self, row: &SealRow) -> Result<(), Failure> {
        if row.derived.kind == SealKind::Key.as_str() {
            let key = Seal::parse(&row.sealed).ok().and_then(|seal| seal.sealed.verifier_key());
            self.announced = key.and_then(|key| VerifierKey::parse(&key).ok());
        }
        Ok(write_seal(&mut self.seals, &row.sealed).map_err(|error| self.seals.failed(error))?)
    }

    fn anchor(&mut self, row: &AnchorRow) -> Result<(), Failure> {
        let AnchorRow { seq, kind, anchor, .. } = row;
        if !AnchorFile::holds(kind) {
            return Ok(());
        }
        let number = self.anchors.entry((*seq, kind.clone())).or_default();
        *number += 1;
        let file = AnchorFile { seq: *seq, kind: kind.clone(), number: *number };
        Ok(self.bag.add(&file.path(), anchor)?)
    }

    fn begin_day(
        &mut self,
        day: &DayName,
        facts: &DayFacts,
        conflicts: &[StoredConflict],
    ) -> Result<(), Failure> {
        self.day = Some(day.clone());
        if !conflicts.is_empty()
            && let Some(mut files) = self.begin_files(DayFile::Conflicts)?
        {
            for conflict in conflicts {
                let row = conflict.row();
                files.add(&StoredItem {
                    id: row.id,
                    bytes: row.bytes,
                    hash: row.hash,
                    via: None,
                    attempt: row.attempt,
                    seen_at: row.seen_at,
                })?;
            }
            files.end(&mut self.bag)?;
        }
        // An empty day that was published has files, too.
        if facts.seals.iter().any(|seal| seal.sealed.kind == SealKind::Day) {
            self.events = self.begin_files(DayFile::Events)?;
        }
        Ok(())
    }

    fn event(&mut self, row: &EventRow<'_>) -> Result<(), Failure> {
        if self.events.is_none() {
            self.events = self.begin_files(DayFile::Events)?;
        }
        let Some(files) = &mut self.events else { return Ok(()) };
        Ok(files.add(&StoredItem {
            id: row.id,
            bytes: row.bytes,
            hash: row.hash,
            via: Some(row.via),
            attempt: row.attempt,
            seen_at: row.first_seen_at,
        })?)
    }

    fn end_day(&mut self) -> Result<(), Failure> {
        self.day = None;
        match self.events.take() {
            Some(files) => Ok(files.end(&mut self.bag)?),
            None => Ok(()),
        }
    }
}
