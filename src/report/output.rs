//! The two forms of a result, and how each is printed to stdout.

use std::io::{self, BufWriter, IsTerminal, Write as _};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::progress::suspend_live_lines;
use super::streams::{accept_closed_pipe, print_document, shows_colors, width_of};
use super::text::Text;

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Output {
    /// Text and tables for people
    #[default]
    Text,
    /// One JSON document for scripts
    Json,
    /// One event per line, as JSON; only for `events`
    Ndjson,
}

/// A result that can be printed as text and as a JSON document.
pub(crate) trait Report: Serialize {
    /// Writes the text for people, line by line. An error is the writer's.
    fn write_text(&self, text: &mut Text<'_>) -> io::Result<()>;
}

impl Output {
    /// Prints `report` to stdout while it is being made, without holding all of it in memory.
    ///
    /// Only a terminal gets colours. Printing ends without an error where the reader closes the
    /// pipe.
    pub(crate) fn print(self, report: &impl Report) -> io::Result<()> {
        match self {
            Self::Text => {
                let width = terminal_width();
                let mut out = BufWriter::new(colored(io::stdout()));
                let written = report.write_text(&mut Text::new(&mut out, width));
                accept_closed_pipe(written.and_then(|()| out.flush()))
            }
            Self::Json | Self::Ndjson => print_document(report),
        }
    }

    /// Prints `report` to stderr, if that is a terminal and stdout is none: then stdout carries
    /// records, and the log is short.
    pub(crate) fn print_beside_records(report: &impl Report) {
        if !io::stderr().is_terminal() || io::stdout().is_terminal() {
            return;
        }
        let width = width_of(&io::stderr());
        let mut text = Vec::new();
        // A vector accepts everything, and nobody reads a stderr that accepts nothing.
        let _ = report.write_text(&mut Text::new(&mut text, width));
        let _ = suspend_live_lines(|| colored(io::stderr()).write_all(&text));
    }

    /// Prints why there is no result, where the caller asked for a JSON document.
    pub(crate) fn print_failure(self, error: &str, exit_status: u8) -> io::Result<()> {
        match self {
            Self::Text | Self::Ndjson => Ok(()),
            Self::Json => {
                print_document(&serde_json::json!({ "error": error, "exit_status": exit_status }))
            }
        }
    }
}

/// The stream, without the colours that it does not show.
fn colored<S: RawStream + IsTerminal>(stream: S) -> AutoStream<S> {
    let choice = if shows_colors(&stream) { ColorChoice::Always } else { ColorChoice::Never };
    AutoStream::new(stream, choice)
}

/// The columns of the terminal on stdout; `None` where stdout is no terminal.
pub(super) fn terminal_width() -> Option<usize> {
    width_of(&io::stdout())
}
