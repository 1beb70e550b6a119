//! The signature of a timestamp: a CMS `SignedData` (RFC 5652) with one signer.
//!
//! The signer's attributes hold the hash of the timestamp and that of the signer's certificate, and
//! the signature is over them. So no byte of the three can change alone. Whether the certificate is
//! that of an authority is not checked here.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{ErrorKind, Reader, SliceReader, Tag, TagNumber, Tagged as _};
use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::encoding::{CONTENT, SHA_256, TIMESTAMP_INFO, TimestampError, content, skip_rest};

const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// The signer's certificate by its SHA-1 (RFC 2634), and by another hash (RFC 5035).
const CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED_25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// A field that is written with the tag `[1]`.
const ONE: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(1) };
/// The signer, named by the id of its key.
const KEY_ID: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };

/// The versions of a `SignedData` and of a signer that RFC 5652 demands for timestamps.
const SIGNED_DATA_VERSION: u64 = 3;
const VERSION_OF_SERIAL: u64 = 1;
const VERSION_OF_KEY_ID: u64 = 3;

/// The `SignedData` of a timestamp.
pub(super) struct SignedTimestamp<'a> {
    /// The signed bytes: a `TSTInfo`.
    pub(super) info: &'a [u8],
    /// The hash algorithms that it names before the content.
    digests: Vec<ObjectIdentifier>,
    certificates: &'a [u8],
    signer: Signer<'a>,
}

/// A `SignerInfo`.
struct Signer<'a> {
    /// Names the certificate.
    id: AnyRef<'a>,
    digest: ObjectIdentifier,
    /// The encoded attributes, with their tag.
    attributes: &'a [u8],
    algorithm: ObjectIdentifier,
    signature: &'a [u8],
}

/// What the attributes of a signer say.
#[derive(Default)]
struct Attributes<'a> {
    content_type: Option<AnyRef<'a>>,
    message_digest: Option<AnyRef<'a>>,
    certificate: Option<AnyRef<'a>>,
    certificate_v2: Option<AnyRef<'a>>,
}

/// What is read of a certificate.
struct Certificate<'a> {
    encoded: &'a [u8],
    issuer: &'a [u8],
    serial: &'a [u8],
    key: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
    key_bytes: &'a [u8],
}

impl<'a> SignedTimestamp<'a> {
    /// Reads the parts, and checks none of them.
    pub(super) fn read(signed: &mut SliceReader<'a>) -> der::Result<Self> {
        require(signed, SIGNED_DATA_VERSION)?;
        let algorithms: AnyRef<'a> = signed.decode()?;
        algorithms.tag().assert_eq(Tag::Set)?;
        let digests = each(algorithms.value(), |set| set.sequence(algorithm))?;
        let info = signed.sequence(|wrapper| -> der::Result<_> {
            let mut content = content(wrapper, TIMESTAMP_INFO)?;
            let info: &OctetStringRef = content.decode()?;
            content.finish()?;
            Ok(info.as_bytes())
        })?;
        let mut part: AnyRef<'a> = signed.decode()?;
        let mut certificates: &[u8] = &[];
        if part.tag() == CONTENT {
            certificates = part.value();
            part = signed.decode()?;
        }
        // Lists of revoked certificates.
        if part.tag() == ONE {
            part = signed.decode()?;
        }
        part.tag().assert_eq(Tag::Set)?;
        let mut rest = SliceReader::new(part.value())?;
        let found = rest.sequence(Signer::read)?;
        // A timestamp has one signer (RFC 3161, section 2.4.2).
        rest.finish()?;
        Ok(Self { info, digests, certificates, signer: found })
    }

    /// Checks that the signer's certificate is there, and that its key signed the timestamp.
    pub(super) fn verify(&self) -> Result<(), TimestampError> {
        let Signer { digest, attributes: encoded, .. } = self.signer;
        let attributes = Attributes::read(encoded)?;
        let found: Option<ObjectIdentifier> =
            attributes.content_type.map(AnyRef::decode_as).transpose()?;
        let stated: Option<&OctetStringRef> =
            attributes.message_digest.map(AnyRef::decode_as).transpose()?;
        let stated = stated.map(OctetStringRef::as_bytes);
        if found != Some(TIMESTAMP_INFO)
            || stated != Some(hash(digest, self.info)?.as_ref())
            || !self.digests.contains(&digest)
        {
            return Err(TimestampError::Altered);
        }
        let certificate = self.certificate(&attributes)?;
        if !certificate.is_of(&self.signer.id)? {
            return Err(TimestampError::Signer);
        }
        // The attributes are signed as a set, and written with another tag.
        let message = [&[0x31], &encoded[1..]].concat();
        let key = UnparsedPublicKey::new(
            certificate.verification(self.signer.algorithm, digest)?,
            certificate.key_bytes,
        );
        key.verify(&message, self.signer.signature).map_err(|_| TimestampError::Altered)
    }

    /// The certificate whose hash the signer signed.
    fn certificate(&self, attributes: &Attributes<'a>) -> Result<Certificate<'a>, TimestampError> {
        let (algorithm, wanted) = match (attributes.certificate_v2, attributes.certificate) {
            (Some(value), _) => first_id(value, |id| {
                // SHA-256 is not named.
                let named = if Tag::peek(id)? == Tag::Sequence {
                    id.sequence(self::algorithm)?
                } else {
                    SHA_256
                };
                Ok((digest_of(named), id.decode()?))
            })?,
            (None, Some(value)) => {
                first_id(value, |id| Ok((Some(&SHA1_FOR_LEGACY_USE_ONLY), id.decode()?)))?
            }
            (None, None) => return Err(TimestampError::Signer),
        };
        let wanted: &OctetStringRef = wanted;
        let algorithm = algorithm.ok_or(TimestampError::Signer)?;
        let mut certificates = SliceReader::new(self.certificates)?;
        while !certificates.is_finished() {
            let encoded = certificates.tlv_bytes()?;
            if digest::digest(algorithm, encoded).as_ref() == wanted.as_bytes() {
                return Ok(Certificate::read(encoded)?);
            }
        }
        Err(TimestampError::Signer)
    }
}

impl<'a> Signer<'a> {
    fn read(signer: &mut SliceReader<'a>) -> der::Result<Self> {
        let version: u64 = signer.decode()?;
        let id: AnyRef<'a> = signer.decode()?;
        let expected = if id.tag() == KEY_ID { VERSION_OF_KEY_ID } else { VERSION_OF_SERIAL };
        if version != expected {
            return Err(signer.error(ErrorKind::Value { tag: Tag::Integer }));
        }
        let digest = signer.sequence(algorithm)?;
        let attributes = signer.tlv_bytes()?;
        if attributes.first() != Some(&0xa0) {
            return Err(signer.error(ErrorKind::Value { tag: CONTENT }));
        }
        let algorithm = signer.sequence(algorithm)?;
        let signature: &OctetStringRef = signer.decode()?;
        // Attributes that nobody signed.
        if !signer.is_finished() {
            signer.decode::<AnyRef<'a>>()?.tag().assert_eq(ONE)?;
        }
        Ok(Self { id, digest, attributes, algorithm, signature: signature.as_bytes() })
    }
}

impl<'a> Attributes<'a> {
    fn read(encoded: &'a [u8]) -> der::Result<Self> {
        let mut attributes = Self::default();
        let mut reader = SliceReader::new(encoded)?;
        let set: AnyRef<'a> = reader.decode()?;
        each(set.value(), |set| {
            set.sequence(|attribute| {
                let kind: ObjectIdentifier = attribute.decode()?;
                let values: AnyRef<'a> = attribute.decode()?;
                values.tag().assert_eq(Tag::Set)?;
                let place = match kind {
                    CONTENT_TYPE => &mut attributes.content_type,
                    MESSAGE_DIGEST => &mut attributes.message_digest,
                    CERTIFICATE => &mut attributes.certificate,
                    CERTIFICATE_V2 => &mut attributes.certificate_v2,
                    _ => return Ok(()),
                };
                let mut values = SliceReader::new(values.value())?;
                *place = Some(values.decode()?);
                values.finish()
            })
        })?;
        Ok(attributes)
    }
}

impl<'a> Certificate<'a> {
    fn read(encoded: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(encoded)?;
        reader.sequence(|certificate| -> der::Result<Self> {
            let read = certificate.sequence(|fields| -> der::Result<Self> {
                if Tag::peek(fields)? == CONTENT {
                    // The version.
                    fields.tlv_bytes()?;
                }
                let serial = fields.tlv_bytes()?;
                fields.tlv_bytes()?;
                let issuer = fields.tlv_bytes()?;
                // Validity and subject.
                fields.tlv_bytes()?;
                fields.tlv_bytes()?;
                let (key, curve, key_bytes) = fields.sequence(read_key)?;
                skip_rest(fields)?;
                Ok(Self { encoded, issuer, serial, key, curve, key_bytes })
            })?;
            skip_rest(certificate)?;
            Ok(read)
        })
    }

    /// Whether a signer names this certificate.
    fn is_of(&self, id: &AnyRef<'_>) -> der::Result<bool> {
        if id.tag() == KEY_ID {
            // The id is in an extension.
            return Ok(memchr::memmem::find(self.encoded, id.value()).is_some());
        }
        id.sequence(|id| Ok(id.tlv_bytes()? == self.issuer && id.tlv_bytes()? == self.serial))
    }

    /// How to verify a signature by this certificate's key.
    fn verification(
        &self,
        algorithm: ObjectIdentifier,
        digest: ObjectIdentifier,
    ) -> Result<&'static dyn VerificationAlgorithm, TimestampError> {
        let digest = match algorithm {
            RSA_SHA_256 | ECDSA_SHA_256 => SHA_256,
            RSA_SHA_384 | ECDSA_SHA_384 => SHA_384,
            RSA_SHA_512 => SHA_512,
            _ => digest,
        };
        let is_rsa = matches!(algorithm, RSA | RSA_SHA_256 | RSA_SHA_384 | RSA_SHA_512);
        let is_ecdsa = matches!(algorithm, ECDSA_SHA_256 | ECDSA_SHA_384);
        Ok(match (self.key, self.curve, digest) {
            (RSA, _, SHA_256) if is_rsa => &RSA_PKCS1_2048_8192_SHA256,
            (RSA, _, SHA_384) if is_rsa => &RSA_PKCS1_2048_8192_SHA384,
            (RSA, _, SHA_512) if is_rsa => &RSA_PKCS1_2048_8192_SHA512,
            (EC, Some(P_256), SHA_256) if is_ecdsa => &ECDSA_P256_SHA256_ASN1,
            (EC, Some(P_256), SHA_384) if is_ecdsa => &ECDSA_P256_SHA384_ASN1,
            (EC, Some(P_384), SHA_256) if is_ecdsa => &ECDSA_P384_SHA256_ASN1,
            (EC, Some(P_384), SHA_384) if is_ecdsa => &ECDSA_P384_SHA384_ASN1,
            (ED_25519, ..) if algorithm == ED_25519 => &ED25519,
            _ => return Err(TimestampError::Unknown(algorithm)),
        })
    }
}

/// The algorithm, the curve and the bytes of a public key.
fn read_key<'a>(
    key: &mut SliceReader<'a>,
) -> der::Result<(ObjectIdentifier, Option<ObjectIdentifier>, &'a [u8])> {
    let (algorithm, curve) = key.sequence(|algorithm| -> der::Result<_> {
        let oid = algorithm.decode()?;
        let is_on_curve = oid == EC && !algorithm.is_finished();
        let curve = if is_on_curve { Some(algorithm.decode()?) } else { None };
        skip_rest(algorithm)?;
        Ok((oid, curve))
    })?;
    let bytes: BitStringRef<'a> = key.decode()?;
    Ok((algorithm, curve, bytes.raw_bytes()))
}

/// Reads an algorithm that has no parameters.
fn algorithm(algorithm: &mut SliceReader<'_>) -> der::Result<ObjectIdentifier> {
    let oid = algorithm.decode()?;
    if !algorithm.is_finished() && !algorithm.decode::<AnyRef<'_>>()?.is_null() {
        return Err(algorithm.error(ErrorKind::Value { tag: Tag::Null }));
    }
    Ok(oid)
}

/// Reads the first element of the list that is the first field of an attribute.
fn first_id<'a, T>(
    attribute: AnyRef<'a>,
    read: impl FnOnce(&mut SliceReader<'a>) -> der::Result<T>,
) -> der::Result<T> {
    attribute.sequence(|attribute| {
        let first = attribute.sequence(|ids| -> der::Result<T> {
            let first = ids.sequence(|id| -> der::Result<T> {
                let first = read(id)?;
                skip_rest(id)?;
                Ok(first)
            })?;
            skip_rest(ids)?;
            Ok(first)
        })?;
        skip_rest(attribute)?;
        Ok(first)
    })
}

/// Reads each element of a set.
fn each<'a, T>(
    set: &'a [u8],
    mut read: impl FnMut(&mut SliceReader<'a>) -> der::Result<T>,
) -> der::Result<Vec<T>> {
    let (mut set, mut elements) = (SliceReader::new(set)?, Vec::new());
    while !set.is_finished() {
        elements.push(read(&mut set)?);
    }
    Ok(elements)
}

/// Reads a version, which must be this one.
fn require(reader: &mut SliceReader<'_>, version: u64) -> der::Result<()> {
    if reader.decode::<u64>()? == version {
        return Ok(());
    }
    Err(reader.error(ErrorKind::Value { tag: Tag::Integer }))
}

fn digest_of(oid: ObjectIdentifier) -> Option<&'static digest::Algorithm> {
    match oid {
        SHA_256 => Some(&SHA256),
        SHA_384 => Some(&SHA384),
        SHA_512 => Some(&SHA512),
        _ => None,
    }
}

fn hash(oid: ObjectIdentifier, bytes: &[u8]) -> Result<digest::Digest, TimestampError> {
    let algorithm = digest_of(oid).ok_or(TimestampError::Unknown(oid))?;
    Ok(digest::digest(algorithm, bytes))
}
