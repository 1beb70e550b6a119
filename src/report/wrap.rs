//! Long lines on a narrow terminal.

use std::borrow::Cow;

/// Breaks a line at spaces where it is longer than `width`. Continuation lines are indented by two
/// more columns. A command in backticks stays on one line where it can, which makes it easy to
/// copy. A row of a table is never broken.
pub(super) fn wrapped(line: &str, width: usize) -> Cow<'_, str> {
    // Only the cells of a table are separated by more than one space.
    if line.chars().count() <= width || line.trim_start().contains("  ") {
        return line.into();
    }
    let indent = line.len() - line.trim_start_matches(' ').len();
    let mut wrapped = " ".repeat(indent);
    let (mut column, mut is_first) = (indent, true);
    for word in words(line.trim()) {
        let length = word.chars().count();
        if !is_first && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent + 2));
            column = indent + 2;
        } else if !is_first {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(&word);
        (column, is_first) = (column + length, false);
    }
    wrapped.into()
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
    fn a_command_and_a_row_are_not_broken() {
        assert_eq!(wrapped("now `auditsync reset` it", 18), "now\n  `auditsync reset`\n  it");
        assert_eq!(wrapped("acme  2024-09-28  synced", 9), "acme  2024-09-28  synced");
    }
}
