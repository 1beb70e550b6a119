//! `history`: what happened to the days, as the append-only record tells it.

use super::{App, DONE, ExitStatus, Failure};
use crate::cli::HistoryArgs;
use crate::report::history::HistoryReport;
use crate::store::{HistoryFilter, Reader, Schema};

/// How far the history is told when neither a date nor a number of days is named.
const LATELY: u32 = 7;

pub(super) async fn run(app: &App<'_>, args: &HistoryArgs) -> Result<ExitStatus, Failure> {
    let reader = app.connect().await?;
    let history = match reader.schema().await? {
        Schema::Current => Some(&reader),
        Schema::Absent => None,
        other => return Err(other.into_error().into()),
    };
    refuse_unknown(app, history, &args.sources).await?;
    let sources: Vec<&str> = args.sources.iter().map(String::as_str).collect();
    let days = args.days.or(args.date.is_none().then_some(LATELY));
    let past =
        HistoryFilter { sources: (!sources.is_empty()).then_some(&sources), date: args.date, days };
    let entries = match history {
        Some(history) => history.history(&past).await?,
        None => Vec::new(),
    };
    app.global.output.print(&HistoryReport { days, entries })?;
    reader.close().await;
    Ok(DONE)
}

/// Refuses a name that neither the file nor the history knows.
async fn refuse_unknown(
    app: &App<'_>,
    history: Option<&Reader>,
    names: &[String],
) -> Result<(), Failure> {
    let mut unknown: Vec<&str> = names.iter().map(String::as_str).collect();
    unknown.retain(|name| app.config.source(name).is_err());
    if unknown.is_empty() {
        return Ok(());
    }
    let known = match history {
        Some(history) => history.known_to_history(&unknown).await?,
        None => Vec::new(),
    };
    match unknown.iter().find(|name| !known.iter().any(|known| known == *name)) {
        Some(name) => app.config.source(name).map(drop).map_err(Failure::usage),
        None => Ok(()),
    }
}
