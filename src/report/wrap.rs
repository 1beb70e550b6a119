//! Long lines on a narrow terminal.

use std::borrow::Cow;

use super::width::width as columns;

/// The widest label that continuation lines are indented by.
const WIDEST_LABEL: usize = 24;

/// Breaks a line at spaces where it is longer than `width`. Continuation lines are indented by two
/// more columns, or to where the text after a label begins, which two spaces end. A command in
/// backticks stays on one line where it can, which makes it easy to copy.
pub(super) fn wrapped(line: &str, width: usize) -> Cow<'_, str> {
    if columns(line) <= width {
        return line.into();
    }
    let indent = line.len() - line.trim_start_matches(' ').len();
    let hanging = label(line, indent).unwrap_or(indent + 2);
    let mut wrapped = " ".repeat(indent);
    let (mut column, mut is_first) = (indent, true);
    for word in words(line.trim()) {
        let length = columns(&word);
        if !is_first && column + 1 + length > width {
            wrapped.truncate(wrapped.trim_end().len());
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(hanging));
            (column, is_first) = (hanging, true);
        }
        // Spaces that a line began with would look like an indent.
        if !is_first {
            wrapped.push(' ');
            column += 1;
        } else if word.is_empty() {
            continue;
        }
        wrapped.push_str(&word);
        (column, is_first) = (column + length, false);
    }
    wrapped.into()
}

/// The column at which the text after a label begins, if the line has a label.
fn label(line: &str, indent: usize) -> Option<usize> {
    let end = indent + line[indent..].find("  ")?;
    let begin = end + line[end..].find(|c| c != ' ')?;
    Some(columns(&line[..begin])).filter(|column| *column <= WIDEST_LABEL)
}

/// The words of a line. Text in backticks counts as one word.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_open = false;
    for part in line.split(' ') {
        match words.last_mut().filter(|_| is_open) {
            Some(word) => {
                word.push(' ');
                word.push_str(part);
            }
            None => words.push(part.to_owned()),
        }
        is_open ^= part.matches('`').count() % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_at_spaces_and_continued_with_an_indent() {
        assert_eq!(wrapped("one two three four", 9), "one two\n  three\n  four");
        assert_eq!(wrapped("  one two three", 9), "  one two\n    three");
        assert_eq!(wrapped("averyveryverylongword and", 9), "averyveryverylongword\n  and");
        assert_eq!(wrapped("short", 9), "short");
    }

    #[test]
    fn a_command_is_not_broken() {
        assert_eq!(wrapped("now `auditsync reset` it", 18), "now\n  `auditsync reset`\n  it");
    }

    #[test]
    fn the_text_after_a_label_continues_below_its_begin() {
        assert_eq!(wrapped("BEHIND  acme: 3 days", 14), "BEHIND  acme:\n        3 days");
        assert_eq!(wrapped("  altered   a bc", 14), "  altered   a\n            bc");
        let long = format!("{}  b c", "a".repeat(30));
        assert_eq!(wrapped(&long, 34), format!("{}  b\n  c", "a".repeat(30)));
    }

    #[test]
    fn colors_take_no_room_and_wide_characters_two_columns() {
        let painted = "\u{1b}[31mFAILED\u{1b}[0m  a b";
        assert_eq!(wrapped(painted, 11), painted);
        assert_eq!(wrapped("李雷 李雷", 8), "李雷\n  李雷");
    }
}
