//! Which days are due, and why: a pure function of the file, the ledger and the time.

mod first_run;
mod input;
mod next;
mod verdict;

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;

pub use first_run::{OlderDays, older_days};
pub use input::{PlanInput, Planned, Selection, window};
pub use next::{CatchUp, Left, NextRun};
pub use verdict::{AnyAge, Reason, Verdict};

use crate::calendar::AUDIT_TRAIL_BEGINS;
use crate::config::Source;
use crate::day::{DateRange, DayKey, last_over};
use crate::ledger::LedgerRow;
use input::owed_from;
use verdict::{is_due_at_any_age, verdict};

/// The days that a run has to consider, oldest first.
///
/// Without named days these are the due days, and always yesterday, because a report shows it.
///
/// ```
/// use auditsync::config::Config;
/// use auditsync::plan::{PlanInput, Reason, Selection, Verdict, plan};
///
/// let text = "[[source]]\nname = \"acme\"\naccount = \"acme\"\ntoken_env = \"TOKEN\"\n";
/// let config = Config::parse("audit.toml".as_ref(), text)?;
/// let input = PlanInput {
///     sources: &config.sources.iter().collect::<Vec<_>>(),
///     rows: &[],
///     days: &Default::default(),
///     now: "2024-09-29T03:00:00Z".parse()?,
///     rereads: true,
/// };
///
/// let planned = plan(&input, Selection::Due);
/// assert_eq!(planned.len(), 1, "a first run reads only yesterday");
/// assert_eq!(planned[0].key.date.to_string(), "2024-09-28");
/// assert_eq!(planned[0].verdict, Verdict::Due(Reason::New));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn plan<'s>(input: &PlanInput<'_, 's>, selection: Selection) -> Vec<Planned<'s>> {
    let mut rows: BTreeMap<(&str, NaiveDate), &LedgerRow> = BTreeMap::new();
    for row in input.rows {
        rows.insert((&row.source, row.date), row);
    }
    let last_over = last_over(input.now);
    let mut planned = Vec::new();
    for &source in input.sources {
        for date in dates(input, source, selection) {
            let row = rows.get(&(source.name.as_ref(), date)).copied();
            let verdict = verdict(input.recheck_after(source), input.now, row);
            let is_news = !matches!(verdict, Verdict::Complete { .. });
            if is_news || date == last_over || selection != Selection::Due {
                let any_age = AnyAge::of(&source.due.recheck_after, input.now, row);
                // An existing day keeps the name under which it is stored.
                let name = row.map_or(&source.name, |row| source.name_of(&row.stored_as));
                planned.push(Planned {
                    key: DayKey::new(name, date),
                    source,
                    verdict,
                    any_age,
                    was_complete: row.is_some_and(LedgerRow::was_complete),
                });
            }
        }
    }
    planned.sort_by(|a, b| a.key.cmp(&b.key));
    planned
}

/// The dates of one source that a plan looks at.
fn dates(input: &PlanInput<'_, '_>, source: &Source, selection: Selection) -> Vec<NaiveDate> {
    let last_over = last_over(input.now);
    let window = window(selection, last_over, source.due.catch_up_days);
    if selection != Selection::Due {
        return window.dates().collect();
    }
    let name = source.name.as_ref();
    let days = input.days.get(name);
    let owed_from = owed_from(source, days.map(|days| days.first), window.to);
    let owed = DateRange::new(window.from.max(owed_from), window.to);
    let ages = input.recheck_after(source);
    let rows = || input.rows.iter().filter(|row| row.source == name);
    let others = rows().filter(|row| is_due_at_any_age(ages, input.now, row));
    let mut dates: Vec<_> = owed.dates().chain(others.map(|row| row.date)).collect();
    dates.sort_unstable();
    dates.dedup();
    dates.retain(|date| (AUDIT_TRAIL_BEGINS..=last_over).contains(date));
    // The same date may have settled under a former name, which does not count beside a row.
    let with_row: HashSet<NaiveDate> = rows().map(|row| row.date).collect();
    let has_settled = |date: &NaiveDate| days.is_some_and(|days| days.settled.contains(date));
    dates.retain(|date| with_row.contains(date) || !has_settled(date));
    dates
}

#[cfg(test)]
mod tests;
