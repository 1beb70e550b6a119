//! Downloads an archive's file from the host that its address names.
//!
//! The address alone opens the file. So nothing else goes along that says who asks (no token, no `Referer`, no cookie),
//! and no text repeats more of an address than its host. Up to three redirects are followed, each to the same scheme.

use std::fs::File;
use std::io;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::super::answer::{Class, Fault, class, sanitize};
use crate::config::{Token, masked};

/// How many redirects are followed.
const MOST_REDIRECTS: u32 = 3;

/// The most of a refusal that is read, in bytes.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// The longest code of an error, and the shortest part of an address that is hidden wherever it stands, in bytes.
const LONGEST_CODE: usize = 64;
const SHORTEST_SECRET: usize = 6;

/// A file can't be had from its host.
#[derive(Debug, thiserror::Error)]
pub enum HostFault {
    /// It may go better next time.
    #[error(transparent)]
    Passing(Fault),
    /// The host does not take the address.
    #[error("{status}{}", words(.code.as_ref(), .message.as_ref()))]
    Refused {
        /// The status.
        status: StatusCode,
        /// The host's code for the reason, such as `AccessDenied`.
        code: Option<String>,
        /// The host's words, made sanitize.
        message: Option<String>,
    },
    /// The host redirects to where the download may not go.
    #[error("{status}, and {why}")]
    Astray {
        /// The status.
        status: StatusCode,
        /// What is wrong with the redirect.
        why: Astray,
    },
}

/// What is wrong with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Astray {
    /// Three were followed before.
    #[error("this is the fourth redirect in a row")]
    TooMany,
    /// It has no `Location`.
    #[error("the redirect does not say where to")]
    Nowhere,
    /// Its `Location` is no address.
    #[error("the redirect's address can't be read")]
    Malformed,
    /// It leads away from https.
    #[error("the redirect leads to another scheme: only https to https is followed")]
    OtherScheme,
    /// Its `Location` holds a user or a password.
    #[error("the redirect's address holds credentials, which are not sent")]
    Credentials,
    /// Its status is none of those that are followed.
    #[error("a redirect of this kind is not followed")]
    Kind,
}

/// A file that was downloaded to its end.
#[derive(Debug)]
pub(super) struct Downloaded {
    pub(super) file: File,
    pub(super) bytes: u64,
    /// The SHA-256 as lower-case hex.
    pub(super) checksum: String,
}

/// A download: where it is now, and where it has been.
pub(super) struct Download {
    /// How long an answer that is no file is listened to.
    patience: Duration,
    url: Url,
    redirects: u32,
    secrets: Secrets,
}

impl Download {
    /// A download from `url` that has not begun.
    pub(super) fn new(url: Url, patience: Duration) -> Self {
        let mut secrets = Secrets::default();
        secrets.add(&url);
        Self { patience, url, redirects: 0, secrets }
    }

    /// The host that is asked, or was asked last.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> u32 {
        self.redirects + 1
    }

    /// Downloads the file to a place without a name, with a client that follows no redirects and unpacks nothing. The outer
    /// error is this machine's. `token` is not sent, and appears in no words of the host.
    pub(super) async fn run(
        &mut self,
        files: &reqwest::Client,
        token: &Token,
    ) -> io::Result<Result<Downloaded, HostFault>> {
        let response = match self.find(files, token).await {
            Ok(response) => response,
            Err(fault) => return Ok(Err(fault)),
        };
        let saved = save(response).await?;
        Ok(saved.map_err(HostFault::Passing))
    }

    /// Follows redirects to the answer that holds the file.
    async fn find(
        &mut self,
        files: &reqwest::Client,
        token: &Token,
    ) -> Result<Response, HostFault> {
        loop {
            let response = files.get(self.url.clone()).send().await;
            let response = response
                .map_err(|error| HostFault::Passing(Fault::Network(error.without_url())))?;
            let status = response.status();
            match status.as_u16() {
                200 => return Ok(response),
                300..=303 | 305..=399 => {
                    let next =
                        self.follow(&response).map_err(|why| HostFault::Astray { status, why })?;
                    self.secrets.add(&next);
                    self.url = next;
                    self.redirects += 1;
                }
                _ => return Err(self.refused(response, token).await),
            }
        }
    }

    /// Where a redirect leads, if it may be followed.
    fn follow(&self, response: &Response) -> Result<Url, Astray> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Err(Astray::Kind);
        }
        if self.redirects >= MOST_REDIRECTS {
            return Err(Astray::TooMany);
        }
        let location = response.headers().get(LOCATION).ok_or(Astray::Nowhere)?;
        let location = std::str::from_utf8(location.as_bytes()).map_err(|_| Astray::Malformed)?;
        destination(&self.url, location)
    }

    /// The fault of an answer that is neither a file nor a redirect.
    async fn refused(&self, mut response: Response, token: &Token) -> HostFault {
        let status = response.status();
        // A body that breaks off or has no end is still an answer: its status decides, and what was read of it is told.
        let mut body = Vec::new();
        let reading = async {
            while let Ok(Some(chunk)) = response.chunk().await
                && body.len() < LONGEST_REFUSAL
            {
                body.extend_from_slice(&chunk);
            }
        };
        let _ = tokio::time::timeout(self.patience, reading).await;
        let (code, message) = self.secrets.words_of(&body, token);
        match class(status) {
            Some(Class::Lasting) => HostFault::Refused { status, code, message },
            _ => HostFault::Passing(Fault::Status { status, id: code, message, retry_after: None }),
        }
    }
}

/// Where a `Location` leads from `url`. The scheme stays: https where it counts, and http only on a machine that is its
/// own Heroku.
fn destination(url: &Url, location: &str) -> Result<Url, Astray> {
    let location = location.trim();
    if location.is_empty() {
        return Err(Astray::Nowhere);
    }
    let next = url.join(location).map_err(|_| Astray::Malformed)?;
    if next.scheme() != url.scheme() {
        return Err(Astray::OtherScheme);
    }
    // They would be sent as `Authorization`.
    if !next.username().is_empty() || next.password().is_some() {
        return Err(Astray::Credentials);
    }
    Ok(next)
}

async fn save(mut response: Response) -> io::Result<Result<Downloaded, Fault>> {
    let mut file = tokio::fs::File::from_std(tempfile::tempfile()?);
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                hash.update(&chunk);
                bytes += chunk.len() as u64;
                file.write_all(&chunk).await?;
            }
            Ok(None) => break,
            Err(error) => return Ok(Err(Fault::Network(error.without_url()))),
        }
    }
    file.flush().await?;
    Ok(Ok(Downloaded {
        file: file.into_std().await,
        bytes,
        checksum: hex::encode(hash.finalize()),
    }))
}

fn words(code: Option<&String>, message: Option<&String>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!(" {code}: {message}"),
        (Some(text), None) | (None, Some(text)) => format!(": {text}"),
        (None, None) => String::new(),
    }
}

/// What no text may repeat of the addresses that were asked.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn add(&mut self, url: &Url) {
        let mut parts: Vec<String> = vec![url.path().to_owned()];
        parts.extend(url.query().map(str::to_owned));
        parts.extend(url.path().split('/').map(str::to_owned));
        parts.extend(
            url.query().into_iter().flat_map(|query| query.split(['&', '='])).map(str::to_owned),
        );
        let decoded: Vec<String> = parts.iter().flat_map(|part| decoded(part)).collect();
        self.0
            .extend(parts.into_iter().chain(decoded).filter(|part| part.len() >= SHORTEST_SECRET));
        // The longest first: what is hidden in a part of it would leave the rest to be seen.
        self.0.sort_by_key(|part| std::cmp::Reverse(part.len()));
        self.0.dedup();
    }

    /// The code and the message in the XML of S3's errors, made sanitize.
    fn words_of(&self, body: &[u8], token: &Token) -> (Option<String>, Option<String>) {
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
        masked(&sanitize(&words.collect::<Vec<_>>().join(" "), token))
    }
}

/// What a part of an address says without its percent signs; a part that is a query says several things.
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

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn a_redirect_keeps_the_scheme_and_names_an_address_without_credentials() {
        let from = url("https://host.example/a/b?signature=1");
        for (location, expected) in [
            ("https://other.example/c", Ok("https://other.example/c")),
            ("/c?d", Ok("https://host.example/c?d")),
            ("c", Ok("https://host.example/a/c")),
            ("//other.example/c", Ok("https://other.example/c")),
            (" HTTPS://other.example/c ", Ok("https://other.example/c")),
            ("", Err(Astray::Nowhere)),
            ("  ", Err(Astray::Nowhere)),
            ("https://[", Err(Astray::Malformed)),
            ("https://host:port/", Err(Astray::Malformed)),
            ("http://host.example/a", Err(Astray::OtherScheme)),
            ("ftp://host.example/a", Err(Astray::OtherScheme)),
            ("file:///etc/passwd", Err(Astray::OtherScheme)),
            ("data:,a", Err(Astray::OtherScheme)),
            ("https://me@host.example/a", Err(Astray::Credentials)),
            ("https://:word@host.example/a", Err(Astray::Credentials)),
        ] {
            let found = destination(&from, location);
            assert_eq!(
                found.as_ref().map(Url::as_str),
                expected.as_ref().map(|text| *text),
                "{location}"
            );
        }
        assert_eq!(destination(&url("http://a/"), "https://a/"), Err(Astray::OtherScheme));
        assert!(destination(&url("http://a/"), "http://b/").is_ok());
    }

    #[test]
    fn the_host_s_words_are_its_code_and_message_without_anything_secret() {
        let token = Token::parse("HRKU-secret-token").expect("a token");
        let mut secrets = Secrets::default();
        secrets.add(&url(
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
