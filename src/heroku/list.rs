//! Takes the elements of a JSON list out of a stream of bytes, one by one, with their exact bytes.
//!
//! Memory holds one chunk and one element, however long the list is. The splitter finds where elements begin and end;
//! that each is JSON is checked by whoever reads it. It promises that a list counts as ended only at its closing
//! bracket with nothing but white space behind it, so that no cut, however placed, passes for a whole list. A byte-order
//! mark before the list is ignored.
//!
//! In an archive the list may also stand in an object, as its member `entries`. It is taken out of that in the same way,
//! and counts as ended at the object's closing brace.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

/// The longest element that is taken, in bytes. One that is longer is a fault of the answer, not of our memory.
pub(super) const LONGEST_ELEMENT: usize = 32 * 1024 * 1024;

/// The byte-order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Why the bytes are no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The body does not begin with `[`.
    #[error("the body is not a JSON list")]
    NotAList,
    /// The body ended inside the list.
    #[error("the list is cut off")]
    CutOff,
    /// Something stands behind the closing bracket.
    #[error("something follows the end of the list")]
    TrailingBytes,
    /// Between two elements, or before the first, stands something else than a comma.
    #[error("the list is broken between two elements")]
    Separator,
    /// What surrounds the list of entries is no object, or has no such list.
    #[error("what surrounds the list of entries is not JSON, or holds no `entries`")]
    Envelope,
    /// An element has no end within [`LONGEST_ELEMENT`].
    #[error("one element of the list is longer than {} MiB", LONGEST_ELEMENT / 1024 / 1024)]
    TooLong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning, behind so many bytes of a byte-order mark.
    Mark(usize),
    BeforeList,
    /// Behind `[`: an element or the end.
    FirstElement,
    /// Behind `,`: an element.
    NextElement,
    /// In an object, a list or a string.
    Nested,
    /// In a number, `true`, `false` or `null`, which end where something else begins.
    Bare,
    AfterElement,
    /// In the object around the list: behind `{`, a key or the end.
    FirstKey,
    /// Behind the `,` of the object: a key.
    NextKey,
    /// Behind a key, which is that of the list or not.
    AfterKey {
        entries: bool,
    },
    /// Behind `:`.
    BeforeValue {
        entries: bool,
    },
    AfterValue,
    AfterList,
}

/// What the bytes that are being scanned will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Element,
    Key,
    /// The value of another key than that of the list.
    Other,
}

/// What surrounds the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Envelope {
    /// Nothing may.
    Refused,
    /// An object may.
    Allowed,
    /// An object does, and has shown a list of entries or not.
    Object { has_entries: bool },
}

/// Splits a list that arrives in chunks; see the module.
#[derive(Debug)]
pub(super) struct ListSplitter {
    state: State,
    role: Role,
    envelope: Envelope,
    chunk: Bytes,
    at: usize,
    /// Where the current element begins in `chunk`.
    start: usize,
    /// What earlier chunks held of the current element.
    begun: Vec<u8>,
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl ListSplitter {
    /// A splitter at the beginning of a body.
    pub(super) fn new() -> Self {
        Self {
            state: State::Mark(0),
            role: Role::Element,
            envelope: Envelope::Refused,
            chunk: Bytes::new(),
            at: 0,
            start: 0,
            begun: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
        }
    }

    /// The same, for a list that may stand in an object.
    pub(super) fn of_archive() -> Self {
        Self { envelope: Envelope::Allowed, ..Self::new() }
    }

    /// Gives it the next chunk of the body. Only when [`Self::next_element`] has returned `None` for the one before.
    pub(super) fn push(&mut self, chunk: Bytes) {
        debug_assert_eq!(self.at, self.chunk.len(), "the chunk before is used up");
        self.chunk = chunk;
        self.at = 0;
        self.start = 0;
    }

    /// The next whole element, or `None` when the chunk holds no other.
    pub(super) fn next_element(&mut self) -> Result<Option<Bytes>, Malformed> {
        while self.at < self.chunk.len() {
            let ended = match self.state {
                State::Mark(length) => {
                    self.scan_mark(length)?;
                    false
                }
                State::Nested => self.scan_nested(),
                State::Bare => self.scan_bare(),
                _ => {
                    self.scan_between()?;
                    false
                }
            };
            if ended {
                let bytes = self.take_element()?;
                match self.role {
                    Role::Element => {
                        self.state = State::AfterElement;
                        return Ok(Some(bytes));
                    }
                    Role::Key => self.state = State::AfterKey { entries: names_entries(&bytes)? },
                    Role::Other => {
                        serde_json::from_slice::<&RawValue>(&bytes)
                            .map_err(|_| Malformed::Envelope)?;
                        self.state = State::AfterValue;
                    }
                }
            }
        }
        if matches!(self.state, State::Nested | State::Bare) {
            self.keep_begun()?;
        }
        Ok(None)
    }

    /// Says whether the body, which has ended, was a whole list.
    pub(super) fn finish(&self) -> Result<(), Malformed> {
        match self.state {
            State::AfterList if self.envelope == (Envelope::Object { has_entries: false }) => {
                Err(Malformed::Envelope)
            }
            State::AfterList => Ok(()),
            State::Mark(_) | State::BeforeList => Err(Malformed::NotAList),
            _ => Err(Malformed::CutOff),
        }
    }

    /// Takes the next byte of a byte-order mark, which is there from its first byte to its last or not at all.
    fn scan_mark(&mut self, length: usize) -> Result<(), Malformed> {
        let is_mark = self.chunk[self.at] == MARK[length];
        match (length, is_mark) {
            (0, false) => self.state = State::BeforeList,
            (_, false) => return Err(Malformed::NotAList),
            (_, true) => {
                self.at += 1;
                self.state = if length + 1 == MARK.len() {
                    State::BeforeList
                } else {
                    State::Mark(length + 1)
                };
            }
        }
        Ok(())
    }

    fn scan_between(&mut self) -> Result<(), Malformed> {
        let byte = self.chunk[self.at];
        if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            self.state = match (self.state, byte) {
                (State::BeforeList, b'[') => State::FirstElement,
                (State::BeforeList, b'{') if self.envelope == Envelope::Allowed => {
                    self.envelope = Envelope::Object { has_entries: false };
                    State::FirstKey
                }
                (State::BeforeList, _) => return Err(Malformed::NotAList),
                (State::FirstElement | State::AfterElement, b']') => match self.envelope {
                    Envelope::Object { .. } => State::AfterValue,
                    _ => State::AfterList,
                },
                (State::AfterElement, b',') => State::NextElement,
                (State::AfterElement, _) => return Err(Malformed::Separator),
                (State::FirstElement | State::NextElement, _) => {
                    return self.open(byte, Role::Element);
                }
                (State::AfterList, _) => return Err(Malformed::TrailingBytes),
                (State::BeforeValue { entries: false }, _) => return self.open(byte, Role::Other),
                (State::FirstKey | State::NextKey, b'"') => return self.open(byte, Role::Key),
                (state, _) => self.scan_envelope(state, byte)?,
            };
        }
        self.at += 1;
        Ok(())
    }

    /// What follows a byte of the object around the list.
    fn scan_envelope(&mut self, state: State, byte: u8) -> Result<State, Malformed> {
        match (state, byte) {
            (State::FirstKey | State::AfterValue, b'}') => Ok(State::AfterList),
            (State::AfterValue, b',') => Ok(State::NextKey),
            (State::AfterKey { entries }, b':') => Ok(State::BeforeValue { entries }),
            (State::BeforeValue { entries: true }, b'[') => {
                self.envelope = Envelope::Object { has_entries: true };
                Ok(State::FirstElement)
            }
            _ => Err(Malformed::Envelope),
        }
    }

    /// Begins an element, a key or a value. Its first byte is scanned as part of it.
    fn open(&mut self, byte: u8, role: Role) -> Result<(), Malformed> {
        self.role = role;
        self.begin_element();
        match byte {
            b'{' | b'[' | b'"' => self.state = State::Nested,
            b',' | b']' | b'}' | b':' => return Err(Malformed::Separator),
            _ => self.state = State::Bare,
        }
        Ok(())
    }

    fn begin_element(&mut self) {
        self.start = self.at;
        self.depth = 0;
        self.in_string = false;
        self.escaped = false;
    }

    /// Goes on in an object, list or string; true when `at` is behind its end.
    fn scan_nested(&mut self) -> bool {
        while self.at < self.chunk.len() {
            if self.in_string {
                self.scan_string();
            } else {
                match self.chunk[self.at] {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                self.at += 1;
            }
            if self.depth == 0 && !self.in_string {
                return true;
            }
        }
        false
    }

    /// Goes on in a string, up to behind its closing quote or to the end of the chunk.
    fn scan_string(&mut self) {
        if self.escaped {
            self.escaped = false;
            self.at += 1;
            return;
        }
        match memchr::memchr2(b'"', b'\\', &self.chunk[self.at..]) {
            None => self.at = self.chunk.len(),
            Some(offset) => {
                let byte = self.chunk[self.at + offset];
                self.escaped = byte == b'\\';
                self.in_string = byte != b'"';
                self.at += offset + 1;
            }
        }
    }

    /// Goes on in a bare word; true when `at` is at the first byte behind it.
    fn scan_bare(&mut self) -> bool {
        let rest = &self.chunk[self.at..];
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'));
        self.at += end.unwrap_or(rest.len());
        end.is_some()
    }

    fn take_element(&mut self) -> Result<Bytes, Malformed> {
        if self.begun.is_empty() {
            return Ok(self.chunk.slice(self.start..self.at));
        }
        self.keep_begun()?;
        Ok(Bytes::from(std::mem::take(&mut self.begun)))
    }

    fn keep_begun(&mut self) -> Result<(), Malformed> {
        let part = &self.chunk[self.start..self.at];
        if self.begun.len() + part.len() > LONGEST_ELEMENT {
            return Err(Malformed::TooLong);
        }
        self.begun.extend_from_slice(part);
        self.start = self.at;
        Ok(())
    }
}

/// Whether a key of the object around the list, with its quotes, is that of the list.
fn names_entries(key: &[u8]) -> Result<bool, Malformed> {
    serde_json::from_slice::<Cow<'_, str>>(key)
        .map(|key| key == "entries")
        .map_err(|_| Malformed::Envelope)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
