//! The log: on stderr, as text for people, logfmt or JSON, one line an entry.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use tracing::{Subscriber, info, warn};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use super::run::{DayReport, Outcome, RunReport};
use crate::config::{EventLog, SourceName, Token};
use crate::event::Event;
use crate::text::steers;

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
    fn directives(self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => "warn,auditsync=info",
            (false, 1) => "info,auditsync=debug",
            (false, _) => "debug,auditsync=trace",
        }
    }
}

/// Begins to log. `rust_log` comes before `verbosity`; without a `format`, a terminal gets text and all else logfmt.
pub fn start(format: Option<LogFormat>, verbosity: Verbosity, rust_log: Option<&str>, no_color: bool) {
    let filter = match rust_log.filter(|directives| !directives.trim().is_empty()) {
        Some(directives) => EnvFilter::builder().parse_lossy(directives),
        None => EnvFilter::new(verbosity.directives()),
    };
    let terminal = io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Logfmt });
    let layer = layer(format, terminal && !no_color);
    // Only a second call in one process fails, and then the first log goes on.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// Stderr, for lines that hold what others wrote: characters that could steer a terminal are escaped, as JSON does where
/// it has to. The formats do so for some of them only.
#[derive(Debug)]
struct Harmless {
    json: bool,
    /// Escapes are the format's own, which has made others harmless.
    color: bool,
}

impl io::Write for Harmless {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A format writes a whole line at once.
        let text = String::from_utf8_lossy(line);
        let (text, end) = text.strip_suffix('\n').map_or((&*text, ""), |text| (text, "\n"));
        let mut escaped = String::with_capacity(line.len());
        for c in text.chars() {
            match c {
                '\u{1b}' if self.color => escaped.push(c),
                c if !steers(c) => escaped.push(c),
                c if self.json => _ = write!(escaped, "\\u{:04x}", u32::from(c)),
                c => _ = write!(escaped, "{}", c.escape_unicode()),
            }
        }
        escaped.push_str(end);
        io::Write::write_all(&mut io::stderr().lock(), escaped.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut io::stderr())
    }
}

fn layer<S>(format: LogFormat, color: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let json = format == LogFormat::Json;
    let stderr = move || Harmless { json, color };
    match format {
        LogFormat::Text => fmt::layer().with_writer(stderr).with_ansi(color).with_target(false).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_ansi(false).with_writer(stderr).boxed(),
        LogFormat::Logfmt => {
            tracing_logfmt::builder().with_timestamp(true).layer().with_writer(stderr).with_ansi(false).boxed()
        }
    }
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
pub fn new_event(mode: EventLog, novelty: Novelty, source: &SourceName, event: &Event, token: &Token) {
    let columns = &event.columns;
    let hide = |text: &Option<String>| text.as_deref().map(|text| token.hide_in(text).into_owned());
    let created_at = columns.created_at.map(|time| time.to_rfc3339());
    let late = (novelty == Novelty::Late).then_some(true);
    match mode {
        EventLog::None => {}
        EventLog::Summary => info!(
            target: "auditsync::event",
            %source,
            created_at,
            actor_email = hide(&columns.actor_email),
            r#type = hide(&columns.kind),
            action = hide(&columns.action),
            id = &*token.hide_in(&event.id),
            late,
            "new event"
        ),
        EventLog::Full => info!(
            target: "auditsync::event",
            %source,
            created_at,
            actor_email = hide(&columns.actor_email),
            r#type = hide(&columns.kind),
            action = hide(&columns.action),
            id = &*token.hide_in(&event.id),
            late,
            event = &*token.hide_in(&String::from_utf8_lossy(&event.bytes)),
            "new event"
        ),
    }
}

/// One line for a day that has come to an end.
pub fn day(report: &DayReport) {
    let DayReport { source, date, outcome, events, new_events, late_events, requests, retries, duration_ms, .. } =
        report;
    let DayReport { attempt, conflicts, vanished_events, error, .. } = report;
    match outcome {
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

/// The last line of a run.
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
        "run finished"
    );
}
