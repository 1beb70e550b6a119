//! The report of `reconcile`.

mod ids;

use std::collections::BTreeMap;
use std::io;

use chrono::NaiveDate;
use serde::Serialize;

use super::columns::Column;
use super::output::Report;
use super::table::PlainTable;
use super::text::{Text, counted};
use crate::config::SourceName;
use crate::day::Month;
use crate::heroku::Dating;

pub(crate) use ids::{Ids, ListId, Spool};

/// `reconcile`: the stored events against Heroku's archive, by source and month.
#[derive(Debug, Serialize)]
pub(crate) struct ReconcileReport {
    /// In the order of the sources.
    pub(crate) months: Vec<MonthReport>,
    /// The last day that is over.
    #[serde(skip)]
    pub(crate) newest: NaiveDate,
}

/// One source's month.
#[derive(Debug, Serialize)]
pub(crate) struct MonthReport {
    /// The source's name.
    pub(crate) source: String,
    /// The month in UTC; `None` where Heroku did not list the months.
    pub(crate) month: Option<Month>,
    /// Whether the archive covers the entire month; `None` where nothing was compared.
    pub(crate) covers_month: Option<bool>,
    /// Whether archive and stored events were equal; `None` where nothing was compared. A repair
    /// does not change it.
    pub(crate) agrees: Option<bool>,
    /// The account's archive, if Heroku delivered it.
    pub(crate) archive: Option<ArchiveFacts>,
    /// The compared days.
    pub(crate) days: Vec<ReconciledDay>,
    /// Why the comparison failed.
    pub(crate) error: Option<String>,
    /// Why there was nothing to compare.
    pub(crate) note: Option<String>,
}

/// Why no day was compared.
pub(crate) fn covers_nothing(dating: Dating) -> String {
    match dating.doubt() {
        None => "the archive covers no complete day of this month yet".to_owned(),
        Some(doubt) => format!(
            "{doubt}, so it proves no complete day of this month, and nothing was compared. \
             Heroku's lists may have its days: `auditsync backfill --via api`"
        ),
    }
}

/// What identifies an archive.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ArchiveFacts {
    /// The events of all teams.
    pub(crate) events: u64,
    /// The size of the downloaded file in bytes.
    pub(crate) bytes: u64,
    /// The SHA-256 of these bytes in lower-case hex. It equals Heroku's checksum.
    pub(crate) checksum: String,
}

/// The comparison of one day.
#[derive(Debug, Serialize)]
pub(crate) struct ReconciledDay {
    /// The name under which the day is stored, or would be.
    #[serde(skip)]
    pub(crate) stored_as: SourceName,
    /// The UTC date.
    pub(crate) date: NaiveDate,
    /// The number of stored events.
    pub(crate) stored: u64,
    /// The number of the source's events in the archive.
    pub(crate) archived: u64,
    /// Events of the archive that are not stored.
    pub(crate) missing_here: Ids,
    /// Stored events that are not in the archive.
    pub(crate) missing_there: Ids,
    /// Stored events that have another JSON value in the archive.
    pub(crate) differing: Ids,
    /// The number of events that a repair stored.
    pub(crate) repaired: Option<u64>,
    /// Why the repair failed.
    pub(crate) error: Option<String>,
}

impl MonthReport {
    /// A month before its comparison.
    pub(crate) fn new(source: &str, month: Option<Month>) -> Self {
        Self {
            source: source.to_owned(),
            month,
            covers_month: None,
            agrees: None,
            archive: None,
            days: Vec::new(),
            error: None,
            note: None,
        }
    }
}

impl ReconciledDay {
    /// Whether a repair would store something.
    pub(crate) fn wants_repair(&self) -> bool {
        !self.missing_here.is_empty() || !self.differing.is_empty()
    }

    /// Whether archive and stored events were equal.
    pub(crate) fn agrees(&self) -> bool {
        [&self.missing_here, &self.missing_there, &self.differing].iter().all(|ids| ids.is_empty())
    }

    fn is_good(&self) -> bool {
        self.error.is_none() && (self.missing_here.is_empty() || self.repaired.is_some())
    }
}

impl ReconcileReport {
    /// Whether something was compared, no comparison failed, and no event is missing here now.
    /// Months without a day to cover are no failure beside one that was compared.
    pub(crate) fn is_good(&self) -> bool {
        let is_good = |month: &MonthReport| {
            month.error.is_none() && month.days.iter().all(ReconciledDay::is_good)
        };
        self.compared_something() && self.months.iter().all(is_good)
    }

    fn compared_something(&self) -> bool {
        self.months.iter().any(|month| !month.days.is_empty())
    }
}

impl Report for ReconcileReport {
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let mut table = PlainTable::new([
            Column::name("SOURCE"),
            Column::text("MONTH"),
            Column::number("DAYS").dropped(1),
            Column::number("STORED"),
            Column::number("ARCHIVED"),
            Column::number("NOT HERE"),
            Column::number("NOT THERE"),
            Column::number("DIFFERING"),
        ]);
        let groups: Vec<MonthGroup<'_>> =
            self.months.chunk_by(MonthReport::is_alike).map(MonthGroup).collect();
        for group in &groups {
            let sum = |figure: fn(&ReconciledDay) -> u64| {
                group.0.iter().flat_map(|month| &month.days).map(figure).sum::<u64>().to_string()
            };
            table.row([
                group.0[0].source.clone(),
                group.months(),
                sum(|_| 1),
                sum(|day| day.stored),
                sum(|day| day.archived),
                sum(|day| day.missing_here.count()),
                sum(|day| day.missing_there.count()),
                sum(|day| day.differing.count()),
            ]);
        }
        text.table(&table)?;
        groups.iter().try_for_each(|group| group.write_details(text))?;
        self.write_agreement(text)?;
        self.write_verdict(text)
    }
}

impl ReconcileReport {
    /// Says whether an event is missing, if nothing above does.
    fn write_verdict(&self, text: &mut Text<'_>) -> io::Result<()> {
        let lacks_nothing = |month: &MonthReport| {
            month.error.is_none() && month.days.iter().all(|day| day.missing_here.is_empty())
        };
        if !self.months.iter().all(lacks_nothing) {
            return Ok(());
        }
        text.blank()?;
        if self.months.is_empty() {
            text.line("No archive holds a complete day yet, so nothing was compared.")
        } else if self.compared_something() {
            text.line("No event of the archive is missing here.")
        } else {
            text.line("Nothing was compared, so this proves nothing. To read the days first:")?;
            writeln!(text, "  `{}`", self.backfill())
        }
    }

    /// The command that reads the months that were not compared.
    fn backfill(&self) -> String {
        let mut months = self.months.iter().filter_map(|report| report.month);
        let month = months.next().filter(|first| months.all(|month| month == *first));
        let range = month.map_or("--all".to_owned(), |month| {
            format!("--from {} --to {}", month.first(), month.last().min(self.newest))
        });
        let mut sources: Vec<&str> = self.months.iter().map(|report| &*report.source).collect();
        sources.dedup();
        let sources: String = sources.iter().map(|name| format!(" --source {name}")).collect();
        format!("auditsync backfill --via archive {range}{sources}")
    }

    /// Says how many months agree, if there are several.
    fn write_agreement(&self, text: &mut Text<'_>) -> io::Result<()> {
        let mut months: BTreeMap<Month, bool> = BTreeMap::new();
        for (month, report) in self.months.iter().filter_map(|report| Some((report.month?, report)))
        {
            if report.agrees.is_some() || report.error.is_some() {
                *months.entry(month).or_insert(true) &= report.agrees == Some(true);
            }
        }
        if months.len() < 2 {
            return Ok(());
        }
        let agree = months.values().filter(|agrees| **agrees).count();
        text.blank()?;
        let verb = if agree == 1 { "agrees" } else { "agree" };
        let rest = match months.len() - agree {
            0 => String::new(),
            1 => "; 1 does not".to_owned(),
            rest => format!("; {rest} do not"),
        };
        writeln!(text, "{} {verb}{rest}.", counted(agree as u64, "month"))
    }
}

/// Months in a row of one source, about which there is one thing to say.
struct MonthGroup<'r>(&'r [MonthReport]);

impl MonthGroup<'_> {
    fn months(&self) -> String {
        let (first, last) = (self.0[0].month, self.0[self.0.len() - 1].month);
        match (first, last) {
            (Some(first), Some(last)) if first == last => first.to_string(),
            (Some(first), Some(last)) => format!("{first}..{last}"),
            _ => "-".to_owned(),
        }
    }

    fn write_details(&self, text: &mut Text<'_>) -> io::Result<()> {
        let MonthReport { source, error, note, .. } = &self.0[0];
        let months = self.months();
        for words in [error, note].into_iter().flatten() {
            text.blank()?;
            match self.0[0].month {
                Some(_) => writeln!(text, "{source} {months}: {words}")?,
                None => writeln!(text, "{source}: {words}")?,
            }
        }
        self.0.iter().try_for_each(|month| month.write_details(text))
    }
}

impl MonthReport {
    /// Whether one line is enough for this month and the next one.
    fn is_alike(&self, next: &Self) -> bool {
        let follows = |month: Month| Month::of(month.last() + chrono::Days::new(1));
        let is_plain =
            |month: &Self| month.agrees != Some(false) && month.covers_month != Some(false);
        self.source == next.source
            && self.month.map(follows) == next.month
            && (is_plain(self) && is_plain(next))
            && (&self.agrees, &self.error, &self.note) == (&next.agrees, &next.error, &next.note)
    }

    fn write_details(&self, text: &mut Text<'_>) -> io::Result<()> {
        let (source, Some(month)) = (&self.source, self.month) else { return Ok(()) };
        if let (Some(false), Some(last), None) = (self.covers_month, self.days.last(), &self.error)
        {
            text.blank()?;
            writeln!(
                text,
                "{source} {month}: the archive covers this month only up to {}",
                last.date
            )?;
        }
        self.days.iter().try_for_each(|day| day.write_differences(source, text))?;
        if self.days.iter().any(|day| day.repaired.is_none() && !day.missing_here.is_empty()) {
            text.blank()?;
            writeln!(
                text,
                "`auditsync reconcile --source {source} --month {month} --repair` stores the \
                 missing events."
            )?;
        }
        Ok(())
    }
}

impl ReconciledDay {
    fn write_differences(&self, source: &str, text: &mut Text<'_>) -> io::Result<()> {
        for (ids, what) in [
            (&self.missing_here, "in the archive but not here"),
            (&self.missing_there, "here but not in the archive"),
            (&self.differing, "with another value in the archive"),
        ] {
            if ids.is_empty() {
                continue;
            }
            text.blank()?;
            writeln!(text, "{source} {}: {} {what}:", self.date, counted(ids.count(), "event"))?;
            // The JSON document lists all ids.
            ids.first().iter().try_for_each(|id| writeln!(text, "  {id}"))?;
            if ids.count() > ids.first().len() as u64 {
                text.line("  …")?;
            }
        }
        if let Some(repaired) = self.repaired {
            writeln!(text, "  {} stored", counted(repaired, "event"))?;
        }
        if let Some(error) = &self.error {
            writeln!(text, "  not repaired: {error}")?;
        }
        Ok(())
    }
}
