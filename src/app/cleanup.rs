//! `cleanup`: marks days whose lease is stale as ERROR, which makes them due again.

use super::context::{App, existing};
use super::failure::{DONE, ExitStatus, Failure};
use super::operator;
use crate::cli::CleanupArgs;
use crate::config::Source;
use crate::report::operator::{CleanupReport, StaleDay};
use crate::store::{Actor, StaleLease};

pub(super) async fn run(app: &App<'_>, args: &CleanupArgs) -> Result<ExitStatus, Failure> {
    let by = operator::name(args.operator.by.as_deref())?;
    let reader = app.connect().await?;
    let stale = match existing(&reader, &App::holder()).await? {
        Some(store) => {
            reader.require_writable().await?;
            store.clean_up(Actor { by: &by, reason: args.operator.reason.as_deref() }).await?
        }
        None => Vec::new(),
    };
    let days = stale.into_iter().map(|StaleLease { source, date, attempt, message }| StaleDay {
        source: present_name(app, source),
        date,
        attempt,
        message,
    });
    let mut days: Vec<StaleDay> = days.collect();
    days.sort_by(|a, b| (a.date, &a.source).cmp(&(b.date, &b.source)));
    app.global.output.print(&CleanupReport { days })?;
    reader.close().await;
    Ok(DONE)
}

/// The present name of a source whose days are stored under `name`. The file may no longer have it.
fn present_name(app: &App<'_>, name: String) -> String {
    let is_its = |source: &&Source| source.names().any(|known| known.as_ref() == name);
    let source = app.config.sources.iter().find(is_its).map(|source| source.name.to_string());
    source.unwrap_or(name)
}
