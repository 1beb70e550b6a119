//! The options of `status`.

use std::time::Duration;

use clap::Args;

use super::limits::{time, within};
use crate::day::Month;
use crate::moment::NamedDay;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Show only this source (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// List the days of the last N days
    #[arg(
        long,
        value_name = "N",
        default_value = "30",
        value_parser = within("--days", 1..=36_600),
        conflicts_with_all = ["month", "from", "to"]
    )]
    pub(crate) days: u32,
    /// List the days of this month that are over (YYYY-MM)
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "to"])]
    pub(crate) month: Option<Month>,
    /// List the days from this one on (YYYY-MM-DD, yesterday, or -7d)
    /// [default: 29 days before the last one]
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<NamedDay>,
    /// List the days up to and including this one [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<NamedDay>,
    /// Exit with 1 if a source is behind
    #[arg(long)]
    check: bool,
    /// Accept this lag, counted from the start of the oldest gap; implies --check [default: 36h]
    #[arg(long, value_name = "TIME", value_parser = time)]
    max_lag: Option<Duration>,
    /// Accept adopted days: the Python logger called them complete, but stored no events; implies
    /// --check
    #[arg(long)]
    pub(crate) accept_adopted: bool,
}

/// The lag that a source may have if the user names none: a morning before the daily run is good.
const MAX_LAG: Duration = Duration::from_hours(36);

impl StatusArgs {
    /// Whether a source that is behind makes the exit status 1.
    pub(crate) fn checks(&self) -> bool {
        self.check || self.max_lag.is_some() || self.accept_adopted
    }

    /// The lag that a source may have.
    pub(crate) fn max_lag(&self) -> Duration {
        self.max_lag.unwrap_or(MAX_LAG)
    }
}
