//! `history`: prints the append-only record of what happened to the days.

use super::context::App;
use super::days_over::named_day;
use super::failure::{DONE, ExitStatus, Failure};
use crate::cli::HistoryArgs;
use crate::ledger::HistoryAction;
use crate::report::history::HistoryReport;
use crate::store::HistoryFilter;

/// How many days to print if neither a date nor a number of days is given.
const DEFAULT_DAYS: u32 = 7;

pub(super) async fn run(app: &App<'_>, args: &HistoryArgs) -> Result<ExitStatus, Failure> {
    let reader = app.connect_to_current().await?;
    let known = async |names: &[&str]| reader.known_to_history(names).await;
    let sources = app.select(&args.sources, known).await?.stored_names();
    let sources: Option<Vec<&str>> =
        sources.as_ref().map(|names| names.iter().map(String::as_str).collect());
    let date = match args.date {
        Some(day) => Some(named_day(day, reader.now().await?, ", so it has no history")?),
        None => None,
    };
    let days = args.days.or(date.is_none().then_some(DEFAULT_DAYS));
    let past = HistoryFilter { sources: sources.as_deref(), date, days };
    let mut entries = reader.history(&past).await?;
    let found = entries.len();
    entries.retain(|entry| args.all || entry.action != HistoryAction::Claim);
    app.global.output.print(&HistoryReport {
        sources: args.sources.clone(),
        date,
        days,
        hidden_claims: found - entries.len(),
        entries,
    })?;
    reader.close().await;
    Ok(DONE)
}
