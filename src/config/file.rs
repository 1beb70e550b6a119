//! What stands in the file, section by section: each value right by itself, with its place, and no rules between them yet.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::NaiveDate;
use toml::Spanned;

use super::document::Table;
use super::mistake::Span;
use super::value::{BaseUrl, Fraction, Multiplier, Named, Text, VariableName, Whole};
use super::{EventLog, Filter, SourceName};

/// The file. What is `None` is not in it, or was wrong and is among the mistakes.
pub(super) struct File {
    pub(super) url_env: Option<VariableName>,
    pub(super) max_connections: Option<u32>,
    pub(super) base_url: Option<BaseUrl>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) request_timeout: Option<Duration>,
    pub(super) page_size: Option<u32>,
    pub(super) rate_limit: RateLimitSection,
    pub(super) retry: RetrySection,
    pub(super) lock: LockSection,
    pub(super) concurrency: Option<u32>,
    pub(super) catch_up_days: Option<u32>,
    pub(super) recheck_after: Option<Vec<Spanned<Duration>>>,
    pub(super) event_log: Option<EventLog>,
    pub(super) ping_url_env: Option<VariableName>,
    pub(super) sources: Vec<SourceSection>,
}

impl File {
    /// Reads the whole file.
    pub(super) fn read(file: &mut Table<'_, '_>) -> Self {
        let (url_env, max_connections) = file.section("database", "[database]", |section| {
            (bare(section.take("url_env")), bare(section.take::<Whole<1, 1000>>("max_connections")))
        });
        let (base_url, (connect_timeout, request_timeout), page_size) =
            file.section("api", "[api]", |section| {
                let base_url = bare(section.take("base_url"));
                let timeouts =
                    (bare(section.take("connect_timeout")), bare(section.take("request_timeout")));
                (base_url, timeouts, bare(section.take::<Whole<1, 1000>>("page_size")))
            });
        let rate_limit = file.section("rate_limit", "[rate_limit]", RateLimitSection::read);
        let retry = file.section("retry", "[retry]", RetrySection::read);
        let lock = file.section("lock", "[lock]", LockSection::read);
        let (concurrency, catch_up_days, recheck_after) =
            file.section("sync", "[sync]", |section| {
                let concurrency = bare(section.take::<Whole<1, 1000>>("concurrency"));
                let catch_up_days = bare(section.take::<Whole<1, 3660>>("catch_up_days"));
                (concurrency, catch_up_days, section.array("recheck_after"))
            });
        Self {
            url_env,
            max_connections: max_connections.map(|Whole(count)| count),
            base_url,
            connect_timeout,
            request_timeout,
            page_size: page_size.map(|Whole(count)| count),
            rate_limit,
            retry,
            lock,
            concurrency: concurrency.map(|Whole(count)| count),
            catch_up_days: catch_up_days.map(|Whole(count)| count),
            recheck_after,
            event_log: file.section("events", "[events]", |section| bare(section.take("log"))),
            ping_url_env: file
                .section("notify", "[notify]", |section| bare(section.take("ping_url_env"))),
            sources: file.sections("source", "[[source]]", SourceSection::read),
        }
    }
}

/// `[rate_limit]` or `[source.rate_limit]`.
#[derive(Clone)]
pub(super) struct RateLimitSection {
    /// Its header, or its source's if it has none of its own.
    pub(super) place: Span,
    /// Whether each key was right; then rules between them can be checked.
    pub(super) sound: bool,
    pub(super) requests_per_hour: Option<Spanned<NonZeroU32>>,
    pub(super) burst: Option<Spanned<NonZeroU32>>,
    pub(super) reserve: Option<Spanned<u32>>,
}

impl RateLimitSection {
    fn read(section: &mut Table<'_, '_>) -> Self {
        let requests_per_hour = section.take("requests_per_hour");
        let burst = section.take("burst");
        // A reserve of the whole quota, which is 4,500 requests, would leave none to ask with.
        let reserve = section.take::<Whole<0, 4499>>("reserve");
        let reserve = reserve.map(|spanned| Spanned::new(spanned.span(), spanned.into_inner().0));
        Self { place: section.span(), sound: section.is_sound(), requests_per_hour, burst, reserve }
    }

    /// These keys, and for those that are not here the ones of `base`.
    pub(super) fn over(&self, base: &Self) -> Self {
        Self {
            place: self.place.clone(),
            sound: self.sound && base.sound,
            requests_per_hour: self
                .requests_per_hour
                .clone()
                .or_else(|| base.requests_per_hour.clone()),
            burst: self.burst.clone().or_else(|| base.burst.clone()),
            reserve: self.reserve.clone().or_else(|| base.reserve.clone()),
        }
    }
}

/// `[retry]` or `[source.retry]`.
#[derive(Clone)]
pub(super) struct RetrySection {
    pub(super) sound: bool,
    pub(super) max_attempts: Option<NonZeroU32>,
    pub(super) initial_interval: Option<Spanned<Duration>>,
    pub(super) multiplier: Option<f64>,
    pub(super) jitter: Option<f64>,
    pub(super) max_interval: Option<Spanned<Duration>>,
    pub(super) max_elapsed: Option<Duration>,
}

impl RetrySection {
    fn read(section: &mut Table<'_, '_>) -> Self {
        let max_attempts = bare(section.take("max_attempts"));
        let initial_interval = section.take("initial_interval");
        let multiplier = bare(section.take("multiplier")).map(|Multiplier(number)| number);
        let jitter = bare(section.take("jitter")).map(|Fraction(number)| number);
        let max_interval = section.take("max_interval");
        let max_elapsed = bare(section.take("max_elapsed"));
        let sound = section.is_sound();
        Self {
            sound,
            max_attempts,
            initial_interval,
            multiplier,
            jitter,
            max_interval,
            max_elapsed,
        }
    }

    /// These keys, and for those that are not here the ones of `base`.
    pub(super) fn over(&self, base: &Self) -> Self {
        Self {
            sound: self.sound && base.sound,
            max_attempts: self.max_attempts.or(base.max_attempts),
            initial_interval: self
                .initial_interval
                .clone()
                .or_else(|| base.initial_interval.clone()),
            multiplier: self.multiplier.or(base.multiplier),
            jitter: self.jitter.or(base.jitter),
            max_interval: self.max_interval.clone().or_else(|| base.max_interval.clone()),
            max_elapsed: self.max_elapsed.or(base.max_elapsed),
        }
    }
}

/// `[lock]` or `[source.lock]`.
#[derive(Clone)]
pub(super) struct LockSection {
    pub(super) sound: bool,
    pub(super) stale_after: Option<Spanned<Duration>>,
    pub(super) heartbeat_every: Option<Spanned<Duration>>,
}

impl LockSection {
    fn read(section: &mut Table<'_, '_>) -> Self {
        let (stale_after, heartbeat_every) =
            (section.take("stale_after"), section.take("heartbeat_every"));
        Self { sound: section.is_sound(), stale_after, heartbeat_every }
    }

    /// These keys, and for those that are not here the ones of `base`.
    pub(super) fn over(&self, base: &Self) -> Self {
        Self {
            sound: self.sound && base.sound,
            stale_after: self.stale_after.clone().or_else(|| base.stale_after.clone()),
            heartbeat_every: self.heartbeat_every.clone().or_else(|| base.heartbeat_every.clone()),
        }
    }
}

/// One `[[source]]`.
pub(super) struct SourceSection {
    pub(super) name: Option<Spanned<SourceName>>,
    pub(super) account: Option<Named>,
    pub(super) team: Option<Named>,
    pub(super) token_env: Option<VariableName>,
    pub(super) since: Option<NaiveDate>,
    pub(super) enabled: Option<bool>,
    pub(super) filter: Filter,
    pub(super) rate_limit: RateLimitSection,
    pub(super) retry: RetrySection,
    pub(super) lock: LockSection,
}

impl SourceSection {
    fn read(section: &mut Table<'_, '_>) -> Self {
        Self {
            name: section.require("name", "name = \"acme\""),
            account: bare(section.require("account", "account = \"acme\"")),
            team: bare(section.take("team")),
            token_env: bare(section.require("token_env", "token_env = \"HEROKU_API_TOKEN\"")),
            since: bare(section.take("since")),
            enabled: bare(section.take("enabled")),
            filter: section.section("filter", "[source.filter]", |filter| {
                let mut text = |key| bare(filter.take(key)).map(|Text(text)| text);
                Filter { r#type: text("type"), action: text("action"), actor: text("actor") }
            }),
            rate_limit: section.section(
                "rate_limit",
                "[source.rate_limit]",
                RateLimitSection::read,
            ),
            retry: section.section("retry", "[source.retry]", RetrySection::read),
            lock: section.section("lock", "[source.lock]", LockSection::read),
        }
    }
}

/// A value whose place is of no more interest, as no other value has to do with it.
fn bare<T>(spanned: Option<Spanned<T>>) -> Option<T> {
    spanned.map(Spanned::into_inner)
}
