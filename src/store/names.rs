//! The names under which days are stored. A new name changes no row, so the days of one source
//! may have several names.

use sqlx::types::Json;

use crate::config::{Scope, Source};

/// The names of some sources, each with its source, as the columns of a statement's parameters.
///
/// If two names of a source have the same day, the day of the first name counts.
#[derive(Debug, Clone, Default)]
pub struct StoredNames<'a> {
    stored: Vec<&'a str>,
    sources: Vec<&'a str>,
    scopes: Vec<Option<Json<&'a Scope>>>,
    /// The names of the same source that come first, separated by commas; `None` if there are none.
    preceding: Vec<Option<String>>,
}

impl<'a> StoredNames<'a> {
    /// All names of `sources`.
    pub fn of(sources: impl IntoIterator<Item = &'a Source>) -> Self {
        let mut names = Self::default();
        for source in sources {
            names.add(source.names().map(AsRef::as_ref), Some(&source.scope));
        }
        names
    }

    /// Adds the names of one source, of which the first is its present one.
    pub(super) fn add(&mut self, names: impl Iterator<Item = &'a str>, scope: Option<&'a Scope>) {
        let mut present = None;
        let mut preceding: Option<String> = None;
        for name in names {
            self.stored.push(name);
            self.sources.push(present.get_or_insert(name));
            self.scopes.push(scope.map(Json));
            self.preceding.push(preceding.clone());
            preceding = Some(preceding.map_or(name.to_owned(), |all| format!("{all},{name}")));
        }
    }

    /// Adds sources that the file does not have.
    #[must_use]
    pub fn and(mut self, others: impl IntoIterator<Item = &'a str>) -> Self {
        for name in others {
            self.add(std::iter::once(name), None);
        }
        self
    }

    pub(super) fn stored(&self) -> Vec<&'a str> {
        self.stored.clone()
    }

    pub(super) fn sources(&self) -> Vec<&'a str> {
        self.sources.clone()
    }

    pub(super) fn scopes(&self) -> Vec<Option<Json<&'a Scope>>> {
        self.scopes.clone()
    }

    pub(super) fn preceding(&self) -> Vec<Option<String>> {
        self.preceding.clone()
    }
}
