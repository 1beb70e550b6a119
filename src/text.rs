//! What of a text may be printed as it is.

/// Whether a character does something to a terminal instead of being shown: a control character, one that ends a line,
/// or one that reorders what stands around it (Unicode Standard Annex 9).
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` as one line that a terminal shows as it is: what would steer it is written as an escape.
///
/// ```
/// assert_eq!(auditsync::text::shown("zoë\u{1b}[2J"), r"zoë\u{1b}[2J");
/// ```
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_of_both_sets_and_of_direction_steer_and_letters_of_any_script_do_not() {
        assert!("\u{0}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{202e}\u{2066}\u{2028}".chars().all(steers));
        assert!(!"aé 李雷 🙂 \u{200d}مرحبا".chars().any(steers));
    }
}
