//! Splits a JSON list that arrives as a stream of bytes into its elements, with their exact bytes.
//!
//! Memory holds one chunk and one element, however long the list is. The splitter finds where
//! elements begin and end. Its caller checks that each is JSON. A list ends only at its closing
//! bracket, with nothing but white space after it. So a list that was cut anywhere is never
//! complete. A byte-order mark before the list is ignored.
//!
//! In an archive, the list may also be the member `entries` of an object. It then ends at the
//! closing brace of the object.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

/// The longest element, in bytes. A longer one is a fault, because it would fill the memory.
pub(super) const LONGEST_ELEMENT: usize = 32 * 1024 * 1024;

/// The byte-order mark in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Why the bytes are not a complete list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The body does not begin with `[`.
    #[error("the body is not a JSON list")]
    NotAList,
    /// The body ended inside the list.
    #[error("the list is cut off")]
    CutOff,
    /// Something follows the closing bracket.
    #[error("other data follows the end of the list")]
    TrailingBytes,
    /// Something other than a comma separates two elements, or precedes the first.
    #[error("the list is broken between two elements")]
    Separator,
    /// The bytes around the list of entries are not an object, or hold no such list.
    #[error("the object around the list is not JSON, or has no list `entries`")]
    Envelope,
    /// An element has no end within [`LONGEST_ELEMENT`].
    #[error("one element of the list is longer than {} MiB", LONGEST_ELEMENT / 1024 / 1024)]
    TooLong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScanState {
    /// At the beginning, after this many bytes of a byte-order mark.
    Mark(usize),
    BeforeList,
    /// After `[`: an element or the end.
    FirstElement,
    /// After `,`: an element.
    NextElement,
    /// In an object, a list or a string.
    Nested,
    /// In a number, `true`, `false` or `null`, which the next other byte ends.
    Bare,
    AfterElement,
    /// In the object around the list, after `{`: a key or the end.
    FirstKey,
    /// In the object around the list, after `,`: a key.
    NextKey,
    /// After a key: `entries`, or another one.
    AfterKey {
        entries: bool,
    },
    /// After `:`.
    BeforeValue {
        entries: bool,
    },
    AfterValue,
    AfterList,
}

/// What is being scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Element,
    Key,
    /// The value of a key other than `entries`.
    Other,
}

/// Whether an object surrounds the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Envelope {
    Refused,
    Allowed,
    Object { has_entries: bool },
}

/// Splits a list that arrives in chunks.
#[derive(Debug)]
pub(super) struct ListSplitter {
    state: ScanState,
    role: Role,
    envelope: Envelope,
    chunk: Bytes,
    at: usize,
    /// Where the current element begins in `chunk`.
    start: usize,
    /// The part of the current element that was in earlier chunks.
    earlier: Vec<u8>,
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl ListSplitter {
    /// A splitter for a body that is a list.
    pub(super) fn new() -> Self {
        Self {
            state: ScanState::Mark(0),
            role: Role::Element,
            envelope: Envelope::Refused,
            chunk: Bytes::new(),
            at: 0,
            start: 0,
            earlier: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
        }
    }

    /// A splitter for an archive: a list, or an object with the list `entries`.
    pub(super) fn of_archive() -> Self {
        Self { envelope: Envelope::Allowed, ..Self::new() }
    }

    /// Takes the next chunk. Call it only when [`Self::next_element`] has returned `None`.
    pub(super) fn push(&mut self, chunk: Bytes) {
        debug_assert_eq!(self.at, self.chunk.len(), "the previous chunk is used up");
        self.chunk = chunk;
        self.at = 0;
        self.start = 0;
    }

    /// The next element, or `None` when it needs another chunk.
    pub(super) fn next_element(&mut self) -> Result<Option<Bytes>, Malformed> {
        while self.at < self.chunk.len() {
            let ended = match self.state {
                ScanState::Mark(length) => {
                    self.scan_mark(length)?;
                    false
                }
                ScanState::Nested => self.scan_nested(),
                ScanState::Bare => self.scan_bare(),
                _ => {
                    self.scan_between()?;
                    false
                }
            };
            if ended {
                let bytes = self.take_element()?;
                match self.role {
                    Role::Element => {
                        self.state = ScanState::AfterElement;
                        return Ok(Some(bytes));
                    }
                    Role::Key => {
                        self.state = ScanState::AfterKey { entries: names_entries(&bytes)? }
                    }
                    Role::Other => {
                        serde_json::from_slice::<&RawValue>(&bytes)
                            .map_err(|_| Malformed::Envelope)?;
                        self.state = ScanState::AfterValue;
                    }
                }
            }
        }
        if matches!(self.state, ScanState::Nested | ScanState::Bare) {
            self.keep_part()?;
        }
        Ok(None)
    }

    /// Ends the body: checks that it was a complete list.
    pub(super) fn finish(&self) -> Result<(), Malformed> {
        match self.state {
            ScanState::AfterList if self.envelope == (Envelope::Object { has_entries: false }) => {
                Err(Malformed::Envelope)
            }
            ScanState::AfterList => Ok(()),
            ScanState::Mark(_) | ScanState::BeforeList => Err(Malformed::NotAList),
            _ => Err(Malformed::CutOff),
        }
    }

    /// Takes the next byte of a byte-order mark. A part of a mark is an error.
    fn scan_mark(&mut self, length: usize) -> Result<(), Malformed> {
        let is_mark = self.chunk[self.at] == MARK[length];
        match (length, is_mark) {
            (0, false) => self.state = ScanState::BeforeList,
            (_, false) => return Err(Malformed::NotAList),
            (_, true) => {
                self.at += 1;
                self.state = if length + 1 == MARK.len() {
                    ScanState::BeforeList
                } else {
                    ScanState::Mark(length + 1)
                };
            }
        }
        Ok(())
    }

    fn scan_between(&mut self) -> Result<(), Malformed> {
        let byte = self.chunk[self.at];
        if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            self.state = match (self.state, byte) {
                (ScanState::BeforeList, b'[') => ScanState::FirstElement,
                (ScanState::BeforeList, b'{') if self.envelope == Envelope::Allowed => {
                    self.envelope = Envelope::Object { has_entries: false };
                    ScanState::FirstKey
                }
                (ScanState::BeforeList, _) => return Err(Malformed::NotAList),
                (ScanState::FirstElement | ScanState::AfterElement, b']') => match self.envelope {
                    Envelope::Object { .. } => ScanState::AfterValue,
                    _ => ScanState::AfterList,
                },
                (ScanState::AfterElement, b',') => ScanState::NextElement,
                (ScanState::AfterElement, _) => return Err(Malformed::Separator),
                (ScanState::FirstElement | ScanState::NextElement, _) => {
                    return self.open(byte, Role::Element);
                }
                (ScanState::AfterList, _) => return Err(Malformed::TrailingBytes),
                (ScanState::BeforeValue { entries: false }, _) => {
                    return self.open(byte, Role::Other);
                }
                (ScanState::FirstKey | ScanState::NextKey, b'"') => {
                    return self.open(byte, Role::Key);
                }
                (state, _) => self.scan_envelope(state, byte)?,
            };
        }
        self.at += 1;
        Ok(())
    }

    /// The state after a byte of the object around the list.
    fn scan_envelope(&mut self, state: ScanState, byte: u8) -> Result<ScanState, Malformed> {
        match (state, byte) {
            (ScanState::FirstKey | ScanState::AfterValue, b'}') => Ok(ScanState::AfterList),
            (ScanState::AfterValue, b',') => Ok(ScanState::NextKey),
            (ScanState::AfterKey { entries }, b':') => Ok(ScanState::BeforeValue { entries }),
            (ScanState::BeforeValue { entries: true }, b'[') => {
                self.envelope = Envelope::Object { has_entries: true };
                Ok(ScanState::FirstElement)
            }
            _ => Err(Malformed::Envelope),
        }
    }

    /// Begins an element, a key or a value. Its first byte is scanned as part of it.
    fn open(&mut self, byte: u8, role: Role) -> Result<(), Malformed> {
        self.role = role;
        self.begin_element();
        match byte {
            b'{' | b'[' | b'"' => self.state = ScanState::Nested,
            b',' | b']' | b'}' | b':' => return Err(Malformed::Separator),
            _ => self.state = ScanState::Bare,
        }
        Ok(())
    }

    fn begin_element(&mut self) {
        self.start = self.at;
        self.depth = 0;
        self.in_string = false;
        self.escaped = false;
    }

    /// Continues in an object, list or string. True when `at` is after its end.
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

    /// Continues in a string, until after its closing quote or to the end of the chunk.
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

    /// Continues in a bare word. True when `at` is at the first byte after it.
    fn scan_bare(&mut self) -> bool {
        let rest = &self.chunk[self.at..];
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'));
        self.at += end.unwrap_or(rest.len());
        end.is_some()
    }

    fn take_element(&mut self) -> Result<Bytes, Malformed> {
        if self.earlier.is_empty() {
            return Ok(self.chunk.slice(self.start..self.at));
        }
        self.keep_part()?;
        Ok(Bytes::from(std::mem::take(&mut self.earlier)))
    }

    fn keep_part(&mut self) -> Result<(), Malformed> {
        let part = &self.chunk[self.start..self.at];
        if self.earlier.len() + part.len() > LONGEST_ELEMENT {
            return Err(Malformed::TooLong);
        }
        self.earlier.extend_from_slice(part);
        self.start = self.at;
        Ok(())
    }
}

/// Whether a key of the object around the list, given with its quotes, is `entries`.
fn names_entries(key: &[u8]) -> Result<bool, Malformed> {
    serde_json::from_slice::<Cow<'_, str>>(key)
        .map(|key| key == "entries")
        .map_err(|_| Malformed::Envelope)
}

/// Counts the elements of a list in these chunks; `None` if it is not a list. For `benches/`.
#[doc(hidden)]
pub fn count_elements(chunks: impl IntoIterator<Item = Bytes>) -> Option<usize> {
    let (mut splitter, mut count) = (ListSplitter::new(), 0);
    for chunk in chunks {
        splitter.push(chunk);
        while splitter.next_element().ok()?.is_some() {
            count += 1;
        }
    }
    splitter.finish().ok().map(|()| count)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
