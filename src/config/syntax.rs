//! Parses the text as TOML, and reports where it is not.
//!
//! After one slip the parser may complain about everything that follows. Therefore each line gets
//! at most one mistake, and a bracket or quote that is never closed is reported once, where it
//! opens.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::mistake::{LineStarts, Mistake, Mistakes, Span};

/// The tree of a text, and its syntax mistakes.
pub(super) struct Parsed<'i> {
    /// As much of the tree as the parser recognized.
    pub(super) root: Spanned<DeTable<'i>>,
    pub(super) mistakes: Mistakes,
    /// Whether the keys of all other lines are in the sections where the text has them.
    pub(super) trusted: bool,
}

/// `text` with blanks in place of each line that is only a key, and the errors about these lines.
/// The parser would ignore everything after such a line. Bytes keep their places.
pub(super) fn readable(text: &str) -> (Cow<'_, str>, Vec<Error>) {
    let (_, mut errors) = DeTable::parse_recoverable(text);
    errors.retain(|error| error.message().starts_with("key with no value"));
    if errors.is_empty() {
        return (Cow::Borrowed(text), errors);
    }
    let mut bytes = text.as_bytes().to_vec();
    for at in errors.iter().map(start) {
        let at = at.min(bytes.len());
        let begin = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
        let end =
            bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |length| at + length);
        bytes[begin..end].fill(b' ');
    }
    (Cow::Owned(String::from_utf8(bytes).unwrap_or_default()), errors)
}

/// Parses a [`readable`] text, and adds the errors that were `found` then.
pub(super) fn parse(text: &str, found: Vec<Error>) -> Parsed<'_> {
    let (root, mut errors) = DeTable::parse_recoverable(text);
    errors.extend(found);
    errors.sort_by_key(start);
    let mut mistakes = Mistakes::default();
    // Each search walks the entire tree. After 20 the text makes no sense anyway.
    let ends = errors.iter().filter(|error| is_unclosed(error)).take(20);
    let mut unclosed: Vec<Span> =
        ends.filter_map(|error| unclosed_value(root.get_ref(), start(error))).collect();
    unclosed.dedup();
    for span in &unclosed {
        let is_list = text[span.clone()].starts_with('[');
        let what = if is_list { "this list is" } else { "this is" };
        let mistake =
            Mistake::at(span.start..span.start + 1, format!("not valid TOML: {what} never closed"));
        mistakes.add(mistake.label("it opens here"));
    }
    let lines = LineStarts::of(text);
    let mut last_line = None;
    let mut trusted = unclosed.is_empty();
    for error in errors {
        let (at, line) = (start(&error), lines.index(start(&error)));
        if unclosed.iter().any(|span| (span.start..=span.end).contains(&at))
            || last_line == Some(line)
        {
            continue;
        }
        last_line = Some(line);
        // A broken header puts the keys below it into another section.
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        trusted &= !text[line_start..].trim_start_matches([' ', '\t']).starts_with('[')
            && !is_unclosed(&error);
        mistakes.add(mistake(&error));
    }
    Parsed { root, mistakes, trusted }
}

fn mistake(error: &Error) -> Mistake {
    let message = error.message();
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, "nothing"));
    let label = match (what, expected) {
        ("duplicate key", _) => "this is already set".to_owned(),
        ("string values must be quoted", _) => "put it in quotes".to_owned(),
        (_, "nothing") => String::new(),
        (_, expected) => format!("expected {expected}"),
    };
    Mistake::at(error.span().unwrap_or_default(), format!("not valid TOML: {what}")).label(label)
}

fn start(error: &Error) -> usize {
    error.span().unwrap_or_default().start
}

fn is_unclosed(error: &Error) -> bool {
    error.message().starts_with("unclosed") || error.message().contains("multi-line")
}

/// The outermost value that reaches to `end`, where something is not closed.
fn unclosed_value(table: &DeTable<'_>, end: usize) -> Option<Span> {
    table.values().find_map(|value| within(value, end))
}

fn within(value: &Spanned<DeValue<'_>>, end: usize) -> Option<Span> {
    match value.get_ref() {
        // Only an inline table has the span of its contents; others have that of their header.
        DeValue::Table(table) if value.span().end != end => {
            table.values().find_map(|value| within(value, end))
        }
        DeValue::Array(entries) if value.span().end != end => {
            entries.iter().find_map(|value| within(value, end))
        }
        DeValue::Table(_) | DeValue::Array(_) | DeValue::String(_)
            if value.span().end == end && !value.span().is_empty() =>
        {
            Some(value.span())
        }
        _ => None,
    }
}
