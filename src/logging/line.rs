//! One line of the log, in three formats.
//!
//! A line is shorter than 10,000 bytes, because Heroku's Logplex splits longer ones. The longest
//! values are cut, each with a mark that says how many bytes are missing. No text from outside,
//! such as an event, controls a terminal or begins a line, and secrets are redacted.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use anstyle::{AnsiColor, Style};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::report::streams::wrapped_for_stderr;
use crate::text::secrets::redact;
use crate::text::{json, steers};

/// The longest line in bytes, without the line end.
const LONGEST: usize = 9_998;

/// The target of the lines about events, which `RUST_LOG` may name.
pub(super) const EVENT: &str = "auditsync::event";

static EVENTS_LOGGED: AtomicU64 = AtomicU64::new(0);

/// How many lines about events this process has logged.
pub(super) fn events_logged() -> u64 {
    EVENTS_LOGGED.load(Ordering::Relaxed)
}

/// The format of the log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Text for people
    Text,
    /// key=value pairs
    Logfmt,
    /// One JSON object per line
    Json,
}

/// Formats the entries of the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineFormat {
    pub(super) format: LogFormat,
    pub(super) color: bool,
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let metadata = event.metadata();
        let (level, target) = (*metadata.level(), metadata.target());
        let mut line = LogEntry { time, level, target, message: String::new(), fields: Vec::new() };
        event.record(&mut line);
        if let Some(spans) = context.event_scope() {
            let names: Vec<&str> = spans.from_root().map(|span| span.name()).collect();
            line.fields.push(("span", FieldValue::Text(names.join(":"))));
        }
        if target == EVENT {
            EVENTS_LOGGED.fetch_add(1, Ordering::Relaxed);
        }
        let line = line.fitting(*self);
        match self.format {
            LogFormat::Text => writeln!(writer, "{}", wrapped_for_stderr(&line)),
            LogFormat::Logfmt | LogFormat::Json => writeln!(writer, "{line}"),
        }
    }
}

/// The content of one line.
#[derive(Debug)]
struct LogEntry<'a> {
    time: String,
    level: Level,
    target: &'a str,
    message: String,
    fields: Vec<(&'static str, FieldValue)>,
}

#[derive(Debug)]
enum FieldValue {
    /// A number or a boolean.
    Bare(String),
    Text(String),
}

impl Visit for LogEntry<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let text = value.to_string();
        self.add(
            field,
            if value.is_finite() { FieldValue::Bare(text) } else { FieldValue::Text(text) },
        );
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, FieldValue::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, FieldValue::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, FieldValue::Bare(value.to_string()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, FieldValue::Text(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, FieldValue::Text(format!("{value:?}")));
    }
}

impl LogEntry<'_> {
    fn add(&mut self, field: &Field, value: FieldValue) {
        // Redact before cutting: half a secret would not be found.
        let value = match value {
            FieldValue::Text(text) => FieldValue::Text(redact(&text).into_owned()),
            bare @ FieldValue::Bare(_) => bare,
        };
        match (field.name(), value) {
            ("message", FieldValue::Bare(text) | FieldValue::Text(text)) => self.message = text,
            (name, value) => self.fields.push((name.trim_start_matches("r#"), value)),
        }
    }

    /// The line. Its texts are cut to the greatest common length at which the line is short enough.
    fn fitting(&self, lines: LineFormat) -> String {
        let mut longest = LONGEST;
        let mut line = self.cut_to(longest, lines);
        if line.len() <= LONGEST {
            return line;
        }
        let mut fits = 0;
        line = self.cut_to(fits, lines);
        while longest - fits > 1 {
            let middle = fits.midpoint(longest);
            let longer = self.cut_to(middle, lines);
            if longer.len() <= LONGEST {
                (fits, line) = (middle, longer);
            } else {
                longest = middle;
            }
        }
        line
    }

    /// The line with each text cut to `longest` bytes, not counting the mark.
    fn cut_to(&self, longest: usize, lines: LineFormat) -> String {
        match lines.format {
            LogFormat::Text => self.text(longest, lines),
            LogFormat::Logfmt => self.logfmt(longest),
            LogFormat::Json => self.json(longest),
        }
    }

    fn text(&self, longest: usize, lines: LineFormat) -> String {
        let styled = |style: Style| if lines.color { style } else { Style::new() };
        let (faint, loud) = (styled(Style::new().dimmed()), styled(style(self.level)));
        let mut line =
            format!("{faint}{}{faint:#} {loud}{:<7}{loud:#} ", self.time, name(self.level));
        cut(&self.message, longest).chars().for_each(|c| escape(c, &mut line));
        for (name, value) in &self.fields {
            let _ = write!(line, " {faint}{name}={faint:#}");
            value.write(longest, &mut line);
        }
        line
    }

    fn logfmt(&self, longest: usize) -> String {
        let mut line =
            format!("ts={} level={} target={} message=", self.time, name(self.level), self.target);
        quote(&cut(&self.message, longest), &mut line);
        for (name, value) in &self.fields {
            let _ = write!(line, " {name}=");
            value.write(longest, &mut line);
        }
        line
    }

    fn json(&self, longest: usize) -> String {
        let mut line =
            format!("{{\"timestamp\":\"{}\",\"level\":\"{}\"", self.time, name(self.level));
        line.push_str(",\"target\":");
        json(self.target, &mut line);
        line.push_str(",\"message\":");
        json(&cut(&self.message, longest), &mut line);
        for (name, value) in &self.fields {
            let _ = write!(line, ",\"{name}\":");
            match value {
                FieldValue::Text(text) => json(&cut(text, longest), &mut line),
                FieldValue::Bare(text) => line.push_str(text),
            }
        }
        line.push('}');
        line
    }
}

impl FieldValue {
    fn write(&self, longest: usize, line: &mut String) {
        match self {
            Self::Bare(text) => line.push_str(text),
            Self::Text(text) => quote(&cut(text, longest), line),
        }
    }
}

/// The level, named as the Python logger does.
fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

fn style(level: Level) -> Style {
    let color = match level {
        Level::ERROR => AnsiColor::Red,
        Level::WARN => AnsiColor::Yellow,
        Level::INFO => AnsiColor::Green,
        Level::DEBUG => AnsiColor::Blue,
        Level::TRACE => AnsiColor::Magenta,
    };
    color.on_default()
}

/// The beginning of a long text, with a mark that says how many bytes are missing. A text that is
/// hardly longer than the mark is not cut.
fn cut(text: &str, longest: usize) -> std::borrow::Cow<'_, str> {
    let end = text.floor_char_boundary(longest);
    let mark = || format!("…(+{} bytes)", text.len() - end);
    if text.len() <= longest || text.len() - end <= mark().len() {
        return text.into();
    }
    format!("{}{}", &text[..end], mark()).into()
}

/// Writes a logfmt value, in quotes where a space, a quote or `=` would make it ambiguous.
fn quote(text: &str, line: &mut String) {
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '=') && !steers(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        line.push_str(text);
        return;
    }
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            c => escape(c, line),
        }
    }
    line.push('"');
}

fn escape(c: char, line: &mut String) {
    match c {
        '\n' | '\r' | '\t' => line.extend(c.escape_default()),
        c if steers(c) => line.extend(c.escape_unicode()),
        c => line.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [LogFormat; 3] = [LogFormat::Text, LogFormat::Logfmt, LogFormat::Json];

    fn line(texts: &[String]) -> LogEntry<'static> {
        let names = ["a", "b", "c"].into_iter();
        let fields =
            names.zip(texts).map(|(name, text)| (name, FieldValue::Text(text.clone()))).collect();
        let time = "2024-09-28T00:00:00.000000Z".to_owned();
        LogEntry {
            time,
            level: Level::WARN,
            target: "auditsync",
            message: "new event".to_owned(),
            fields,
        }
    }

    #[test]
    fn a_line_is_under_10_000_bytes_and_a_cut_one_uses_nearly_all() {
        let long = ["x", "é", "\u{1b}", "\"", "\n", "\u{202e}", "🙂 ", "\\"]
            .map(|unit| unit.repeat(30_000));
        for (i, text) in long.iter().enumerate() {
            for others in [
                vec![],
                vec!["short".to_owned()],
                vec![long[(i + 1) % long.len()].clone(), "y".repeat(9_000)],
            ] {
                let line = line(&[vec![text.clone()], others].concat());
                for format in FORMATS {
                    let made =
                        line.fitting(LineFormat { format, color: format == LogFormat::Text });
                    assert!(
                        (9_950..=LONGEST).contains(&made.len()),
                        "{format:?}: {} bytes",
                        made.len()
                    );
                    assert!(!made.contains('\n') && made.contains(" bytes)"), "{format:?}");
                    assert!(
                        format != LogFormat::Json
                            || serde_json::from_str::<serde_json::Value>(&made).is_ok()
                    );
                }
            }
        }
    }

    #[test]
    fn a_value_is_cut_at_a_character_and_the_mark_counts_the_rest() {
        assert_eq!(cut(&"é".repeat(50), 11), format!("{}…(+90 bytes)", "é".repeat(5)));
        assert_eq!(cut("short enough", 12), "short enough");
        assert_eq!(
            cut("short enough to keep", 12),
            "short enough to keep",
            "the mark is no shorter"
        );
    }

    #[test]
    fn short_values_beside_a_cut_one_stay_unchanged() {
        let line = line(&["acme".to_owned(), "x".repeat(20_000), "a b".to_owned()]);
        let made = line.fitting(LineFormat { format: LogFormat::Logfmt, color: false });
        assert!(made.starts_with(
            "ts=2024-09-28T00:00:00.000000Z level=WARNING target=auditsync message=\"new event\" \
             a=acme b="
        ));
        assert!(made.ends_with(" bytes)\" c=\"a b\""), "{made}");
    }
}
