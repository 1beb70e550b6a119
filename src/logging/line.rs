//! One line of the log: its three forms, and its length.
//!
//! It promises that a line is shorter than 10,000 bytes, which is where Heroku's Logplex breaks one in two: the longest
//! values are cut, each with a mark that says how much of it is missing, and the line stays what it is. And that nothing
//! which others wrote, such as an event, steers a terminal or begins a line, and that no secret is in it.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::{EVENT, LogFormat, count_event};
use crate::text::secrets::redact;
use crate::text::{json, steers};

/// The longest line, without its end, which is one byte more.
const LONGEST: usize = 9_998;

/// Makes lines of what is logged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    pub(super) format: LogFormat,
    pub(super) color: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
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
        let mut line = Line { time, level, target, message: String::new(), fields: Vec::new() };
        event.record(&mut line);
        if let Some(spans) = context.event_scope() {
            let names: Vec<&str> = spans.from_root().map(|span| span.name()).collect();
            line.fields.push(("span", Value::Text(names.join(":"))));
        }
        if target == EVENT {
            count_event();
        }
        writeln!(writer, "{}", line.fitting(*self))
    }
}

/// What one line says.
#[derive(Debug)]
struct Line<'a> {
    time: String,
    level: Level,
    target: &'a str,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

#[derive(Debug)]
enum Value {
    /// A number or a truth value.
    Bare(String),
    Text(String),
}

impl Visit for Line<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let text = value.to_string();
        self.add(field, if value.is_finite() { Value::Bare(text) } else { Value::Text(text) });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Bare(value.to_string()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }
}

impl Line<'_> {
    fn add(&mut self, field: &Field, value: Value) {
        // Before anything is cut: half a secret would not be found.
        let value = match value {
            Value::Text(text) => Value::Text(redact(&text).into_owned()),
            bare @ Value::Bare(_) => bare,
        };
        match (field.name(), value) {
            ("message", Value::Bare(text) | Value::Text(text)) => self.message = text,
            (name, value) => self.fields.push((name.trim_start_matches("r#"), value)),
        }
    }

    /// The line, its texts cut to the greatest common length with which it is not too long.
    fn fitting(&self, lines: Lines) -> String {
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

    /// The line with no text longer than `longest` bytes, but for the mark.
    fn cut_to(&self, longest: usize, lines: Lines) -> String {
        match lines.format {
            LogFormat::Text => self.text(longest, lines),
            LogFormat::Logfmt => self.logfmt(longest),
            LogFormat::Json => self.json(longest),
        }
    }

    fn text(&self, longest: usize, lines: Lines) -> String {
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
                Value::Text(text) => json(&cut(text, longest), &mut line),
                Value::Bare(text) => line.push_str(text),
            }
        }
        line.push('}');
        line
    }
}

impl Value {
    fn write(&self, longest: usize, line: &mut String) {
        match self {
            Self::Bare(text) => line.push_str(text),
            Self::Text(text) => quote(&cut(text, longest), line),
        }
    }
}

/// The level as people who come from the Python logger know it.
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

/// The beginning of a long text, with a mark that says how many bytes are missing.
fn cut(text: &str, longest: usize) -> std::borrow::Cow<'_, str> {
    let end = text.floor_char_boundary(longest);
    let mark = || format!("…(+{} bytes)", text.len() - end);
    // Where the mark would be as long as what it stands for, nothing is won.
    if text.len() <= longest || text.len() - end <= mark().len() {
        return text.into();
    }
    format!("{}{}", &text[..end], mark()).into()
}

/// A value as logfmt has it: in quotes where a space, a quote or the like would make it ambiguous.
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

    fn line(texts: &[String]) -> Line<'static> {
        let names = ["a", "b", "c"].into_iter();
        let fields =
            names.zip(texts).map(|(name, text)| (name, Value::Text(text.clone()))).collect();
        let time = "2024-09-28T00:00:00.000000Z".to_owned();
        Line {
            time,
            level: Level::WARN,
            target: "auditsync",
            message: "new event".to_owned(),
            fields,
        }
    }

    #[test]
    fn a_line_of_any_values_is_under_10_000_bytes_and_uses_nearly_all_of_them_when_it_is_cut() {
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
                    let made = line.fitting(Lines { format, color: format == LogFormat::Text });
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
    fn a_value_is_cut_at_a_character_and_the_mark_says_how_many_bytes_are_missing() {
        assert_eq!(cut(&"é".repeat(50), 11), format!("{}…(+90 bytes)", "é".repeat(5)));
        assert_eq!(cut("short enough", 12), "short enough");
        assert_eq!(
            cut("short enough to keep", 12),
            "short enough to keep",
            "the mark is no shorter"
        );
    }

    #[test]
    fn short_values_stand_beside_a_cut_one_as_they_are() {
        let line = line(&["acme".to_owned(), "x".repeat(20_000), "a b".to_owned()]);
        let made = line.fitting(Lines { format: LogFormat::Logfmt, color: false });
        assert!(made.starts_with(
            "ts=2024-09-28T00:00:00.000000Z level=WARNING target=auditsync message=\"new event\" a=acme b="
        ));
        assert!(made.ends_with(" bytes)\" c=\"a b\""), "{made}");
    }
}
