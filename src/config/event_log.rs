//! `[events]` and `[source.events]`: what to log of each new event.

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::near;
use super::value::{Misfit, ValueKind, string};

/// What to log of each new event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventLog {
    /// Log nothing.
    None,
    /// Log one line with time, actor, type, action and id.
    #[default]
    Summary,
    /// Log one line with the entire event.
    Full,
}

impl EventLog {
    const ALL: [Self; 3] = [Self::None, Self::Summary, Self::Full];

    /// The word that the file uses.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Summary => "summary",
            Self::Full => "full",
        }
    }
}

impl ValueKind for EventLog {
    fn what() -> String {
        near::list(Self::ALL.map(Self::name)).replace(" and ", " or ")
    }

    fn schema() -> Json {
        json!({ "enum": Self::ALL.map(Self::name) })
    }

    fn read(value: &DeValue<'_>) -> Result<Self, Misfit> {
        let text = string(value)?;
        let named = Self::ALL.into_iter().find(|log| log.name() == text);
        named.ok_or_else(|| match near::nearest(text, Self::ALL.map(Self::name)) {
            Some(meant) => Misfit::new(format!("did you mean \"{meant}\"?")),
            None => Misfit::new("this is none of them"),
        })
    }
}
