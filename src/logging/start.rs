//! Begins to log.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{Directive, EnvFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use super::line::{LineFormat, LogFormat};
use crate::report::streams::{print_to_stderr, shows_colors, write_to_stderr};
use crate::text::clean;

/// How much to log. A terminal gets less, because it shows the result anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verbosity {
    /// Nothing: stdout and stderr may be one stream, which must hold the result alone.
    Silent,
    /// `--quiet`: errors only.
    Quiet,
    /// Everything from INFO on; on a terminal, warnings and errors.
    #[default]
    Normal,
    /// `-v`: everything from DEBUG on; on a terminal, from INFO on.
    Verbose,
    /// `-vv`: everything.
    All,
}

impl Verbosity {
    /// Only our own lines: other libraries log statements, addresses and parameters unredacted.
    /// `RUST_LOG` can enable theirs.
    fn directives(self, reader: LogReader) -> &'static str {
        match (self, reader) {
            (Self::Silent, _) => "off",
            (Self::Quiet, _) => "auditsync=error",
            (Self::Normal, LogReader::Terminal) => "auditsync=warn",
            (Self::Normal, LogReader::Other) | (Self::Verbose, LogReader::Terminal) => {
                "auditsync=info"
            }
            (Self::Verbose, LogReader::Other) => "auditsync=debug",
            (Self::All, _) => "auditsync=trace",
        }
    }
}

/// Where the log's lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogReader {
    /// A terminal, which shows the result, too.
    Terminal,
    /// A file, a pipe or a drain.
    Other,
}

/// Begins to log. `rust_log` overrides `verbosity`. Without a `format`, a terminal gets text, and
/// everything else gets logfmt.
pub(crate) fn start(format: Option<LogFormat>, verbosity: Verbosity, rust_log: Option<&str>) {
    let is_terminal = io::stderr().is_terminal();
    let reader = if is_terminal { LogReader::Terminal } else { LogReader::Other };
    let filter = match rust_log.filter(|directives| !directives.trim().is_empty()) {
        Some(directives) if verbosity != Verbosity::Silent => {
            EnvFilter::builder().parse_lossy(valid_directives(directives))
        }
        _ => EnvFilter::new(verbosity.directives(reader)),
    };
    let format = format.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Logfmt });
    let color = format == LogFormat::Text && shows_colors(&io::stderr());
    // The lines contain their own colours.
    let layer = fmt::layer()
        .event_format(LineFormat { format, color })
        .with_ansi(false)
        .with_writer(|| Stderr);
    // This fails only for a second call in one process. Then the first log continues.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// The valid ones of `directives`. The filter would print the others unredacted, so report them
/// here.
fn valid_directives(directives: &str) -> String {
    let is_valid = |directive: &&str| match directive.parse::<Directive>() {
        Ok(_) => true,
        Err(error) => {
            let warning = format!("warning: `{directive}` in RUST_LOG is ignored: {error}");
            print_to_stderr(&clean(&warning));
            false
        }
    };
    directives
        .split(',')
        .filter(|directive| !directive.is_empty())
        .filter(is_valid)
        .collect::<Vec<_>>()
        .join(",")
}

/// Stderr as the log's writer. A line that can't be written is lost, and the run continues.
#[derive(Debug)]
struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Each call brings an entire line.
        write_to_stderr(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
