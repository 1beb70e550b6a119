//! Events as NDJSON: one event per line, byte for byte where a line can hold its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use crate::evidence::EventRow;
use crate::text::secrets::redact;
use crate::text::{json, json_on_one_line};

/// How exactly a line has the bytes of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineForm {
    /// As Heroku sent them: they are evidence.
    Exact,
    /// The same JSON value, in which nothing controls the terminal that shows it.
    Escaped,
    /// The same, with secrets redacted.
    Redacted,
}

/// Appends the line of `event`. Line ends outside of its strings become spaces.
pub(crate) fn write_line(out: &mut Vec<u8>, event: &EventRow<'_>, form: LineForm) {
    match (json_text(event.bytes), form) {
        (Some(text), LineForm::Exact) => {
            let on_one_line = |byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte };
            out.extend(text.bytes().map(on_one_line));
        }
        (Some(text), LineForm::Escaped) => out.extend(json_on_one_line(text).bytes()),
        (Some(text), LineForm::Redacted) => out.extend(json_on_one_line(&redact(text)).bytes()),
        (None, _) => {
            let mut line = "{\"event_id\":".to_owned();
            json(&redact(event.id), &mut line);
            line.push_str(",\"raw_base64\":\"");
            STANDARD.encode_string(event.bytes, &mut line);
            line.push_str("\"}");
            out.extend(line.bytes());
        }
    }
    out.push(b'\n');
}

/// The bytes as text, if they are a JSON value. JSON has no line end inside of a string.
pub(super) fn json_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<&RawValue>(text).is_ok().then_some(text)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A row with these bytes, and with `text` in each column of text.
    pub(in crate::report) fn row<'a>(bytes: &'a [u8], text: &'a str) -> EventRow<'a> {
        EventRow {
            id: text,
            attempt: 1,
            bytes,
            hash: &[0xab; 32],
            created_at: Some(1_727_481_600_000_000),
            texts: [Some(text); 9],
            ip_address: Some(None),
            via: "api",
            first_seen_at: 1_727_481_600_000_000,
            derived: crate::evidence::DerivedParts::Known,
        }
    }

    fn line(bytes: &[u8], form: LineForm) -> String {
        let mut out = Vec::new();
        write_line(&mut out, &row(bytes, "e"), form);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_line_has_the_bytes_of_its_event_and_no_line_end_inside() {
        for (bytes, expected) in [
            ("{\"id\" : \"e\",\r\n \"a\":1E+9999}", "{\"id\" : \"e\",   \"a\":1E+9999}\n"),
            ("\n[\"\\ud800\\n\", {\"a\":1,\"a\":2}]\n", " [\"\\ud800\\n\", {\"a\":1,\"a\":2}] \n"),
            ("{\"a\":\"\u{9b}\u{202e}\"}", "{\"a\":\"\u{9b}\u{202e}\"}\n"),
            ("-1", "-1\n"),
        ] {
            assert_eq!(line(bytes.as_bytes(), LineForm::Exact), expected);
        }
        let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
        assert_eq!(line(deep.as_bytes(), LineForm::Exact), deep.clone() + "\n");
    }

    #[test]
    fn bytes_that_no_line_can_hold_are_written_in_base64() {
        for bytes in [
            &b"{\"id\":\"caf\xe9\"}"[..],
            b"{\"id\":\"a\nb\"}",
            b"{\"id\":\"a\rb\"}",
            b"{\"id\":",
            b"",
            b"{} {}",
        ] {
            let base64 = STANDARD.encode(bytes);
            for form in [LineForm::Exact, LineForm::Redacted] {
                let expected = format!("{{\"event_id\":\"e\",\"raw_base64\":\"{base64}\"}}\n");
                assert_eq!(line(bytes, form), expected);
            }
        }
    }

    #[test]
    fn a_line_for_a_terminal_is_the_same_value_and_steers_nothing() {
        let odd = "{\"a\\u009b\u{9b}31m\":\n\"\u{202e}\u{e0041}\u{7f}é\"}";
        let shown = line(odd.as_bytes(), LineForm::Escaped);
        assert!(!shown.trim_end().chars().any(crate::text::steers), "{shown}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&shown), value(odd));
    }

    #[test]
    fn a_redacted_line_has_no_token_and_an_exact_one_has_it() {
        let bytes = b"{\"id\":\"HRKU-1\"}";
        assert_eq!(line(bytes, LineForm::Redacted), "{\"id\":\"[token]\"}\n");
        assert_eq!(line(bytes, LineForm::Exact), "{\"id\":\"HRKU-1\"}\n");
    }
}
