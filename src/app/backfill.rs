//! `backfill`: a range of days, from Heroku's list of each or from its monthly archives.

use super::clock;
use super::context::App;
use super::estimate;
use super::failure::{ExitStatus, Failure};
use super::run::plan::{Mode, NamedSelection, RunRequest};
use super::run::remaining::ReadCommand;
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
    // The archive of a past month does not change, so its days need no recheck.
    let (rereads, command) = match args.via {
        Route::Api => (Rereads::Include, ReadCommand::Backfill),
        Route::Archive => (Rereads::Skip, ReadCommand::Archive),
    };
    let selection = NamedSelection::Days(args.from, args.to);
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
