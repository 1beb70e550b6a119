//! The keys of signed notes, in the text format of `golang.org/x/mod/sumdb/note`, with Ed25519.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::config::{KeyName, KeyNameError};
use crate::event::Hash;

/// The byte before a key's own bytes that says: Ed25519.
const ED25519_KEY: u8 = 1;

/// How a private key begins.
const PRIVATE: &str = "PRIVATE+KEY+";

/// The DER of a `SubjectPublicKeyInfo` up to the 32 bytes of an Ed25519 key.
const PUBLIC_KEY_INFO: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The bytes of an Ed25519 key, private or public.
type KeyBytes = [u8; 32];

/// A private key. It can't be printed.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
    text: SecretString,
}

/// The public key that verifies the signatures of a [`SigningKey`].
///
/// ```
/// use auditsync::evidence::key::VerifierKey;
///
/// let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// let key = VerifierKey::parse(text)?;
/// assert_eq!(key.name().as_ref(), "PeterNeumann");
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), auditsync::evidence::key::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    bytes: KeyBytes,
}

/// The hash of a key: the first four bytes of the SHA-256 over its name and public key. It tells
/// two keys of one name apart; alone, it proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 4]);

/// Why a text is not a key. It quotes nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text does not begin as a private key does.
    #[error("is not a private key, which begins with {PRIVATE}")]
    NotPrivate,
    /// The text is a private key where a verifier's key is needed.
    #[error("is a private key, not a verifier's key")]
    Private,
    /// A part is missing.
    #[error("is not NAME+HASH+KEY")]
    Parts,
    /// The name is none.
    #[error("has a name that no key can have: {0}")]
    Name(#[from] KeyNameError),
    /// The hash is not hexadecimal, or has another length.
    #[error("has a hash that is not eight hexadecimal digits")]
    Hash,
    /// The last part is not base64.
    #[error("has a last part that is not base64")]
    Base64,
    /// The last part names another algorithm.
    #[error("has algorithm {0}, and only 1 (Ed25519) is known")]
    Algorithm(u8),
    /// The key is too short or too long.
    #[error("has a key of {0} bytes, and an Ed25519 key has 32")]
    Length(usize),
    /// The hash belongs to another name or key, as after a typing error.
    #[error("has a hash that does not belong to its name and key: copy it again")]
    Mismatch,
}

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

impl SigningKey {
    /// Makes a new key.
    pub fn generate(name: KeyName, random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        let mut seed = KeyBytes::default();
        random.fill(&mut seed).map_err(|_| NoRandomness)?;
        Ok(Self::from_seed(name, &seed))
    }

    /// Reads the text of a key, without the white space around it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let parts = text.trim().strip_prefix(PRIVATE).ok_or(KeyError::NotPrivate)?;
        let KeyParts { name, id, bytes } = KeyParts::parse(parts)?;
        let key = Self::from_seed(name, &bytes);
        if key.verifier.id() == id { Ok(key) } else { Err(KeyError::Mismatch) }
    }

    fn from_seed(name: KeyName, seed: &KeyBytes) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed has 32 bytes");
        let mut bytes = KeyBytes::default();
        bytes.copy_from_slice(pair.public_key().as_ref());
        let verifier = VerifierKey { name, bytes };
        let (name, id) = (&verifier.name, verifier.id());
        let text = format!("{PRIVATE}{name}+{id}+{}", encoded(seed)).into();
        Self { pair, verifier, text }
    }

    /// The key for others.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The key's text, only for the person who generates it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The signature of `message`.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+…)", self.verifier.name)
    }
}

impl VerifierKey {
    /// Reads the text of a key, without the white space around it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with(PRIVATE) {
            return Err(KeyError::Private);
        }
        let KeyParts { name, id, bytes } = KeyParts::parse(text)?;
        let key = Self { name, bytes };
        if key.id() == id { Ok(key) } else { Err(KeyError::Mismatch) }
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's hash.
    pub fn id(&self) -> KeyId {
        let mut hash = Sha256::new();
        hash.update(self.name.as_ref());
        hash.update([b'\n', ED25519_KEY]);
        hash.update(self.bytes);
        let [a, b, c, d, ..]: Hash = hash.finalize().into();
        KeyId([a, b, c, d])
    }

    /// The key as PEM, which `openssl` reads.
    pub fn to_pem(&self) -> String {
        let der = [&PUBLIC_KEY_INFO[..], &self.bytes].concat();
        let lines = ["-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"];
        format!("{}\n{}\n{}\n", lines[0], STANDARD.encode(der), lines[1])
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, self.id(), encoded(&self.bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The parts of `NAME+HASH+KEY`.
struct KeyParts {
    name: KeyName,
    id: KeyId,
    bytes: KeyBytes,
}

impl KeyParts {
    fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Parts)?;
        // base64 may contain a `+`.
        let (id, key) = rest.split_once('+').ok_or(KeyError::Parts)?;
        let name = KeyName::parse(name)?;
        let mut four = [0; 4];
        hex::decode_to_slice(id, &mut four).map_err(|_| KeyError::Hash)?;
        let key = STANDARD.decode(key).map_err(|_| KeyError::Base64)?;
        match key.split_first() {
            None => Err(KeyError::Length(0)),
            Some((&ED25519_KEY, bytes)) => {
                let bytes = bytes.try_into().map_err(|_| KeyError::Length(bytes.len()))?;
                Ok(Self { name, id: KeyId(four), bytes })
            }
            Some((algorithm, _)) => Err(KeyError::Algorithm(*algorithm)),
        }
    }
}

/// The last part of a key's text.
fn encoded(bytes: &KeyBytes) -> String {
    STANDARD.encode([&[ED25519_KEY][..], bytes].concat())
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier as _};

    use super::*;

    const KEY: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_key_reads_back_and_knows_its_verifier() {
        let key = SigningKey::parse(&format!(" {KEY}\n")).expect("a private key");
        assert_eq!((key.expose(), key.verifier().to_string().as_str()), (KEY, VERIFIER));
        let verifier = VerifierKey::parse(&format!(" {VERIFIER}\n")).expect("a public key");
        assert_eq!((&verifier, verifier.id().to_string()), (key.verifier(), "c74f20a3".to_owned()));
    }

    #[test]
    fn a_private_key_is_never_printed() {
        let key = SigningKey::parse(KEY).expect("a private key");
        assert_eq!(
            format!("{key:?} {:?}", Some(&key)).matches("SigningKey(PeterNeumann+…)").count(),
            2
        );
    }

    #[test]
    fn each_generated_key_is_new_and_another_implementation_reads_it() {
        let name = KeyName::parse("auditsync/0123abcd").expect("a name");
        let generate = || SigningKey::generate(name.clone(), &SystemRandom::new());
        let keys = [generate().expect("a key"), generate().expect("a key")];
        assert_ne!(keys[0].verifier(), keys[1].verifier());
        for key in keys {
            let theirs = StandardSigner::new(key.expose()).expect("a private key");
            let verifier = key.verifier().to_string();
            let public = StandardVerifier::new(&verifier).expect("a verifier's key");
            let id = u32::from_be_bytes(key.verifier().id().0);
            assert_eq!([theirs.key_id(), public.key_id()], [id, id]);
            assert_eq!(VerifierKey::parse(&verifier).as_ref(), Ok(key.verifier()));
        }
    }

    #[test]
    fn the_pem_is_what_openssl_writes_for_the_key() {
        let key = VerifierKey::parse(VERIFIER).expect("a public key");
        let middle = "MCowBQYDK2VwAyEAGlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=";
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{middle}\n-----END PUBLIC KEY-----\n");
        assert_eq!(key.to_pem(), pem);
    }

    #[test]
    fn a_text_that_is_no_key_is_rejected_with_the_reason() {
        let short = STANDARD.encode([1; 32]);
        let other = STANDARD.encode([2; 33]);
        for (text, error) in [
            (String::new(), KeyError::Parts),
            ("PeterNeumann".to_owned(), KeyError::Parts),
            ("PeterNeumann+c74f20a3".to_owned(), KeyError::Parts),
            (VERIFIER.replace("Peter", "Peter "), KeyError::Name(KeyNameError::Space)),
            (VERIFIER.replace("Peter", "P+eter"), KeyError::Hash),
            (VERIFIER.replace("c74f20a3", "c74f20a"), KeyError::Hash),
            (VERIFIER.replace("c74f20a3", "c74f20ag"), KeyError::Hash),
            (VERIFIER.replace("c74f20a3", "c74f20a4"), KeyError::Mismatch),
            (VERIFIER.replace("Peter", "Petra"), KeyError::Mismatch),
            (VERIFIER.replace("0TW", "0T"), KeyError::Base64),
            ("a+00000000+".to_owned(), KeyError::Length(0)),
            (format!("a+00000000+{short}"), KeyError::Length(31)),
            (format!("a+00000000+{other}"), KeyError::Algorithm(2)),
        ] {
            assert_eq!(VerifierKey::parse(&text), Err(error), "{text}");
            let private = SigningKey::parse(&format!("{PRIVATE}{text}")).map(|_| ());
            assert_eq!(private, Err(error), "{text}");
        }
        assert_eq!(SigningKey::parse(VERIFIER).map(|_| ()), Err(KeyError::NotPrivate));
        assert_eq!(VerifierKey::parse(KEY), Err(KeyError::Private));
    }
}
