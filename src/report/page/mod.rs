//! The page of `report`: one HTML file for people, without scripts and without anything from
//! elsewhere.
//!
//! [`PageData`] holds everything that the page shows. The page reads no clock and no environment,
//! so the same data gives the same bytes. The templates are in `templates/`.

mod auditor;
mod calendar;
mod data;
pub(crate) mod escape;
mod figures;
mod source;
mod state;
mod verdict;
mod volume;

use std::borrow::Borrow;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};

use crate::coverage::{DayState, Lateness, lateness};
use crate::evidence::Problem;
use crate::store::{AppIdentity, MOST_REPORTED, REPORT_STATEMENTS};
use auditor::{ComparisonView, EmptyView, SourceOrigin};
pub(crate) use data::{MadeBy, PageData, PageSource};
use figures::{counted, number, percent, span, time};
use source::SourceView;
pub(crate) use verdict::{PageVerdict, VerdictLine};
use volume::Volume;

const STYLE: &str = include_str!("../../../templates/report.css");

/// The most sources that the first screen names.
const MOST_NAMED: usize = 8;
/// The most rows that the tables of all calendars have together, and the fewest for one source.
const MOST_RUNS: usize = 2_400;
const FEWEST_RUNS: usize = 6;
/// The most problems of the verification that the page names.
const MOST_PROBLEMS: usize = 50;

/// A page, and its first line.
#[derive(Debug)]
pub(crate) struct RenderedPage {
    pub(crate) html: String,
    pub(crate) verdict: VerdictLine,
}

#[derive(Template)]
#[template(path = "report.html")]
struct PageTemplate<'a> {
    data: &'a PageData<'a>,
    verdict: &'a VerdictLine,
    views: &'a [SourceView],
    /// The same, those with problems first.
    ordered: Vec<&'a SourceView>,
    attention: Vec<&'a SourceView>,
    volume: Volume,
    late: Option<Lateness>,
    legend: Vec<LegendEntry>,
    origins: Vec<SourceOrigin>,
    comparisons: Vec<ComparisonView>,
    empty: Vec<EmptyView>,
    problems: &'a [Problem],
    statements: [(&'static str, &'static str); REPORT_STATEMENTS.len()],
    style: &'static str,
    style_hash: String,
}

/// A state in the legend.
struct LegendEntry {
    word: &'static str,
    meaning: &'static str,
    days: u64,
}

/// Makes the page.
pub(crate) fn render(data: &PageData<'_>) -> RenderedPage {
    let views = views(data);
    let mut ordered: Vec<&SourceView> = views.iter().collect();
    ordered.sort_by_key(|view| {
        let acts = view.is_behind || view.was_never_synced;
        (!acts, view.oldest_gap.is_none(), view.oldest_gap, view.note.is_some())
    });
    let verdict = VerdictLine::of(&ordered);
    let page = PageTemplate {
        data,
        verdict: &verdict,
        views: &views,
        attention: ordered.iter().copied().filter(|view| view.needs_attention()).collect(),
        volume: Volume::of(&views),
        late: lateness(data.rows.late.iter(), views.iter().map(|view| view.events).sum()),
        legend: legend(&views),
        origins: (0..views.len()).map(|place| auditor::origin(data, place)).collect(),
        comparisons: auditor::comparisons(data, &views),
        empty: auditor::empty_days(data, &views),
        problems: &data.verified.problems[..data.verified.problems.len().min(MOST_PROBLEMS)],
        statements: REPORT_STATEMENTS,
        style: STYLE,
        style_hash: STANDARD.encode(Sha256::digest(STYLE)),
        ordered,
    };
    let html = page.render().expect("a string accepts everything");
    RenderedPage { html, verdict }
}

fn views(data: &PageData<'_>) -> Vec<SourceView> {
    let days = &data.rows.days;
    let view = |place| {
        let own = days.iter().filter(|day| day.place == place).cloned().collect::<Vec<_>>();
        SourceView::of(data, place, &own)
    };
    (0..data.sources.len()).map(view).collect()
}

fn legend(views: &[SourceView]) -> Vec<LegendEntry> {
    let entry = |state: DayState| LegendEntry {
        word: state.name(),
        meaning: state::meaning(state),
        days: views.iter().map(|view| view.count(state)).sum(),
    };
    state::STATES.into_iter().map(entry).filter(|entry| entry.days > 0).collect()
}

/// What the templates call.
#[expect(clippy::unused_self, reason = "a template calls methods")]
impl PageTemplate<'_> {
    fn n(&self, figure: impl Borrow<u64>) -> String {
        number(*figure.borrow())
    }

    fn counted(&self, figure: impl Borrow<u64>, thing: &str) -> String {
        counted(*figure.borrow(), thing)
    }

    fn time(&self, at: impl Borrow<DateTime<Utc>>) -> String {
        time(*at.borrow())
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn complete(&self) -> u64 {
        self.views.iter().map(SourceView::complete).sum()
    }

    fn due_again(&self) -> u64 {
        self.views.iter().map(SourceView::due_again).sum()
    }

    fn owed(&self) -> u64 {
        self.views.iter().map(SourceView::owed).sum()
    }

    fn events(&self) -> u64 {
        self.views.iter().map(|view| view.events).sum()
    }

    fn oldest_gap(&self) -> Option<NaiveDate> {
        self.views.iter().filter_map(|view| view.oldest_gap).min()
    }

    fn gaps_before(&self) -> u64 {
        self.views.iter().map(|view| view.gaps_before).sum()
    }

    fn most_named(&self) -> usize {
        MOST_NAMED
    }

    fn most_runs(&self) -> usize {
        (MOST_RUNS / self.views.len().max(1)).max(FEWEST_RUNS)
    }

    /// `12 events (0.03 %); half were found within 20 hours after their day …`
    fn lateness(&self, late: &Lateness) -> String {
        format!(
            "{} ({}); half were found within {} after the end of their day, the last after {}",
            counted(late.late_events, "event"),
            percent(late.share),
            span(late.median),
            span(late.max)
        )
    }

    fn hex(&self, hash: &[u8]) -> String {
        hex::encode(hash)
    }

    /// Whether a list of the history has more entries than the page shows.
    fn is_full(&self, entries: usize) -> bool {
        entries == usize::from(MOST_REPORTED)
    }

    fn app_is_known(&self) -> bool {
        self.data.app != AppIdentity::default()
    }
}
