//! Which events of a fetch, or of an archive, belong to a source.

use crate::config::{Filter, Source};
use crate::event::Event;
use crate::heroku::{Session, Team, TeamError, Teams};
use crate::store::StoredTeam;

/// Selects the events of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    /// The one team whose events it takes.
    pub(crate) team: Option<Team>,
    /// The filter, unless Heroku applied it already.
    pub(crate) filter: Filter,
}

impl Selector {
    /// The selector of `source` in an answer to which Heroku applied the filter `applied`.
    ///
    /// A filter that Heroku applied is not applied again: Heroku may compare types and addresses in
    /// another way.
    pub(crate) async fn find(
        teams: &Teams,
        session: &Session,
        source: &Source,
        applied: &Filter,
    ) -> Result<Self, TeamError> {
        let filter = &source.scope.filter;
        let filter = if filter == applied { Filter::default() } else { filter.clone() };
        let team = teams.team(session, source).await?;
        Ok(Self { team, filter })
    }

    /// The team as a query of stored events names it.
    pub(crate) fn stored_team(&self) -> Option<StoredTeam<'_>> {
        self.team.as_ref().map(|team| StoredTeam { id: &team.id, name: &team.name })
    }

    /// Whether `event` belongs to the source.
    ///
    /// A team is recognized by its id, or by its name if the event has no team id. An actor is
    /// recognized by the address in any case, as Heroku's reference has it, or by the id: one event
    /// too many is better than one too few.
    pub(crate) fn takes(&self, event: &Event) -> bool {
        let columns = &event.columns;
        let of_team = self.team.as_ref().is_none_or(|team| match &columns.team_id {
            Some(id) => id.eq_ignore_ascii_case(&team.id),
            None => columns.team_name.as_ref() == Some(&team.name),
        });
        let Filter { r#type, action, actor } = &self.filter;
        of_team
            && r#type.as_ref().is_none_or(|wanted| columns.kind.as_ref() == Some(wanted))
            && action.as_ref().is_none_or(|wanted| columns.action.as_ref() == Some(wanted))
            && actor.as_ref().is_none_or(|wanted| {
                columns.actor_email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(wanted))
                    || columns.actor_id.as_ref() == Some(wanted)
            })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(text: &str) -> Event {
        Event::from_bytes(Bytes::copy_from_slice(text.as_bytes())).expect("an event")
    }

    #[test]
    fn a_team_matches_by_its_id_or_without_one_by_its_name() {
        let team = Some(Team { id: "t-1".into(), name: "team-a".into() });
        let team = Selector { team, filter: Filter::default() };
        assert!(team.takes(&event(r#"{"team":{"id":"t-1","name":"renamed since"}}"#)));
        assert!(team.takes(&event(r#"{"team":{"id":"T-1"}}"#)));
        assert!(team.takes(&event(r#"{"team":{"name":"team-a"}}"#)));
        assert!(!team.takes(&event(r#"{"team":{"id":"t-2","name":"team-a"}}"#)));
        assert!(!team.takes(&event(r#"{"team":null}"#)));
        assert!(!team.takes(&event("{}")));
        assert!(Selector::default().takes(&event("{}")));
    }

    #[test]
    fn a_local_filter_selects_what_heroku_s_would() {
        let filter = |r#type: Option<&str>, action: Option<&str>, actor: Option<&str>| Selector {
            team: None,
            filter: Filter {
                r#type: r#type.map(str::to_owned),
                action: action.map(str::to_owned),
                actor: actor.map(str::to_owned),
            },
        };
        let made = event(
            r#"{"type":"app","action":"create","actor":{"id":"u-1","email":"User@example.com"}}"#,
        );
        assert!(filter(Some("app"), Some("create"), Some("user@example.com")).takes(&made));
        assert!(filter(None, None, Some("u-1")).takes(&made));
        assert!(!filter(Some("App"), None, None).takes(&made));
        assert!(!filter(Some("app"), Some("destroy"), None).takes(&made));
        assert!(!filter(None, None, Some("other@example.com")).takes(&made));
        assert!(!filter(Some("app"), None, None).takes(&event("{}")));
    }
}
