//! Which sources an export is about, which of their days, and which of these are not complete.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use tracing::{error, warn};

use super::super::context::{App, SelectedSources};
use super::super::days_over::named_days;
use super::super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use crate::cli::ExportArgs;
use crate::coverage::Gap;
use crate::day::DateRange;
use crate::store::{self, CalendarDay, CalendarStream, EvidenceSnapshot, OwedDays, WantedDays};

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
    /// Its present name.
    pub(super) name: String,
    /// The names under which days of the range are stored; the present one if none is.
    pub(super) stored_as: Vec<String>,
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
        let known = async |names: &[&str]| snapshot.known_sources(names).await;
        let SelectedSources { sources, others } = app.select(&args.sources, known).await?;
        let in_ledger = snapshot.ledger_days(range).await?;
        let of_file = sources.iter().map(|source| source.name.as_ref());
        let names: BTreeSet<&str> = if args.sources.is_empty() {
            let enabled = app.enabled_sources().map(|source| source.name.as_ref());
            enabled.chain(in_ledger.keys().map(|stored| present_name(app, stored))).collect()
        } else {
            of_file.chain(others).collect()
        };
        let source = |name: &str| SelectedSource::of(app, name, range, &in_ledger);
        Ok(Self { range, sources: names.into_iter().map(source).collect() })
    }

    /// The names under which the days are stored, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let names: BTreeSet<_> =
            self.sources.iter().flat_map(|source| source.stored_as.clone()).collect();
        names.into_iter().collect()
    }

    /// The present names of the sources.
    pub(super) fn present_names(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.name.clone()).collect()
    }

    /// The days that are stored under each name, and those that the sources must cover beside them.
    pub(super) fn calendar<'s>(&self, snapshot: &'s mut EvidenceSnapshot) -> CalendarStream<'s> {
        let names = self.sources.iter().flat_map(|source| {
            source.stored_as.iter().map(|name| (name.clone(), source.name.clone()))
        });
        snapshot.calendar(self.range, names.collect(), &self.owed_days())
    }

    fn owed_days(&self) -> Vec<OwedDays<'_>> {
        let owed = self.sources.iter().filter_map(|source| {
            let SelectedSource { name, stored_as, owed, .. } = source;
            Some(OwedDays { source: name, stored_as, dates: (*owed)? })
        });
        owed.collect()
    }

    /// How many of the days that must be covered were complete, and are due or being read again.
    /// They are no gaps, and they are not complete until that reading ends.
    pub(super) async fn days_due_again(
        &self,
        snapshot: &mut EvidenceSnapshot,
    ) -> store::Result<u64> {
        let mut again = 0;
        let mut days = self.calendar(snapshot);
        while let Some(day) = days.next().await? {
            again += u64::from(self.is_due_again(&day));
        }
        Ok(again)
    }

    pub(super) fn is_due_again(&self, day: &CalendarDay) -> bool {
        let is_owed = |source: &SelectedSource| {
            source.stored_as.contains(&day.source)
                && source.owed.is_some_and(|owed| owed.contains(day.date))
        };
        let is_being_read = matches!(day.status.as_deref(), Some("PENDING" | "PROCESSING"));
        is_being_read && day.synced_at.is_some() && self.sources.iter().any(is_owed)
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

/// The present name of the source that stores days under a name.
fn present_name<'a>(app: &'a App<'_>, stored: &'a str) -> &'a str {
    app.config.owner(stored).map_or(stored, |source| source.name.as_ref())
}

impl SelectedSource {
    /// The source `name`, whose days of the range are `in_ledger`, by the names that store them.
    fn of(
        app: &App<'_>,
        name: &str,
        range: DateRange,
        in_ledger: &HashMap<String, DateRange>,
    ) -> Self {
        let of_file = app.config.source(name).ok();
        let mut stored_as: Vec<String> = match of_file {
            Some(source) => source.names().map(ToString::to_string).collect(),
            None => vec![name.to_owned()],
        };
        stored_as.retain(|name| in_ledger.contains_key(name));
        let stored = stored_as.iter().map(|name| in_ledger[name]);
        let owed = match of_file.filter(|source| source.enabled) {
            Some(source) => {
                let from = source.since.map_or(range.from, |since| range.from.max(since));
                Some(DateRange::new(from, range.to)).filter(|owed| !owed.is_empty())
            }
            None => stored.reduce(|one, other| {
                DateRange::new(one.from.min(other.from), one.to.max(other.to))
            }),
        };
        if stored_as.is_empty() {
            stored_as.push(name.to_owned());
        }
        Self { name: name.to_owned(), stored_as, owed, is_in_file: of_file.is_some() }
    }
}

/// The days that must be covered and are not complete, by source and date.
pub(super) async fn gaps(
    snapshot: &mut EvidenceSnapshot,
    selection: &ExportSelection,
) -> store::Result<Vec<Gap>> {
    snapshot.gaps(&selection.owed_days()).await
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
