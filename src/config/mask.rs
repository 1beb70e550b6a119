//! Redacts secrets in excerpts of the file, and in what users typed.
//!
//! People paste tokens and database URLs into the wrong place, and a helpful error would then print
//! them into a log. Every excerpt and every message passes through this file. Each redacted byte
//! becomes one `*`, which keeps columns and carets in place. In doubt it redacts too much.

use std::ops::Range;

use crate::text::secrets::{key_like, token_like};

/// A key whose name contains one of these holds a secret, or names a variable that does.
const SECRET_KEYS: [&str; 7] =
    ["token", "secret", "password", "passwd", "api_key", "apikey", "signing_key"];

/// A longer line, in bytes, is redacted entirely.
const LONGEST_LINE: usize = 4096;

/// Redacts whatever looks like a token, a private key, a UUID or a URL's credentials, byte for
/// byte.
pub fn redact_patterns(text: &str) -> String {
    let mut shown = text.as_bytes().to_vec();
    let keys = token_like(text).into_iter().chain(key_like(text));
    for span in keys.chain(uuids(text)).chain(credentials(text)) {
        shown[span].fill(b'*');
    }
    // Redacted spans begin and end at ASCII bytes, hence at character boundaries.
    String::from_utf8(shown).unwrap_or_default()
}

/// Redacts a file: what [`redact_patterns`] finds, the values of keys whose names suggest a secret,
/// and the spans in `secrets`, which must lie on character boundaries.
pub(super) fn file(text: &str, secrets: &[Range<usize>]) -> String {
    let mut shown = redact_patterns(text).into_bytes();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for span in secret_values(line) {
            shown[start + span.start..start + span.end].fill(b'*');
        }
        start += line.len();
    }
    for span in secrets {
        for byte in shown.get_mut(span.clone()).unwrap_or_default() {
            // Keep line ends, or the line numbers of messages would be wrong.
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    String::from_utf8(shown).unwrap_or_default()
}

/// Whether `text` begins as Heroku's tokens do: `HRKU-`.
pub(super) fn is_token(text: &str) -> bool {
    token_like(text.trim()).first().is_some_and(|span| span.start == 0)
}

/// Whether `text` is a UUID. Heroku's older tokens are UUIDs, but so are its ids.
pub(super) fn is_uuid(text: &str) -> bool {
    let text = text.trim();
    uuids(text).first() == Some(&(0..text.len()))
}

/// Whether `text` has the form of an environment variable's name.
pub(super) fn is_variable_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn uuids(text: &str) -> Vec<Range<usize>> {
    const LENGTH: usize = 36;
    let is_uuid = |bytes: &[u8]| {
        bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
    };
    let windows = text.as_bytes().windows(LENGTH).enumerate();
    windows.filter(|(_, bytes)| is_uuid(bytes)).map(|(at, _)| at..at + LENGTH).collect()
}

/// The parts of URLs between `://` and the last `@`.
fn credentials(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut looked_at = 0;
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        if start < looked_at {
            continue;
        }
        let rest = &text[start..];
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
            .unwrap_or(rest.len());
        looked_at = start + end;
        if let Some(length) = rest[..end].rfind('@') {
            found.push(start..start + length);
        }
    }
    found
}

/// The values on one line whose key's name suggests a secret. The name of a variable is none.
fn secret_values(line: &str) -> Vec<Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let mut found = Vec::new();
    if line.len() > LONGEST_LINE {
        found.push(0..line.trim_end().len());
        return found;
    }
    for (at, word) in SECRET_KEYS.iter().flat_map(|key| lower.match_indices(key)) {
        let key_end = at
            + word.len()
            + line[at + word.len()..].bytes().take_while(|b| is_key_byte(*b)).count();
        let Some(value) =
            line[key_end..].trim_start_matches(['"', '\'', ' ', '\t']).strip_prefix(['=', ':'])
        else {
            continue;
        };
        let start = line.len() - value.trim_start().len();
        let value = line[start..].trim_end();
        let quoted = value.strip_prefix('"').and_then(|rest| rest.split_once('"'));
        let quoted =
            quoted.or_else(|| value.strip_prefix('\'').and_then(|rest| rest.split_once('\'')));
        match quoted {
            Some((inner, _)) if lower[..key_end].ends_with("_env") && is_variable_name(inner) => {}
            Some((inner, _)) => found.push(start + 1..start + 1 + inner.len()),
            None => found.push(start..start + value.len()),
        }
    }
    found
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_uuids_and_credentials_are_redacted_in_the_same_length() {
        for (text, shown) in [
            ("x = \"HRKU-AAbc_9-z\" # é", "x = \"*************\" # é"),
            ("01234567-89ab-cdef-0123-456789abcdef", "************************************"),
            ("postgres://me:p@ss@host/db", "postgres://*******@host/db"),
            ("http://é:ü@host", "http://*****@host"),
            ("a 'PRIVATE+KEY+é+0+AY/+' b", "a '*********************' b"),
            ("nothing to hide", "nothing to hide"),
        ] {
            assert_eq!(redact_patterns(text), shown);
        }
    }

    #[test]
    fn the_value_of_a_secret_key_is_redacted_but_no_variable_name() {
        for (text, shown) in [
            ("token_env = \"HEROKU_API_TOKEN\"\r\n", "token_env = \"HEROKU_API_TOKEN\"\r\n"),
            ("token_env = \"not-a-name\" # why", "token_env = \"**********\" # why"),
            ("token = \"plain\"", "token = \"*****\""),
            ("API_TOKEN_env = bare words  \n", "API_TOKEN_env = **********  \n"),
            ("\"password\" : 'é'", "\"password\" : '**'"),
            ("a = { token_env = \"x y\", b = 1 }", "a = { token_env = \"***\", b = 1 }"),
            ("token = \"open", "token = *****"),
            ("token =", "token ="),
        ] {
            assert_eq!(file(text, &[]), shown);
        }
        let secret = 4..14;
        assert_eq!(file("a = '''\nkey'''", std::slice::from_ref(&secret)), "a = ***\n******");
    }

    #[test]
    fn a_token_is_recognized_by_its_form() {
        assert!(is_token("HRKU-1") && is_uuid("01234567-89AB-cdef-0123-456789abcdef"));
        assert!(!is_token("HEROKU_API_TOKEN") && !is_token("") && !is_token("my HRKU-1"));
        assert!(!is_uuid("") && !is_uuid("01234567-89AB-cdef-0123-456789abcdef0"));
    }
}
