//! A report as one JSON document.

use std::io;
use std::mem::take;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, Formatter};

use crate::text::secrets::redact;
use crate::text::{json, json_on_one_line};

/// Writes `value` as a document on one line, while it is being serialized. Secrets are redacted,
/// and characters that could control a terminal are escaped.
pub(super) fn write(writer: &mut impl io::Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *writer, CleanStrings::default()))?;
    writer.write_all(b"\n")
}

/// Collects each string to its end before writing it: only then a secret in it is complete.
#[derive(Debug, Default)]
struct CleanStrings {
    string: String,
}

impl Formatter for CleanStrings {
    fn begin_string<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.string.clear();
        Ok(())
    }

    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        _: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        self.string.push_str(fragment);
        Ok(())
    }

    fn write_char_escape<W: io::Write + ?Sized>(
        &mut self,
        _: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.string.push(match escape {
            CharEscape::Quote => '"',
            CharEscape::ReverseSolidus => '\\',
            CharEscape::Solidus => '/',
            CharEscape::Backspace => '\u{8}',
            CharEscape::FormFeed => '\u{c}',
            CharEscape::LineFeed => '\n',
            CharEscape::CarriageReturn => '\r',
            CharEscape::Tab => '\t',
            CharEscape::AsciiControl(byte) => char::from(byte),
        });
        Ok(())
    }

    fn end_string<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        let mut quoted = String::new();
        json(&redact(&take(&mut self.string)), &mut quoted);
        writer.write_all(quoted.as_bytes())
    }

    /// Writes JSON that others made, such as an event.
    fn write_raw_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        writer.write_all(json_on_one_line(&redact(fragment)).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::steers;

    fn document(value: &impl Serialize) -> String {
        let mut document = Vec::new();
        write(&mut document, value).expect("a vector accepts everything");
        String::from_utf8(document).expect("text")
    }

    #[test]
    fn a_document_reads_back_unchanged_and_controls_no_terminal() {
        let odd: String = (0..0x300)
            .chain(0x2000..0x2100)
            .chain(0xe0000..0xe0080)
            .filter_map(char::from_u32)
            .collect();
        let value = serde_json::json!({ "a": [odd, 1, null, true, 0.5], odd.clone(): {} });
        let document = document(&value);
        assert!(document.ends_with('\n') && !document.trim_end().chars().any(steers), "{document}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&document).expect("JSON"), value);
    }

    #[test]
    fn foreign_json_in_a_document_keeps_its_value_and_controls_no_terminal() {
        let foreign = "{\"b\":1E+9999,\n\"a\": \"\u{9b}\u{202e}HRKU-1\",\"a\":2}";
        let raw: &serde_json::value::RawValue = serde_json::from_str(foreign).expect("JSON");
        let escaped = r#"{"b":1E+9999, "a": "\u009b\u202e[token]","a":2}"#;
        assert_eq!(document(&[raw]), format!("[{escaped}]\n"));
    }

    #[test]
    fn a_document_contains_no_token() {
        let value = serde_json::json!({ "HRKU-1": "a \"HRKU-2\"\n" });
        assert_eq!(document(&value), "{\"[token]\":\"a \\\"[token]\\\"\\n\"}\n");
    }
}
