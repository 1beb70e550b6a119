//! Makes a text of Heroku's safe to print.

use crate::config::Token;
use crate::text::secrets::redact;
use crate::text::steers;

/// The most characters that are kept of a text of Heroku's.
const LONGEST_TEXT: usize = 500;

/// `text` as one line of at most 500 characters.
///
/// It lacks the token, in case the server echoes it, and the addresses of files. Characters that
/// steer a terminal are replaced.
pub(crate) fn sanitize(text: &str, token: &Token) -> String {
    let text = token.redact(text);
    let text = without_addresses(&redact(&text));
    let mut clean: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .take(LONGEST_TEXT + 1)
        .collect();
    if clean.chars().count() > LONGEST_TEXT {
        clean = clean.chars().take(LONGEST_TEXT).collect();
        clean.push('…');
    }
    clean.trim().to_owned()
}

/// `text` with every address cut down to its host, except those at heroku.com.
///
/// The address of an archive gives access to the archive.
fn without_addresses(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, found)) = rest.split_once("://") {
        let end = found
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`'))
            .unwrap_or(found.len());
        let address = &found[..end];
        let authority = address.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        kept.extend([before, "://"]);
        if host == "heroku.com" || host.ends_with(".heroku.com") && host == authority {
            kept.push_str(address);
        } else {
            kept.push_str(host);
            kept.push_str(if host.len() < address.len() { "/…" } else { "" });
        }
        rest = &found[end..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::parse("HRKU-secret").expect("a token")
    }

    #[test]
    fn a_text_of_heroku_s_neither_shows_the_token_nor_steers_a_terminal() {
        let text = sanitize("no \u{1b}[2J\u{202e}HRKU-secret\r\nhere", &token());
        assert_eq!(text, "no \u{fffd}[2J\u{fffd}[token]  here");
        assert_eq!(sanitize(&"x".repeat(10_000), &token()).chars().count(), LONGEST_TEXT + 1);
    }

    #[test]
    fn a_text_is_cut_only_if_it_is_too_long() {
        let longest = "x".repeat(LONGEST_TEXT);
        assert_eq!(sanitize(&longest, &token()), longest);
        assert_eq!(sanitize(&format!("{longest}y"), &token()), format!("{longest}…"));
    }
}
