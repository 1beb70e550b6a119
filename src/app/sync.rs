//! `sync`: brings every due day of every enabled source into the database.

use super::clock;
use super::context::App;
use super::failure::{ExitStatus, Failure};
use super::notify;
use super::run::plan::{Mode, NamedSelection, RunRequest};
use super::run::remaining::ReadCommand;
use super::run::supervise::Ended;
use super::run::{self};
use crate::cli::SyncArgs;
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
        (Some(date), _, _) => NamedSelection::Days(date, Some(date)),
        (None, Some(from), to) => NamedSelection::Days(from, to),
        _ => NamedSelection::Due,
    };
    // The earlier of both clocks counts, so this machine's may reject before any connection.
    selection.at(clock::here())?;
    Ok(RunRequest {
        sources: app.sources(&args.sources)?,
        selection,
        rereads: Rereads::Include,
        mode: if args.dry_run { Mode::DryRun } else { Mode::Write },
        command: ReadCommand::Sync,
    })
}
