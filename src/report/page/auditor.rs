//! What only the auditor's part shows of the sources.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::data::PageData;
use super::figures::{FewDates, counted, number, time};
use super::source::SourceView;
use crate::day::Month;
use crate::ledger::HistoryAction;
use crate::store::{AttemptCount, RecordedScope, ReportedWitness};

/// With more rows than this, comparisons are shown by source instead of by month.
const MOST_COMPARISONS: usize = 400;
/// The most ranges of dates that one cell names.
const MOST_RANGES: usize = 6;

/// Where a source's events came from.
#[derive(Debug)]
pub(super) struct SourceOrigin {
    pub(super) name: String,
    pub(super) scopes: Vec<ScopeView>,
    pub(super) api: String,
    pub(super) archive: String,
    pub(super) conflicts: String,
    pub(super) attempts: String,
    pub(super) failures: String,
    pub(super) takeovers: String,
    pub(super) requests: String,
}

/// A scope as people read it, and the days that it was used for.
#[derive(Debug)]
pub(super) struct ScopeView {
    pub(super) words: String,
    pub(super) days: String,
}

/// Days that were compared with Heroku's archive.
#[derive(Debug)]
pub(super) struct ComparisonView {
    pub(super) name: String,
    pub(super) month: Option<Month>,
    pub(super) days: String,
    pub(super) agree: String,
    pub(super) differ: u64,
    pub(super) events: String,
    /// Days whose number of events is another one now.
    pub(super) changed: u64,
    pub(super) last: String,
    /// What was found of the days that differ.
    pub(super) differences: Vec<String>,
    pub(super) checksums: Vec<String>,
}

/// The empty days of a source, and what else says that they are empty.
#[derive(Debug)]
pub(super) struct EmptyView {
    pub(super) name: String,
    pub(super) days: String,
    /// Confirmed by the archive when the day was read.
    pub(super) confirmed: String,
    /// Compared with the archive later.
    pub(super) compared: String,
    pub(super) alone: u64,
    /// The days for which nothing beyond Heroku's list speaks.
    pub(super) alone_days: FewDates,
}

/// The origin of the source at `place`.
pub(super) fn origin(data: &PageData<'_>, place: usize) -> SourceOrigin {
    let rows = &data.rows;
    let via = |via: &str| {
        let routes = rows.routes.iter().filter(|route| route.place == place && route.via == via);
        number(routes.map(|route| route.events).sum())
    };
    let none = AttemptCount { place, attempts: 0, failures: 0, takeovers: 0, requests: 0 };
    let attempts = rows.attempts.iter().find(|count| count.place == place).unwrap_or(&none);
    let scopes = rows.scopes.iter().filter(|scope| scope.place == place).map(scope_view);
    let mut scopes: Vec<ScopeView> = scopes.collect();
    if scopes.is_empty() {
        let scope = data.sources[place].scope.as_ref();
        let present = scope.and_then(|scope| serde_json::to_string(scope).ok());
        let words = present.map_or_else(not_recorded, |scope| scope_words(&scope));
        scopes.push(ScopeView { words, days: "no day of this range".to_owned() });
    }
    SourceOrigin {
        name: data.sources[place].name.clone(),
        scopes,
        api: via("api"),
        archive: via("archive"),
        conflicts: via("conflict"),
        attempts: number(attempts.attempts),
        failures: number(attempts.failures),
        takeovers: number(attempts.takeovers),
        requests: number(attempts.requests),
    }
}

fn scope_view(scope: &RecordedScope) -> ScopeView {
    ScopeView {
        words: scope.scope.as_deref().map_or_else(not_recorded, scope_words),
        days: format!("{}, {}", counted(scope.days, "day"), scope.dates),
    }
}

fn not_recorded() -> String {
    "not recorded".to_owned()
}

/// `account acme, team team-a, type app`; as it is if it is no scope.
fn scope_words(json: &str) -> String {
    let Ok(Value::Object(keys)) = serde_json::from_str::<Value>(json) else {
        return json.to_owned();
    };
    let mut words = Vec::new();
    for (key, value) in &keys {
        match value {
            Value::String(text) => words.push(format!("{key} {text}")),
            Value::Object(filter) => {
                let each = filter.iter().map(|(key, value)| match value {
                    Value::String(text) => format!("only {key} {text}"),
                    other => format!("only {key} {other}"),
                });
                words.extend(each);
            }
            other => words.push(format!("{key} {other}")),
        }
    }
    words.join(", ")
}

/// The comparisons with Heroku's archives, by source and month.
pub(super) fn comparisons(data: &PageData<'_>, sources: &[SourceView]) -> Vec<ComparisonView> {
    let is_comparison = |witness: &&ReportedWitness| witness.action == HistoryAction::Reconcile;
    let mut groups: BTreeMap<(usize, Option<Month>), Vec<&ReportedWitness>> = BTreeMap::new();
    for witness in data.rows.witnesses.iter().filter(is_comparison) {
        groups.entry((witness.place, Some(Month::of(witness.date)))).or_default().push(witness);
    }
    if groups.len() > MOST_COMPARISONS {
        let mut by_source: BTreeMap<(usize, Option<Month>), Vec<&ReportedWitness>> =
            BTreeMap::new();
        for ((place, _), group) in groups {
            by_source.entry((place, None)).or_default().extend(group);
        }
        groups = by_source;
    }
    let view = |((place, month), days): (_, Vec<&ReportedWitness>)| {
        comparison(&sources[place], month, &days)
    };
    groups.into_iter().map(view).collect()
}

fn comparison(
    source: &SourceView,
    month: Option<Month>,
    days: &[&ReportedWitness],
) -> ComparisonView {
    let agrees = |day: &&&ReportedWitness| day.outcome == "agrees";
    let agree = days.iter().filter(agrees).count();
    let differing = days.iter().filter(|day| !agrees(day));
    let differences = differing.map(|day| {
        let message = day.message.as_deref().unwrap_or("no details are recorded");
        // The checksum stands before the differences.
        let found = message.split_once("; archive sha256 ").map_or(message, |(found, _)| found);
        format!("{}: {found}", day.date)
    });
    let changed = days.iter().filter(|day| {
        let cell = source.cells.iter().find(|cell| cell.date == day.date);
        cell.is_some_and(|cell| cell.events.is_some() && cell.events != day.events)
    });
    let mut checksums: Vec<String> = Vec::new();
    for day in days.iter().filter(|_| month.is_some()) {
        let message = day.message.as_deref().unwrap_or_default();
        if let Some((_, checksum)) = message.rsplit_once("sha256 ")
            && !checksums.iter().any(|known| known == checksum)
        {
            checksums.push(checksum.to_owned());
        }
    }
    let last: Option<DateTime<Utc>> = days.iter().map(|day| day.at).max();
    ComparisonView {
        name: source.name.clone(),
        month,
        days: number(days.len() as u64),
        agree: number(agree as u64),
        differ: (days.len() - agree) as u64,
        events: number(days.iter().filter_map(|day| day.events).map(|n| n as u64).sum()),
        changed: changed.count() as u64,
        last: last.map(time).unwrap_or_default(),
        differences: differences.take(MOST_RANGES).collect(),
        checksums,
    }
}

/// The sources with empty days.
pub(super) fn empty_days(data: &PageData<'_>, sources: &[SourceView]) -> Vec<EmptyView> {
    let mut views = Vec::new();
    for (place, source) in sources.iter().enumerate() {
        let is_empty = |state: crate::coverage::DayState| state.is_complete();
        let cells = source
            .cells
            .iter()
            .filter(|cell| cell.events == Some(0) && cell.state.is_some_and(is_empty));
        let empty: Vec<_> = cells.map(|cell| cell.date).collect();
        if empty.is_empty() {
            continue;
        }
        let witnesses = data.rows.witnesses.iter().filter(|witness| witness.place == place);
        let (mut confirmed, mut compared) = (Vec::new(), Vec::new());
        for witness in witnesses.filter(|witness| empty.binary_search(&witness.date).is_ok()) {
            match witness.action {
                HistoryAction::Confirm => confirmed.push(witness.date),
                _ if witness.outcome == "agrees" => compared.push(witness.date),
                _ => {}
            }
        }
        let is_alone = |date: &&_| !confirmed.contains(*date) && !compared.contains(*date);
        let alone: Vec<_> = empty.iter().filter(is_alone).copied().collect();
        views.push(EmptyView {
            name: source.name.clone(),
            days: number(empty.len() as u64),
            confirmed: number(confirmed.len() as u64),
            compared: number(compared.len() as u64),
            alone: alone.len() as u64,
            alone_days: FewDates::of(alone.into_iter(), MOST_RANGES),
        });
    }
    views
}
