//! From what stands in the file to a [`Config`]: the rules between keys, the defaults, and the sections of a source over the
//! common ones.
//!
//! A rule is told where the later of its keys stands. A common section that breaks one is told once, not for every source.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;

use super::duration::show;
use super::file::{File, LockSection, RateLimitSection, RetrySection, SourceSection};
use super::mistake::{Mistake, Mistakes, Span};
use super::{
    Api, Config, Database, Lock, Notify, RateLimit, Retry, Scope, Source, SourceName, Sync,
};

/// A lease that ends later than this from now is taken for a mistake in the ledger.
const LONGEST_LEASE: Duration = Duration::from_hours(30 * 24);

/// The configuration, and what breaks a rule. It is `None` if a source lacks what it needs, which is a mistake found before.
pub(super) fn validate(path: &Path, file: File, mistakes: &mut Mistakes) -> Option<Config> {
    check_recheck_after(file.recheck_after.as_deref().unwrap_or_default(), mistakes);
    let common = (&file.rate_limit, &file.retry, &file.lock);
    retry(common.1, common.1, mistakes);
    lock(common.2, common.2, mistakes);
    check_names(&file.sources, mistakes);
    check_budgets(&file.sources, common.0, mistakes);
    let (sync, api, database, notify) =
        (Sync::default(), Api::default(), Database::default(), Notify::default());
    // All of them are looked at before one that is incomplete ends it.
    let sources: Vec<Option<Source>> =
        file.sources.into_iter().map(|section| source(section, common, mistakes)).collect();
    Some(Config {
        path: path.to_owned(),
        database: Database {
            url_env: file.url_env.map_or(database.url_env, |name| name.0),
            max_connections: file.max_connections.unwrap_or(database.max_connections),
        },
        api: Api {
            base_url: file.base_url.map_or(api.base_url, |url| url.0),
            connect_timeout: file.connect_timeout.unwrap_or(api.connect_timeout),
            request_timeout: file.request_timeout.unwrap_or(api.request_timeout),
            page_size: file.page_size.unwrap_or(api.page_size),
        },
        sync: Sync {
            concurrency: file.concurrency.map_or(sync.concurrency, |count| count as usize),
            catch_up_days: file.catch_up_days.unwrap_or(sync.catch_up_days),
            recheck_after: file.recheck_after.map_or(sync.recheck_after, |ages| {
                ages.into_iter().map(Spanned::into_inner).collect()
            }),
        },
        events: file.event_log.unwrap_or_default(),
        notify: Notify {
            ping_url_env: file.ping_url_env.map_or(notify.ping_url_env, |name| name.0),
        },
        sources: sources.into_iter().collect::<Option<_>>()?,
    })
}

fn source(
    section: SourceSection,
    (common_rate_limit, common_retry, common_lock): (
        &RateLimitSection,
        &RetrySection,
        &LockSection,
    ),
    mistakes: &mut Mistakes,
) -> Option<Source> {
    let rate_limit = rate_limit(&section.rate_limit, common_rate_limit);
    let retry = retry(&section.retry, common_retry, mistakes);
    let lock = lock(&section.lock, common_lock, mistakes);
    Some(Source {
        name: section.name?.into_inner(),
        scope: Scope {
            account: section.account?.0,
            team: section.team.map(|team| team.0),
            filter: section.filter,
        },
        token_env: section.token_env?.0,
        since: section.since,
        enabled: section.enabled.unwrap_or(true),
        rate_limit,
        retry,
        lock,
    })
}

fn check_recheck_after(ages: &[Spanned<Duration>], mistakes: &mut Mistakes) {
    for pair in ages.windows(2) {
        if let [earlier, later] = pair
            && later.get_ref() <= earlier.get_ref()
        {
            let message = "the ages of `recheck_after` in [sync] must ascend".to_owned();
            let label = format!("this is not after {}", show(*earlier.get_ref()));
            mistakes.add(Mistake::at(later.span(), message).label(label));
        }
    }
}

fn check_names(sources: &[SourceSection], mistakes: &mut Mistakes) {
    let mut firsts: HashMap<&SourceName, Span> = HashMap::new();
    for name in sources.iter().filter_map(|source| source.name.as_ref()) {
        match firsts.entry(name.get_ref()) {
            Entry::Vacant(free) => {
                free.insert(name.span());
            }
            Entry::Occupied(first) => {
                let message = format!("two sources are named `{}`", name.get_ref());
                let mistake =
                    Mistake::at(name.span(), message).label("give this one a name of its own");
                mistakes.add(mistake.also(Some(first.get().clone()), "the first one"));
            }
        }
    }
}

/// Sources that share a token share its budget, so there can be only one.
fn check_budgets(sources: &[SourceSection], common: &RateLimitSection, mistakes: &mut Mistakes) {
    let mut firsts: HashMap<&str, (Span, RateLimit)> = HashMap::new();
    for source in sources {
        let merged = source.rate_limit.over(common);
        let Some(variable) = source.token_env.as_ref().filter(|_| merged.sound) else { continue };
        let budget = settle(&merged);
        let (place, first) =
            firsts.entry(&variable.0).or_insert_with(|| (merged.place.clone(), budget));
        if *first != budget {
            // A source without a section of its own has an empty one, placed at its header.
            let message = format!(
                "two sources share the token in {} but set different budgets for it",
                variable.0
            );
            let mistake = Mistake::at(merged.place, message).label(describe(&budget));
            let mistake = mistake.also(Some(place.clone()), describe(first));
            mistakes.add(
                mistake.help(
                    "Heroku counts by token: set the same for both, or set it once in [rate_limit]"
                        .to_owned(),
                ),
            );
        }
    }
}

fn describe(budget: &RateLimit) -> String {
    let RateLimit { requests_per_hour, burst, reserve } = budget;
    format!("{requests_per_hour} requests an hour, a burst of {burst}, a reserve of {reserve}")
}

/// `own` over `common`; they are the same for the common section itself.
fn rate_limit(own: &RateLimitSection, common: &RateLimitSection) -> RateLimit {
    settle(&own.over(common))
}

fn settle(section: &RateLimitSection) -> RateLimit {
    let default = RateLimit::default();
    RateLimit {
        requests_per_hour: value(section.requests_per_hour.as_ref())
            .unwrap_or(default.requests_per_hour),
        burst: value(section.burst.as_ref()).unwrap_or(default.burst),
        reserve: value(section.reserve.as_ref()).unwrap_or(default.reserve),
    }
}

fn retry(own: &RetrySection, common: &RetrySection, mistakes: &mut Mistakes) -> Retry {
    let merged = own.over(common);
    let default = Retry::default();
    let retry = Retry {
        max_attempts: merged.max_attempts.unwrap_or(default.max_attempts),
        initial_interval: value(merged.initial_interval.as_ref())
            .unwrap_or(default.initial_interval),
        multiplier: merged.multiplier.unwrap_or(default.multiplier),
        jitter: merged.jitter.unwrap_or(default.jitter),
        max_interval: value(merged.max_interval.as_ref()).unwrap_or(default.max_interval),
        max_elapsed: merged.max_elapsed.unwrap_or(default.max_elapsed),
    };
    let concerned = own.initial_interval.is_some() || own.max_interval.is_some();
    if merged.sound && concerned && retry.initial_interval > retry.max_interval {
        let (initial, max) = (show(retry.initial_interval), show(retry.max_interval));
        let initial = Key {
            name: "initial_interval",
            shown: initial,
            place: place(merged.initial_interval.as_ref()),
        };
        let max =
            Key { name: "max_interval", shown: max, place: place(merged.max_interval.as_ref()) };
        let own = (place(own.initial_interval.as_ref()), place(own.max_interval.as_ref()));
        mistakes.add(conflict(own, &initial, "must be at most", &max));
    }
    retry
}

fn lock(own: &LockSection, common: &LockSection, mistakes: &mut Mistakes) -> Lock {
    let merged = own.over(common);
    let default = Lock::default();
    let lock = Lock {
        stale_after: value(merged.stale_after.as_ref()).unwrap_or(default.stale_after),
        heartbeat_every: value(merged.heartbeat_every.as_ref()).unwrap_or(default.heartbeat_every),
    };
    if let Some(stale_after) =
        own.stale_after.as_ref().filter(|time| *time.get_ref() > LONGEST_LEASE)
    {
        let message = format!("`stale_after` must be at most {}", show(LONGEST_LEASE));
        mistakes.add(Mistake::at(stale_after.span(), message).label("shorten this").help(
            "a day whose process died stays locked for this long; minutes are usual".to_owned(),
        ));
    }
    let concerned = own.stale_after.is_some() || own.heartbeat_every.is_some();
    if merged.sound && concerned && lock.heartbeat_every > lock.stale_after / 3 {
        let (beat, stale) = (show(lock.heartbeat_every), show(lock.stale_after));
        let beat = Key {
            name: "heartbeat_every",
            shown: beat,
            place: place(merged.heartbeat_every.as_ref()),
        };
        let stale =
            Key { name: "stale_after", shown: stale, place: place(merged.stale_after.as_ref()) };
        let own = (place(own.heartbeat_every.as_ref()), place(own.stale_after.as_ref()));
        mistakes.add(
            conflict(own, &beat, "must be at most a third of", &stale).help(
                "a lock that is still held must not go stale because one beat or two came late"
                    .to_owned(),
            ),
        );
    }
    lock
}

/// One of two keys that do not go together.
struct Key {
    name: &'static str,
    shown: String,
    /// Where it is set, if it is.
    place: Option<Span>,
}

impl Key {
    fn describe(&self) -> String {
        let default = if self.place.is_some() { "" } else { ", the default" };
        format!("`{}` ({}{default})", self.name, self.shown)
    }
}

/// Says that `less` and `more` break the rule, at the place of the one that the section sets itself (`own`, in their order).
fn conflict(own: (Option<Span>, Option<Span>), less: &Key, rule: &str, more: &Key) -> Mistake {
    let message = format!("{} {rule} {}", less.describe(), more.describe());
    let (at, other) = match own {
        (Some(at), _) => (at, more),
        (None, at) => (at.unwrap_or_default(), less),
    };
    let mistake = Mistake::at(at, message).label(format!("change this, or `{}`", other.name));
    mistake.also(other.place.clone(), "it does not go with this")
}

fn value<T: Copy>(spanned: Option<&Spanned<T>>) -> Option<T> {
    spanned.map(|spanned| *spanned.get_ref())
}

fn place<T>(spanned: Option<&Spanned<T>>) -> Option<Span> {
    spanned.map(Spanned::span)
}
