//! Text for people: what of it may be shown, and in which form.
//!
//! Every text leaves the program through one of these functions. [`clean`] makes one line of it, [`json`] one JSON string:
//! neither steers a terminal, hides a part of itself, or holds a secret that [`secrets`] knows.

pub mod secrets;

use std::fmt::Write as _;

/// Whether a character does something to a terminal or to the text around it instead of being shown.
///
/// These are the control characters, those that end a line, those that reorder what stands around them (Unicode Standard
/// Annex 9), and those that are invisible and that no script needs, such as the tag characters, which can hide a whole
/// message. Zero-width joiners and variation selectors are needed, by Persian and Hindi as by emoji, and reorder nothing.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
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

/// `text` as one line, without the secrets that this process knows.
pub fn clean(text: &str) -> String {
    shown(&secrets::redact(text))
}

/// The same for a text whose lines are its own: they stay lines.
pub fn clean_lines(text: &str) -> String {
    secrets::redact(text).split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// `text` as a JSON string with its quotes. What would steer a terminal is escaped even where JSON does not ask for it.
pub fn json(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\n' | '\r' | '\t' => json.extend(c.escape_default()),
            c if steers(c) => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units)
                    .iter()
                    .for_each(|unit| _ = write!(json, "\\u{unit:04x}"));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEERING: &str = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{200b}\u{200e}\u{2028}\u{202e}\u{2066}\u{feff}\u{fffb}\u{e0041}";
    const PLAIN: &str = "aé 李雷 🙂 👩\u{200d}🚀 می\u{200c}خواهم مرحبا ☎\u{fe0f} \"\\";

    #[test]
    fn what_steers_or_hides_is_known_and_what_scripts_need_is_not() {
        assert!(STEERING.chars().all(steers));
        assert!(!PLAIN.chars().any(steers));
    }

    #[test]
    fn a_clean_text_is_one_line_and_cleaning_it_again_changes_nothing() {
        let clean_text = clean(&format!("{PLAIN}{STEERING}"));
        assert!(clean_text.starts_with(PLAIN) && !clean_text.chars().any(steers), "{clean_text}");
        assert_eq!(clean(&clean_text), clean_text);
        assert_eq!(clean_lines("a\r\nb\u{9b}\n"), "a\\u{d}\nb\\u{9b}\n");
    }

    #[test]
    fn a_json_string_reads_back_as_the_text_and_holds_nothing_that_steers() {
        let text = format!("{PLAIN}{STEERING}");
        let mut string = String::new();
        json(&text, &mut string);
        assert!(!string.chars().any(steers), "{string}");
        assert_eq!(serde_json::from_str::<String>(&string).expect("JSON"), text);
    }
}
