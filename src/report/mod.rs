//! Results for people and scripts: text and tables, or JSON documents.
//!
//! Results go to stdout: as text, or as exactly one JSON document. Errors go to stderr. [`Text`]
//! and the JSON writer redact secrets, and escape everything that could control a terminal or
//! imitate a line of the report: see [`crate::text`].

pub(crate) mod adoption;
pub(crate) mod archives;
pub(crate) mod backfill;
pub(crate) mod bag;
pub(crate) mod check;
mod columns;
mod compared;
pub(crate) mod day;
mod event_table;
pub(crate) mod found;
mod group;
pub(crate) mod history;
pub(crate) mod init;
mod json;
pub(crate) mod lines;
mod older;
pub(crate) mod operator;
mod output;
pub(crate) mod page;
pub(crate) mod page_file;
mod paint;
pub(crate) mod program;
pub(crate) mod progress;
mod reason;
pub(crate) mod reconcile;
pub(crate) mod remaining;
pub(crate) mod run;
pub(crate) mod sheet;
pub(crate) mod status;
pub(crate) mod streams;
mod table;
mod text;
pub(crate) mod verify;
pub(crate) mod view;
mod width;
mod wrap;

pub(crate) use output::Output;
pub(crate) use streams::TerminalKind;
pub(crate) use text::counted;
