//! `[retry]` and `[source.retry]`: how often a request is retried.

use std::num::NonZeroU32;
use std::time::Duration;

use toml::Spanned;

use super::document::{Table, bare};
use super::number::{Fraction, Multiplier};
use super::rule::{RuleKey, conflict};

/// How often a request is retried after a passing failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Attempts at one request, including the first.
    pub max_attempts: NonZeroU32,
    /// The wait before the second attempt: at most `max_interval`.
    pub initial_interval: Duration,
    /// The factor from each wait to the next: finite, 1.0 or more.
    pub multiplier: f64,
    /// The random part of each wait, from 0.0 to 1.0.
    pub jitter: f64,
    /// The longest wait.
    pub max_interval: Duration,
    /// The time after which no further attempt begins.
    pub max_elapsed: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: const { NonZeroU32::new(6).expect("above zero") },
            initial_interval: Duration::from_millis(500),
            multiplier: 2.0,
            jitter: 0.5,
            max_interval: Duration::from_secs(30),
            max_elapsed: Duration::from_mins(5),
        }
    }
}

/// The keys that one section sets.
pub(super) struct RetryKeys {
    sound: bool,
    max_attempts: Option<NonZeroU32>,
    initial_interval: Option<Spanned<Duration>>,
    multiplier: Option<f64>,
    jitter: Option<f64>,
    max_interval: Option<Spanned<Duration>>,
    max_elapsed: Option<Duration>,
}

impl RetryKeys {
    /// Reads `[retry]`.
    pub(super) fn common(section: &mut Table<'_, '_>) -> Self {
        let keys = Self::read(section);
        keys.over(&keys, section);
        keys
    }

    /// Reads `[source.retry]`, whose absent keys come from `common`.
    pub(super) fn of_source(section: &mut Table<'_, '_>, common: &Self) -> Retry {
        Self::read(section).over(common, section)
    }

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

    /// These keys over those of `base`, and over the defaults. Reports broken rules to `section`.
    fn over(&self, base: &Self, section: &mut Table<'_, '_>) -> Retry {
        let initial = self.initial_interval.as_ref().or(base.initial_interval.as_ref());
        let max = self.max_interval.as_ref().or(base.max_interval.as_ref());
        let default = Retry::default();
        let retry = Retry {
            max_attempts: self.max_attempts.or(base.max_attempts).unwrap_or(default.max_attempts),
            initial_interval: initial.map_or(default.initial_interval, |time| *time.get_ref()),
            multiplier: self.multiplier.or(base.multiplier).unwrap_or(default.multiplier),
            jitter: self.jitter.or(base.jitter).unwrap_or(default.jitter),
            max_interval: max.map_or(default.max_interval, |time| *time.get_ref()),
            max_elapsed: self.max_elapsed.or(base.max_elapsed).unwrap_or(default.max_elapsed),
        };
        let is_own = self.initial_interval.is_some() || self.max_interval.is_some();
        let is_broken = retry.initial_interval > retry.max_interval;
        if self.sound && base.sound && is_own && is_broken {
            let own = self.initial_interval.as_ref();
            let initial = RuleKey::new("initial_interval", retry.initial_interval, own, initial);
            let own = self.max_interval.as_ref();
            let max = RuleKey::new("max_interval", retry.max_interval, own, max);
            section.report(conflict(&initial, "must be at most", &max));
        }
        retry
    }
}
