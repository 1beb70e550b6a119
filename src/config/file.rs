//! The file as a whole: its sections.

use std::path::Path;

use chrono::NaiveDate;

use super::defaults::DefaultKeys;
use super::document::{Table, bare};
use super::evidence::Evidence;
use super::lock::LockKeys;
use super::rate_limit::RateLimitKeys;
use super::retry::RetryKeys;
use super::same;
use super::settings::{Api, Config, Database, Notify};
use super::source_section::{CommonKeys, SourceSection};
use super::sync::DueKeys;

/// Reads the file at `path`. No `since` may be after `newest_since`. The result is `None` where a
/// source lacks a key, which is reported.
pub(super) fn read(
    path: &Path,
    newest_since: Option<NaiveDate>,
    file: &mut Table<'_, '_>,
) -> Option<Config> {
    let database = file.section("database", "[database]", Database::read);
    let api = file.section("api", "[api]", Api::read);
    let rate_limit = file.section("rate_limit", "[rate_limit]", RateLimitKeys::read);
    let retry = file.section("retry", "[retry]", RetryKeys::common);
    let lock = file.section("lock", "[lock]", LockKeys::common);
    let (sync, due) = file.section("sync", "[sync]", DueKeys::common);
    let events = file.section("events", "[events]", |section| bare(section.take("log")));
    let notify = file.section("notify", "[notify]", Notify::read);
    let evidence = file.section("evidence", "[evidence]", Evidence::read);
    let defaults = file.section("defaults", "[defaults]", DefaultKeys::read);
    let common = CommonKeys { defaults, rate_limit, retry, lock, due, events, newest_since };
    let sources =
        file.sections("source", "[[source]]", |section| SourceSection::read(section, &common));
    same::check(&sources, file);
    let sources: Option<Vec<_>> = sources.into_iter().map(SourceSection::into_sources).collect();
    let sources = sources?.into_iter().flatten().collect();
    Some(Config { path: path.to_owned(), database, api, sync, notify, evidence, sources })
}
