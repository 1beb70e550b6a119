//! `sync`: brings every due day of every enabled source into the database.

use super::context::App;
use super::failure::{ExitStatus, Failure};
use super::notify;
use super::run::plan::{Mode, RunRequest, named};
use super::run::remaining::ReadCommand;
use super::run::supervise::Ended;
use super::run::{self};
use crate::cli::SyncArgs;
use crate::day::DateRange;
use crate::plan::Selection;
use crate::store::Rereads;

pub(super) async fn run(app: &App<'_>, args: &SyncArgs) -> Result<ExitStatus, Failure> {
    let ended = match request(app, args) {
        Ok(request) => run::run(app, &request).await,
        Err(failure) => Err(failure),
    };
    if !args.dry_run {
        let (status, head) = match &ended {
            Ok(Ended { status, head }) => (*status, head.as_ref()),
            Err(failure) => (failure.exit_status(), None),
        };
        notify::ping(&app.config.notify, status, head).await;
    }
    Ok(ended?.status)
}

fn request<'a>(app: &'a App<'_>, args: &SyncArgs) -> Result<RunRequest<'a>, Failure> {
    let selection = match (args.date, args.from, args.to) {
        (Some(date), _, _) => named(DateRange::of(date))?,
        (None, Some(from), Some(to)) => named(DateRange::new(from, to))?,
        _ => Selection::Due,
    };
    Ok(RunRequest {
        sources: app.sources(&args.sources)?,
        selection,
        rereads: Rereads::Include,
        mode: if args.dry_run { Mode::DryRun } else { Mode::Write },
        command: ReadCommand::Sync,
    })
}
