//! Which sources an export is about, which of their days, and which of these are not complete.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tracing::{error, warn};

use super::super::context::{App, refuse_unknown};
use super::super::days_over::named_days;
use super::super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use crate::cli::ExportArgs;
use crate::coverage::Gap;
use crate::day::DateRange;
use crate::store::{self, EvidenceSnapshot, WantedDays};

/// How many gaps of a source the log names.
const NAMED: usize = 50;

/// The sources and days of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExportSelection {
    /// The days.
    pub(super) range: DateRange,
    /// The sources, by name.
    pub(super) sources: Vec<SelectedSource>,
}

/// A source of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SelectedSource {
    /// The name.
    pub(super) name: String,
    /// The days of the range that the source must cover. `None`: it need not cover any.
    pub(super) owed: Option<DateRange>,
    /// Whether the file has the source, so that its days can be read.
    pub(super) is_in_file: bool,
}

impl ExportSelection {
    /// What `args` select: their sources and their days, or every enabled source of the file, and
    /// every other one that has a day in the range.
    ///
    /// An enabled source must cover the range from its `since` on. Another source must cover the
    /// days from its first to its last one in the ledger.
    pub(super) async fn of(
        app: &App<'_>,
        args: &ExportArgs,
        snapshot: &mut EvidenceSnapshot,
    ) -> Result<Self, Failure> {
        let range = range(args, snapshot.now().await?)?;
        refuse_unknown(app, &args.sources, async |names| snapshot.known_sources(names).await)
            .await?;
        let in_ledger = snapshot.ledger_days(range).await?;
        let names: BTreeSet<&str> = if args.sources.is_empty() {
            let enabled = app.enabled_sources().map(|source| source.name.as_ref());
            enabled.chain(in_ledger.keys().map(String::as_str)).collect()
        } else {
            args.sources.iter().map(String::as_str).collect()
        };
        let source = |name: &str| {
            let of_file = app.config.source(name).ok();
            let owed = match of_file.filter(|source| source.enabled) {
                Some(source) => source
                    .since
                    .map_or(range, |since| DateRange::new(range.from.max(since), range.to)),
                None => {
                    return SelectedSource {
                        name: name.to_owned(),
                        owed: in_ledger.get(name).copied(),
                        is_in_file: of_file.is_some(),
                    };
                }
            };
            let owed = (!owed.is_empty()).then_some(owed);
            SelectedSource { name: name.to_owned(), owed, is_in_file: true }
        };
        Ok(Self { range, sources: names.into_iter().map(source).collect() })
    }

    /// The names of the sources.
    pub(super) fn names(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.name.clone()).collect()
    }

    /// The days, as a snapshot selects them.
    pub(super) fn wanted(&self) -> WantedDays {
        WantedDays {
            sources: Some(self.names()),
            from: Some(self.range.from),
            to: Some(self.range.to),
        }
    }
}

/// The days that must be covered and are not complete, by source and date.
pub(super) async fn gaps(
    snapshot: &mut EvidenceSnapshot,
    selection: &ExportSelection,
) -> store::Result<Vec<Gap>> {
    let owed = selection.sources.iter();
    let owed: Vec<_> =
        owed.filter_map(|source| Some((source.name.as_str(), source.owed?))).collect();
    snapshot.gaps(&owed).await
}

/// Logs each gap, and how its days can be read. Returns the exit status of the export.
pub(super) fn report_gaps(
    selection: &ExportSelection,
    gaps: &[Gap],
    args: &ExportArgs,
) -> ExitStatus {
    for of_source in gaps.chunk_by(|a, b| a.source == b.source) {
        for gap in of_source.iter().take(NAMED) {
            warn!(target: "auditsync", "not complete: {} {}", gap.source, gap.dates);
        }
        let [first, ..] = of_source else { continue };
        let last = of_source.last().unwrap_or(first);
        if of_source.len() > NAMED {
            let more = of_source.len() - NAMED;
            warn!(target: "auditsync", "not complete: {} {more} more ranges", first.source);
        }
        warn!(target: "auditsync", "{}", way_out(selection, first, last));
    }
    if gaps.is_empty() || args.allow_gaps {
        return DONE;
    }
    let days: u64 = gaps.iter().map(|gap| gap.dates.len()).sum();
    error!(
        target: "auditsync",
        days,
        "days of the range are not complete, so this export is not either; --allow-gaps accepts it"
    );
    FOUND_WRONG
}

/// What reads the days of a source that are not complete.
fn way_out(selection: &ExportSelection, first: &Gap, last: &Gap) -> String {
    let source = &first.source;
    let is_in_file = |selected: &SelectedSource| selected.name == *source && selected.is_in_file;
    if selection.sources.iter().any(is_in_file) {
        let (from, to) = (first.dates.from, last.dates.to);
        format!("`auditsync backfill --source {source} --from {from} --to {to}` reads these days")
    } else {
        format!("{source} is not in the file: put it back there to read these days")
    }
}

/// The days that `args` name.
fn range(args: &ExportArgs, now: DateTime<Utc>) -> Result<DateRange, Failure> {
    let none = |_| Err(Failure::usage("name the first day with --from"));
    named_days((args.from, args.to), now, ", so it can't be exported", none)
}
