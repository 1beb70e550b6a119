//! Long lines for a narrow terminal.

/// `text` with its lines broken at spaces where they are longer than `width`; what goes on is indented by two more than
/// the line. A command in backticks stays whole if it can, so that it can be copied; a row of a table stays a row.
pub(super) fn wrap(text: &str, width: usize) -> String {
    text.split_inclusive('\n')
        .map(|line| if fits(line, width) { line.to_owned() } else { folded(line, width) })
        .collect()
}

fn fits(line: &str, width: usize) -> bool {
    let line = line.trim_end();
    // Only tables have cells, and only cells are parted by more than one space.
    line.chars().count() <= width || line.trim_start().contains("  ")
}

fn folded(line: &str, width: usize) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let mut folded = " ".repeat(indent);
    let (mut column, mut is_first) = (indent, true);
    for word in words(line.trim()) {
        let length = word.chars().count();
        if !is_first && column + 1 + length > width {
            folded.push('\n');
            folded.push_str(&" ".repeat(indent + 2));
            column = indent + 2;
        } else if !is_first {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(&word);
        (column, is_first) = (column + length, false);
    }
    folded + "\n"
}

/// The words of a line; what stands in backticks is one.
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
    fn prose_is_broken_at_spaces_and_what_goes_on_is_indented() {
        assert_eq!(wrap("one two three four\n", 9), "one two\n  three\n  four\n");
        assert_eq!(wrap("  one two three\nshort\n", 9), "  one two\n    three\nshort\n");
        assert_eq!(wrap("averyveryverylongword and\n", 9), "averyveryverylongword\n  and\n");
    }

    #[test]
    fn a_command_is_not_broken_and_neither_is_a_row() {
        assert_eq!(wrap("now `auditsync reset` it\n", 18), "now\n  `auditsync reset`\n  it\n");
        assert_eq!(wrap("acme  2024-09-28  synced\n", 9), "acme  2024-09-28  synced\n");
    }
}
