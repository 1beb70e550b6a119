//! The file as a whole: its sections, and the rules between sources.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use super::document::{Table, bare};
use super::evidence::Evidence;
use super::lock::LockKeys;
use super::mistake::{Mistake, Span};
use super::rate_limit::{RateLimit, RateLimitKeys};
use super::retry::RetryKeys;
use super::settings::{Api, Config, Database, Notify, Sync};
use super::source::{CommonKeys, SourceName, SourceSection};

/// Reads the file at `path`. The result is `None` where a source lacks a key, which is reported.
pub(super) fn read(path: &Path, file: &mut Table<'_, '_>) -> Option<Config> {
    let database = file.section("database", "[database]", Database::read);
    let api = file.section("api", "[api]", Api::read);
    let common = CommonKeys {
        rate_limit: file.section("rate_limit", "[rate_limit]", RateLimitKeys::read),
        retry: file.section("retry", "[retry]", RetryKeys::common),
        lock: file.section("lock", "[lock]", LockKeys::common),
    };
    let sync = file.section("sync", "[sync]", Sync::read);
    let events = file.section("events", "[events]", |section| bare(section.take("log")));
    let notify = file.section("notify", "[notify]", Notify::read);
    let evidence = file.section("evidence", "[evidence]", Evidence::read);
    let sources =
        file.sections("source", "[[source]]", |section| SourceSection::read(section, &common));
    check_names(&sources, file);
    check_budgets(&sources, file);
    Some(Config {
        path: path.to_owned(),
        database,
        api,
        sync,
        events: events.unwrap_or_default(),
        notify,
        evidence,
        sources: sources.into_iter().map(SourceSection::into_source).collect::<Option<_>>()?,
    })
}

fn check_names(sources: &[SourceSection], file: &mut Table<'_, '_>) {
    let mut firsts: HashMap<&SourceName, Span> = HashMap::new();
    for name in sources.iter().filter_map(|source| source.name.as_ref()) {
        match firsts.entry(name.get_ref()) {
            Entry::Vacant(free) => {
                free.insert(name.span());
            }
            Entry::Occupied(first) => {
                let message = format!("two sources are named `{}`", name.get_ref());
                let mistake = Mistake::at(name.span(), message).label("choose another name");
                file.report(mistake.also(Some(first.get().clone()), "the first one"));
            }
        }
    }
}

/// Sources that share a token share its budget.
fn check_budgets(sources: &[SourceSection], file: &mut Table<'_, '_>) {
    let mut firsts: HashMap<&str, (Span, RateLimit)> = HashMap::new();
    for source in sources {
        let (Some(variable), Some(limit)) = (&source.token_env, &source.rate_limit) else {
            continue;
        };
        let (place, first) =
            firsts.entry(&variable.0).or_insert_with(|| (limit.span(), *limit.get_ref()));
        if first != limit.get_ref() {
            let message = format!(
                "two sources share the token in {} but set different budgets for it",
                variable.0
            );
            let help = "Heroku counts requests by token: set the same budget for both, or set it \
                        once in [rate_limit]";
            let mistake = Mistake::at(limit.span(), message)
                .label(limit.get_ref().to_string())
                .also(Some(place.clone()), first.to_string())
                .help(help.to_owned());
            file.report(mistake);
        }
    }
}
