//! How the body of an answer is encoded, and its decoder.
//!
//! Only gzip is asked for. A body in another coding, or in several, is a fault that names it: its bytes are never taken
//! for JSON.

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use super::answer::{Fault, sanitize};
use super::gunzip::Gunzip;
use crate::config::Token;

/// Decodes the body of an answer.
#[derive(Debug)]
pub(super) enum Decoder {
    /// As it is; holds the bytes that were not taken yet.
    Identity(Bytes),
    Gzip(Box<Gunzip>),
    /// In a coding that was not asked for.
    Unknown(String),
}

impl Decoder {
    /// The decoder for an answer with these headers.
    pub(super) fn new(headers: &HeaderMap, token: &Token) -> Self {
        let values = headers.get_all(CONTENT_ENCODING).into_iter();
        let values: Vec<_> = values
            .map(|value| {
                sanitize(&String::from_utf8_lossy(value.as_bytes()), token).to_ascii_lowercase()
            })
            .collect();
        let codings = values.iter().flat_map(|value| value.split(',')).map(str::trim);
        // `identity` stands for no coding at all (RFC 9110, section 12.5.3).
        let codings: Vec<_> =
            codings.filter(|coding| !coding.is_empty() && *coding != "identity").collect();
        match codings[..] {
            [] => Self::Identity(Bytes::new()),
            // RFC 9110, section 8.4.1.3: both are the same.
            ["gzip" | "x-gzip"] => Self::Gzip(Box::new(Gunzip::new())),
            _ => Self::Unknown(codings.join(", ")),
        }
    }

    /// Gives it the next bytes. Only when [`Self::next_part`] has returned `None` for those before.
    pub(super) fn push(&mut self, bytes: Bytes) {
        match self {
            Self::Identity(part) => *part = bytes,
            Self::Gzip(gunzip) => gunzip.push(bytes),
            Self::Unknown(_) => {}
        }
    }

    /// Some decoded bytes, or `None` when more have to be given.
    pub(super) fn next_part(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Identity(part) => Ok((!part.is_empty()).then(|| std::mem::take(part))),
            Self::Gzip(gunzip) => Ok(gunzip.next_part()?),
            Self::Unknown(coding) => Err(Fault::Coding(coding.clone())),
        }
    }

    /// The body has ended. What is still to come of it is the next part.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        match self {
            Self::Gzip(gunzip) => Ok(gunzip.finish()?),
            Self::Identity(_) | Self::Unknown(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn decoder(values: &[&str]) -> Decoder {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                CONTENT_ENCODING,
                HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
            );
        }
        Decoder::new(&headers, &Token::parse("HRKU-secret").expect("a token"))
    }

    #[test]
    fn gzip_and_no_coding_are_decoded_by_any_of_their_names() {
        for values in
            [&[][..], &[""], &["identity"], &["Identity"], &["identity", "IDENTITY"], &[" , "]]
        {
            assert!(matches!(decoder(values), Decoder::Identity(_)), "{values:?}");
        }
        for values in [
            &["gzip"][..],
            &["GZIP"],
            &["x-gzip"],
            &["X-Gzip"],
            &[" gzip "],
            &["identity, gzip"],
            &["gzip", ""],
        ] {
            assert!(matches!(decoder(values), Decoder::Gzip(_)), "{values:?}");
        }
    }

    #[test]
    fn any_other_coding_is_a_passing_fault_that_names_it_without_the_token() {
        for (values, named) in [
            (&["br"][..], "`br`"),
            (&["gzip, gzip"], "`gzip, gzip`"),
            (&["gzip", "x-gzip"], "`gzip, x-gzip`"),
            (&["gzip,br"], "`gzip, br`"),
            (&["zstd"], "`zstd`"),
            (&["gz\u{e9}p"], "`gz\u{e9}p`"),
        ] {
            let mut decoder = decoder(values);
            decoder.push(Bytes::from_static(b"[]"));
            let fault = decoder.next_part().expect_err("another coding");
            assert!(fault.to_string().contains(named), "{fault}");
            assert_eq!(fault.class(), super::super::Class::Passing);
        }
        let fault = decoder(&["HRKU-secret"]).next_part().expect_err("another coding");
        assert!(!fault.to_string().to_ascii_lowercase().contains("hrku-secret"), "{fault}");
    }
}
