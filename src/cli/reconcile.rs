//! The options of `reconcile`.

use clap::Args;

use crate::day::Month;

#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// Compare this month (YYYY-MM)
    #[arg(long, value_name = "MONTH")]
    pub(crate) month: Month,
    /// Compare only this source (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Store the missing events, and keep differing ones beside the stored ones
    #[arg(long)]
    pub(crate) repair: bool,
}
