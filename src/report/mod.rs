//! What people and scripts read: tables, JSON documents, log lines.
//!
//! Results go to stdout, as text or as exactly one JSON document; logs go to stderr.

pub mod adoption;
pub mod backfill;
pub mod check;
mod fold;
pub mod history;
pub mod log;
pub mod operator;
mod paint;
pub mod progress;
pub mod reconcile;
pub mod remaining;
pub mod run;
pub mod status;
mod table;

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

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
    /// The text for people, with its line ends.
    fn text(&self) -> String;
}

impl Output {
    /// Prints `report` to stdout. Only a terminal gets colours, and not where `NO_COLOR` is set.
    pub fn print(self, report: &impl Report) -> io::Result<()> {
        let stdout = io::stdout().lock();
        let written = match self {
            Self::Text => {
                let text = width().map_or_else(|| report.text(), |width| fold::fold(&report.text(), width));
                let mut stdout = anstream::AutoStream::auto(stdout);
                stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
            }
            Self::Json => {
                let document = serde_json::to_string(report).map_err(io::Error::from)? + "\n";
                let mut stdout = stdout;
                stdout.write_all(document.as_bytes()).and_then(|()| stdout.flush())
            }
        };
        match written {
            // A reader that has seen enough, such as `head`, is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
}

/// The columns of the terminal that results go to, if they go to one.
fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(stdout).map(|(terminal_size::Width(columns), _)| usize::from(columns))
}
