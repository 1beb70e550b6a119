//! `reset`: makes days due again.

use super::{App, DONE, ExitStatus, FOUND_WRONG, Failure, clock, env, existing};
use crate::cli::ResetArgs;
use crate::day::{DayKey, last_over};
use crate::report::status::{ResetDay, ResetReport};
use crate::store::{Reset, ResetOrder};

pub(super) async fn run(app: &App<'_>, args: &ResetArgs) -> Result<ExitStatus, Failure> {
    let source = app.config.source(&args.source).map_err(Failure::usage)?;
    let last_over = last_over(clock());
    if let Some(date) = args.dates.iter().find(|date| **date > last_over) {
        return Err(Failure::usage(format!(
            "{date} is not over in UTC, so it was never due: the newest day to reset is {last_over}"
        )));
    }
    let reader = app.connect().await?;
    let store = existing(&reader, &App::holder()).await?;
    let by = operator(args.by.as_deref());
    let order = ResetOrder { force: args.force, reason: args.reason.as_deref(), by: &by };
    let mut days = Vec::with_capacity(args.dates.len());
    for date in &args.dates {
        let reset = match &store {
            Some(store) => store.reset(&DayKey::new(&source.name, *date), &order).await?,
            None => Reset::NoRow,
        };
        let (outcome, message) = tell(&reset);
        days.push(ResetDay { source: source.name.to_string(), date: *date, outcome, message });
    }
    let refused = days.iter().any(|day| day.outcome == "refused");
    app.global.output.print(&ResetReport { days })?;
    reader.close().await;
    Ok(if refused { FOUND_WRONG } else { DONE })
}

fn tell(reset: &Reset) -> (&'static str, String) {
    match reset {
        Reset::Done { was } => ("reset", format!("due again (was {was}); the next `auditsync` reads it")),
        Reset::AlreadyDue => ("already_due", "was due already; the next `auditsync` reads it".to_owned()),
        Reset::NoRow => (
            "no_row",
            "has no row in the ledger, so there is nothing to reset; `auditsync --date` reads a day of any age"
                .to_owned(),
        ),
        Reset::Refused { holder } => (
            "refused",
            format!("is being worked on by {holder}; wait for it, or take the day away from it with --force"),
        ),
    }
}

/// Who acts, for the history: the name that was given, or the user and the dyno.
pub(super) fn operator(by: Option<&str>) -> String {
    let user = by.map(str::to_owned).or_else(|| env("USER")).unwrap_or_else(|| "somebody".to_owned());
    match env("DYNO") {
        Some(dyno) if by.is_none() => format!("{user} on {dyno}"),
        _ => user,
    }
}
