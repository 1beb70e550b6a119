//! Finds sources by the names that people type.

use super::near;
use super::settings::Config;
use super::source::{Source, SourceName};

/// Why a name selects no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSource {
    /// No source has it.
    #[error("no source is named `{}`: {hint}", .name.escape_debug())]
    Unknown {
        /// The name.
        name: String,
        /// What may be meant.
        hint: String,
    },
    /// A source had it before.
    #[error("no source is named `{name}` any more: its name is `{now}` now. Use that name")]
    Former {
        /// The former name.
        name: SourceName,
        /// The present one.
        now: SourceName,
    },
    /// It stands for several sources, and one is wanted.
    #[error("`{name}` names several sources: {sources}. Name one of them")]
    Several {
        /// The name.
        name: String,
        /// The sources.
        sources: String,
    },
}

impl Config {
    /// The source of this name, enabled or not.
    pub fn source(&self, name: &str) -> Result<&Source, UnknownSource> {
        match self.select(name)?.as_slice() {
            [only] if only.name.as_ref() == name => Ok(only),
            several => Err(UnknownSource::Several {
                name: name.to_owned(),
                sources: near::list(several.iter().map(|source| source.name.as_ref())),
            }),
        }
    }

    /// The source of this name, or all sources of the section of this name that has `teams`. They
    /// may be disabled.
    pub fn select(&self, name: &str) -> Result<Vec<&Source>, UnknownSource> {
        let is_named = |source: &&Source| {
            let group = source.group.as_ref().map(AsRef::as_ref);
            source.name.as_ref() == name || group == Some(name)
        };
        let named: Vec<&Source> = self.sources.iter().filter(is_named).collect();
        if named.is_empty() { Err(self.unknown(name)) } else { Ok(named) }
    }

    /// The source under whose present or former name a day is stored.
    pub fn owner(&self, stored: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.names().any(|name| name.as_ref() == stored))
    }

    /// Why no source has this name.
    pub fn unknown(&self, name: &str) -> UnknownSource {
        let former = |source: &Source| {
            let former = source.previous_names.iter().find(|former| former.as_ref() == name)?;
            Some(UnknownSource::Former { name: former.clone(), now: source.name.clone() })
        };
        if let Some(former) = self.sources.iter().find_map(former) {
            return former;
        }
        let known: Vec<&str> = self.sources.iter().map(|source| source.name.as_ref()).collect();
        let groups = self.sources.iter().filter_map(|source| source.group.as_ref());
        let groups = groups.map(AsRef::as_ref);
        let hint = match near::nearest(name, known.iter().copied().chain(groups)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.len() == 1 => format!("the only source is {}", near::list(known)),
            None => format!("the sources are {}", near::list(known)),
        };
        UnknownSource::Unknown { name: name.to_owned(), hint }
    }
}
