//! The words of an archive's host, without any part of the secret addresses.

use reqwest::Url;

use super::super::sanitize::sanitize;
use crate::config::{Token, redact_patterns};

/// The longest error code, in bytes.
const LONGEST_CODE: usize = 64;

/// The shortest part of an address that is redacted, in bytes.
const SHORTEST_SECRET: usize = 6;

/// The parts of the requested addresses. No text may show them.
#[derive(Default)]
pub(super) struct AddressParts(Vec<String>);

impl AddressParts {
    pub(super) fn add(&mut self, url: &Url) {
        let mut parts: Vec<String> = vec![url.path().to_owned()];
        parts.extend(url.query().map(str::to_owned));
        parts.extend(url.path().split('/').map(str::to_owned));
        parts.extend(
            url.query().into_iter().flat_map(|query| query.split(['&', '='])).map(str::to_owned),
        );
        let decoded: Vec<String> = parts.iter().flat_map(|part| decoded(part)).collect();
        self.0
            .extend(parts.into_iter().chain(decoded).filter(|part| part.len() >= SHORTEST_SECRET));
        // The longest first: a shorter one may be a part of it, and would leave the rest.
        self.0.sort_by_key(|part| std::cmp::Reverse(part.len()));
        self.0.dedup();
    }

    /// The code and the message of an error in S3's XML, sanitized.
    pub(super) fn words_of(&self, body: &[u8], token: &Token) -> (Option<String>, Option<String>) {
        let body = String::from_utf8_lossy(body);
        let code = element(&body, "Code").map(|code| code.trim().to_owned());
        let is_code = |code: &String| {
            let is_word = !code.is_empty()
                && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
            is_word && code.len() <= LONGEST_CODE && self.redact(code, token) == **code
        };
        let message = element(&body, "Message").map(|text| self.redact(&text, token));
        (code.filter(is_code), message.filter(|text| !text.is_empty()))
    }

    fn redact(&self, text: &str, token: &Token) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            text = text.replace(secret, "[address]");
        }
        let words = text
            .split_whitespace()
            .map(|word| if word.contains("://") { "[address]" } else { word });
        redact_patterns(&sanitize(&words.collect::<Vec<_>>().join(" "), token))
    }
}

/// A part of an address with its percent-encoding decoded. A query has several parts.
fn decoded(part: &str) -> Vec<String> {
    let Ok(mut url) = Url::parse("decoding:it") else { return Vec::new() };
    url.set_query(Some(&part.replace('+', "%2B")));
    url.query_pairs().flat_map(|(name, value)| [name.into_owned(), value.into_owned()]).collect()
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(
        named.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_words_are_its_code_and_message_without_secrets() {
        let address = |text: &str| Url::parse(text).expect("an address");
        let token = Token::parse("HRKU-secret-token").expect("a token");
        let mut secrets = AddressParts::default();
        secrets.add(&address(
            "https://h/key-of-24/a%20file.gz?X-Amz-Signature=feedbeef&X-Amz-Credential=AKIA%2F2024",
        ));
        let words = |xml: &str| {
            let (code, message) = secrets.words_of(xml.as_bytes(), &token);
            (code.unwrap_or_default(), message.unwrap_or_default())
        };
        let both = |code: &str, message: &str| (code.to_owned(), message.to_owned());
        let error = |code: &str, message: &str| {
            format!("<Error><Code>{code}</Code>\n<Message>{message}</Message></Error>")
        };
        assert_eq!(
            words(&error("AccessDenied", "Request has expired")),
            both("AccessDenied", "Request has expired")
        );
        assert_eq!(
            words(&error("A.1", "it &lt;is&gt; &amp;amp; so")),
            both("A.1", "it <is> &amp; so")
        );
        for (message, shown) in [
            ("no key-of-24 here", "no [address] here"),
            ("'a file.gz' and a%20file.gz", "'[address]' and [address]"),
            ("X-Amz-Signature=feedbeef.", "[address]=[address]."),
            ("AKIA/2024", "[address]"),
            ("see https://h/other", "see [address]"),
            ("by HRKU-secret-token", "by [token]"),
            ("by HRKU-other", "by [token]"),
            ("\u{1b}[2J\u{202e}x", "\u{fffd}[2J\u{fffd}x"),
        ] {
            assert_eq!(words(&error("C", message)), both("C", shown), "{message}");
        }
        for code in ["feedbeef", "", "two words", &"a".repeat(65), "\u{1b}"] {
            assert_eq!(words(&error(code, "m")), both("", "m"), "{code}");
        }
        for other in ["", "<html>403</html>", "<Code>open", r#"{"message":"m"}"#] {
            assert_eq!(words(other), both("", ""), "{other}");
        }
    }
}
