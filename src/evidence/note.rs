//! Signed notes (c2sp.org/signed-note): a text, an empty line, and one line per signature.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{KeyId, SigningKey, VerifierKey};
use crate::config::KeyName;

/// A longer note is not read.
const LONGEST: usize = 1_000_000;

/// A note with more signatures is not read.
const MOST_SIGNATURES: usize = 100;

/// How the line of a signature begins.
const MARK: &str = "— ";

/// A text with its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NoteSignature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

/// Why bytes are not a signed note, or a key did not sign it. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note is longer than any that a program would write.
    #[error("the note has {0} bytes, and at most {LONGEST} are read")]
    Long(usize),
    /// The bytes are not UTF-8.
    #[error("line {0} of the note is not UTF-8")]
    Encoding(usize),
    /// The text has a control character.
    #[error("line {0} of the note has a control character")]
    Control(usize),
    /// The text to sign does not end with a line end.
    #[error("the text of a note ends with a line end, and this text does not")]
    OpenText,
    /// No empty line separates a text from signatures.
    #[error("the note has no signatures: they follow an empty line")]
    Unsigned,
    /// The last line is cut.
    #[error("the note's last line has no line end, so the note may be cut")]
    Cut,
    /// The note has more signatures than any that a program would write.
    #[error("the note has {0} signatures, and at most {MOST_SIGNATURES} are read")]
    Many(usize),
    /// A line after the empty line is not a signature.
    #[error("line {0} of the note is not a signature, which has the form \"{MARK}NAME BASE64\"")]
    Signature(usize),
    /// The key signed nothing here.
    #[error("the note has no signature by {0}")]
    NotBy(String),
    /// A line names the key, but its signature is not by this key, or not of this text.
    #[error("the note's signature by {0} is wrong: the text or the signature was changed")]
    Wrong(String),
}

impl Note {
    /// Signs `text` with each of `keys`.
    pub fn sign(text: &str, keys: &[&SigningKey]) -> Result<Self, NoteError> {
        check_characters(text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::OpenText);
        }
        Ok(Self::signed(text.to_owned(), keys))
    }

    /// Signs a text that is known to be right.
    pub(super) fn signed(text: String, keys: &[&SigningKey]) -> Self {
        let signatures = keys.iter().map(|key| NoteSignature {
            name: key.verifier().name().clone(),
            id: key.verifier().id(),
            bytes: key.sign(text.as_bytes()),
        });
        Self { signatures: signatures.collect(), text }
    }

    /// Reads a note. This verifies no signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > LONGEST {
            return Err(NoteError::Long(bytes.len()));
        }
        let note = str::from_utf8(bytes)
            .map_err(|error| NoteError::Encoding(1 + count_lines(&bytes[..error.valid_up_to()])))?;
        check_characters(note)?;
        // A text may contain an empty line, and signatures contain none.
        let at = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        if lines.is_empty() {
            return Err(NoteError::Unsigned);
        }
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Cut)?;
        let count = lines.split('\n').count();
        if count > MOST_SIGNATURES {
            return Err(NoteError::Many(count));
        }
        let first = 2 + count_lines(text.as_bytes());
        let signatures = lines.split('\n').enumerate().map(|(index, line)| {
            NoteSignature::parse(line).ok_or(NoteError::Signature(first + index))
        });
        Ok(Self { text: text.to_owned(), signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// The signed text. It ends with a line end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that `key` signed the text. Signatures by other keys are ignored. Of several by this
    /// key, each must be right.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let name = || format!("{}+{}", key.name(), key.id());
        let own =
            |signature: &&NoteSignature| signature.name == *key.name() && signature.id == key.id();
        let mut own = self.signatures.iter().filter(own).peekable();
        if own.peek().is_none() {
            return Err(NoteError::NotBy(name()));
        }
        let is_right = own.all(|found| key.accepts(self.text.as_bytes(), &found.bytes));
        if is_right { Ok(()) } else { Err(NoteError::Wrong(name())) }
    }
}

impl fmt::Display for Note {
    /// The complete note, which is what to store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, id, bytes } in &self.signatures {
            writeln!(f, "{MARK}{name} {}", STANDARD.encode([&id.0, &bytes[..]].concat()))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(MARK)?.split_once(' ')?;
        let name = KeyName::parse(name).ok()?;
        let decoded = STANDARD.decode(base64).ok()?;
        let (id, bytes) = decoded.split_first_chunk()?;
        (!bytes.is_empty()).then(|| Self { name, id: KeyId(*id), bytes: bytes.to_vec() })
    }
}

/// Rejects the control characters that a note must not contain.
fn check_characters(note: &str) -> Result<(), NoteError> {
    let odd = note.bytes().position(|byte| byte < b' ' && byte != b'\n');
    odd.map_or(Ok(()), |at| Err(NoteError::Control(1 + count_lines(&note.as_bytes()[..at]))))
}

fn count_lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

#[cfg(test)]
mod tests;
