//! How the days that a run did not finish are read: the command for each, and whether the next run
//! reads it without one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use super::super::context::App;
use super::keep::KeepFolder;
use crate::config::SourceName;
use crate::day::{DateRange, DayKey};
use crate::plan::{CatchUp, NextRun, Planned, Verdict};
use crate::report::day::{DayReport, Outcome};
use crate::report::remaining::{Remaining, RemainingDays};

/// The most complete days in a row within the range of a command, which skips them.
const SKIPPED: i64 = 7;

/// The command that reads days.
#[derive(Debug, Clone)]
pub(crate) enum ReadCommand {
    /// `auditsync`.
    Sync,
    /// `auditsync backfill`.
    Backfill,
    /// `auditsync backfill --via archive`.
    Archive(ArchiveOptions),
}

/// How archives are read.
#[derive(Debug, Clone)]
pub(crate) struct ArchiveOptions {
    pub(crate) months: ArchiveMonths,
    /// Where each archive is kept, if it is.
    pub(crate) keep: Option<KeepFolder>,
}

impl ArchiveOptions {
    /// Whether every month that Heroku lists is read.
    pub(crate) fn reads_listed(&self) -> bool {
        self.months == ArchiveMonths::Listed
    }
}

/// Which archives are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveMonths {
    /// Those of the selected days.
    OfSelection,
    /// All that Heroku lists.
    Listed,
}

impl ReadCommand {
    /// The command that reads a range of days of these sources, or of every enabled one.
    fn line(&self, sources: &[&SourceName], range: DateRange) -> String {
        let DateRange { from, to } = range;
        let mut line = match self {
            Self::Sync if from == to => format!("auditsync --date {from}"),
            Self::Sync => format!("auditsync --from {from} --to {to}"),
            Self::Archive(_) if self.reads_all() => "auditsync backfill --all".to_owned(),
            Self::Backfill | Self::Archive(_) => {
                format!("auditsync backfill --from {from} --to {to}")
            }
        };
        line.extend(sources.iter().map(|source| format!(" --source {source}")));
        if let Self::Archive(ArchiveOptions { keep, .. }) = self {
            line.push_str(" --via archive");
            line.extend(keep.iter().map(|folder| format!(" --keep {}", quoted(&folder.shown()))));
        }
        line
    }

    /// Whether the command names no days, because it reads all that Heroku has.
    fn reads_all(&self) -> bool {
        matches!(self, Self::Archive(options) if options.reads_listed())
    }
}

/// Names the commands that read the unfinished days. The report of an interrupted day names its
/// own.
pub(crate) fn name_commands(
    app: &App<'_>,
    command: &ReadCommand,
    planned: &[Planned<'_>],
    mut catch_up: CatchUp,
    reports: &mut [DayReport],
) -> Remaining {
    let planned: HashMap<&DayKey, &Planned<'_>> =
        planned.iter().map(|day| (&day.key, day)).collect();
    for report in reports.iter().filter(|report| report.attempt > 0) {
        catch_up.note_row(report.source.as_ref(), report.date);
    }
    let mut by_source: BTreeMap<SourceName, Vec<(NaiveDate, Option<NextRun>)>> = BTreeMap::new();
    for report in reports {
        let key = DayKey::new(&report.source, report.date);
        let next_run = planned.get(&key).filter(|_| !report.outcome.is_good()).and_then(|day| {
            match day.verdict {
                // Its message names the command that repairs its row.
                Verdict::Broken { .. } => None,
                _ => Some(catch_up.next_run(day, report.left)),
            }
        });
        // For a failed day, the ledger records the same reason, so it names no command.
        if let (Some(next_run), Outcome::Interrupted) = (next_run, report.outcome) {
            let line = command.line(&[&report.source], DateRange::of(report.date));
            report.advise(&format!("`{line}` reads it; {}", describe(next_run)));
        }
        by_source.entry(key.source).or_default().push((report.date, next_run));
    }
    let mut spans: BTreeMap<DateRange, Vec<&SourceName>> = BTreeMap::new();
    let mut ranges = Vec::new();
    for (source, days) in &mut by_source {
        days.sort_unstable();
        for span in unfinished(days) {
            spans.entry(span).or_default().push(source);
        }
        ranges.extend(alike(source, days));
    }
    if command.reads_all() {
        // One command is enough, whatever the days.
        let sources: BTreeSet<&SourceName> = spans.values().flatten().copied().collect();
        let span = spans.keys().next().copied();
        spans = span.map(|span| (span, sources.into_iter().collect())).into_iter().collect();
    }
    let every_one = |sources: &[&SourceName]| {
        let mut enabled = app.enabled_sources();
        enabled.all(|source| sources.contains(&&source.name))
    };
    let commands = spans.iter().map(|(&range, sources)| {
        let sources = if every_one(sources) { &[] } else { &sources[..] };
        command.line(sources, range)
    });
    Remaining { commands: commands.collect(), ranges, catch_up_days: catch_up.days() }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%=".contains(c);
    if path.chars().all(is_plain) && !path.is_empty() {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn describe(next_run: NextRun) -> String {
    match next_run {
        NextRun::Reads => "the next run also reads it".to_owned(),
        NextRun::ReadsUntil(date) => {
            format!("the next run also reads it, if it starts by {date} (UTC)")
        }
        NextRun::Leaves => "the next run does not read it".to_owned(),
    }
}

/// The ranges of the unfinished days among `days`, which are those of one source in this run. A
/// range may also hold a few complete days.
fn unfinished(days: &[(NaiveDate, Option<NextRun>)]) -> Vec<DateRange> {
    let mut spans: Vec<DateRange> = Vec::new();
    let mut before: Option<NaiveDate> = None;
    for &(date, next_run) in days {
        let follows = before.is_some_and(|before| before.succ_opt() == Some(date));
        if !follows {
            before = None;
        }
        if next_run.is_some() {
            match spans.last_mut() {
                Some(span) if before.is_some() && (date - span.to).num_days() <= SKIPPED + 1 => {
                    span.to = date;
                }
                _ => spans.push(DateRange::of(date)),
            }
        }
        before = Some(date);
    }
    spans
}

/// The unfinished days of `source`, as ranges that the next run treats in the same way.
fn alike(source: &SourceName, days: &[(NaiveDate, Option<NextRun>)]) -> Vec<RemainingDays> {
    let mut ranges: Vec<RemainingDays> = Vec::new();
    for &(date, next_run) in days {
        let Some(next_run) = next_run else { continue };
        match ranges.last_mut() {
            Some(last)
                if last.dates.to.succ_opt() == Some(date) && is_alike(last.next_run, next_run) =>
            {
                last.dates.to = date;
                last.next_run = last.next_run.min(next_run);
            }
            _ => ranges.push(RemainingDays {
                source: source.to_string(),
                dates: DateRange::of(date),
                next_run,
            }),
        }
    }
    ranges
}

fn is_alike(one: NextRun, other: NextRun) -> bool {
    (one == NextRun::Leaves) == (other == NextRun::Leaves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(text: &str) -> Vec<(NaiveDate, Option<NextRun>)> {
        let day = |word: &str| {
            let (day, mark) = word.split_at(2);
            let next_run = match mark {
                "+" => None,
                "p" => Some(NextRun::Reads),
                _ => Some(NextRun::Leaves),
            };
            (format!("2024-09-{day}").parse().expect("a date"), next_run)
        };
        text.split(' ').map(day).collect()
    }

    fn archive(months: ArchiveMonths, keep: Option<KeepFolder>) -> ReadCommand {
        ReadCommand::Archive(ArchiveOptions { months, keep })
    }

    fn spans(text: &str) -> Vec<String> {
        let spans = unfinished(&days(text)).into_iter();
        spans.map(|span| format!("{}..{}", span.from.format("%d"), span.to.format("%d"))).collect()
    }

    #[test]
    fn a_range_covers_unfinished_days_and_a_few_complete_ones_between() {
        assert_eq!(spans("01+ 02- 03- 04+"), ["02..03"]);
        assert_eq!(spans("01- 02+ 03-"), ["01..03"]);
        assert_eq!(spans("01- 02+ 03+ 04+ 05+ 06+ 07+ 08+ 09-"), ["01..09"]);
        assert_eq!(spans("01- 02+ 03+ 04+ 05+ 06+ 07+ 08+ 09+ 10-"), ["01..01", "10..10"]);
        assert_eq!(spans("01+ 02+"), [""; 0]);
    }

    #[test]
    fn a_range_covers_no_day_that_the_run_did_not_select() {
        assert_eq!(spans("01- 03-"), ["01..01", "03..03"]);
        assert_eq!(spans("01- 02+ 04- 05-"), ["01..01", "04..05"]);
    }

    #[test]
    fn days_that_the_next_run_treats_alike_are_one_range() {
        let source = SourceName::parse("a").expect("a name");
        let ranges = alike(&source, &days("01p 02p 03- 04+ 05- 06-"));
        let told: Vec<_> = ranges
            .iter()
            .map(|r| format!("{}..{} {:?}", r.dates.from, r.dates.to, r.next_run))
            .collect();
        assert_eq!(
            told,
            [
                "2024-09-01..2024-09-02 Reads",
                "2024-09-03..2024-09-03 Leaves",
                "2024-09-05..2024-09-06 Leaves"
            ]
        );
    }

    #[test]
    fn each_way_to_read_a_day_has_its_command() {
        let (a, b) =
            (SourceName::parse("a").expect("a name"), SourceName::parse("b").expect("a name"));
        let date = |day: u32| NaiveDate::from_ymd_opt(2024, 9, day).expect("a date");
        assert_eq!(
            ReadCommand::Sync.line(&[], DateRange::new(date(1), date(1))),
            "auditsync --date 2024-09-01"
        );
        assert_eq!(
            ReadCommand::Sync.line(&[&a], DateRange::new(date(1), date(2))),
            "auditsync --from 2024-09-01 --to 2024-09-02 --source a"
        );
        assert_eq!(
            ReadCommand::Backfill.line(&[&a, &b], DateRange::new(date(1), date(1))),
            "auditsync backfill --from 2024-09-01 --to 2024-09-01 --source a --source b"
        );
        assert_eq!(
            archive(ArchiveMonths::OfSelection, None).line(&[], DateRange::new(date(1), date(2))),
            "auditsync backfill --from 2024-09-01 --to 2024-09-02 --via archive"
        );
        let folder = tempfile::Builder::new().prefix("it's ").tempdir().expect("a folder");
        let keep = KeepFolder::open(folder.path()).expect("it is there");
        let path = folder.path().display().to_string().replace('\'', r"'\''");
        assert_eq!(
            archive(ArchiveMonths::Listed, Some(keep)).line(&[&a], DateRange::of(date(1))),
            format!("auditsync backfill --all --source a --via archive --keep '{path}'")
        );
    }
}
