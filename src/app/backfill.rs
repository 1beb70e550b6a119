//! `backfill`: a range of days, from Heroku's list of each or from its monthly archives; or every
//! month that Heroku has an archive of.

use super::clock;
use super::context::App;
use super::estimate;
use super::failure::{ExitStatus, Failure};
use super::run::keep::KeepFolder;
use super::run::plan::{Mode, NamedSelection, RunRequest};
use super::run::remaining::{ArchiveMonths, ArchiveOptions, ReadCommand};
use super::run::{self};
use crate::cli::{BackfillArgs, Route};
use crate::store::Rereads;

pub(super) async fn run(app: &App<'_>, args: &BackfillArgs) -> Result<ExitStatus, Failure> {
    let request = request(app, args)?;
    if args.plan {
        return estimate::run(app, &request).await;
    }
    Ok(run::run(app, &request).await?.status)
}

fn request<'a>(app: &'a App<'_>, args: &BackfillArgs) -> Result<RunRequest<'a>, Failure> {
    let command = command(args)?;
    let rereads = match command {
        // The archive of a past month does not change, so its days need no recheck.
        ReadCommand::Archive(_) => Rereads::Skip,
        ReadCommand::Sync | ReadCommand::Backfill => Rereads::Include,
    };
    let selection = match args.from {
        Some(from) => NamedSelection::Days(from, args.to),
        // The days are those of the archives that Heroku lists.
        None => NamedSelection::Due,
    };
    // The earlier of both clocks counts, so this machine's may reject before any connection.
    selection.at(clock::here())?;
    Ok(RunRequest {
        selection,
        sources: app.sources(&args.sources)?,
        rereads,
        mode: Mode::Write,
        command,
    })
}

fn command(args: &BackfillArgs) -> Result<ReadCommand, Failure> {
    match args.via {
        Route::Api if args.all => Err(of_archives("--all reads")),
        Route::Api if args.keep.is_some() => Err(of_archives("--keep keeps")),
        Route::Api => Ok(ReadCommand::Backfill),
        Route::Archive => {
            let keep = args.keep.as_deref().map(KeepFolder::open).transpose()?;
            let months = if args.all { ArchiveMonths::Listed } else { ArchiveMonths::OfSelection };
            Ok(ReadCommand::Archive(ArchiveOptions { months, keep }))
        }
    }
}

fn of_archives(what: &str) -> Failure {
    Failure::usage(format!("{what} Heroku's archives: add `--via archive`"))
}
