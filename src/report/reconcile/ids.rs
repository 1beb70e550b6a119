//! Long lists of event ids in little memory: the rest is in a temporary file without a name.
//!
//! A list accepts ids in any order, and returns each id once, in ascending order. All lists
//! together have a fixed budget of memory. When it is exceeded, the largest list is appended to the
//! file as one sorted run. Reading a list merges its runs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

/// The most memory for the ids of all lists, in bytes.
const HELD: usize = 1024 * 1024;
/// The memory that an id needs in addition to its own bytes.
const BESIDE_THE_BYTES: usize = 40;
/// How many bytes of a run to read at a time.
const READ_AHEAD: usize = 4096;
/// How many ids of each list are available without reading it.
const AT_HAND: usize = 10;

/// Builds lists of ids.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    lists: Vec<Draft>,
    held: usize,
    file: Option<Arc<File>>,
    end: u64,
}

/// Names a list of a [`Spool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListId(usize);

/// The finished lists of a [`Spool`].
#[derive(Debug)]
pub(crate) struct Lists(Vec<Ids>);

/// A list before it is finished.
#[derive(Debug, Default)]
struct Draft {
    put: u64,
    held: Vec<String>,
    weight: usize,
    runs: Vec<Run>,
}

/// The place of a sorted part of a list in the file.
#[derive(Debug, Clone, Copy)]
struct Run {
    at: u64,
    end: u64,
}

/// Ids, each once and in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    count: u64,
    first: Vec<String>,
    held: Vec<String>,
    runs: Vec<Run>,
    file: Option<Arc<File>>,
}

impl Spool {
    /// Begins a list.
    pub(crate) fn list(&mut self) -> ListId {
        self.lists.push(Draft::default());
        ListId(self.lists.len() - 1)
    }

    /// Adds an id to a list. An error is the temporary folder's.
    pub(crate) fn put(&mut self, list: ListId, id: &str) -> io::Result<()> {
        let draft = &mut self.lists[list.0];
        let weight = id.len() + BESIDE_THE_BYTES;
        draft.put += 1;
        draft.held.push(id.to_owned());
        draft.weight += weight;
        self.held += weight;
        if self.held > HELD { self.put_away() } else { Ok(()) }
    }

    /// How many ids were added to a list, repeated ids included.
    pub(crate) fn put_into(&self, list: ListId) -> u64 {
        self.lists[list.0].put
    }

    /// Writes the largest list to the file.
    fn put_away(&mut self) -> io::Result<()> {
        let Some(draft) = self.lists.iter_mut().max_by_key(|draft| draft.weight) else {
            return Ok(());
        };
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(Arc::new(tempfile::tempfile()?)),
        };
        sort(&mut draft.held);
        let mut run = Vec::with_capacity(draft.weight);
        for id in draft.held.drain(..) {
            // No id is longer than a kilobyte.
            run.write_all(&(id.len() as u16).to_le_bytes())?;
            run.write_all(id.as_bytes())?;
        }
        file.write_all_at(&run, self.end)?;
        let at = self.end;
        self.end += run.len() as u64;
        draft.runs.push(Run { at, end: self.end });
        self.held -= std::mem::take(&mut draft.weight);
        Ok(())
    }

    /// Finishes all lists.
    pub(crate) fn finish(self) -> io::Result<Lists> {
        let file = self.file;
        let lists: io::Result<Vec<Ids>> =
            self.lists.into_iter().map(|draft| Ids::new(draft, file.clone())).collect();
        lists.map(Lists)
    }
}

impl Lists {
    /// Takes a list, and leaves an empty one.
    pub(crate) fn take(&mut self, list: ListId) -> Ids {
        std::mem::take(&mut self.0[list.0])
    }
}

fn sort(ids: &mut Vec<String>) {
    ids.sort_unstable();
    ids.dedup();
}

impl Ids {
    fn new(mut draft: Draft, file: Option<Arc<File>>) -> io::Result<Self> {
        sort(&mut draft.held);
        let file = file.filter(|_| !draft.runs.is_empty());
        let mut ids =
            Self { count: 0, first: Vec::new(), held: draft.held, runs: draft.runs, file };
        let (mut count, mut first) = (0, Vec::new());
        for id in ids.read() {
            let id = id?;
            count += 1;
            if first.len() < AT_HAND {
                first.push(id);
            }
        }
        (ids.count, ids.first) = (count, first);
        Ok(ids)
    }

    /// The number of ids.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is no id.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first ten ids, or all if there are fewer.
    pub(crate) fn first(&self) -> &[String] {
        &self.first
    }

    /// All ids. An error is the file's.
    pub(crate) fn read(&self) -> impl Iterator<Item = io::Result<String>> + '_ {
        let of_file = self
            .file
            .iter()
            .flat_map(|file| self.runs.iter().map(move |run| Part::of_run(file, *run)));
        let parts = of_file.chain([Part::Held(self.held.iter())]);
        Merged::new(parts.collect())
    }
}

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.count as usize))?;
        for id in self.read() {
            list.serialize_element(&id.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

/// A sorted part of a list.
enum Part<'i> {
    Held(std::slice::Iter<'i, String>),
    Run(BufReader<Section<'i>>),
}

impl<'i> Part<'i> {
    fn of_run(file: &'i File, run: Run) -> Self {
        Self::Run(BufReader::with_capacity(READ_AHEAD, Section { file, run }))
    }

    fn next(&mut self) -> io::Result<Option<String>> {
        let reader = match self {
            Self::Held(ids) => return Ok(ids.next().cloned()),
            Self::Run(reader) => reader,
        };
        if reader.buffer().is_empty() && reader.get_ref().is_read() {
            return Ok(None);
        }
        let mut length = [0; 2];
        reader.read_exact(&mut length)?;
        let mut id = vec![0; usize::from(u16::from_le_bytes(length))];
        reader.read_exact(&mut id)?;
        String::from_utf8(id).map(Some).map_err(io::Error::other)
    }
}

/// The unread part of a run in the file.
struct Section<'f> {
    file: &'f File,
    run: Run,
}

impl Section<'_> {
    fn is_read(&self) -> bool {
        self.run.at == self.run.end
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.run.end - self.run.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..length], self.run.at)?;
        self.run.at += read as u64;
        Ok(read)
    }
}

/// Merges sorted parts, and returns each id once.
struct Merged<'i> {
    parts: Vec<Part<'i>>,
    /// The next id of each part that has one.
    next: BinaryHeap<Reverse<(String, usize)>>,
    fault: Option<io::Error>,
    last: Option<String>,
}

impl<'i> Merged<'i> {
    fn new(mut parts: Vec<Part<'i>>) -> Self {
        let (mut next, mut fault) = (BinaryHeap::with_capacity(parts.len()), None);
        for (number, part) in parts.iter_mut().enumerate() {
            match part.next() {
                Ok(Some(id)) => next.push(Reverse((id, number))),
                Ok(None) => {}
                Err(error) => fault = Some(error),
            }
        }
        Self { parts, next, fault, last: None }
    }

    /// Takes the least of the next ids, and reads another id from its part.
    fn take(&mut self) -> Option<String> {
        let mut least = self.next.peek_mut()?;
        let number = least.0.1;
        match self.parts[number].next() {
            Ok(Some(id)) => Some(std::mem::replace(&mut least.0.0, id)),
            Ok(None) => Some(PeekMut::pop(least).0.0),
            Err(error) => {
                self.fault = Some(error);
                Some(PeekMut::pop(least).0.0)
            }
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(fault) = self.fault.take() {
                self.next.clear();
                return Some(Err(fault));
            }
            let id = self.take()?;
            if self.last.as_ref() != Some(&id) {
                self.last = Some(id.clone());
                return Some(Ok(id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Ids in no order, some of them repeated.
    fn id(number: usize) -> String {
        format!("{:08}-{}", number.wrapping_mul(7919) % 50_000, "x".repeat(number % 3 * 100))
    }

    #[test]
    fn lists_beyond_the_memory_return_each_id_once_and_in_order() {
        let mut spool = Spool::default();
        let lists = [spool.list(), spool.list(), spool.list()];
        let mut expected = [const { BTreeSet::new() }; 3];
        for number in 0..120_000 {
            let list = usize::from(number % 10 == 0);
            spool.put(lists[list], &id(number)).expect("room");
            expected[list].insert(id(number));
            assert!(spool.held <= HELD, "{}", spool.held);
        }
        assert!(spool.lists[0].runs.len() > 5, "{:?}", spool.lists[0].runs);
        let mut made = spool.finish().expect("the lists");
        for (ids, expected) in lists.map(|list| made.take(list)).iter().zip(&expected) {
            assert_eq!((ids.count(), ids.is_empty()), (expected.len() as u64, expected.is_empty()));
            assert!(ids.read().map(|id| id.expect("an id")).eq(expected.iter().cloned()));
            assert!(ids.first().iter().eq(expected.iter().take(AT_HAND)));
            assert_eq!(
                serde_json::to_string(ids).expect("JSON"),
                serde_json::to_string(expected).expect("JSON")
            );
        }
    }

    #[test]
    fn any_text_is_an_id_and_short_lists_need_no_file() {
        let mut spool = Spool::default();
        let list = spool.list();
        for id in ["\n", "", "é", "a\"b", "\n"] {
            spool.put(list, id).expect("room");
        }
        assert!(spool.file.is_none());
        let ids = spool.finish().expect("the list").take(list);
        assert_eq!(serde_json::to_string(&ids).expect("JSON"), r#"["","\n","a\"b","é"]"#);
    }

    #[test]
    fn a_truncated_file_is_an_error_and_not_a_shorter_list() {
        let mut spool = Spool::default();
        let list = spool.list();
        for number in 0..40_000 {
            spool.put(list, &id(number)).expect("room");
        }
        let file = spool.file.clone().expect("a file");
        let ids = spool.finish().expect("the list").take(list);
        file.set_len(100_000).expect("it is cut");
        assert!(ids.read().any(|id| id.is_err()));
        assert!(serde_json::to_string(&ids).is_err());
    }
}
