//! The log: on stderr, as text for people, logfmt or JSON, one line an entry.
//!
//! The keys of the lines for a run, a day and a new event are relied on by drains: they stay.

mod line;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::{info, warn};
use tracing_subscriber::filter::{Directive, EnvFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use line::Lines;

use crate::config::{EventLog, SourceName, Token};
use crate::event::Event;
use crate::report::run::{DayReport, Outcome, RunReport};
use crate::report::streams::{complain, to_stderr};
use crate::text::clean;

/// The form of the log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// key=value pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verbosity {
    /// How often `-v` was given.
    pub verbose: u8,
    /// Whether `-q` was given.
    pub quiet: bool,
}

impl Verbosity {
    /// Lines of our own alone: other libraries log statements, addresses and parameters as they come. `RUST_LOG` asks for
    /// theirs.
    fn directives(self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "auditsync=error",
            (false, 0) => "auditsync=info",
            (false, 1) => "auditsync=debug",
            (false, _) => "auditsync=trace",
        }
    }
}

/// Whether log lines may have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// On a terminal they have, in the format for people.
    OnTerminals,
    /// Nowhere: `NO_COLOR` is set (<https://no-color.org>).
    Nowhere,
}

/// Begins to log. `rust_log` comes before `verbosity`; without a `format`, a terminal gets text and all else logfmt.
pub fn start(
    format: Option<LogFormat>,
    verbosity: Verbosity,
    rust_log: Option<&str>,
    colors: Colors,
) {
    let filter = match rust_log.filter(|directives| !directives.trim().is_empty()) {
        Some(directives) => EnvFilter::builder().parse_lossy(understood(directives)),
        None => EnvFilter::new(verbosity.directives()),
    };
    let terminal = io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Logfmt });
    let color = terminal && colors == Colors::OnTerminals && format == LogFormat::Text;
    // The lines bring their own colours.
    let layer =
        fmt::layer().event_format(Lines { format, color }).with_ansi(false).with_writer(|| Stderr);
    // Only a second call in one process fails, and then the first log goes on.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// Those of `directives` that say something. The others are told here: the filter itself would print them as they are.
fn understood(directives: &str) -> String {
    let is_understood = |directive: &&str| match directive.parse::<Directive>() {
        Ok(_) => true,
        Err(error) => {
            complain(&clean(&format!("warning: `{directive}` in RUST_LOG is ignored: {error}")));
            false
        }
    };
    directives
        .split(',')
        .filter(|directive| !directive.is_empty())
        .filter(is_understood)
        .collect::<Vec<_>>()
        .join(",")
}

/// Stderr. A line that it does not take is lost: a log that nobody reads changes nothing.
#[derive(Debug)]
struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A whole line comes at once.
        to_stderr(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The target of the lines for events, which `RUST_LOG` may name.
const EVENT: &str = "auditsync::event";

/// How many lines for events this process has logged.
static EVENTS_LOGGED: AtomicU64 = AtomicU64::new(0);

fn count_event() {
    EVENTS_LOGGED.fetch_add(1, Ordering::Relaxed);
}

/// Whether `reason` is that of the last day that was not begun, which then was told already.
fn is_told(reason: Option<&str>) -> bool {
    static TOLD: Mutex<String> = Mutex::new(String::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let reason = reason.unwrap_or_default();
    let again = *told == reason && !reason.is_empty();
    reason.clone_into(&mut told);
    again
}

/// How an event is new here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// Its day was not whole yet.
    New,
    /// Its day had been whole without it.
    Late,
}

/// One line for an event that is new here. Heroku may well tell of a `token` in an event; the log does not.
pub fn new_event(
    mode: EventLog,
    novelty: Novelty,
    source: &SourceName,
    event: &Event,
    token: &Token,
) {
    let columns = &event.columns;
    let hide = |text: &Option<String>| text.as_deref().map(|text| token.redact(text).into_owned());
    let created_at = columns.created_at.map(|time| time.to_rfc3339());
    let late = (novelty == Novelty::Late).then_some(true);
    match mode {
        EventLog::None => {}
        EventLog::Summary => info!(
            target: EVENT,
            %source,
            created_at,
            actor_email = hide(&columns.actor_email),
            r#type = hide(&columns.kind),
            action = hide(&columns.action),
            id = &*token.redact(&event.id),
            late,
            "new event"
        ),
        EventLog::Full => info!(
            target: EVENT,
            %source,
            created_at,
            actor_email = hide(&columns.actor_email),
            r#type = hide(&columns.kind),
            action = hide(&columns.action),
            id = &*token.redact(&event.id),
            late,
            event = &*token.redact(&String::from_utf8_lossy(&event.bytes)),
            "new event"
        ),
    }
}

/// One line for a day that has come to an end.
pub fn day(report: &DayReport) {
    let DayReport {
        source,
        date,
        outcome,
        events,
        new_events,
        late_events,
        requests,
        retries,
        duration_ms,
        ..
    } = report;
    let DayReport { attempt, conflicts, vanished_events, error, .. } = report;
    match outcome {
        // Days that were not begun for one reason, such as a database that is away, are told once.
        Outcome::Failed if *attempt == 0 && is_told(error.as_deref()) => tracing::debug!(
            target: "auditsync", %source, %date, %outcome, "day not done, for the same reason as the one before"
        ),
        Outcome::Failed | Outcome::LostLock => tracing::error!(
            target: "auditsync", %source, %date, %outcome, requests, retries, attempt, duration_ms, error, "day not done"
        ),
        Outcome::Interrupted => {
            warn!(target: "auditsync", %source, %date, %outcome, requests, retries, attempt, duration_ms, "day not done");
        }
        _ => info!(
            target: "auditsync", %source, %date, %outcome, events, new_events, late_events, conflicts, vanished_events, requests, retries, attempt,
            duration_ms, "day done"
        ),
    }
}

/// The last line of a run. It counts the lines for events, so that whoever reads a drain sees when some never came.
pub fn run(report: &RunReport) {
    let totals = &report.totals;
    info!(
        target: "auditsync",
        run_id = %report.run_id,
        dry_run = report.dry_run,
        synced = totals.synced,
        already_synced = totals.already_synced,
        locked_elsewhere = totals.locked_elsewhere,
        failed = totals.failed,
        events = totals.events,
        new_events = totals.new_events,
        events_logged = EVENTS_LOGGED.load(Ordering::Relaxed),
        "run finished"
    );
}
