//! Redacts the secrets that this process knows in every text that leaves it.
//!
//! Others repeat secrets: Heroku in an error, an event in its id, a library in a message, a person
//! in the wrong option. Therefore the code that reads a secret passes it to [`learn`], and
//! [`redact`] replaces it in every text, also where it is percent-encoded, escaped, hexadecimal or
//! in base64. Everything that looks like one of Heroku's tokens or like a private key is redacted,
//! too: it may be another user's.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The kind of a secret. A text shows only this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// An API token.
    Token,
    /// A password or a private key.
    Password,
    /// The secret part of an address.
    Address,
}

impl SecretKind {
    fn word(self) -> &'static str {
        match self {
            Self::Token => "[token]",
            Self::Password => "[password]",
            Self::Address => "[address]",
        }
    }
}

/// A shorter text is often a part of another word, and is no protection as a secret.
const SHORTEST: usize = 8;

/// A longer secret is searched for only unchanged and escaped.
const LONGEST_ENCODED: usize = 128;

/// Passwords that are words of our texts. Redacting them would garble every text and hide nothing.
const OUR_WORDS: [&str; 6] =
    ["postgres", "postgresql", "auditsync", "password", "localhost", "database"];

/// The shortest text to search: a token's prefix and one more character.
const SHORTEST_TEXT: usize = 6;

static KNOWN: RwLock<KnownSecrets> = RwLock::new(KnownSecrets { secrets: Vec::new(), forms: None });

/// Redacts `secret` in every text from now on.
pub fn learn(kind: SecretKind, secret: &str) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).learn(kind, secret);
}

/// Replaces each secret in `text` with the name of its kind.
pub fn redact(text: &str) -> Cow<'_, str> {
    if text.len() < SHORTEST_TEXT {
        return text.into();
    }
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if known.is_ready() {
        return known.redact(text);
    }
    drop(known);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.prepare();
    known.redact(text)
}

/// Learns the password in a database's address: in a URL, or after `password=`.
pub fn learn_database(address: &str) {
    let address = address.trim();
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    // A password that is not encoded may contain any character, even `@`.
    if let Some((credentials, _)) = rest.rsplit_once('@')
        && let Some((user, password)) = credentials.split_once(':')
        && !password.eq_ignore_ascii_case(user)
    {
        learn_encoded(SecretKind::Password, password);
    }
    for (at, _) in address.match_indices("password") {
        let value = address[at + "password".len()..]
            .trim_start()
            .strip_prefix('=')
            .unwrap_or_default()
            .trim_start();
        let (value, end) = match value.strip_prefix('\'') {
            Some(quoted) => (quoted, &['\''][..]),
            None => (value, &['&', ' ', '\t', '\n'][..]),
        };
        learn_encoded(SecretKind::Password, value.split(end).next().unwrap_or_default());
    }
}

/// Learns the parts of an address that grant access: everything except scheme and host.
pub fn learn_address(address: &str) {
    let address = address.trim();
    let Some((_, rest)) = address.split_once("://") else {
        return learn(SecretKind::Address, address);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let credentials =
        authority.rsplit_once('@').map_or("", |(credentials, _)| credentials).split(':');
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let values: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value))
        .collect();
    // A signature alone grants access. Then the path's parts are names, possibly of an account.
    let is_signed = values.iter().any(|value| value.len() >= 16);
    let parts = path.split('/').filter(|_| !is_signed);
    let entire = [path.trim_start_matches('/')];
    for part in credentials
        .chain(values.iter().copied())
        .chain(parts)
        .chain(entire)
        .filter(|part| is_key(part))
    {
        learn_encoded(SecretKind::Address, part);
    }
}

/// Whether a part of an address may be a key, as opposed to a word or a date.
fn is_key(part: &str) -> bool {
    let is_date = part.chars().all(|c| c.is_ascii_digit() || c.is_ascii_punctuation());
    let is_word =
        part.len() < 16 && part.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_'));
    !is_date && !is_word
}

/// Learns a secret in its percent-encoded and in its decoded form.
fn learn_encoded(kind: SecretKind, secret: &str) {
    learn(kind, secret);
    let (mut plain, mut rest) = (Vec::new(), secret.as_bytes());
    while let Some(first) = rest.first() {
        let (byte, length) = percent(rest).unwrap_or((*first, 1));
        plain.push(byte);
        rest = &rest[length..];
    }
    if let Ok(plain) = str::from_utf8(&plain)
        && plain != secret
    {
        learn(kind, plain);
    }
}

/// The places in `text` that look like Heroku's tokens.
pub fn token_like(text: &str) -> Vec<Range<usize>> {
    const BEGINNING: &[u8] = b"hrku-";
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let bytes = text.as_bytes();
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in bytes
        .windows(BEGINNING.len())
        .enumerate()
        .filter(|(_, w)| w.eq_ignore_ascii_case(BEGINNING))
    {
        if found.last().is_none_or(|last| last.end <= at) {
            found.push(at..at + bytes[at..].iter().take_while(|b| is_part(b)).count());
        }
    }
    found
}

/// The places in `text` that look like private keys of signed notes.
pub fn key_like(text: &str) -> Vec<Range<usize>> {
    const BEGINNING: &str = "PRIVATE+KEY+";
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
    let length = |key: &str| key.find(is_end).unwrap_or(key.len());
    let places = text.match_indices(BEGINNING).map(|(at, _)| at..at + length(&text[at..]));
    // Our own messages contain the beginning alone.
    places.filter(|span| span.len() > BEGINNING.len()).collect()
}

#[derive(Debug)]
struct KnownSecrets {
    secrets: Vec<(SecretKind, String)>,
    forms: Option<Forms>,
}

/// The forms of all secrets, for one common search.
#[derive(Debug)]
struct Forms {
    search: AhoCorasick,
    /// The kind of each form's secret, and whether the form is base64.
    meanings: Vec<(SecretKind, Encoding)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Base64,
}

impl KnownSecrets {
    fn learn(&mut self, kind: SecretKind, secret: &str) {
        let secret = secret.trim();
        let is_known = self.secrets.iter().any(|(_, known)| known == secret);
        let is_a_word = OUR_WORDS.iter().any(|word| secret.eq_ignore_ascii_case(word));
        if secret.len() < SHORTEST || is_known || is_a_word {
            return;
        }
        self.secrets.push((kind, secret.to_owned()));
        // Rebuild the search later: most secrets are learned before the first text.
        self.forms = None;
    }

    /// Whether the search includes all known secrets.
    fn is_ready(&self) -> bool {
        self.forms.is_some() || self.secrets.is_empty()
    }

    fn prepare(&mut self) {
        if !self.is_ready() {
            self.forms = Forms::of(&self.secrets);
        }
    }

    fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found: Vec<(Range<usize>, SecretKind)> =
            token_like(text).into_iter().map(|span| (span, SecretKind::Token)).collect();
        found.extend(key_like(text).into_iter().map(|span| (span, SecretKind::Password)));
        if let Some(forms) = &self.forms {
            forms.find(text, &mut found);
        }
        // If the search could not be built, this finds secrets at least unchanged.
        if self.forms.is_none() || text.contains(['%', '\\']) {
            for (kind, secret) in &self.secrets {
                found.extend(escaped(text, secret).into_iter().map(|span| (span, *kind)));
            }
        }
        if found.is_empty() {
            return text.into();
        }
        found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let (mut redacted, mut end) = (String::with_capacity(text.len()), 0);
        for (span, kind) in found {
            if span.start >= end {
                redacted.push_str(&text[end..span.start]);
                redacted.push_str(kind.word());
            }
            end = end.max(span.end);
        }
        redacted.push_str(&text[end..]);
        redacted.into()
    }
}

impl Forms {
    fn of(secrets: &[(SecretKind, String)]) -> Option<Self> {
        let (mut forms, mut meanings) = (Vec::new(), Vec::new());
        for (kind, secret) in secrets {
            for (form, encoding) in forms_of(secret) {
                forms.push(form);
                meanings.push((*kind, encoding));
            }
        }
        // Ignore case: hexadecimal has both, and hosts are written in lower case.
        let mut builder = AhoCorasick::builder();
        let search = builder
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms)
            .ok()?;
        Some(Self { search, meanings })
    }

    fn find(&self, text: &str, found: &mut Vec<(Range<usize>, SecretKind)>) {
        let is_base64 =
            |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
        for hit in self.search.find_iter(text) {
            let (kind, encoding) = self.meanings[hit.pattern().as_usize()];
            let mut span = hit.range();
            if encoding == Encoding::Base64 {
                // The neighbouring characters may contain the secret's first and last bytes.
                span.start -= text.as_bytes()[..span.start]
                    .iter()
                    .rev()
                    .take(4)
                    .take_while(is_base64)
                    .count();
                span.end +=
                    text.as_bytes()[span.end..].iter().take(4).take_while(is_base64).count();
            }
            found.push((span, kind));
        }
    }
}

/// A secret unchanged, in hexadecimal, and in base64, where its position changes its form. A long
/// secret is a part of an address: nobody encodes it, and a run may learn many.
fn forms_of(secret: &str) -> Vec<(String, Encoding)> {
    let mut forms = vec![(secret.to_owned(), Encoding::Plain)];
    if secret.len() > LONGEST_ENCODED {
        return forms;
    }
    forms.push((hex::encode(secret), Encoding::Plain));
    for before in 0..3 {
        let bytes = [vec![0; before], secret.as_bytes().to_vec()].concat();
        // Skip the characters that also depend on the secret's neighbours.
        let inner = &bytes[before.div_ceil(3) * 3..bytes.len() / 3 * 3];
        forms.extend(
            [STANDARD.encode(inner), URL_SAFE.encode(inner)].map(|form| (form, Encoding::Base64)),
        );
    }
    forms
}

/// The places of `secret` in `text`, where some or all of its bytes may be percent-encoded, or
/// escaped as in JSON and Rust.
fn escaped(text: &str, secret: &str) -> Vec<Range<usize>> {
    let (bytes, mut found, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        match length_of(&bytes[at..], secret.as_bytes()) {
            Some(length) => {
                found.push(at..at + length);
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// The length of the beginning of `text` that means all of `secret`.
fn length_of(text: &[u8], secret: &[u8]) -> Option<usize> {
    let Some((wanted, rest)) = secret.split_first() else { return Some(0) };
    let plain = text.first().map(|byte| (*byte, 1));
    // `%25` is a percent sign, or the begin of a byte that was encoded twice.
    let sign = text.starts_with(b"%25").then_some((b'%', 3));
    [plain, sign, percent(text), backslash(text)].into_iter().flatten().find_map(
        |(byte, length)| {
            let fits = byte.eq_ignore_ascii_case(wanted);
            fits.then(|| length_of(&text[length..], rest)).flatten().map(|more| length + more)
        },
    )
}

/// The byte of `%XX` at the beginning of `text`, and the length. Encoded twice, it is `%25XX`.
fn percent(text: &[u8]) -> Option<(u8, usize)> {
    text.strip_prefix(b"%")?;
    let mut length = 1;
    while text[length..].starts_with(b"25") && hexadecimal(&text[length + 2..], 2).is_some() {
        length += 2;
    }
    hexadecimal(&text[length..], 2).map(|value| (value as u8, length + 2))
}

/// The byte of `\"`, `\u0022`, `\u{22}` or `\x22` at the beginning of `text`, and the length.
fn backslash(text: &[u8]) -> Option<(u8, usize)> {
    let rest = text.strip_prefix(b"\\")?;
    let value = |digits: &[u8], count, length| {
        Some((u8::try_from(hexadecimal(digits, count)?).ok()?, length))
    };
    match rest {
        [b'u', b'{', digits @ ..] => {
            let count = digits.iter().position(|byte| *byte == b'}')?;
            value(digits, count, count + 4)
        }
        [b'u', digits @ ..] => value(digits, 4, 6),
        [b'x', digits @ ..] => value(digits, 2, 4),
        [byte, ..] if byte.is_ascii_punctuation() => Some((*byte, 2)),
        _ => None,
    }
}

/// The value of the first `digits` characters, if all are hexadecimal digits.
fn hexadecimal(text: &[u8], digits: usize) -> Option<u32> {
    let digits = str::from_utf8(text.get(..digits)?).ok()?;
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests;
