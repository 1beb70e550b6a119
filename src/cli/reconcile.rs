//! The options of `reconcile`.

use clap::Args;

use crate::day::Month;

#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// Compare this month (YYYY-MM)
    #[arg(long, value_name = "MONTH", required_unless_present = "all")]
    pub(crate) month: Option<Month>,
    /// Compare every month that Heroku lists
    #[arg(long, conflicts_with = "month")]
    pub(crate) all: bool,
    /// Compare only this source (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Store the missing events, and keep differing ones beside the stored ones
    #[arg(long)]
    pub(crate) repair: bool,
}
