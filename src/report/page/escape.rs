//! The escaper of the page's templates: whatever a template inserts passes through it.
//!
//! The people under audit choose the names of apps. So a text can't end an element or an attribute,
//! reorder the text around it, hide a part of itself, or hold a secret that this process knows.

use std::fmt;

use askama::filters::{Escaper, Html};

use crate::text::clean;

/// The most characters of one text. The bytes of events are in the database and in exports.
const LONGEST: usize = 2_000;

/// Redacts, makes invisible characters visible, shortens, and escapes for HTML.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: fmt::Write>(&self, mut page: W, text: &str) -> fmt::Result {
        let clean = clean(text);
        match clean.char_indices().nth(LONGEST) {
            None => Html.write_escaped_str(page, &clean),
            Some((end, _)) => {
                Html.write_escaped_str(&mut page, &clean[..end])?;
                write!(page, "…(+{} characters)", clean[end..].chars().count())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::steers;

    fn escaped(text: &str) -> String {
        let mut page = String::new();
        Visible.write_escaped_str(&mut page, text).expect("a string accepts everything");
        page
    }

    #[test]
    fn a_text_ends_no_element_and_no_attribute_and_steers_nothing() {
        let hostile = "</script><script>alert(1)</script>\" onload=\"x' \u{202e}\0\u{1b}[2J&amp;";
        let page = escaped(hostile);
        assert!(!page.contains(['<', '>', '"', '\'']) && !page.chars().any(steers), "{page}");
        assert!(page.contains(r"\u{202e}\u{0}\u{1b}[2J&#38;amp;"), "{page}");
    }

    #[test]
    fn a_token_is_redacted_and_a_long_text_is_shortened() {
        assert_eq!(escaped("Bearer HRKU-1"), "Bearer [token]");
        let emoji = "🙂".repeat(2_200);
        assert_eq!(escaped(&emoji), format!("{}…(+200 characters)", "🙂".repeat(2_000)));
    }
}
