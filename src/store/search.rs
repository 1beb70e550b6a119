//! Finds stored events by what people know of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;

use super::error::Result;
use super::evidence::{EventStream, EvidenceSnapshot};
use super::handle::Reader;
use super::statement::{Statement, column, statement};

/// How long the next event may take. A rare one may be far back, and all events after it are read.
const LONGEST_SEARCH: Duration = Duration::from_mins(10);

/// What is searched for. `None` accepts all.
#[derive(Debug, Clone, Default)]
pub struct EventSearch {
    /// The names of the sources.
    pub sources: Option<Vec<String>>,
    /// The app's name or id.
    pub apps: Option<Vec<Pattern>>,
    /// The actor's address or id.
    pub actors: Option<Vec<Pattern>>,
    /// The type.
    pub types: Option<Vec<Pattern>>,
    /// The action.
    pub actions: Option<Vec<Pattern>>,
    /// The team's name or id.
    pub teams: Option<Vec<Pattern>>,
    /// Networks that the address is in.
    pub networks: Option<Vec<IpNet>>,
    /// The first moment.
    pub since: Option<DateTime<Utc>>,
    /// The first moment after the last one.
    pub until: Option<DateTime<Utc>>,
    /// The most events to find.
    pub limit: Option<u32>,
}

/// A text to compare with, without regard to case. `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern that a person typed.
    pub fn new(typed: &str) -> Self {
        let mut like = String::with_capacity(typed.len());
        for c in typed.to_lowercase().chars() {
            match c {
                '*' => like.push('%'),
                '%' | '_' | '\\' => like.extend(['\\', c]),
                c => like.push(c),
            }
        }
        Self(like)
    }
}

impl Reader {
    /// Whether a stored event has each of these values: the kind of value (`app`, `actor`, `type`,
    /// `action` or `team`) and what a person typed.
    pub async fn stored_values(&self, named: &[(&str, &str)]) -> Result<Vec<bool>> {
        let kinds: Vec<&str> = named.iter().map(|(kind, _)| *kind).collect();
        let patterns: Vec<String> = named.iter().map(|(_, typed)| Pattern::new(typed).0).collect();
        let ask = || statement(include_str!("sql/stored_values.sql")).bind(&kinds).bind(&patterns);
        let rows = self.rows("search its events", ask).await?;
        rows.iter().map(|row| column(row, "is_stored")).collect()
    }
}

impl EvidenceSnapshot {
    /// The events that `search` selects, newest first.
    pub fn search(&mut self, search: EventSearch) -> EventStream<'_> {
        let like = |patterns: Option<Vec<Pattern>>| {
            patterns.map(|patterns| patterns.into_iter().map(|Pattern(like)| like).collect())
        };
        let like: [Option<Vec<String>>; 5] =
            [search.apps, search.actors, search.types, search.actions, search.teams].map(like);
        let query = statement(include_str!("sql/search_events.sql"))
            .bind(search.since)
            .bind(search.until)
            .bind(search.sources);
        let query = like.into_iter().fold(query, Statement::bind);
        let query = query.bind(search.networks).bind(search.limit.map(i64::from));
        self.stream(query, LONGEST_SEARCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_asterisk_stands_for_other_text() {
        assert_eq!(Pattern::new("Shop-*"), Pattern("shop-%".to_owned()));
        assert_eq!(Pattern::new(r"a_b%\"), Pattern(r"a\_b\%\\".to_owned()));
    }
}
