//! The report of `verify`.

use std::io;

use chrono::NaiveDate;
use serde::Serialize;

use super::output::Report;
use super::text::{Text, counted};
use crate::day::DateRange;
use crate::evidence::{ComparedAnchor, Head, Problem};

/// `verify`: what was recomputed, and what differs.
#[derive(Debug, Serialize)]
pub(crate) struct VerifyReport {
    /// Something was checked, and nothing differs.
    pub(crate) ok: bool,
    /// The days that a seal covers.
    pub(crate) days_checked: u64,
    /// The events whose bytes, columns and hashes were recomputed.
    pub(crate) events_checked: u64,
    /// The seals of the chain.
    pub(crate) seals_checked: u64,
    /// Events and conflicts that no seal covers yet, because their attempt did not finish.
    pub(crate) events_unsealed: u64,
    /// The end of the chain.
    pub(crate) head: Option<Head>,
    /// The days whose events were deleted by retention.
    pub(crate) days_pruned: u64,
    /// The days that the Python logger called complete.
    pub(crate) days_baseline: u64,
    /// How many anchors were compared.
    pub(crate) anchors_compared: u64,
    /// Which ones.
    pub(crate) anchors: Vec<ComparedAnchor>,
    /// What differs: first in the chain, then by day.
    pub(crate) problems: Vec<Problem>,
    /// What a bag is about, if one was verified.
    pub(crate) bag: Option<BagContents>,
    /// Whether anchors from outside this database were given.
    #[serde(skip)]
    pub(crate) compared_outside: bool,
    /// The days that the user named, if any.
    #[serde(skip)]
    pub(crate) named_days: Option<DateRange>,
}

/// What a bag is about.
#[derive(Debug, Default, Serialize)]
pub(crate) struct BagContents {
    /// The first day.
    pub(crate) from: Option<NaiveDate>,
    /// The last day.
    pub(crate) to: Option<NaiveDate>,
    /// Its sources, and how many of their days are complete.
    pub(crate) sources: Vec<BagSource>,
    /// The days that the chain seals and the bag does not hold.
    pub(crate) other_days: u64,
    /// The name of the key that signed the bag.
    pub(crate) signed_by: Option<String>,
    /// Whether that key is one that the caller trusts, and not one that the chain names.
    #[serde(rename = "key_given")]
    pub(crate) is_key_given: bool,
}

/// A source in a bag.
#[derive(Debug, Serialize)]
pub(crate) struct BagSource {
    /// The source.
    pub(crate) source: String,
    /// The complete days.
    pub(crate) complete: u64,
    /// All others: due, syncing, failed, missing, adopted, pruned.
    pub(crate) incomplete: u64,
    /// From its first to its last day.
    #[serde(skip)]
    pub(crate) dates: DateRange,
}

impl BagSource {
    /// A source whose first day is `first`.
    pub(crate) fn from(source: String, first: NaiveDate) -> Self {
        Self { source, complete: 0, incomplete: 0, dates: DateRange::new(first, first) }
    }
}

impl Report for VerifyReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        self.write_verdict(text)?;
        if !self.problems.is_empty() {
            text.blank()?;
            for group in grouped(&self.problems) {
                writeln!(
                    text,
                    "{:<13} {}{}",
                    group.first.problem,
                    group.place(),
                    group.first.detail
                )?;
            }
            text.blank()?;
        }
        if self.days_baseline > 0 {
            let days = counted(self.days_baseline, "day");
            writeln!(
                text,
                "{days} came from the Python logger, which stored no events: not proven."
            )?;
        }
        if self.events_unsealed > 0 {
            let events = counted(self.events_unsealed, "event");
            writeln!(
                text,
                "{events} have no seal yet: an attempt stored them and did not finish."
            )?;
        }
        for ComparedAnchor { recorded_in: from, kind, count, seq } in &self.anchors {
            let anchors = counted(*count, kind);
            writeln!(text, "Compared with {anchors} from {from}, up to seal {seq}.")?;
        }
        if let Some(bag) = &self.bag {
            bag.write_text(text)?;
        }
        if !self.compared_outside {
            let what = if self.bag.is_some() { "bag" } else { "database" };
            writeln!(
                text,
                "Nothing outside this {what} was compared: who can change all of it can also seal \
                 it again. Compare with --anchor or --anchors."
            )?;
        }
        if self.head.is_none() {
            text.line("There is no head.")?;
        }
        text.head(self.head.as_ref())
    }
}

impl BagContents {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        for BagSource { source, complete, incomplete, dates } in &self.sources {
            let others = dates.len() - (complete + incomplete);
            let complete = counted(*complete, "complete day");
            let rest = match incomplete {
                0 => String::new(),
                days => format!(", NOT COMPLETE: {}", counted(*days, "day")),
            };
            let others = match others {
                0 => String::new(),
                days => format!(", NOT IN THE BAG: {}", counted(days, "day")),
            };
            writeln!(text, "{source} {dates}: {complete}{rest}{others}")?;
        }
        if self.other_days > 0 {
            let days = counted(self.other_days, "other day");
            writeln!(text, "The chain seals {days}, which this bag does not hold.")?;
        }
        match &self.signed_by {
            Some(name) if self.is_key_given => writeln!(text, "The bag is signed by {name}."),
            Some(name) => writeln!(
                text,
                "The bag is signed by {name}, with the key that its own chain names. Name the key \
                 that you trust with --key."
            ),
            None => text.line("The bag is not signed."),
        }
    }
}

impl VerifyReport {
    fn write_verdict(&self, text: &mut Text<'_>) -> io::Result<()> {
        let checked = format!(
            "{}, {}, {}",
            counted(self.days_checked, "day"),
            counted(self.events_checked, "event"),
            counted(self.seals_checked, "seal")
        );
        let problems = self.problems.len() as u64;
        if problems > 0 {
            let found = counted(problems, "problem");
            return text.painted_line("", "FAILED", &format!("  {found} in {checked}"));
        }
        if self.ok {
            return text.painted_line("", "OK", &format!("  {checked}: all as they were sealed"));
        }
        text.painted_line("", "FAILED", &format!("  nothing was checked: {checked}"))?;
        if let Some(days) = self.named_days {
            let DateRange { from, to } = days;
            return writeln!(
                text,
                "No day of {days} is complete here, so this proves nothing. To see what is: \
                 `auditsync status --from {from} --to {to}`"
            );
        }
        let what = if self.bag.is_some() { "bag" } else { "database" };
        writeln!(
            text,
            "A {what} without a complete day proves nothing. For a new one: --allow-empty"
        )
    }
}

/// Equal problems of consecutive days.
struct ProblemGroup<'p> {
    first: &'p Problem,
    last: Option<NaiveDate>,
}

impl ProblemGroup<'_> {
    /// The source and the dates, before the detail.
    fn place(&self) -> String {
        let Some(source) = &self.first.source else { return String::new() };
        match DateRange::between(self.first.date, self.last) {
            Some(dates) => format!("{source} {dates}: "),
            None => format!("{source}: "),
        }
    }
}

fn grouped(problems: &[Problem]) -> Vec<ProblemGroup<'_>> {
    let mut groups: Vec<ProblemGroup<'_>> = Vec::new();
    for problem in problems {
        let continues = |group: &&mut ProblemGroup<'_>| {
            let (first, next) = (group.first, group.last.and_then(|last| last.succ_opt()));
            next.is_some()
                && next == problem.date
                && (&first.source, first.problem, &first.detail)
                    == (&problem.source, problem.problem, &problem.detail)
        };
        match groups.last_mut().filter(continues) {
            Some(group) => group.last = problem.date,
            None => groups.push(ProblemGroup { first: problem, last: problem.date }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::ProblemKind;

    #[test]
    fn equal_problems_of_consecutive_days_become_one_line() {
        let of = |day: &str, source: &str, detail: &str| Problem {
            source: Some(source.to_owned()),
            date: Some(day.parse().expect("a date")),
            problem: ProblemKind::Missing,
            detail: detail.to_owned(),
        };
        let problems = [
            of("2024-09-01", "acme", "gone"),
            of("2024-09-02", "acme", "gone"),
            of("2024-09-04", "acme", "gone"),
            of("2024-09-05", "acme", "other"),
            of("2024-09-06", "team-a", "other"),
            Problem::of_chain(ProblemKind::Missing, "seal 1"),
        ];
        let places: Vec<String> = grouped(&problems).iter().map(ProblemGroup::place).collect();
        assert_eq!(
            places,
            [
                "acme 2024-09-01..2024-09-02: ",
                "acme 2024-09-04: ",
                "acme 2024-09-05: ",
                "team-a 2024-09-06: ",
                ""
            ]
        );
    }
}
