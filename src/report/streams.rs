//! Writing to stdout and stderr.
//!
//! A failed write to stdout is an error, which the exit status shows. A failed write to stderr is
//! ignored: nobody reads it.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Write as _};
use std::os::fd::AsFd;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::json;
use super::progress::suspend_live_lines;
use super::wrap::wrapped;
use crate::text::{clean, clean_lines};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TerminalKind {
    /// Colours, and lines that are drawn again.
    #[default]
    Full,
    /// Text alone.
    Dumb,
}

/// Adapts everything that this process prints to its terminal.
pub(crate) fn adapt_to(terminal: TerminalKind) {
    if terminal == TerminalKind::Dumb {
        ColorChoice::Never.write_global();
    }
}

/// Whether the stream shows colours: it is a terminal, and neither it nor `NO_COLOR`
/// (<https://no-color.org>) says otherwise. No variable forces colours into a pipe.
pub(crate) fn shows_colors(stream: &(impl RawStream + IsTerminal)) -> bool {
    IsTerminal::is_terminal(stream) && AutoStream::choice(stream) != ColorChoice::Never
}

/// Writes `bytes` to stdout.
pub(crate) fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    accept_closed_pipe(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Writes a JSON document to stdout while it is being made.
pub(super) fn print_document(value: &impl Serialize) -> io::Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    accept_closed_pipe(json::write(&mut stdout, value).and_then(|()| stdout.flush()))
}

/// Accepts that the reader closed the pipe: a reader such as `head` has read enough.
pub(crate) fn accept_closed_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes `text` to stderr, redacted and sanitized. Its line ends stay line ends. A terminal gets
/// messages broken at words, and parts of a file unchanged.
pub(crate) fn print_to_stderr(text: &str) {
    let width = width_of(&io::stderr()).unwrap_or(usize::MAX);
    let is_message = |line: &str| line.starts_with("error: ") || line.starts_with("warning: ");
    let mut lines = String::new();
    for line in clean_lines(text).split('\n') {
        lines.push_str(&if is_message(line) { wrapped(line, width) } else { line.into() });
        lines.push('\n');
    }
    write_to_stderr(lines.as_bytes());
}

/// The line, broken at words where stderr is a terminal.
pub(crate) fn wrapped_for_stderr(line: &str) -> Cow<'_, str> {
    match width_of(&io::stderr()) {
        Some(width) => wrapped(line, width),
        None => line.into(),
    }
}

/// Writes one line for a person to stderr, redacted and sanitized. A terminal gets it broken at
/// words.
pub(crate) fn say(line: &str) {
    write_to_stderr(format!("{}\n", wrapped_for_stderr(&clean(line))).as_bytes());
}

/// The columns of a terminal; `None` where the stream is none. Some terminals do not say.
pub(super) fn width_of(stream: &(impl AsFd + IsTerminal)) -> Option<usize> {
    const USUAL: usize = 80;
    stream.is_terminal().then(|| {
        terminal_size::terminal_size_of(stream)
            .map_or(USUAL, |(terminal_size::Width(columns), _)| usize::from(columns))
    })
}

/// Writes complete lines to stderr, above the live lines.
pub(crate) fn write_to_stderr(lines: &[u8]) {
    let _ = suspend_live_lines(|| io::stderr().lock().write_all(lines));
}
