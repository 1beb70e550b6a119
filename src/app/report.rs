//! `report`: writes one HTML page about the days of a range, verified in the same snapshot.

use super::context::App;
use super::days_over::{MonthOrRange, month_or_range};
use super::destination::Destination;
use super::failure::{DONE, ExitStatus, Failure};
use super::page::{PageRequest, api, own_app, page, sources};
use super::verification::Verification;
use crate::cli::ReportArgs;
use crate::day::DateRange;
use crate::evidence::Anchors;
use crate::report::Output;
use crate::report::page::MadeBy;
use crate::report::page_file::PageFileReport;
use crate::report::progress::LiveLines;
use crate::store::WantedDays;

/// How many days the page shows if the user names no range.
const DEFAULT_DAYS: u32 = 30;

pub(super) async fn run(app: &App<'_>, args: &ReportArgs) -> Result<ExitStatus, Failure> {
    if args.streams() && app.global.output == Output::Json {
        return Err(Failure::usage(
            "--out - writes the page to stdout, which --output json needs; give --out FILE",
        ));
    }
    let mut destination = Destination::open(&args.out)?;
    let reader = app.connect_to_current().await?;
    let selected = app.select_from_ledger(&args.sources, &reader).await?;
    // Without names all sources are shown, and a list of many names would slow the check down.
    let stored_names = selected.stored_names();
    let mut snapshot = reader.evidence_snapshot().await?;
    let as_of = snapshot.now().await?;
    let asked = MonthOrRange { month: args.month, from: args.from, to: args.to };
    let range = month_or_range(asked, as_of, DEFAULT_DAYS)?;
    let sources = sources(app, &mut snapshot, &selected.present_names(), range).await?;
    let wanted = WantedDays { sources: stored_names, from: Some(range.from), to: Some(range.to) };
    // On Heroku, stdout and stderr of a one-off dyno are one stream.
    let live_lines = if args.streams() { LiveLines::Hidden } else { app.global.live_lines() };
    let verification =
        Verification { wanted: &wanted, anchors: Anchors::new(Vec::new(), Vec::new()), live_lines };
    let (verified, ()) = verification.run(&mut snapshot, ()).await?;
    let verified = verified.into_report();
    let made_by = made_by(app, args, range);
    let request =
        PageRequest { sources, range, as_of, verified: &verified, made_by, app: own_app() };
    let page = page(&mut snapshot, request).await?;
    drop(snapshot);
    let is_stdout = destination.name().is_none();
    // A reader that has enough has what it wants.
    if destination.write(page.html.as_bytes())?.is_continue() {
        let _ = destination.finish()?;
    }
    if !is_stdout {
        app.global.output.print(&PageFileReport {
            path: args.out.display().to_string(),
            range,
            verdict: page.verdict.verdict,
            summary: page.verdict.text,
            command: page.verdict.command,
            verified: verified.ok,
            head: verified.head,
        })?;
    }
    reader.close().await;
    Ok(DONE)
}

fn made_by(app: &App<'_>, args: &ReportArgs, range: DateRange) -> MadeBy {
    let mut command = format!("auditsync report --from {} --to {}", range.from, range.to);
    for source in &args.sources {
        command.push_str(" --source ");
        command.push_str(source);
    }
    command.push_str(" --out FILE");
    let file = app.config.path.display().to_string();
    MadeBy { command, file, api: api(app) }
}
