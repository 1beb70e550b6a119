//! `cleanup`: marks days whose lease went stale as ERROR, so that they are due again.

use super::{App, DONE, ExitStatus, Failure, existing, reset};
use crate::cli::CleanupArgs;
use crate::report::operator::{CleanupReport, StaleDay};
use crate::store::{Actor, Stale};

pub(super) async fn run(app: &App<'_>, args: &CleanupArgs) -> Result<ExitStatus, Failure> {
    let by = reset::operator(args.operator.by.as_deref());
    let reader = app.connect().await?;
    let stale = match existing(&reader, &App::holder()).await? {
        Some(store) => {
            reader.must_take_writes().await?;
            store.clean_up(Actor { by: &by, reason: args.operator.reason.as_deref() }).await?
        }
        None => Vec::new(),
    };
    let days = stale.into_iter().map(|Stale { source, date, attempt, message }| StaleDay {
        source,
        date,
        attempt,
        message,
    });
    app.global.output.print(&CleanupReport { days: days.collect() })?;
    reader.close().await;
    Ok(DONE)
}
