//! What people and scripts read: tables, JSON documents, log lines.
//!
//! Results go to stdout, as text or as exactly one JSON document; logs go to stderr. Whatever is in them, nothing that others
//! wrote steers a terminal or begins a line, and no secret is in them: see [`Text`] and [`crate::text`].

pub mod adoption;
pub mod backfill;
pub mod check;
pub mod history;
mod json;
pub mod operator;
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

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

pub use text::Text;

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// A result that can be printed either way.
pub trait Report: Serialize {
    /// The text for people.
    fn text(&self) -> Text;
}

impl Output {
    /// Prints `report` to stdout. Only a terminal gets colours, and not where `NO_COLOR` is set.
    pub fn print(self, report: &impl Report) -> io::Result<()> {
        match self {
            Self::Text => {
                let text = report.text();
                let folded = width().map(|width| wrap::wrap(text.as_str(), width));
                let text = folded.as_deref().unwrap_or(text.as_str());
                let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
                streams::unless_read_enough(
                    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()),
                )
            }
            Self::Json => streams::print_document(report),
        }
    }
}

/// The columns of the terminal that results go to, if they go to one.
fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(stdout)
        .map(|(terminal_size::Width(columns), _)| usize::from(columns))
}
