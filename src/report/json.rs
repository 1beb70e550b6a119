//! A report as one JSON document.

use std::io;
use std::mem::take;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, Formatter};

use crate::text::json;
use crate::text::secrets::redact;

/// `value` as a document on one line. Its strings are what they are, but without secrets, and with escapes for all that would
/// steer a terminal.
pub(super) fn document(value: &impl Serialize) -> io::Result<String> {
    let mut document = Vec::new();
    write(&mut document, value)?;
    String::from_utf8(document).map_err(io::Error::other)
}

/// Writes the same as it is made: a document may be larger than memory should be.
pub(super) fn write(writer: &mut impl io::Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *writer, Strings::default()))?;
    writer.write_all(b"\n")
}

/// Writes each string when all of it is known.
#[derive(Debug, Default)]
struct Strings {
    string: String,
}

impl Formatter for Strings {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::steers;

    #[test]
    fn a_document_reads_back_as_it_was_and_holds_nothing_that_steers() {
        let odd: String = (0..0x300)
            .chain(0x2000..0x2100)
            .chain(0xe0000..0xe0080)
            .filter_map(char::from_u32)
            .collect();
        let value = serde_json::json!({ "a": [odd, 1, null, true, 0.5], odd.clone(): {} });
        let document = document(&value).expect("a document");
        assert!(document.ends_with('\n') && !document.trim_end().chars().any(steers), "{document}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&document).expect("JSON"), value);
    }

    #[test]
    fn no_token_stands_in_a_document() {
        let value = serde_json::json!({ "HRKU-1": "a \"HRKU-2\"\n" });
        assert_eq!(
            document(&value).expect("a document"),
            "{\"[token]\":\"a \\\"[token]\\\"\\n\"}\n"
        );
    }
}
