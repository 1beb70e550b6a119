//! `verify`: recomputes seals, events and sums from what is stored, and compares them. Changes
//! nothing.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::context::App;
use super::days_over::named_days;
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::verification::Verification;
use crate::bag::{BagReader, NotReadable};
use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::cli::{Global, VerifyArgs};
use crate::day::DateRange;
use crate::evidence::{Anchors, OutsideAnchor, Problem, ProblemKind};
use crate::report::verify::VerifyReport;
use crate::store::WantedDays;
use crate::text::unread;
use bag::Signature;

mod bag;

pub(super) async fn run(app: &App<'_>, args: &VerifyArgs) -> Result<ExitStatus, Failure> {
    let anchors = Anchors::new(outside_anchors(args)?, args.keys.clone());
    let reader = app.connect_to_current().await?;
    let sources = app.select_from_ledger(&args.sources, &reader).await?.stored_names();
    let mut snapshot = reader.evidence_snapshot().await?;
    let (range, wanted) = wanted(args, snapshot.now().await?)?;
    let wanted = WantedDays { sources, ..wanted };
    let live_lines = app.global.live_lines();
    let verification = Verification { wanted: &wanted, anchors, live_lines };
    let (verified, ()) = verification.run(&mut snapshot, ()).await?;
    drop(snapshot);
    let named_days = (args.from.is_some() || args.to.is_some()).then_some(range);
    let report = VerifyReport { named_days, ..judged(verified.into_report(), args) };
    app.global.output.print(&report)?;
    reader.close().await;
    Ok(if report.ok { DONE } else { FOUND_WRONG })
}

/// Checks a bag, without a database.
pub(super) fn run_on_bag(global: &Global, args: &VerifyArgs) -> Result<ExitStatus, Failure> {
    let Some(path) = &args.bag else { return Ok(DONE) };
    let anchors = Anchors::new(outside_anchors(args)?, args.keys.clone()).kept_in("bag");
    let keys = if args.keys.is_empty() { Signature::Optional } else { Signature::Demanded };
    let bag = BagReader::open(path).map_err(|error| not_readable(path, &error))?;
    let report = bag::verify(&bag, anchors, keys, global.live_lines());
    let report = judged(report.map_err(|error| not_readable(path, &error.into()))?, args);
    global.output.print(&report)?;
    Ok(if report.ok { DONE } else { FOUND_WRONG })
}

fn not_readable(bag: &Path, error: &NotReadable) -> Failure {
    let why = match error {
        NotReadable::File(error) if error.path() == bag => unread(error.reason()),
        other => other.to_string(),
    };
    Failure::usage(format!("can't read {}, which --bag names: {why}", bag.display()))
}

/// The report, with what the options demand.
fn judged(mut report: VerifyReport, args: &VerifyArgs) -> VerifyReport {
    let log = report.head.as_ref().map(|head| &head.log);
    if let Some(pinned) = args.log.as_ref().filter(|pinned| Some(*pinned) != log) {
        let log = log.map_or("of no log".to_owned(), |log| format!("of the log {log}"));
        let detail = format!("the chain is {log}, not of {pinned}, which --log names");
        report.problems.push(Problem::of_chain(ProblemKind::Foreign, detail));
    }
    let is_enough = report.days_checked > 0 || args.allow_empty;
    report.ok = report.problems.is_empty() && is_enough;
    let is_signed = report.bag.as_ref().is_some_and(|bag| bag.signed_by.is_some());
    let trusts_signature = is_signed && !args.keys.is_empty();
    let is_anchored = args.anchors.len() + args.anchor_files.len() > 0;
    report.compared_outside = is_anchored || trusts_signature;
    report
}

/// The range that the bounds name, and the days to check, of every source. A bound that is not
/// named leaves out nothing that is stored.
fn wanted(args: &VerifyArgs, now: DateTime<Utc>) -> Result<(DateRange, WantedDays), Failure> {
    let first = |_| Ok(AUDIT_TRAIL_BEGINS);
    let range = named_days((args.from, args.to), now, ", so nothing is stored of it", first)?;
    let (from, to) = (args.from.map(|_| range.from), args.to.map(|_| range.to));
    Ok((range, WantedDays { sources: None, from, to }))
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
    let bytes = std::fs::read(file).map_err(|error| {
        let why = unread(&error);
        Failure::usage(format!("can't read {name}, which --anchors names: {why}"))
    })?;
    // A log may contain anything, and anchors are ASCII but for the mark of a signature.
    OutsideAnchor::read_all(&name, &String::from_utf8_lossy(&bytes))
        .map_err(|error| Failure::usage(format!("--anchors {name}: {error}")))
}
