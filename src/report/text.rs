//! The writer of a report's text.

use std::fmt;
use std::io;

use super::paint::painted;
use super::program::Program;
use super::table::PlainTable;
use super::wrap::wrapped;
use crate::evidence::Head;
use crate::text::clean;

/// Writes lines for people.
///
/// Each `writeln!` writes exactly one line: a line end inside the text becomes an escape, like
/// everything else that could control a terminal, and secrets are redacted. Therefore no text from
/// outside can imitate a line of the report.
pub(crate) struct Text<'w> {
    out: &'w mut dyn io::Write,
    width: Option<usize>,
}

impl<'w> Text<'w> {
    /// Writes to `out`. Lines longer than `width` are broken at spaces.
    pub(crate) fn new(out: &'w mut dyn io::Write, width: Option<usize>) -> Self {
        Self { out, width }
    }

    /// Writes one line; `write!` and `writeln!` call this.
    pub(crate) fn write_fmt(&mut self, line: fmt::Arguments<'_>) -> io::Result<()> {
        let line = line.to_string();
        self.line(line.strip_suffix('\n').unwrap_or(&line))
    }

    /// Writes one line.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        self.write_clean(&clean(line))
    }

    /// Writes a text of several lines. Its line ends stay line ends.
    pub(super) fn lines(&mut self, lines: &str) -> io::Result<()> {
        lines.lines().try_for_each(|line| self.line(line))
    }

    /// Writes an empty line.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    /// Writes one line with a word in its colour.
    pub(super) fn painted_line(&mut self, before: &str, word: &str, after: &str) -> io::Result<()> {
        self.write_clean(&[clean(before), painted(&clean(word)), clean(after)].concat())
    }

    /// Writes a table, which fits the width.
    pub(super) fn table<const N: usize>(&mut self, table: &PlainTable<N>) -> io::Result<()> {
        self.rows_of(table).iter().try_for_each(|row| self.row(row))
    }

    /// The heading and the rows of a table, which fit the width.
    pub(super) fn rows_of<const N: usize>(&self, table: &PlainTable<N>) -> Vec<String> {
        table.lines(self.width)
    }

    /// Writes the head of the chain of seals as the last line of a report, if there is one. Its
    /// second word is what `verify --anchor` reads.
    pub(super) fn head(&mut self, head: Option<&Head>) -> io::Result<()> {
        let Some(head) = head else { return Ok(()) };
        self.blank()?;
        writeln!(self, "Head: {head} of log {}", head.log)
    }

    /// Like [`Self::head`], with the program that ran; the program alone if there is no head.
    pub(super) fn head_of_run(&mut self, head: Option<&Head>, run: &Program) -> io::Result<()> {
        self.blank()?;
        match head {
            Some(head) => writeln!(self, "Head: {head} of log {}, auditsync {run}", head.log),
            None => writeln!(self, "auditsync {run}"),
        }
    }

    /// Writes a row of a table, whose cells are clean. It is never broken.
    pub(super) fn row(&mut self, row: &str) -> io::Result<()> {
        self.out.write_all(row.as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn write_clean(&mut self, line: &str) -> io::Result<()> {
        match self.width {
            Some(width) => self.row(&wrapped(line, width)),
            None => self.row(line),
        }
    }
}

/// `1 day`, `2 days`.
pub(crate) fn counted(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(
        write: impl FnOnce(&mut Text<'_>) -> io::Result<()>,
        width: Option<usize>,
    ) -> String {
        let mut out = Vec::new();
        write(&mut Text::new(&mut out, width)).expect("a vector accepts everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn any_value_stays_on_its_own_line() {
        let odd = "\n\u{1b}[2Jd\n";
        let text = written(
            |text| {
                text.line("a\nb")?;
                write!(text, "{odd}")?;
                writeln!(text, "e")?;
                text.blank()?;
                text.painted_line("f\r ", "failed", "\u{202e}")
            },
            None,
        );
        assert_eq!(
            text,
            "a\\u{a}b\n\\u{a}\\u{1b}[2Jd\ne\n\nf\\u{d} \u{1b}[31mfailed\u{1b}[0m\\u{202e}\n"
        );
    }

    #[test]
    fn each_line_is_wrapped_alone() {
        let text = written(|text| text.lines("one two three\nfour\n"), Some(9));
        assert_eq!(text, "one two\n  three\nfour\n");
    }
}
