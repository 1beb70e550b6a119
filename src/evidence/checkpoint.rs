//! The text of a checkpoint (c2sp.org/tlog-checkpoint): how many leaves a log has, and the root of
//! the tree over them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::SigningKey;
use super::note::Note;
use crate::config::{KeyName, KeyNameError};
use crate::event::Hash;

/// What a log contained at some time. Signed as a [`Note`], it proves that to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, and of the key that signs for it.
    pub origin: KeyName,
    /// The number of leaves.
    pub size: u64,
    /// The root of the tree over the leaves.
    pub root: Hash,
}

/// Why the text of a note is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// A line is missing.
    #[error("a checkpoint has at least three lines: origin, size and root")]
    Short,
    /// The first line can't be an origin.
    #[error("line 1 of the checkpoint is not an origin: {0}")]
    Origin(#[from] KeyNameError),
    /// The second line is not a number, or has leading zeros.
    #[error("line 2 of the checkpoint is not a size: a decimal number without leading zeros")]
    Size,
    /// The third line is not a hash.
    #[error("line 3 of the checkpoint is not a root: 32 bytes in base64")]
    Root,
    /// A line after the root is empty.
    #[error("line {0} of the checkpoint is empty")]
    EmptyExtension(usize),
}

impl Checkpoint {
    /// Signs the checkpoint with each of `keys`: two, if a key replaces another.
    pub fn sign(&self, keys: &[&SigningKey]) -> Note {
        Note::signed(self.to_string(), keys)
    }

    /// Reads the text of a note. Lines after the root are extensions, which are ignored.
    ///
    /// ```
    /// use auditsync::evidence::checkpoint::Checkpoint;
    ///
    /// let text = "auditsync/0123abcd\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    /// let checkpoint = Checkpoint::parse(text)?;
    /// assert_eq!((checkpoint.size, checkpoint.root[31]), (7, 31));
    /// assert_eq!(checkpoint.to_string(), text);
    /// # Ok::<(), auditsync::evidence::checkpoint::CheckpointError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
        let [origin, size, root, extensions @ ..] = &lines[..] else {
            return Err(CheckpointError::Short);
        };
        if let Some(index) = extensions.iter().position(|line| line.is_empty()) {
            return Err(CheckpointError::EmptyExtension(4 + index));
        }
        let number = size.parse().map_err(|_| CheckpointError::Size)?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let checkpoint = Self {
            origin: KeyName::parse(origin)?,
            size: number,
            root: root.ok_or(CheckpointError::Root)?,
        };
        // One number has one form: `parse` also accepts `+7` and `007`.
        if number.to_string() == *size { Ok(checkpoint) } else { Err(CheckpointError::Size) }
    }
}

impl fmt::Display for Checkpoint {
    /// The text to sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn a_checkpoint_is_origin_size_and_root_and_reads_back() {
        for size in [0, 1, 20, u64::MAX] {
            let text = format!("auditsync/0123abcd\n{size}\n{ROOT}\n");
            let checkpoint = Checkpoint::parse(&text).expect("a checkpoint");
            assert_eq!((checkpoint.size, checkpoint.root[..3].to_vec()), (size, vec![0, 1, 2]));
            assert_eq!(checkpoint.to_string(), text);
        }
    }

    #[test]
    fn lines_after_the_root_are_accepted_and_empty_ones_are_not() {
        let plain = Checkpoint::parse(&format!("o\n1\n{ROOT}\n"));
        assert_eq!(Checkpoint::parse(&format!("o\n1\n{ROOT}\nmore\nand more\n")), plain);
        let empty = Checkpoint::parse(&format!("o\n1\n{ROOT}\nmore\n\n"));
        assert_eq!(empty, Err(CheckpointError::EmptyExtension(5)));
    }

    #[test]
    fn a_text_that_is_no_checkpoint_is_rejected_with_its_line() {
        for (text, error) in [
            (String::new(), CheckpointError::Short),
            ("o\n1\n".to_owned(), CheckpointError::Short),
            (format!("\n1\n{ROOT}\n"), CheckpointError::Origin(KeyNameError::Empty)),
            (format!("a b\n1\n{ROOT}\n"), CheckpointError::Origin(KeyNameError::Space)),
            (format!("o\n\n{ROOT}\n"), CheckpointError::Size),
            (format!("o\n01\n{ROOT}\n"), CheckpointError::Size),
            (format!("o\n+1\n{ROOT}\n"), CheckpointError::Size),
            (format!("o\n-1\n{ROOT}\n"), CheckpointError::Size),
            (format!("o\n18446744073709551616\n{ROOT}\n"), CheckpointError::Size),
            ("o\n1\n\n".to_owned(), CheckpointError::Root),
            ("o\n1\nAAAA\n".to_owned(), CheckpointError::Root),
            (format!("o\n1\n{ROOT} \n"), CheckpointError::Root),
        ] {
            assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
        }
    }
}
