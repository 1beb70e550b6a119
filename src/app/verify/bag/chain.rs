//! Walks the chain of seals in a bag.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::bag::{self, AnchorFile, BagReader, SEALS, SealTexts};
use crate::event::Hash;
use crate::evidence::{
    Anchors, BrokenLink, ChainWalk, Head, KeptAnchor, Problem, ProblemKind, Seal, SealKind,
    SealRow, hash_of,
};

/// What the walk found, and where the seals of each day are.
pub(super) struct BagChain {
    pub(super) seals: u64,
    pub(super) head: Option<Head>,
    /// The places of the seals of each day that is not checked yet.
    places: HashMap<(String, NaiveDate), Vec<u64>>,
    texts: Option<SealTexts>,
}

pub(super) fn walk(
    bag: &BagReader,
    anchors: &mut Anchors,
    problems: &mut Vec<Problem>,
) -> Result<BagChain, bag::Error> {
    let mut walked = BagChain { seals: 0, head: None, places: HashMap::new(), texts: None };
    if !bag.has(SEALS) {
        problems.push(Problem::of_chain(ProblemKind::Missing, format!("the bag has no {SEALS}")));
        return Ok(walked);
    }
    let mut texts = SealTexts::open(bag.root())?;
    let mut kept = bag.anchors().into_iter().peekable();
    let mut walk = ChainWalk::default();
    let mut last = 0;
    loop {
        let (place, text) = match texts.next() {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(error) => {
                problems
                    .push(Problem::of_chain(ProblemKind::Malformed, format!("{SEALS}: {error}")));
                break;
            }
        };
        let row = SealRow::of_text(last + 1, text);
        while let Some(before) = kept.next_if(|file| file.seq < row.seq) {
            anchors.absent(&anchor(&before, &bag.bytes(&before.path())?));
        }
        let mut own = Vec::new();
        while let Some(file) = kept.next_if(|file| file.seq == row.seq) {
            own.push((bag.bytes(&file.path())?, file));
        }
        let own: Vec<KeptAnchor<'_>> =
            own.iter().map(|(bytes, file)| anchor(file, bytes)).collect();
        let seal = walk.step(&row);
        anchors.step(&row, seal.as_ref(), &own);
        last = row.seq;
        if let Some(Seal { sealed, .. }) = seal
            && let Some(date) = sealed.date
        {
            walked.places.entry((sealed.source, date)).or_default().push(place);
        }
    }
    for file in kept {
        anchors.beyond(&anchor(&file, &bag.bytes(&file.path())?));
    }
    (walked.seals, walked.head) = (walk.seals(), walk.head());
    let (of_chain, broken) = walk.finish();
    problems.extend(of_chain);
    problems.extend(resolve(bag, &broken)?);
    if walked.seals == 0 {
        problems.push(Problem::of_chain(ProblemKind::Missing, format!("{SEALS} has no seal")));
    }
    walked.texts = Some(texts);
    Ok(walked)
}

fn anchor<'b>(file: &'b AnchorFile, bytes: &'b [u8]) -> KeptAnchor<'b> {
    KeptAnchor { seq: file.seq, kind: &file.kind, at: None, bytes }
}

/// The problems of broken links. Which seals they name is found by reading the chain again.
fn resolve(bag: &BagReader, broken: &[BrokenLink]) -> Result<Vec<Problem>, bag::Error> {
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let mut named: HashMap<Hash, i64> = HashMap::new();
    let (mut texts, mut last) = (SealTexts::open(bag.root())?, 0);
    while let Ok(Some((_, text))) = texts.next() {
        let hash = hash_of(&text);
        last = SealRow::of_text(last + 1, text).seq;
        if broken.iter().any(|link| link.prev == hash) {
            named.insert(hash, last);
        }
    }
    Ok(broken.iter().map(|link| link.problem(named.get(&link.prev).copied())).collect())
}

impl BagChain {
    /// The seals of a day, in their order. They are forgotten.
    pub(super) fn take(&mut self, source: &str, date: NaiveDate) -> Vec<Seal> {
        let places = self.places.remove(&(source.to_owned(), date)).unwrap_or_default();
        let Some(texts) = &mut self.texts else { return Vec::new() };
        let text = |place| texts.at(place).ok().flatten();
        places.into_iter().filter_map(text).filter_map(|text| Seal::parse(&text).ok()).collect()
    }

    /// The days with a seal that were not taken, and that `is_one` accepts. They are forgotten.
    pub(super) fn take_rest(
        &mut self,
        is_one: impl Fn(&str, NaiveDate) -> bool,
    ) -> Vec<(String, NaiveDate)> {
        let rest = self.places.keys().filter(|(source, date)| is_one(source, *date));
        let mut rest: Vec<(String, NaiveDate)> = rest.cloned().collect();
        rest.sort();
        let is_published = |seals: &[Seal]| seals.iter().any(|s| s.sealed.kind != SealKind::Reset);
        rest.retain(|(source, date)| is_published(&self.take(source, *date)));
        rest
    }

    /// How many days with a seal were not taken.
    pub(super) fn left(&self) -> u64 {
        self.places.len() as u64
    }
}
