//! Mistakes in a file, rendered together: each with its file, its line and a caret.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::mask;
use crate::text::shown;

/// A range of bytes in the file's text.
pub(super) type Span = Range<usize>;

/// The most mistakes to show. With more, it is better to correct the first ones before reading on.
const MOST_SHOWN: usize = 20;

/// One mistake, its place, and what to do about it.
#[derive(Debug, Clone)]
pub(super) struct Mistake {
    /// The place of the caret.
    pub(super) span: Span,
    /// Whether something is absent, as opposed to wrong.
    pub(super) absent: bool,
    message: String,
    label: String,
    help: Option<String>,
    also: Option<(Span, String)>,
    secret: Option<Span>,
}

impl Mistake {
    /// A mistake at `span`. The message must make sense without the excerpt below it.
    pub(super) fn at(span: Span, message: impl Into<String>) -> Self {
        let (message, label) = (message.into(), String::new());
        Self { span, absent: false, message, label, help: None, also: None, secret: None }
    }

    /// Adds a few words beside the caret.
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// Adds what to do, below the excerpt.
    pub(super) fn help(self, help: impl Into<Option<String>>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// Adds a second place that is involved.
    pub(super) fn also(self, place: Option<Span>, label: impl Into<String>) -> Self {
        Self { also: place.map(|span| (span, label.into())), ..self }
    }

    /// Marks the mistake as one about something absent.
    pub(super) fn absent(self) -> Self {
        Self { absent: true, ..self }
    }

    /// Hides the text at the mistake's place wherever the file is shown.
    pub(super) fn secret(self) -> Self {
        Self { secret: Some(self.span.clone()), ..self }
    }

    fn render(&self, path: &str, excerpts: &Excerpts<'_>) -> String {
        let other =
            self.also.as_ref().map(|(span, label)| (excerpts.within_line(span), words(label)));
        let span = excerpts.within_line(&self.span);
        let (first, last) = match &other {
            Some((other, _)) => (span.start.min(other.start), span.end.max(other.end)),
            None => (span.start, span.end),
        };
        let window = excerpts.lines(first, last);
        let within = |span: &Span| span.start - window.start..span.end - window.start;
        let mut caret = AnnotationKind::Primary.span(within(&span));
        let label = words(&self.label);
        if !label.is_empty() {
            caret = caret.label(label);
        }
        let excerpt = Snippet::source(&excerpts.text[window.clone()])
            .path(path)
            .line_start(excerpts.line_number(window.start))
            .annotation(caret)
            .annotations(
                other.map(|(span, label)| AnnotationKind::Context.span(within(&span)).label(label)),
            );
        let mut report = Level::ERROR.primary_title(words(&self.message)).element(excerpt);
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(words(help)));
        }
        Renderer::plain().render(&[report])
    }
}

/// A message as one line. It quotes the file, which may contain anything.
fn words(text: &str) -> String {
    shown(&mask::redact_patterns(text))
}

/// The mistakes of one file, in the order of their discovery.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(super) fn add(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of `others` that are certain beside the syntax mistakes already here. A broken
    /// line may hide what seems absent, and its own content means nothing.
    pub(super) fn add_unbroken(&mut self, others: Self, text: &str) {
        let lines = LineStarts::of(text);
        let line = |mistake: &Mistake| lines.index(mistake.span.start);
        let broken: BTreeSet<usize> = self.0.iter().map(line).collect();
        self.0.extend(
            others.0.into_iter().filter(|other| !other.absent && !broken.contains(&line(other))),
        );
    }

    /// All mistakes as one text, in order of position, with a last line that sums up.
    pub(super) fn render(mut self, path: &Path, text: &str) -> String {
        self.0.sort_by_key(|mistake| mistake.span.start);
        let secrets: Vec<Span> =
            self.0.iter().filter_map(|mistake| mistake.secret.clone()).collect();
        let masked = mask::file(text, &secrets);
        let excerpts = Excerpts { text: &masked };
        let path = shown(&path.display().to_string());
        let count = self.0.len();
        let mut parts: Vec<String> = self
            .0
            .iter()
            .take(MOST_SHOWN)
            .map(|mistake| mistake.render(&path, &excerpts))
            .collect();
        let (mistakes, unshown) =
            (if count == 1 { "mistake" } else { "mistakes" }, count.saturating_sub(MOST_SHOWN));
        let more =
            if unshown > 0 { format!(", {unshown} of them not shown") } else { String::new() };
        parts.push(format!("{path}: {count} {mistakes}{more}; nothing was requested or written"));
        parts.join("\n\n")
    }
}

/// The bytes at which the lines of a text begin.
pub(super) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub(super) fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// The number of the line that holds the byte `at`, from 0.
    pub(super) fn index(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}

/// The file's text, in excerpts of entire lines. Accepts any span, even one that is out of bounds
/// or begins inside a character.
struct Excerpts<'t> {
    text: &'t str,
}

impl Excerpts<'_> {
    /// The part of `span` on its first line.
    fn within_line(&self, span: &Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.floor_char_boundary(span.end).max(start);
        let line_end =
            self.text[start..].find(['\n', '\r']).map_or(self.text.len(), |length| start + length);
        start..end.min(line_end)
    }

    /// The entire lines from the one that holds `first` to the one that holds `last`.
    fn lines(&self, first: usize, last: usize) -> Span {
        let start = self.text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[last..].find('\n').map_or(self.text.len(), |length| last + length);
        start..end
    }

    fn line_number(&self, at: usize) -> usize {
        1 + self.text[..at].matches('\n').count()
    }
}
