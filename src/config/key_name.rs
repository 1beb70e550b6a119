//! The name of a signing key, which is also the origin of the checkpoints that it signs.

use std::fmt;

use serde::Serialize;

use crate::text::steers;

/// The name of a signing key, as signed notes allow it: not empty, without spaces and `+`. It also
/// has no character that controls a terminal, because people read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyName(String);

impl KeyName {
    /// Checks the form of `name`.
    pub fn parse(name: &str) -> Result<Self, KeyNameError> {
        match name.chars().find(|c| c.is_whitespace() || *c == '+' || steers(*c)) {
            None if name.is_empty() => Err(KeyNameError::Empty),
            None => Ok(Self(name.to_owned())),
            Some('\n' | '\r') => Err(KeyNameError::LineBreak),
            Some(c) if c.is_whitespace() => Err(KeyNameError::Space),
            Some(c) => Err(KeyNameError::Character(c)),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for KeyName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Why a text can't name a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyNameError {
    /// The text has no characters.
    #[error("this is empty")]
    Empty,
    /// The text has several lines.
    #[error("a key's name contains no line break")]
    LineBreak,
    /// The text contains a space of any kind.
    #[error("a key's name contains no space")]
    Space,
    /// The text contains a `+`, which separates the parts of a key, or a control character.
    #[error("a key's name contains no {}", .0.escape_debug())]
    Character(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_s_name_is_visible_and_has_no_space_plus_or_line_break() {
        for good in ["auditsync/0123abcd", "audit.example.com/log", "Zoë", "李雷", "-"] {
            assert_eq!(KeyName::parse(good).expect("a name").to_string(), good);
        }
        for (bad, error) in [
            ("", KeyNameError::Empty),
            ("a b", KeyNameError::Space),
            ("a\u{a0}b", KeyNameError::Space),
            ("\u{3000}", KeyNameError::Space),
            ("a\n", KeyNameError::LineBreak),
            ("a+b", KeyNameError::Character('+')),
            ("a\u{1b}", KeyNameError::Character('\u{1b}')),
            ("a\u{202e}", KeyNameError::Character('\u{202e}')),
        ] {
            assert_eq!(KeyName::parse(bad), Err(error), "{bad:?}");
        }
    }
}
