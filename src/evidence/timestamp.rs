//! Timestamps (RFC 3161): an authority signs that a hash existed at some time.
//!
//! An answer is checked up to its signature, so none of its signed parts can have changed. Whether
//! the signer is an authority is for `openssl ts -verify`, which knows the certificates to trust.

mod encoding;
mod signature;

use chrono::{DateTime, NaiveDateTime, Utc};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, Utf8StringRef};
use der::{Reader, SliceReader, Tag, Tagged as _};

use crate::event::Hash;
use encoding::{SHA_256, content, skip_rest};
use signature::SignedTimestamp;

pub use encoding::TimestampError;

/// The DER of a request up to the hash: version 1, SHA-256.
const BEFORE_HASH: [u8; 24] = [
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];

/// The DER after the hash: the answer is to contain the authority's certificate.
const AFTER_HASH: [u8; 3] = [0x01, 0x01, 0xff];

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// The reasons that an answer gives by number.
const FAILURES: [(usize, &str); 8] = [
    (0, "it does not know the hash algorithm"),
    (2, "the request is not permitted"),
    (5, "the request has the wrong format"),
    (14, "it has no time"),
    (15, "it does not know the policy"),
    (16, "it does not know an extension"),
    (17, "it does not have what the request asks for"),
    (25, "it has a fault"),
];

/// What a timestamp says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampFacts {
    /// The time at which the hash existed.
    pub time: DateTime<Utc>,
    /// The number that the authority gave the timestamp, in hexadecimal digits.
    pub serial: String,
}

/// The request for a timestamp of `hash`.
///
/// ```
/// let request = auditsync::evidence::timestamp::request(&[0; 32]);
/// assert_eq!(request.len(), 59);
/// ```
pub fn request(hash: &Hash) -> [u8; 59] {
    let mut request = [0; 59];
    let (before, rest) = request.split_at_mut(BEFORE_HASH.len());
    let (middle, after) = rest.split_at_mut(hash.len());
    before.copy_from_slice(&BEFORE_HASH);
    middle.copy_from_slice(hash);
    after.copy_from_slice(&AFTER_HASH);
    request
}

/// Checks that the answer is a timestamp of `hash` that its signer signed, and returns what it
/// says. Nothing tells whether the signer is an authority.
pub fn check(answer: &[u8], hash: &Hash) -> Result<TimestampFacts, TimestampError> {
    let mut reader = SliceReader::new(answer)?;
    let facts = reader.sequence(|answer| {
        answer.sequence(check_status)?;
        if answer.is_finished() {
            return Err(TimestampError::NoToken);
        }
        let signed = answer.sequence(signed_timestamp)?;
        let mut info = SliceReader::new(signed.info)?;
        let facts = info.sequence(|info| read_info(info, hash))?;
        info.finish()?;
        signed.verify()?;
        Ok(facts)
    })?;
    reader.finish()?;
    Ok(facts)
}

/// Accepts a status that comes with a timestamp.
fn check_status<'a>(info: &mut SliceReader<'a>) -> Result<(), TimestampError> {
    let status: u64 = info.decode()?;
    let (mut words, mut failure) = (Vec::new(), None);
    while !info.is_finished() {
        let part: AnyRef<'a> = info.decode()?;
        if part.tag() == Tag::BitString {
            failure = Some(part.decode_as::<BitStringRef<'_>>()?);
            continue;
        }
        part.sequence(|texts| -> der::Result<()> {
            while !texts.is_finished() {
                words.push(texts.decode::<Utf8StringRef<'a>>()?.to_string());
            }
            Ok(())
        })?;
    }
    // 0: granted. 1: granted with changes.
    if status <= 1 {
        return Ok(());
    }
    if words.is_empty() {
        words.push(failure.and_then(meaning).unwrap_or("it gives no reason").to_owned());
    }
    Err(TimestampError::Rejected { status, reason: words.join("; ") })
}

/// What the first number of a failure means.
fn meaning(failure: BitStringRef<'_>) -> Option<&'static str> {
    let number = failure.bits().position(|is_set| is_set)?;
    FAILURES.iter().find(|(known, _)| *known == number).map(|(_, meaning)| *meaning)
}

/// The signed timestamp in its wrapper.
fn signed_timestamp<'a>(token: &mut SliceReader<'a>) -> der::Result<SignedTimestamp<'a>> {
    let mut content = content(token, SIGNED_DATA)?;
    let signed = content.sequence(SignedTimestamp::read)?;
    content.finish()?;
    Ok(signed)
}

/// Reads a `TSTInfo`, which must be of `hash`.
fn read_info<'a>(
    info: &mut SliceReader<'a>,
    hash: &Hash,
) -> Result<TimestampFacts, TimestampError> {
    let _version: u64 = info.decode()?;
    let _policy: ObjectIdentifier = info.decode()?;
    info.sequence(|imprint| {
        let algorithm = imprint.sequence(|algorithm| -> der::Result<ObjectIdentifier> {
            let oid = algorithm.decode()?;
            skip_rest(algorithm)?;
            Ok(oid)
        })?;
        if algorithm != SHA_256 {
            return Err(TimestampError::Algorithm(algorithm));
        }
        let stamped: &OctetStringRef = imprint.decode()?;
        let is_ours = stamped.as_bytes() == hash;
        if is_ours { Ok(()) } else { Err(TimestampError::Hash(stamped.as_bytes().to_vec())) }
    })?;
    let serial: AnyRef<'a> = info.decode()?;
    serial.tag().assert_eq(Tag::Integer)?;
    let time: AnyRef<'a> = info.decode()?;
    time.tag().assert_eq(Tag::GeneralizedTime)?;
    let time = read_time(time.value()).ok_or(TimestampError::Time)?;
    skip_rest(info)?;
    Ok(TimestampFacts { time, serial: hex::encode(serial.value()) })
}

/// Reads `YYYYMMDDhhmmss[.f]Z`. The type of `der` accepts no fractions, and authorities send them.
fn read_time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let text = str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let is_plain = text.len() >= 14 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let time = NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S%.f").ok()?;
    is_plain.then(|| time.and_utc())
}

#[cfg(test)]
mod tests;
