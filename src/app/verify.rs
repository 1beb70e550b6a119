//! `verify`: recomputes seals, events and sums from what is stored, and compares them. Changes
//! nothing.
//!
//! The chain is always walked from end to end. The days are checked by a thread of their own, while
//! this one reads.

mod chain;
mod days;

use std::path::Path;

use super::clock;
use super::context::{App, refuse_unknown};
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use crate::cli::VerifyArgs;
use crate::day::last_over;
use crate::evidence::{Anchors, LogId, OutsideAnchor, Problem, ProblemKind};
use crate::report::progress::LiveLines;
use crate::report::verify::VerifyReport;
use crate::store::{EvidenceSnapshot, Schema, WantedDays};

pub(super) async fn run(app: &App<'_>, args: &VerifyArgs) -> Result<ExitStatus, Failure> {
    let wanted = wanted(args)?;
    let anchors = Anchors::new(outside_anchors(args)?, args.keys.clone());
    let reader = app.connect().await?;
    match reader.schema().await? {
        Schema::Current => {}
        other => return Err(other.into_error().into()),
    }
    refuse_unknown(app, &args.sources, async |names| {
        Ok(reader.first_days(names).await?.into_keys().collect())
    })
    .await?;
    let mut snapshot = reader.evidence_snapshot().await?;
    let with = ComparedWith { anchors, log: args.log.clone() };
    let mut report = recompute(&mut snapshot, &wanted, with, app.global.live_lines()).await?;
    drop(snapshot);
    report.ok |= report.problems.is_empty() && args.allow_empty;
    report.compared_outside = args.anchors.len() + args.anchor_files.len() > 0;
    app.global.output.print(&report)?;
    reader.close().await;
    Ok(if report.ok { DONE } else { FOUND_WRONG })
}

/// What the chain is compared with.
#[derive(Debug, Default)]
pub(super) struct ComparedWith {
    pub(super) anchors: Anchors,
    /// The id that the chain must have.
    pub(super) log: Option<LogId>,
}

/// Recomputes the entire chain and the wanted days, and compares. Nothing checked is not ok.
pub(super) async fn recompute(
    snapshot: &mut EvidenceSnapshot,
    wanted: &WantedDays,
    with: ComparedWith,
    live_lines: LiveLines,
) -> Result<VerifyReport, Failure> {
    let chain = chain::walk(snapshot, with.anchors).await?;
    let days = days::check(snapshot, wanted, live_lines).await?;
    let mut problems = chain.problems;
    let log = chain.head.as_ref().map(|head| &head.log);
    if let Some(pinned) = with.log.as_ref().filter(|pinned| Some(*pinned) != log) {
        let log = log.map_or("of no log".to_owned(), |log| format!("of the log {log}"));
        let detail = format!("the chain is {log}, not of {pinned}, which --log names");
        problems.push(Problem::of_chain(ProblemKind::Foreign, detail));
    }
    problems.extend(days.problems);
    Ok(VerifyReport {
        ok: problems.is_empty() && days.sealed > 0,
        days_checked: days.sealed,
        events_checked: days.events,
        seals_checked: chain.seals,
        events_unsealed: days.unsealed,
        head: chain.head,
        days_pruned: 0,
        days_baseline: days.baseline,
        anchors_compared: chain.compared.iter().map(|anchor| anchor.count).sum(),
        anchors: chain.compared,
        problems,
        compared_outside: false,
    })
}

fn wanted(args: &VerifyArgs) -> Result<WantedDays, Failure> {
    let newest = last_over(clock::here());
    if let Some(date) = [args.from, args.to].into_iter().flatten().find(|date| *date > newest) {
        return Err(Failure::usage(format!(
            "{date} is not over in UTC, so nothing is stored of it; the newest day is {newest}"
        )));
    }
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        return Err(Failure::usage(format!("--from {from} is after --to {to}")));
    }
    let sources = (!args.sources.is_empty()).then(|| args.sources.clone());
    Ok(WantedDays { sources, from: args.from, to: args.to })
}

/// The anchors on the command line, and those in files.
fn outside_anchors(args: &VerifyArgs) -> Result<Vec<OutsideAnchor>, Failure> {
    let option = |text: &_| OutsideAnchor::of_option(Clone::clone(text));
    let mut anchors: Vec<OutsideAnchor> = args.anchors.iter().map(option).collect();
    for file in &args.anchor_files {
        anchors.extend(read_file(file)?);
    }
    Ok(anchors)
}

fn read_file(file: &Path) -> Result<Vec<OutsideAnchor>, Failure> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::usage(format!("--anchors {name} can't be read: {error}")))?;
    // A log may contain anything, and anchors are ASCII but for the mark of a signature.
    OutsideAnchor::read_all(&name, &String::from_utf8_lossy(&bytes))
        .map_err(|error| Failure::usage(format!("--anchors {name}: {error}")))
}
