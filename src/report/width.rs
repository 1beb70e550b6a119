//! How many columns of a terminal a text takes.

use unicode_width::UnicodeWidthChar as _;

/// The columns of a terminal that a clean text takes. Codes for colours take none. A joined
/// sequence counts as its parts, because some terminals show them one by one.
pub(super) fn width(text: &str) -> usize {
    let mut is_code = false;
    let columns = text.chars().map(|c| match c {
        '\u{1b}' => {
            is_code = true;
            0
        }
        // A clean text has no escape but our colours, which `m` ends.
        c if is_code => {
            is_code = c != 'm';
            0
        }
        c => c.width().unwrap_or_default(),
    });
    columns.sum()
}

/// The text in at most `most` columns, with `…` at its end if something is missing.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut left = most.saturating_sub(1);
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or_default()) else { break };
        left = rest;
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns_and_marks_and_colors_none() {
        assert_eq!(width("storefront"), 10);
        assert_eq!(width("李雷🙂"), 6);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("\u{1b}[32mcomplete\u{1b}[0m"), 8);
    }

    #[test]
    fn a_text_is_cut_between_characters_with_a_mark() {
        assert_eq!(shortened("storefront", 6), "store…");
        assert_eq!(shortened("storefront", 10), "storefront");
        assert_eq!(shortened("李雷李雷", 6), "李雷…");
        assert_eq!(shortened("李雷李雷", 5), "李雷…");
        assert_eq!(shortened("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }
}
