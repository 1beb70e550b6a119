//! A report's text for people: whole lines, which only the reports themselves begin and end.

use std::fmt;

use super::paint::painted;
use super::table::Plain;
use crate::text::clean;

/// Lines for people.
///
/// Each `write!` and `writeln!` makes one line, whatever stands in it: a line end inside is shown as an escape, like all that
/// would steer a terminal, and secrets are taken out. So nothing that others wrote can pass for a line of the report.
///
/// ```
/// use auditsync::report::Text;
///
/// let mut text = Text::default();
/// writeln!(text, "acme: {}", "an id\nfake: all is well")?;
/// assert_eq!(text.as_str(), "acme: an id\\u{a}fake: all is well\n");
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// A text of these lines.
    pub fn of(lines: &[&str]) -> Self {
        let mut text = Self::default();
        for line in lines {
            text.push(line);
        }
        text
    }

    /// What `write!` and `writeln!` call: adds one line.
    pub fn write_fmt(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        let line = line.to_string();
        self.push(line.strip_suffix('\n').unwrap_or(&line));
        Ok(())
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds one line.
    pub(super) fn push(&mut self, line: &str) {
        self.0.push_str(&clean(line));
        self.0.push('\n');
    }

    /// Adds a text of several lines, which are its own.
    pub(super) fn paragraphs(&mut self, lines: &str) {
        lines.lines().for_each(|line| self.push(line));
    }

    /// Adds an empty line.
    pub(super) fn blank(&mut self) {
        self.0.push('\n');
    }

    /// Adds one line, with a word in its colour.
    pub(super) fn push_painted(&mut self, before: &str, word: &str, after: &str) {
        self.0.extend([clean(before), painted(&clean(word)), clean(after), "\n".to_owned()]);
    }

    /// Adds a table.
    pub(super) fn table(&mut self, table: Plain) {
        for row in table.lines() {
            self.row(&row);
        }
    }

    /// Adds a row of a table, whose cells are clean.
    pub(super) fn row(&mut self, row: &str) {
        self.0.push_str(row);
        self.0.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_stays_on_its_own_line() {
        let mut text = Text::of(&["a\nb", "c"]);
        let odd = "\n\u{1b}[2Jd\n";
        let _ = write!(text, "{odd}");
        let _ = writeln!(text, "e");
        text.blank();
        text.push_painted("f\r ", "failed", "\u{202e}");
        assert_eq!(
            text.as_str(),
            "a\\u{a}b\nc\n\\u{a}\\u{1b}[2Jd\ne\n\nf\\u{d} \u{1b}[31mfailed\u{1b}[0m\\u{202e}\n"
        );
    }
}
