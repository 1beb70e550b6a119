//! The options of `backfill`.

use clap::{Args, ValueEnum};

use crate::moment::NamedDay;

#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    /// Read only this source (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Begin with this UTC day (YYYY-MM-DD, yesterday, or -7d for 7 days ago)
    #[arg(long, value_name = "DATE")]
    pub(crate) from: NamedDay,
    /// End with this day; it is included [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<NamedDay>,
    /// Read the events from here
    #[arg(long, value_enum, default_value_t)]
    pub(crate) via: Route,
    /// Print the days, requests and time that this would take; request and write nothing
    #[arg(long)]
    pub(crate) plan: bool,
}

/// The source of a backfill's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Route {
    /// Heroku's API: at least one request per day
    #[default]
    Api,
    /// Heroku's monthly archives: one download per month
    Archive,
}
