//! Begins to log.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{Directive, EnvFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use super::line::{LineFormat, LogFormat};
use crate::report::streams::{print_to_stderr, write_to_stderr};
use crate::text::clean;

/// How much to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verbosity {
    /// Nothing: stdout and stderr may be one stream, which must hold the result alone.
    Silent,
    /// `--quiet`: errors only.
    Quiet,
    /// Everything from INFO on.
    #[default]
    Normal,
    /// `-v`: everything from DEBUG on.
    Verbose,
    /// `-vv`: everything.
    All,
}

impl Verbosity {
    /// Only our own lines: other libraries log statements, addresses and parameters unredacted.
    /// `RUST_LOG` can enable theirs.
    fn directives(self) -> &'static str {
        match self {
            Self::Silent => "off",
            Self::Quiet => "auditsync=error",
            Self::Normal => "auditsync=info",
            Self::Verbose => "auditsync=debug",
            Self::All => "auditsync=trace",
        }
    }
}

/// Whether log lines may have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colors {
    /// On a terminal, in the format for people.
    OnTerminals,
    /// `NO_COLOR` is set (<https://no-color.org>).
    Nowhere,
}

/// Begins to log. `rust_log` overrides `verbosity`. Without a `format`, a terminal gets text, and
/// everything else gets logfmt.
pub(crate) fn start(
    format: Option<LogFormat>,
    verbosity: Verbosity,
    rust_log: Option<&str>,
    colors: Colors,
) {
    let filter = match rust_log.filter(|directives| !directives.trim().is_empty()) {
        Some(directives) if verbosity != Verbosity::Silent => {
            EnvFilter::builder().parse_lossy(valid_directives(directives))
        }
        _ => EnvFilter::new(verbosity.directives()),
    };
    let terminal = io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Logfmt });
    let color = terminal && colors == Colors::OnTerminals && format == LogFormat::Text;
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
