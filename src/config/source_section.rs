//! `[[source]]`: reads one section, which gives one source, or one for each of its teams.

use chrono::NaiveDate;
use toml::Spanned;

use super::defaults::DefaultKeys;
use super::document::{Table, bare};
use super::event_log::EventLog;
use super::lock::{Lock, LockKeys};
use super::mistake::{Mistake, Span};
use super::rate_limit::{RateLimit, RateLimitKeys};
use super::retry::{Retry, RetryKeys};
use super::source::{Filter, Scope, Source, SourceName};
use super::sync::{DueKeys, DuePolicy};
use super::value::{NameOrId, NonBlank};

/// The sections that every source's own keys and sections override.
pub(super) struct CommonKeys {
    pub(super) defaults: DefaultKeys,
    pub(super) rate_limit: RateLimitKeys,
    pub(super) retry: RetryKeys,
    pub(super) lock: LockKeys,
    pub(super) due: DueKeys,
    pub(super) events: Option<EventLog>,
    /// The last day that `since` may name, if that is limited.
    pub(super) newest_since: Option<NaiveDate>,
}

/// One `[[source]]` as it was read, for the rules between sources.
pub(super) struct SourceSection {
    pub(super) name: Option<Spanned<SourceName>>,
    pub(super) previous_names: Vec<Spanned<SourceName>>,
    pub(super) token_env: String,
    /// The budget, and where it is set; `None` where a key of it is wrong.
    pub(super) rate_limit: Option<Spanned<RateLimit>>,
    /// Its sources by name and scope; without those that lack a correct key, which was reported.
    pub(super) parts: Vec<SourcePart>,
    /// Whether it has `teams`, so that `name` stands for all of its sources.
    pub(super) is_group: bool,
    sound: bool,
    since: Option<NaiveDate>,
    enabled: Option<bool>,
    retry: Retry,
    lock: Lock,
    due: DuePolicy,
    events: EventLog,
}

/// One source of a section.
pub(super) struct SourcePart {
    pub(super) name: SourceName,
    /// The place that gives it its name.
    pub(super) place: Span,
    pub(super) scope: Scope,
}

impl SourceSection {
    pub(super) fn read(section: &mut Table<'_, '_>, common: &CommonKeys) -> Self {
        let name = section.require("name", "name = \"acme\"");
        let account = common.defaults.account(section);
        let token_env = common.defaults.token_env(section);
        let teams = TeamKeys::read(section);
        let previous_names = previous_names(section, &teams);
        let since = since(section, common.newest_since);
        let enabled = bare(section.take("enabled"));
        let filter = section.section("filter", "[source.filter]", |filter| {
            let mut text = |key| bare(filter.take(key)).map(|NonBlank(text)| text);
            Filter { r#type: text("type"), action: text("action"), actor: text("actor") }
        });
        let scope = account.map(|account| Scope { account, team: None, filter });
        let (sound, is_group) = (scope.is_some() && name.is_some(), teams.is_many());
        let parts = Option::zip(name.as_ref(), scope);
        let parts = parts.map(|(name, scope)| teams.parts(section, name, &scope));
        Self {
            previous_names,
            token_env,
            parts: parts.unwrap_or_default(),
            is_group,
            sound,
            name,
            since,
            enabled,
            rate_limit: section.section("rate_limit", "[source.rate_limit]", |section| {
                RateLimitKeys::of_source(section, &common.rate_limit)
            }),
            retry: section.section("retry", "[source.retry]", |section| {
                RetryKeys::of_source(section, &common.retry)
            }),
            lock: section.section("lock", "[source.lock]", |section| {
                LockKeys::of_source(section, &common.lock)
            }),
            due: section.section("sync", "[source.sync]", |section| {
                DueKeys::of_source(section, &common.due)
            }),
            events: section
                .section("events", "[source.events]", |section| bare(section.take("log")))
                .or(common.events)
                .unwrap_or_default(),
        }
    }

    /// Its sources; `None` where a required key is absent or wrong, which was reported.
    pub(super) fn into_sources(self) -> Option<Vec<Source>> {
        if !self.sound {
            return None;
        }
        let group = self.name.filter(|_| self.is_group).map(Spanned::into_inner);
        let previous_names: Vec<SourceName> =
            self.previous_names.into_iter().map(Spanned::into_inner).collect();
        let rate_limit = self.rate_limit?.into_inner();
        let source = |part: SourcePart| Source {
            name: part.name,
            group: group.clone(),
            previous_names: previous_names.clone(),
            scope: part.scope,
            token_env: self.token_env.clone(),
            since: self.since,
            enabled: self.enabled.unwrap_or(true),
            rate_limit,
            retry: self.retry.clone(),
            lock: self.lock,
            due: self.due.clone(),
            events: self.events,
        };
        Some(self.parts.into_iter().map(source).collect())
    }
}

/// The teams of a section.
enum TeamKeys {
    /// All, or the one of `team`.
    One(Option<NameOrId>),
    /// Those of `teams`.
    Many(Vec<Spanned<NameOrId>>),
}

impl TeamKeys {
    /// Reads `team` or `teams`.
    fn read(section: &mut Table<'_, '_>) -> Self {
        let team: Option<Spanned<NameOrId>> = section.take("team");
        let Some(teams) = section.array::<NameOrId>("teams") else { return Self::One(bare(team)) };
        let place = section.place("teams").unwrap_or_default();
        if let Some(team) = team {
            let message = "[[source]] has both `team` and `teams`";
            let mistake = Mistake::at(place, message).label("remove one of the two");
            section.report(mistake.also(Some(team.span()), "the other one"));
        } else if teams.is_empty() && section.is_sound() {
            let mistake = Mistake::at(place, "`teams` in [[source]] names no team");
            let label = "name a team, or remove the key to read the entire account";
            section.report(mistake.label(label));
        }
        let mut different: Vec<Spanned<NameOrId>> = Vec::with_capacity(teams.len());
        for team in teams {
            let is_same = |other: &&Spanned<NameOrId>| other.get_ref().0 == team.get_ref().0;
            if let Some(first) = different.iter().find(is_same) {
                let message = format!("`teams` in [[source]] names `{}` twice", team.get_ref().0);
                let mistake = Mistake::at(team.span(), message).label("remove this");
                section.report(mistake.also(Some(first.span()), "the first one"));
            } else {
                different.push(team);
            }
        }
        Self::Many(different)
    }

    fn is_many(&self) -> bool {
        matches!(self, Self::Many(_))
    }

    /// The sources that `name` stands for.
    fn parts(
        self,
        section: &mut Table<'_, '_>,
        name: &Spanned<SourceName>,
        scope: &Scope,
    ) -> Vec<SourcePart> {
        let of_team = |team: Option<String>| Scope { team, ..scope.clone() };
        let teams = match self {
            Self::One(team) => {
                let (team, place) = (team.map(|NameOrId(team)| team), name.span());
                let name = name.get_ref().clone();
                return vec![SourcePart { name, place, scope: of_team(team) }];
            }
            Self::Many(teams) => teams,
        };
        let mut parts = Vec::new();
        for team in teams {
            let (place, NameOrId(team)) = (team.span(), team.into_inner());
            let full = format!("{}-{team}", name.get_ref());
            match SourceName::parse(&full) {
                Ok(name) => parts.push(SourcePart { name, place, scope: of_team(Some(team)) }),
                Err(error) => {
                    let message = format!("no source can be named `{full}`");
                    let help = "write a [[source]] of its own for this team, with a `name` and \
                                `team`";
                    let mistake = Mistake::at(place, message).label(error.to_string());
                    section.report(mistake.help(help.to_owned()));
                }
            }
        }
        parts
    }
}

/// The former names of a source.
fn previous_names(section: &mut Table<'_, '_>, teams: &TeamKeys) -> Vec<Spanned<SourceName>> {
    let names = section.array::<SourceName>("previous_names").unwrap_or_default();
    if let (true, Some(place)) = (teams.is_many(), section.place("previous_names")) {
        let message = "[[source]] has both `teams` and `previous_names`";
        let help = "write a [[source]] of its own for the team that was renamed";
        let mistake = Mistake::at(place, message).label("one name can't belong to several sources");
        section.report(mistake.help(help.to_owned()));
    }
    names
}

/// The first day that must be covered.
fn since(section: &mut Table<'_, '_>, newest: Option<NaiveDate>) -> Option<NaiveDate> {
    let since: Spanned<NaiveDate> = section.take("since")?;
    if newest.is_some_and(|newest| *since.get_ref() > newest) {
        let help = "name the first day that must be covered: today, or an earlier day (UTC)";
        let mistake = Mistake::at(since.span(), "`since` in [[source]] is in the future");
        section.report(mistake.label("no day would be due until then").help(help.to_owned()));
    }
    Some(since.into_inner())
}
