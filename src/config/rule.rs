//! A rule between two keys of a section, and the mistake of breaking it.

use std::time::Duration;

use toml::Spanned;

use super::duration::show;
use super::mistake::{Mistake, Span};

/// One key of a rule.
pub(super) struct RuleKey {
    name: &'static str,
    value: Duration,
    /// Where the section itself sets the key, if it does.
    own: Option<Span>,
    /// Where the key is set at all: in the section, or in the one that it overrides.
    place: Option<Span>,
}

impl RuleKey {
    /// The key `name` with the resulting `value`. The section itself says `own`; `merged` also
    /// takes the overridden section into account.
    pub(super) fn new(
        name: &'static str,
        value: Duration,
        own: Option<&Spanned<Duration>>,
        merged: Option<&Spanned<Duration>>,
    ) -> Self {
        Self { name, value, own: own.map(Spanned::span), place: merged.map(Spanned::span) }
    }

    fn describe(&self) -> String {
        let default = if self.place.is_some() { "" } else { ", the default" };
        format!("`{}` ({}{default})", self.name, show(self.value))
    }
}

/// The mistake "`less` `must` `more`". It points at the key that the section itself sets.
pub(super) fn conflict(less: &RuleKey, must: &str, more: &RuleKey) -> Mistake {
    let message = format!("{} {must} {}", less.describe(), more.describe());
    let (at, other) = match (&less.own, &more.own) {
        (Some(at), _) => (at.clone(), more),
        (None, at) => (at.clone().unwrap_or_default(), less),
    };
    Mistake::at(at, message)
        .label(format!("change this, or `{}`", other.name))
        .also(other.place.clone(), "this contradicts it")
}
