//! `backfill --plan`: what a backfill would take. It changes nothing.

use tracing::warn;

use super::clock;
use super::context::App;
use super::environment::env;
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure};
use super::run::archive_days::accounts;
use super::run::archive_plan::Archives;
use super::run::estimate::{of_archives, of_lists};
use super::run::plan::{RunRequest, plan_only};
use super::run::remaining::{ArchiveOptions, ReadCommand};
use crate::config::Tokens;
use crate::day::last_over;
use crate::heroku::Client;
use crate::report::backfill::PlanReport;
use crate::store::Reader;

/// Prints what a backfill would take.
pub(super) async fn run(app: &App<'_>, request: &RunRequest<'_>) -> Result<ExitStatus, Failure> {
    let tokens = app.config.tokens(request.sources.iter().copied(), &env)?;
    let reader = app.connect().await?;
    let report = match &request.command {
        ReadCommand::Archive(options) => archives(app, request, options, &tokens, &reader).await?,
        ReadCommand::Sync | ReadCommand::Backfill => {
            let (plan, _) = plan_only(&reader, request).await?;
            of_lists(request, &plan.days, &tokens)
        }
    };
    for source in &request.sources {
        if let Err(missing) = tokens.of(source) {
            warn!(target: "auditsync", "{}: {missing}. Its days would fail", source.name);
        }
    }
    app.global.output.print(&report)?;
    reader.close().await;
    Ok(if report.is_good() { DONE } else { FOUND_WRONG })
}

async fn archives(
    app: &App<'_>,
    request: &RunRequest<'_>,
    options: &ArchiveOptions,
    tokens: &Tokens,
    reader: &Reader,
) -> Result<PlanReport, Failure> {
    let client = Client::new(&app.config.api, request.sources.iter().copied(), tokens)?;
    let now = clock::now(reader).await?;
    let newest = last_over(now);
    let accounts = accounts(&request.sources, tokens);
    let archives = Archives::find(&client, accounts, request, options, now).await?;
    let request = &archives.select(request, options, newest);
    let (mut plan, _) = plan_only(reader, request).await?;
    plan.days.retain(|day| archives.reach(day, newest) || tokens.of(day.source).is_err());
    let downloads = archives.plan(&plan.days, options.keep.as_ref(), newest).await;
    Ok(of_archives(request, &plan.days, tokens, &archives, &downloads))
}
