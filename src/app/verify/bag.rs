//! `verify --bag`: checks a bag by the same rules as a database, and needs none.

mod chain;
mod days;

use super::super::verification::{CheckedDays, Verified};
use crate::bag::{self, BagReader, Flaw, NOTE, note_text};
use crate::evidence::note::Note;
use crate::evidence::{Anchors, Problem, ProblemKind};
use crate::report::progress::LiveLines;
use crate::report::verify::{BagContents, VerifyReport};

/// Whether a bag must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// The caller names a key, so it must be signed.
    Demanded,
    /// A signature is checked if there is one.
    Optional,
}

pub(super) fn verify(
    bag: &BagReader,
    mut anchors: Anchors,
    signature: Signature,
    live_lines: LiveLines,
) -> Result<VerifyReport, bag::Error> {
    let mut problems: Vec<Problem> = bag.flaws().iter().map(problem_of).collect();
    if bag.is_damaged() {
        return Ok(unchecked(problems));
    }
    let mut chain = chain::walk(bag, &mut anchors, &mut problems)?;
    let signed_by = signer(bag, &anchors, signature)?.unwrap_or_else(|why| {
        problems.push(Problem::of_chain(ProblemKind::BadNote, format!("{NOTE}: {why}")));
        None
    });
    let (of_anchors, compared) = anchors.finish(chain.head.as_ref());
    problems.extend(of_anchors);
    let days::CheckedBag { mut days, mut contents, .. } = days::check(bag, &mut chain, live_lines)?;
    problems.append(&mut days.problems);
    contents.signed_by = signed_by;
    contents.is_key_given = signature == Signature::Demanded;
    let verified = Verified {
        head: chain.head,
        sealed_at: None,
        seals: chain.seals,
        compared,
        days,
        problems,
    };
    Ok(VerifyReport { bag: Some(contents), ..verified.into_report() })
}

/// The report about a bag whose files say nothing.
fn unchecked(problems: Vec<Problem>) -> VerifyReport {
    let days = CheckedDays::default();
    let (seals, compared) = (0, Vec::new());
    let verified = Verified { head: None, sealed_at: None, seals, compared, days, problems };
    VerifyReport { bag: Some(BagContents::default()), ..verified.into_report() }
}

fn problem_of(flaw: &Flaw) -> Problem {
    let (kind, detail) = match flaw {
        Flaw::Altered(name) => (
            ProblemKind::Altered,
            format!("the file {name} is not the one that the manifest names"),
        ),
        Flaw::Missing(name) => (ProblemKind::Missing, format!("the file {name} is gone")),
        Flaw::Added(name) => (ProblemKind::Added, format!("no manifest names the file {name}")),
        Flaw::Malformed(name, why) => (ProblemKind::Malformed, format!("{name}: {why}")),
    };
    Problem::of_chain(kind, detail)
}

/// Who signed the bag, or why nobody did as is demanded.
fn signer(
    bag: &BagReader,
    anchors: &Anchors,
    signature: Signature,
) -> Result<Result<Option<String>, String>, bag::Error> {
    let Some(note) = bag.note()? else {
        return Ok(match signature {
            Signature::Optional => Ok(None),
            Signature::Demanded => Err("the bag is not signed, and --key demands it".to_owned()),
        });
    };
    let note = match Note::parse(&note) {
        Ok(note) => note,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let text = bag.tag_manifest()?.map(|hash| note_text(&hash));
    if text.as_deref() != Some(note.text()) {
        return Ok(Err("it signs another tag manifest".to_owned()));
    }
    Ok(anchors.signer(&note).map(Some))
}
