//! Results for people and scripts: text and tables, or JSON documents.
//!
//! Results go to stdout: as text, or as exactly one JSON document. Errors go to stderr. [`Text`]
//! and the JSON writer redact secrets, and escape everything that could control a terminal or
//! imitate a line of the report: see [`crate::text`].

pub mod adoption;
pub mod backfill;
pub mod check;
pub mod day;
pub mod history;
mod json;
pub mod operator;
mod output;
mod paint;
pub mod progress;
pub mod reconcile;
pub mod remaining;
pub mod run;
pub mod status;
pub mod streams;
mod table;
mod text;
mod wrap;

pub use output::{Output, Report};
pub use text::{Text, counted};
