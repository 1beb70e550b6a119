//! What the parts of an answer have in common: errors, names of contents, and how DER is read.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Reader, SliceReader, Tag, TagNumber, Tagged as _};

pub(super) const TIMESTAMP_INFO: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// The tag of the content in the two wrappers of a timestamp.
pub(super) const CONTENT: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };

/// Why an answer is not a timestamp of a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The bytes have another format.
    #[error("the answer is not a timestamp: {0}")]
    Malformed(#[from] der::Error),
    /// The authority made no timestamp.
    #[error("the authority made no timestamp (status {status}): {reason}")]
    Rejected {
        /// The status of RFC 3161, section 2.4.2.
        status: u64,
        /// The authority's words, or what its number means.
        reason: String,
    },
    /// The answer has a good status and no timestamp.
    #[error("the answer contains no timestamp")]
    NoToken,
    /// The timestamp was made with another hash algorithm.
    #[error("the timestamp is of a hash by another algorithm ({0}), and not by SHA-256")]
    Algorithm(ObjectIdentifier),
    /// The timestamp is of something else.
    #[error("the timestamp is of another hash, {}", hex::encode(.0))]
    Hash(Vec<u8>),
    /// The signature is of other bytes.
    #[error("the timestamp was changed: its signature is of something else")]
    Altered,
    /// The certificate of the signer is not there, or is another one.
    #[error("the timestamp does not contain its signer's certificate, or that was changed")]
    Signer,
    /// The signature can't be checked.
    #[error("the timestamp uses an algorithm that auditsync can't check ({0})")]
    Unknown(ObjectIdentifier),
    /// The time is none.
    #[error("the timestamp has a time that can't be read")]
    Time,
}

/// The content of a wrapper, which must be of this type.
pub(super) fn content<'a>(
    wrapper: &mut SliceReader<'a>,
    expected: ObjectIdentifier,
) -> der::Result<SliceReader<'a>> {
    let found: ObjectIdentifier = wrapper.decode()?;
    if found != expected {
        return Err(wrapper.error(der::ErrorKind::OidUnknown { oid: found }));
    }
    let content: AnyRef<'a> = wrapper.decode()?;
    content.tag().assert_eq(CONTENT)?;
    SliceReader::new(content.value())
}

/// Reads what follows, whatever it is.
pub(super) fn skip_rest<'a>(reader: &mut SliceReader<'a>) -> der::Result<()> {
    while !reader.is_finished() {
        reader.decode::<AnyRef<'a>>()?;
    }
    Ok(())
}
