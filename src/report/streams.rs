//! Writing to stdout and stderr.
//!
//! A failed write to stdout is an error, which the exit status shows. A failed write to stderr is
//! ignored: nobody reads it.

use std::io::{self, BufWriter, Write as _};

use serde::Serialize;

use super::json;
use super::progress::suspend_live_lines;
use crate::text::clean_lines;

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

/// Writes `text` to stderr, redacted and sanitized. Its line ends stay line ends.
pub(crate) fn print_to_stderr(text: &str) {
    write_to_stderr(format!("{}\n", clean_lines(text)).as_bytes());
}

/// Writes complete lines to stderr, above the live lines.
pub(crate) fn write_to_stderr(lines: &[u8]) {
    let _ = suspend_live_lines(|| io::stderr().lock().write_all(lines));
}
