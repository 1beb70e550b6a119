//! The configuration: from `audit.toml` to checked values.
//!
//! The entire file is checked before anything else happens. The result is a [`Config`], or a
//! [`ConfigError`] that shows every mistake with its line. This module reads no environment,
//! network or clock: [`Config::tokens`] gets the environment as an argument.
//!
//! `load` calls `syntax`, which parses the text into a tree, and `document`, which walks the tree
//! by the known keys. `value`, `number`, `date`, `duration` and `base_url` read single values. Each
//! section has a reader: `settings`, `defaults`, `rate_limit`, `retry`, `lock`, `sync`,
//! `event_log`, `evidence`, `source_section`; `file` reads them all. `same` checks the sources
//! against each other, and `select` finds them by name. `mistake` renders mistakes, and `mask`
//! keeps secrets out of them. `schema` describes the file to editors.

mod base_url;
mod date;
mod defaults;
mod document;
mod duration;
mod error;
mod event_log;
mod evidence;
mod file;
mod first;
#[cfg(test)]
mod fuzz;
mod key_name;
mod load;
mod lock;
mod mask;
mod mistake;
mod near;
mod number;
mod rate_limit;
mod retry;
mod rule;
mod same;
mod schema;
mod select;
mod settings;
mod source;
mod source_section;
mod sync;
mod syntax;
mod table_schema;
mod token;
mod value;

pub use duration::parse as duration;
pub use error::ConfigError;
pub use event_log::EventLog;
pub use evidence::Evidence;
pub use first::{FirstFile, FirstSource, base_url, name_or_id, source_name, variable_name};
pub use key_name::{KeyName, KeyNameError};
pub use lock::Lock;
pub use mask::redact_patterns;
pub use near::nearest;
pub use rate_limit::RateLimit;
pub use retry::Retry;
pub use select::UnknownSource;
pub use settings::{Api, Config, Database, Notify};
pub use source::{Filter, NameError, Scope, Source, SourceName};
pub use sync::{DuePolicy, Sync};
pub use token::{MissingToken, Token, TokenError, Tokens};
