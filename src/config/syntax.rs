//! Reads the text as TOML, and says in few words where it is not.
//!
//! One slip can make the parser complain of all that follows. So there is one mistake a line at most, and a bracket or quote
//! that is never closed is told where it opens, once.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::mistake::{Lines, Mistake, Mistakes, Span};

/// The tree of a text, and what is wrong with its syntax.
pub(super) struct Parsed<'i> {
    /// As much of the tree as could be made out.
    pub(super) root: Spanned<DeTable<'i>>,
    /// What is no TOML.
    pub(super) mistakes: Mistakes,
    /// Whether keys stand in the tree where they stand in the text, but for the broken lines themselves.
    pub(super) trusted: bool,
}

/// `text` without lines that are a key and nothing more, and what is to be said of those. The parser would not look at anything
/// that follows one. Bytes keep their places.
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

/// Parses a text that is [`readable`], adding what was found then.
pub(super) fn parse(text: &str, found: Vec<Error>) -> Parsed<'_> {
    let (root, mut errors) = DeTable::parse_recoverable(text);
    errors.extend(found);
    errors.sort_by_key(start);
    let mut mistakes = Mistakes::default();
    // Each is looked for in the whole tree; after so many there is no sense in the text anyway.
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
    let lines = Lines::of(text);
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
        ("duplicate key", _) => "this is set already".to_owned(),
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

/// The outermost value that runs to `end`, where something is not closed.
fn unclosed_value(table: &DeTable<'_>, end: usize) -> Option<Span> {
    table.values().find_map(|value| within(value, end))
}

fn within(value: &Spanned<DeValue<'_>>, end: usize) -> Option<Span> {
    match value.get_ref() {
        // A table that is no inline one has the span of its header, not of its contents.
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
