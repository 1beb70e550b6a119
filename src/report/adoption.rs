//! What `migrate` says of the Python logger's table and days.

use std::io;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use super::text::{Text, counted};
use crate::config::Source;
use crate::day::DateRange;

/// The days of the Python logger's table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AdoptedTable {
    /// The source that gets the days.
    pub(crate) source: String,
    /// All days.
    pub(crate) days_adopted: i64,
    /// Days that are due now.
    pub(crate) days_due: i64,
    /// Days that keep the status ERROR.
    pub(crate) days_error: i64,
    /// Days that the logger called SUCCESS. It stored none of their events.
    pub(crate) days_unproven: i64,
    /// The first and the last of the unproven days.
    #[serde(flatten, serialize_with = "unproven_ends")]
    pub(crate) unproven_dates: Option<DateRange>,
    /// Rows whose date is not in Heroku's audit trail. They have no effect.
    pub(crate) rows_ignored: i64,
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn unproven_ends<S: Serializer>(
    dates: &Option<DateRange>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct UnprovenEnds {
        unproven_from: Option<NaiveDate>,
        unproven_to: Option<NaiveDate>,
    }
    let (from, to) = (dates.map(|dates| dates.from), dates.map(|dates| dates.to));
    UnprovenEnds { unproven_from: from, unproven_to: to }.serialize(serializer)
}

impl AdoptedTable {
    /// Writes the same as lines; `adopts` is the verb that they begin with.
    pub(super) fn write_text(&self, text: &mut Text<'_>, adopts: &str) -> io::Result<()> {
        let Self { source, days_due, days_error, days_unproven, rows_ignored, .. } = self;
        let days = counted(self.days_adopted as u64, "day");
        writeln!(text, "{adopts} the Python logger's table: {days} of {source}.")?;
        write_days(text, *days_due, "due", &["the next `auditsync` reads them"])?;
        let error_days = "due within `catch_up_days`; `--from` and `--to` read older ones";
        write_days(text, *days_error, "ERROR", &[error_days])?;
        let dates = self.unproven_dates.map(|dates| format!(", {dates}")).unwrap_or_default();
        let unproven_days = [
            &*format!("adopted{dates}: the logger called them complete, but stored no events"),
            &*format!("`auditsync reset --source {source} DATE…` makes one of them due"),
            "`migrate --reread` makes all of them due",
        ];
        write_days(text, *days_unproven, "SUCCESS", &unproven_days)?;
        let ignored_days = "not in Heroku's audit trail, which begins on 2017-01-01";
        write_days(text, *rows_ignored, "ignored", &[ignored_days])
    }
}

/// Writes how many days have this status, with an explanation; nothing where there are none.
fn write_days(
    text: &mut Text<'_>,
    days: i64,
    status: &str,
    explanation: &[&str],
) -> io::Result<()> {
    if days == 0 {
        return Ok(());
    }
    let first = format!("{days:>5} {status}");
    let labels = [first.as_str()].into_iter().chain(std::iter::repeat(""));
    explanation
        .iter()
        .zip(labels)
        .try_for_each(|(line, label)| text.line(&format!("{label:<15}{line}")))
}

/// `migrate --reread`: the adopted days that are due now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RereadDays {
    /// The source of the days.
    pub(crate) source: String,
    /// How many became due, or would.
    pub(crate) days_due: u64,
    /// The first and the last of them.
    #[serde(flatten, serialize_with = "ends")]
    pub(crate) dates: Option<DateRange>,
    /// Whether this was a dry run, which changes nothing.
    #[serde(skip)]
    pub(crate) dry_run: bool,
    /// Whether a run that names no source reads this one.
    #[serde(skip)]
    pub(crate) enabled: bool,
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn ends<S: Serializer>(dates: &Option<DateRange>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Ends {
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
    }
    let (from, to) = (dates.map(|dates| dates.from), dates.map(|dates| dates.to));
    Ends { from, to }.serialize(serializer)
}

impl RereadDays {
    /// No day of `source`.
    pub(crate) fn none(source: &Source) -> Self {
        Self {
            source: source.name.to_string(),
            days_due: 0,
            dates: None,
            dry_run: true,
            enabled: source.enabled,
        }
    }

    /// Writes the same as one line.
    pub(super) fn write_text(&self, text: &mut Text<'_>) -> io::Result<()> {
        let Self { source, days_due, dates, dry_run, enabled } = self;
        let Some(dates) = dates else {
            return writeln!(text, "{source} has no adopted day: nothing to read again.");
        };
        let days = counted(*days_due, "adopted day");
        let run =
            if *enabled { "auditsync".to_owned() } else { format!("auditsync --source {source}") };
        if *dry_run {
            writeln!(text, "Would make {days} of {source} due: {dates}. Nothing was changed.")
        } else {
            writeln!(
                text,
                "Made {days} of {source} due: {dates}. The next `{run}` reads what is due."
            )
        }
    }
}
