//! The way out: results to stdout, complaints to stderr.
//!
//! What can't be written to stdout is an error, which the exit status tells. What can't be written to stderr is lost, and
//! changes nothing: nobody reads it.

use std::io::{self, Write as _};

use super::Output;
use serde::Serialize;

use super::json::{self, document};
use super::progress::beside_lines;
use crate::text::clean_lines;

/// Writes all of `bytes` to stdout.
pub fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    unless_read_enough(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Writes a document to stdout as it is made.
pub(super) fn print_document(value: &impl Serialize) -> io::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    unless_read_enough(json::write(&mut stdout, value).and_then(|()| stdout.flush()))
}

/// What became of writing: a reader that has seen enough, such as `head`, is no failure.
pub fn unless_read_enough(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a text to stderr whose lines are its own.
pub fn complain(text: &str) {
    to_stderr(format!("{}\n", clean_lines(text)).as_bytes());
}

/// Writes whole lines to stderr, out of the way of the live lines.
pub(crate) fn to_stderr(lines: &[u8]) {
    let _ = beside_lines(|| io::stderr().lock().write_all(lines));
}

impl Output {
    /// Prints why there is no result: where a document is due, it is this one.
    pub fn print_failure(self, error: &str, exit_status: u8) -> io::Result<()> {
        match self {
            Self::Text => Ok(()),
            Self::Json => {
                let failure = serde_json::json!({ "error": error, "exit_status": exit_status });
                print(document(&failure)?.as_bytes())
            }
        }
    }
}
