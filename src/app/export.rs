//! `export`: events with their coverage, as views for tools or as evidence that checks itself.

mod bag;
mod selection;
mod views;

use super::context::App;
use super::failure::{ExitStatus, Failure};
use crate::cli::{ExportArgs, ExportFormat};

pub(super) async fn run(app: &App<'_>, args: &ExportArgs) -> Result<ExitStatus, Failure> {
    if args.after.is_some() && args.format() == ExportFormat::Bag {
        return Err(Failure::usage(
            "--after exports events, and a bag holds complete days: use --format ndjson or csv, or \
             --from and --to",
        ));
    }
    match args.format() {
        ExportFormat::Bag => bag::run(app, args).await,
        format @ (ExportFormat::Ndjson | ExportFormat::Csv) => views::run(app, args, format).await,
    }
}
