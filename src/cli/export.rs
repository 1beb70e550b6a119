//! The options of `export`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::moment::NamedDay;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Begin with this UTC day (YYYY-MM-DD, yesterday, or -7d for 7 days ago)
    #[arg(long, value_name = "DATE", required_unless_present = "after")]
    pub(crate) from: Option<NamedDay>,
    /// End with this day; it is included [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<NamedDay>,
    /// Export only this source, even if it is no longer in the file (repeatable)
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<String>,
    /// Export the events of the seals after this one, in the order of the seals
    #[arg(
        long,
        value_name = "SEQ",
        value_parser = clap::value_parser!(i64).range(0..),
        conflicts_with_all = ["from", "to"]
    )]
    pub(crate) after: Option<i64>,
    /// Export this [default: by the name that --out gives, otherwise ndjson]
    #[arg(long, value_enum)]
    pub(crate) format: Option<ExportFormat>,
    /// Write to this folder or file; `-` is stdout
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub(crate) out: PathBuf,
    /// Accept a range with days that are not complete
    #[arg(long)]
    pub(crate) allow_gaps: bool,
}

/// What an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Evidence that checks itself: a `BagIt` bag in a folder, a .tar.gz, or a tar on stdout
    Bag,
    /// The events' bytes, one event per line
    Ndjson,
    /// The events' columns
    Csv,
}

impl ExportArgs {
    /// Whether a bag goes to stdout.
    pub(crate) fn streams_bag(&self) -> bool {
        self.out == Path::new("-") && self.format() == ExportFormat::Bag
    }

    /// The format: as given, or by the name of what is written.
    pub(crate) fn format(&self) -> ExportFormat {
        self.format.unwrap_or_else(|| {
            let is = |extension: &str| {
                self.out.extension().is_some_and(|own| own.eq_ignore_ascii_case(extension))
            };
            if self.out == Path::new("-") || is("ndjson") {
                ExportFormat::Ndjson
            } else if is("csv") {
                ExportFormat::Csv
            } else {
                ExportFormat::Bag
            }
        })
    }
}
