//! `cleanup`: marks days whose lease went stale as ERROR, so that they are due again.

use super::{App, DONE, ExitStatus, Failure, existing, reset};
use crate::report::status::{CleanupReport, StaleDay};
use crate::store::Stale;

pub(super) async fn run(app: &App<'_>) -> Result<ExitStatus, Failure> {
    let reader = app.connect().await?;
    let stale = match existing(&reader, &App::holder()).await? {
        Some(store) => store.clean_up(&reset::operator(None)).await?,
        None => Vec::new(),
    };
    let days =
        stale.into_iter().map(|Stale { source, date, attempt, message }| StaleDay { source, date, attempt, message });
    app.global.output.print(&CleanupReport { days: days.collect() })?;
    reader.close().await;
    Ok(DONE)
}
