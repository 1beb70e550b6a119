//! Downloads an archive's file from the host that its address names.
//!
//! The address alone gives access to the file. So the request carries nothing that identifies us:
//! no token, no `Referer`, no cookie. Texts show only the host of an address. Up to three redirects
//! are followed, each to the same scheme.

use std::fs::File;
use std::io;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Response, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::super::fault::Fault;
use super::super::hint::{Class, meaning};
use super::fault::{BadRedirect, HostFault};
use super::host_words::AddressParts;
use crate::config::Token;
use crate::http::NoResponse;

/// How many redirects are followed.
const MOST_REDIRECTS: u32 = 3;

/// How much of an error response is read, in bytes.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// A file that was downloaded to its end.
#[derive(Debug)]
pub(super) struct Downloaded {
    pub(super) file: File,
    pub(super) bytes: u64,
    /// The SHA-256 as lower-case hex.
    pub(super) checksum: String,
}

/// One download, with its redirects. Its addresses are secret, so there is no `Debug`.
pub(super) struct Download {
    /// How long the body of an error response is read.
    timeout: Duration,
    url: Url,
    redirects: u32,
    secrets: AddressParts,
}

impl Download {
    /// A download from `url` that has not begun.
    pub(super) fn new(url: Url, timeout: Duration) -> Self {
        let mut secrets = AddressParts::default();
        secrets.add(&url);
        Self { timeout, url, redirects: 0, secrets }
    }

    /// The host of the last request.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> u32 {
        self.redirects + 1
    }

    /// Downloads the file to a temporary file without a name. `files` follows no redirects.
    ///
    /// The outer error is one of this machine. `token` is not sent, and the host's words don't show
    /// it.
    pub(super) async fn run(
        &mut self,
        files: &reqwest::Client,
        token: &Token,
    ) -> io::Result<Result<Downloaded, HostFault>> {
        let response = match self.follow_to_file(files, token).await {
            Ok(response) => response,
            Err(fault) => return Ok(Err(fault)),
        };
        let saved = save(response).await?;
        Ok(saved.map_err(HostFault::Passing))
    }

    async fn follow_to_file(
        &mut self,
        files: &reqwest::Client,
        token: &Token,
    ) -> Result<Response, HostFault> {
        loop {
            let response = files.get(self.url.clone()).send().await;
            let response = response.map_err(|error| HostFault::Passing(network(&error)))?;
            let status = response.status();
            match status.as_u16() {
                200 => return Ok(response),
                300..=303 | 305..=399 => {
                    let next = self
                        .redirected(&response)
                        .map_err(|why| HostFault::Redirect { status, why })?;
                    self.secrets.add(&next);
                    self.url = next;
                    self.redirects += 1;
                }
                _ => return Err(self.refused(response, token).await),
            }
        }
    }

    /// The address that a redirect leads to, if it may be followed.
    fn redirected(&self, response: &Response) -> Result<Url, BadRedirect> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Err(BadRedirect::Kind);
        }
        if self.redirects >= MOST_REDIRECTS {
            return Err(BadRedirect::TooMany);
        }
        let location = response.headers().get(LOCATION).ok_or(BadRedirect::NoLocation)?;
        let location =
            std::str::from_utf8(location.as_bytes()).map_err(|_| BadRedirect::Malformed)?;
        destination(&self.url, location)
    }

    /// The fault of a response that is neither the file nor a redirect.
    async fn refused(&self, mut response: Response, token: &Token) -> HostFault {
        let status = response.status();
        // The status decides, even if the body breaks off or has no end.
        let mut body = Vec::new();
        let reading = async {
            while let Ok(Some(chunk)) = response.chunk().await
                && body.len() < LONGEST_REFUSAL
            {
                body.extend_from_slice(&chunk);
            }
        };
        let _ = tokio::time::timeout(self.timeout, reading).await;
        let (code, message) = self.secrets.words_of(&body, token);
        match meaning(status) {
            Some((Class::Lasting, _)) => HostFault::Refused { status, code, message },
            _ => HostFault::Passing(Fault::Status { status, id: code, message, retry_after: None }),
        }
    }
}

/// Where a `Location` leads from `url`.
///
/// The scheme stays the same: https, or http if Heroku is on this machine, as in a test.
fn destination(url: &Url, location: &str) -> Result<Url, BadRedirect> {
    let location = location.trim();
    if location.is_empty() {
        return Err(BadRedirect::NoLocation);
    }
    let next = url.join(location).map_err(|_| BadRedirect::Malformed)?;
    if next.scheme() != url.scheme() {
        return Err(BadRedirect::OtherScheme);
    }
    // They would be sent as `Authorization`.
    if !next.username().is_empty() || next.password().is_some() {
        return Err(BadRedirect::Credentials);
    }
    Ok(next)
}

/// The fault of the connection. It names the host alone: the rest of the address is secret.
fn network(error: &reqwest::Error) -> Fault {
    Fault::Network(NoResponse::new(error, None))
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
            Err(error) => return Ok(Err(network(&error))),
        }
    }
    file.flush().await?;
    Ok(Ok(Downloaded {
        file: file.into_std().await,
        bytes,
        checksum: hex::encode(hash.finalize()),
    }))
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
            ("", Err(BadRedirect::NoLocation)),
            ("  ", Err(BadRedirect::NoLocation)),
            ("https://[", Err(BadRedirect::Malformed)),
            ("https://host:port/", Err(BadRedirect::Malformed)),
            ("http://host.example/a", Err(BadRedirect::OtherScheme)),
            ("ftp://host.example/a", Err(BadRedirect::OtherScheme)),
            ("file:///etc/passwd", Err(BadRedirect::OtherScheme)),
            ("data:,a", Err(BadRedirect::OtherScheme)),
            ("https://me@host.example/a", Err(BadRedirect::Credentials)),
            ("https://:word@host.example/a", Err(BadRedirect::Credentials)),
        ] {
            let found = destination(&from, location);
            assert_eq!(
                found.as_ref().map(Url::as_str),
                expected.as_ref().map(|text| *text),
                "{location}"
            );
        }
        assert_eq!(destination(&url("http://a/"), "https://a/"), Err(BadRedirect::OtherScheme));
        assert!(destination(&url("http://a/"), "http://b/").is_ok());
    }
}
