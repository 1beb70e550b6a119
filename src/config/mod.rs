//! The configuration: from `audit.toml` to checked values.
//!
//! The entire file is checked before anything else happens. The result is a [`Config`], or a
//! [`ConfigError`] that shows every mistake with its line. This module reads no environment,
//! network or clock: [`Config::tokens`] gets the environment as an argument.
//!
//! `load` calls `syntax`, which parses the text into a tree, and `document`, which walks the tree
//! by the known keys. `value`, `number`, `date`, `duration` and `base_url` read single values. Each
//! section has a reader: `settings`, `rate_limit`, `retry`, `lock`, `evidence`, `source`; `file`
//! reads them all. `mistake` renders mistakes, and `mask` keeps secrets out of them. `schema`
//! describes the file to editors.

mod base_url;
mod date;
mod document;
mod duration;
mod error;
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
mod schema;
mod settings;
mod source;
mod syntax;
mod table_schema;
mod token;
mod value;

pub use duration::parse as duration;
pub use error::{ConfigError, UnknownSource};
pub use evidence::Evidence;
pub use first::{FirstFile, FirstSource, base_url, name_or_id, source_name, variable_name};
pub use key_name::{KeyName, KeyNameError};
pub use lock::Lock;
pub use mask::redact_patterns;
pub use near::nearest;
pub use rate_limit::RateLimit;
pub use retry::Retry;
pub use settings::{Api, Config, Database, EventLog, Notify, Sync};
pub use source::{Filter, NameError, Scope, Source, SourceName};
pub use token::{Token, TokenError, Tokens};
