//! `[lock]` and `[source.lock]`: how long a lease lasts.

use std::time::Duration;

use toml::Spanned;

use super::document::Table;
use super::duration::show;
use super::mistake::Mistake;
use super::rule::{RuleKey, conflict};

/// The store treats a lease that ends later than this from now as a mistake in the ledger.
const LONGEST_LEASE: Duration = Duration::from_hours(30 * 24);

/// How long a lease lasts, and how often its holder renews it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// The time after which a lease that was not renewed is free.
    pub stale_after: Duration,
    /// The time between renewals: at most a third of `stale_after`.
    pub heartbeat_every: Duration,
}

impl Default for Lock {
    fn default() -> Self {
        Self { stale_after: Duration::from_mins(15), heartbeat_every: Duration::from_mins(1) }
    }
}

/// The keys that one section sets.
pub(super) struct LockKeys {
    sound: bool,
    stale_after: Option<Spanned<Duration>>,
    heartbeat_every: Option<Spanned<Duration>>,
}

impl LockKeys {
    /// Reads `[lock]`.
    pub(super) fn common(section: &mut Table<'_, '_>) -> Self {
        let keys = Self::read(section);
        // Only to report the rules that the section breaks by itself.
        keys.over(&keys, section);
        keys
    }

    /// Reads `[source.lock]`, whose absent keys come from `common`.
    pub(super) fn of_source(section: &mut Table<'_, '_>, common: &Self) -> Lock {
        Self::read(section).over(common, section)
    }

    fn read(section: &mut Table<'_, '_>) -> Self {
        let stale_after = section.take("stale_after");
        let heartbeat_every = section.take("heartbeat_every");
        Self { sound: section.is_sound(), stale_after, heartbeat_every }
    }

    /// These keys over those of `base`, and over the defaults. Reports broken rules to `section`.
    fn over(&self, base: &Self, section: &mut Table<'_, '_>) -> Lock {
        let stale_after = self.stale_after.as_ref().or(base.stale_after.as_ref());
        let heartbeat_every = self.heartbeat_every.as_ref().or(base.heartbeat_every.as_ref());
        let default = Lock::default();
        let lock = Lock {
            stale_after: stale_after.map_or(default.stale_after, |time| *time.get_ref()),
            heartbeat_every: heartbeat_every
                .map_or(default.heartbeat_every, |time| *time.get_ref()),
        };
        if let Some(own) = self.stale_after.as_ref().filter(|time| *time.get_ref() > LONGEST_LEASE)
        {
            let message = format!("`stale_after` must be at most {}", show(LONGEST_LEASE));
            let help = "when a process dies, its days stay locked for this long; minutes are usual";
            let mistake = Mistake::at(own.span(), message).label("shorten this");
            section.report(mistake.help(help.to_owned()));
        }
        let is_own = self.stale_after.is_some() || self.heartbeat_every.is_some();
        let is_broken = lock.heartbeat_every > lock.stale_after / 3;
        if self.sound && base.sound && is_own && is_broken {
            let own = self.heartbeat_every.as_ref();
            let every = RuleKey::new("heartbeat_every", lock.heartbeat_every, own, heartbeat_every);
            let own = self.stale_after.as_ref();
            let stale = RuleKey::new("stale_after", lock.stale_after, own, stale_after);
            let help = "a lease must not end because one or two renewals came late";
            let mistake = conflict(&every, "must be at most a third of", &stale);
            section.report(mistake.help(help.to_owned()));
        }
        lock
    }
}
