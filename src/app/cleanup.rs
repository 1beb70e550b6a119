//! `cleanup`: marks days whose lease is stale as ERROR, which makes them due again.

use super::context::{App, existing};
use super::failure::{DONE, ExitStatus, Failure};
use super::operator;
use crate::cli::CleanupArgs;
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
        source,
        date,
        attempt,
        message,
    });
    app.global.output.print(&CleanupReport { days: days.collect() })?;
    reader.close().await;
    Ok(DONE)
}
