//! Gathers what a page of `report` shows, from one snapshot, and makes the page.
//!
//! `report` writes it to a file, and an export embeds it. The page holds nothing of the run that
//! makes it: the same database and the same request give the same bytes.

use chrono::{DateTime, Utc};

use super::context::App;
use super::environment::env;
use super::failure::Failure;
use crate::config::Source;
use crate::day::DateRange;
use crate::report::page::{MadeBy, PageData, PageSource, RenderedPage, render};
use crate::report::verify::VerifyReport;
use crate::store::{AppEvents, AppIdentity, EvidenceSnapshot, ReportQuery};

/// What a page shows.
#[derive(Debug)]
pub(super) struct PageRequest<'a> {
    /// The sources, in the order of the page.
    pub(super) sources: Vec<PageSource>,
    /// The days.
    pub(super) range: DateRange,
    /// The time that the page describes. Leases that are valid then are `syncing`.
    pub(super) as_of: DateTime<Utc>,
    /// The verification of these sources and days.
    pub(super) verified: &'a VerifyReport,
    /// How the page is made.
    pub(super) made_by: MadeBy,
    /// The app that runs auditsync, as far as it is known.
    pub(super) app: AppIdentity,
}

/// The page, from the snapshot that was verified.
pub(super) async fn page(
    snapshot: &mut EvidenceSnapshot,
    request: PageRequest<'_>,
) -> Result<RenderedPage, Failure> {
    let PageRequest { sources, range, as_of, verified, made_by, app } = request;
    let names: Vec<Vec<String>> = sources.iter().map(|source| source.names.clone()).collect();
    let query = ReportQuery { sources: &names, range, as_of };
    let rows = snapshot.report_rows(&query).await?;
    let app_events = if app == AppIdentity::default() {
        AppEvents::default()
    } else {
        snapshot.events_of_app(&query, &app).await?
    };
    let data = PageData { range, as_of, made_by, sources, rows, app, app_events, verified };
    Ok(tokio::task::block_in_place(|| render(&data)))
}

/// The named sources; without names, those of the file in its order and then those that only the
/// ledger has.
pub(super) async fn sources(
    app: &App<'_>,
    snapshot: &mut EvidenceSnapshot,
    names: &[String],
    range: DateRange,
) -> Result<Vec<PageSource>, Failure> {
    if !names.is_empty() {
        let mut sources: Vec<PageSource> = Vec::new();
        for name in names {
            if !sources.iter().any(|source| source.name == *name) {
                let of_file = app.config.sources.iter().find(|own| own.name.as_ref() == name);
                sources.push(of_file.map_or_else(|| of_ledger(name.clone()), of_source));
            }
        }
        return Ok(sources);
    }
    let mut sources: Vec<PageSource> = app.config.sources.iter().map(of_source).collect();
    for recorded in snapshot.recorded_sources(None, range.from).await? {
        if !sources.iter().any(|source| source.names.contains(&recorded.source)) {
            sources.push(of_ledger(recorded.source));
        }
    }
    Ok(sources)
}

fn of_source(source: &Source) -> PageSource {
    PageSource {
        name: source.name.to_string(),
        names: source.names().map(ToString::to_string).collect(),
        scope: Some(source.scope.clone()),
        since: source.since,
        in_file: true,
        enabled: source.enabled,
    }
}

fn of_ledger(name: String) -> PageSource {
    let names = vec![name.clone()];
    PageSource { name, names, scope: None, since: None, in_file: false, enabled: false }
}

/// The address of Heroku's API.
pub(super) fn api(app: &App<'_>) -> String {
    app.config.api.base_url.as_str().trim_end_matches('/').to_owned()
}

/// The app of this process, as Heroku's dyno metadata names it.
pub(super) fn own_app() -> AppIdentity {
    AppIdentity { id: env("HEROKU_APP_ID"), name: env("HEROKU_APP_NAME") }
}
