//! Makes text safe to print.
//!
//! Every text leaves the program through one of these functions. [`clean`] makes one line of it,
//! [`json`] one JSON string. The result never controls a terminal, hides a part of itself, or
//! contains a secret that [`secrets`] knows.

pub mod secrets;

use std::fmt::Write as _;
use std::io;

/// Whether a character controls the terminal or the text around it.
///
/// These are control characters, line ends, characters that reorder the text around them (Unicode
/// Standard Annex 9), and invisible characters that no script needs, such as the tag characters,
/// which can hide a message. Zero-width joiners and variation selectors are not among them:
/// Persian, Hindi and emoji need them, and they reorder nothing.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Escapes everything in `text` that could control a terminal. The result is one line.
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

/// Redacts the secrets that this process knows, and escapes as [`shown`] does.
pub fn clean(text: &str) -> String {
    shown(&secrets::redact(text))
}

/// Like [`clean`], but line ends stay line ends.
pub fn clean_lines(text: &str) -> String {
    secrets::redact(text).split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// A JSON text on one line. Characters inside its strings that could control a terminal are
/// escaped, so the value stays the same. Line ends and tabs outside of strings become spaces.
///
/// ```
/// let json = "{\"a\":\n\"\u{9b}31m\"}";
/// assert_eq!(auditsync::text::json_on_one_line(json), r#"{"a": "\u009b31m"}"#);
/// ```
pub fn json_on_one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if steers(c) => escape_in_json(c, &mut line),
            c => line.push(c),
        }
    }
    line
}

/// Appends `text` to `json` as a JSON string with quotes. Characters that could control a terminal
/// are escaped, even where JSON does not require it.
pub fn json(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\n' | '\r' | '\t' => json.extend(c.escape_default()),
            c if steers(c) => escape_in_json(c, json),
            c => json.push(c),
        }
    }
    json.push('"');
}

/// A reason of the operating system as part of a sentence: without its number, and without the
/// capital letter.
///
/// ```
/// let reason = auditsync::text::reason("Connection refused (os error 111)");
/// assert_eq!(reason, "connection refused");
/// ```
pub fn reason(text: &str) -> String {
    let words = text.split_once(" (os error ").map_or(text, |(words, _)| words);
    let mut letters = words.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(words.chars().skip(1)).collect()
        }
        _ => words.to_owned(),
    }
}

/// Why a file can't be read, without the number that the system adds.
pub fn unread(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "the file does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "this user has no permission to read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => reason(&error.to_string()),
    }
}

fn escape_in_json(c: char, json: &mut String) {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).iter().for_each(|unit| _ = write!(json, "\\u{unit:04x}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEERING: &str = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{200b}\u{200e}\u{2028}\u{202e}\
        \u{2066}\u{feff}\u{fffb}\u{e0041}";
    const PLAIN: &str = "aé 李雷 🙂 👩\u{200d}🚀 می\u{200c}خواهم مرحبا ☎\u{fe0f} \"\\";

    #[test]
    fn control_characters_steer_and_those_that_scripts_need_do_not() {
        assert!(STEERING.chars().all(steers));
        assert!(!PLAIN.chars().any(steers));
    }

    #[test]
    fn a_sanitized_text_is_one_line_and_sanitizing_it_again_is_a_no_op() {
        let clean_text = clean(&format!("{PLAIN}{STEERING}"));
        assert!(clean_text.starts_with(PLAIN) && !clean_text.chars().any(steers), "{clean_text}");
        assert_eq!(clean(&clean_text), clean_text);
        assert_eq!(clean_lines("a\r\nb\u{9b}\n"), "a\\u{d}\nb\\u{9b}\n");
    }

    #[test]
    fn a_json_string_reads_back_unchanged_and_controls_no_terminal() {
        let text = format!("{PLAIN}{STEERING}");
        let mut string = String::new();
        json(&text, &mut string);
        assert!(!string.chars().any(steers), "{string}");
        assert_eq!(serde_json::from_str::<String>(&string).expect("JSON"), text);
    }
}
