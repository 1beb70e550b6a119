//! The options of `report`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::day::Month;
use crate::moment::NamedDay;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Show the days of this month that are over (YYYY-MM)
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "to"])]
    pub(crate) month: Option<Month>,
    /// Begin with this UTC day (YYYY-MM-DD, yesterday, or -7d)
    /// [default: 29 days before the last one]
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<NamedDay>,
    /// End with this day; it is included [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<NamedDay>,
    /// Show only this source, even if it is no longer in the file (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Write the page to this file; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

impl ReportArgs {
    /// Whether the page goes to stdout.
    pub(crate) fn streams(&self) -> bool {
        self.out == Path::new("-")
    }
}
