//! The days that a run did not finish: the commands that read them, and whether the next run does.

use std::fmt::Write as _;

use crate::day::DateRange;
use crate::plan::NextRun;

/// The most commands, or ranges of days, that a text names.
const NAMED: usize = 12;

/// The days that a run did not finish.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remaining {
    /// What reads them.
    pub(crate) commands: Vec<String>,
    /// The days, as ranges that the next run treats in the same way.
    pub(crate) ranges: Vec<RemainingDays>,
    /// How many days the next run looks back, if that is the same for each source.
    pub(crate) catch_up_days: Option<u32>,
}

/// Consecutive days of one source that the next run treats in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemainingDays {
    /// The source.
    pub(crate) source: String,
    /// The days.
    pub(crate) dates: DateRange,
    /// Whether the next run reads them.
    pub(crate) next_run: NextRun,
}

impl Remaining {
    /// What to do, for people; empty if there is nothing to do.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.commands.is_empty() {
            return text;
        }
        text.push_str("\nTo read the unfinished days, run (complete days are skipped):\n");
        for command in self.commands.iter().take(NAMED) {
            let _ = writeln!(text, "  `{command}`");
        }
        if self.commands.len() > NAMED {
            let more = self.commands.len() - NAMED;
            let _ = writeln!(text, "  … and {more} more commands: `--output json` lists the days");
        }
        self.say_what_the_next_run_does(&mut text);
        text
    }

    fn say_what_the_next_run_does(&self, text: &mut String) {
        let reads = |range: &&RemainingDays| range.next_run != NextRun::Leaves;
        let read: Vec<&RemainingDays> = self.ranges.iter().filter(reads).collect();
        let until = read.iter().filter_map(|range| match range.next_run {
            NextRun::ReadsUntil(date) => Some(date),
            NextRun::Reads | NextRun::Leaves => None,
        });
        let until =
            until.min().map(|date| format!(", if it starts by {date} (UTC)")).unwrap_or_default();
        let is_one = matches!(&*self.ranges, [only] if only.dates.len() == 1);
        let them = if is_one { "it" } else { "them" };
        let _ = if read.is_empty() {
            writeln!(
                text,
                "The next `auditsync` does not read {them}. Of each enabled source it reads the \
                 PENDING days, and those of the last {} days.",
                self.catch_up_days.map_or("`catch_up_days`".to_owned(), |days| days.to_string())
            )
        } else if read.len() == self.ranges.len() {
            writeln!(text, "The next `auditsync` also reads {them}{until}.")
        } else {
            writeln!(text, "The next `auditsync` reads only these of them{until}:")
        };
        if read.len() < self.ranges.len() {
            for range in read.iter().take(NAMED) {
                let _ = writeln!(text, "  {} {}", range.source, range.dates);
            }
            if read.len() > NAMED {
                let _ = writeln!(
                    text,
                    "  … and {} more ranges: see `--output json`",
                    read.len() - NAMED
                );
            }
        }
    }
}
