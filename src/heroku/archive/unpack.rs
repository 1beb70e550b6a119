//! Unpacks an archive's file and reads its events, a batch at a time.
//!
//! The file is gzip, with all its members, or plain. Its checksum vouches for every byte. So zero
//! bytes after its end are ignored, as `gunzip` does. Any other byte there is an error.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::super::coding::{DecodeError, Gunzip};
use super::super::list::{ListSplitter, Malformed};
use super::super::reader::{BATCH_BYTES, BATCH_EVENTS, Batch};
use crate::event::{Event, NotJson};

/// How many bytes of a file are read at a time.
const CHUNK: usize = 64 * 1024;

/// How many batches are read in advance.
const BATCHES_AHEAD: usize = 2;

/// A file with the right checksum that is not an archive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It can't be read from disk.
    #[error("the archive can't be read: {0}")]
    Disk(#[from] io::Error),
    /// It can't be unpacked.
    #[error("the archive can't be unpacked: {0}")]
    Packing(#[from] DecodeError),
    /// It holds no complete list of events.
    #[error("the archive is not as documented: {0}")]
    Body(#[from] Malformed),
    /// An element of its list is not JSON.
    #[error("the archive is not as documented: {0}")]
    Element(#[from] NotJson),
}

/// The events of an archive in the order of the file. Batches are unpacked in advance.
#[derive(Debug)]
pub(crate) struct Entries {
    receiver: mpsc::Receiver<Result<Batch, Unreadable>>,
}

impl Entries {
    /// Begins to read an archive in its own thread.
    pub(super) fn of(file: File) -> Self {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = unpack(&file, &sender) {
                // The receiver may be gone.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self { receiver }
    }

    /// The next events; `None` after the last of a file that was read completely.
    pub(crate) async fn next(&mut self) -> Result<Option<Batch>, Unreadable> {
        self.receiver.recv().await.transpose()
    }
}

/// Reads `file` to its end, or until the receiver is gone.
fn unpack(file: &File, sender: &mpsc::Sender<Result<Batch, Unreadable>>) -> Result<(), Unreadable> {
    let mut packed = Packed::open(file)?;
    let mut entries = BatchSplitter::default();
    while let Some(part) = packed.next_part()? {
        entries.push(part);
        while let Some(batch) = entries.next_batch()? {
            if sender.blocking_send(Ok(batch)).is_err() {
                return Ok(());
            }
        }
    }
    let rest = entries.finish()?;
    if !rest.is_empty() {
        let _ = sender.blocking_send(Ok(rest));
    }
    Ok(())
}

/// The contents of a file: gzip by its first bytes (RFC 1952, section 2.3.1), or plain.
///
/// It keeps its own position, so several readings of one file are independent.
#[derive(Debug)]
struct Packed<'f> {
    file: &'f File,
    at: u64,
    end: u64,
    gunzip: Option<Gunzip>,
}

impl<'f> Packed<'f> {
    fn open(file: &'f File) -> io::Result<Self> {
        let mut packed = Self { file, at: 0, end: file.metadata()?.len(), gunzip: None };
        if packed.read(0, 2)? == [0x1f, 0x8b][..] {
            packed.gunzip = Some(Gunzip::with_padding());
        } else {
            packed.end = packed.end_without_zeros()?;
        }
        Ok(packed)
    }

    /// The next bytes, unpacked; `None` at the proper end of the file.
    fn next_part(&mut self) -> Result<Option<Bytes>, Unreadable> {
        loop {
            if let Some(part) = self.gunzip.as_mut().map(Gunzip::next_part).transpose()?.flatten() {
                return Ok(Some(part));
            }
            let bytes = self.read(self.at, CHUNK)?;
            self.at += bytes.len() as u64;
            match &mut self.gunzip {
                None => return Ok((!bytes.is_empty()).then_some(bytes)),
                Some(gunzip) if bytes.is_empty() => {
                    gunzip.finish()?;
                    return Ok(gunzip.next_part()?);
                }
                Some(gunzip) => gunzip.push(bytes),
            }
        }
    }

    /// `length` bytes from `at`; fewer only at the end.
    fn read(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let length = self.end.saturating_sub(at).min(length as u64);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }

    /// The length of the file without zero bytes at its end.
    fn end_without_zeros(&self) -> io::Result<u64> {
        let mut end = self.end;
        while end > 0 {
            let start = end.saturating_sub(CHUNK as u64);
            let block = self.read(start, (end - start) as usize)?;
            if let Some(last) = block.iter().rposition(|byte| *byte != 0) {
                return Ok(start + last as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }
}

/// Splits the bytes of an archive into batches of events.
#[derive(Debug)]
struct BatchSplitter {
    splitter: ListSplitter,
    batch: Batch,
    batch_bytes: usize,
}

impl Default for BatchSplitter {
    fn default() -> Self {
        Self { splitter: ListSplitter::of_archive(), batch: Batch::new(), batch_bytes: 0 }
    }
}

impl BatchSplitter {
    fn push(&mut self, chunk: Bytes) {
        self.splitter.push(chunk);
    }

    /// The next full batch; `None` when the chunk is used up.
    fn next_batch(&mut self) -> Result<Option<Batch>, Unreadable> {
        while let Some(element) = self.splitter.next_element()? {
            self.batch_bytes += element.len();
            // A copy: an event that is kept for long would otherwise keep its entire chunk.
            self.batch.push(Event::from_bytes(Bytes::copy_from_slice(&element))?);
            if self.batch.len() >= BATCH_EVENTS || self.batch_bytes >= BATCH_BYTES {
                self.batch_bytes = 0;
                return Ok(Some(std::mem::take(&mut self.batch)));
            }
        }
        Ok(None)
    }

    /// The last events, if the archive ended properly.
    fn finish(self) -> Result<Batch, Unreadable> {
        self.splitter.finish()?;
        Ok(self.batch)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("a vector takes all bytes");
        encoder.finish().expect("a vector takes all bytes")
    }

    fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("room for it");
        let (mut packed, mut contents) = (Packed::open(&file)?, Vec::new());
        while let Some(part) = packed.next_part()? {
            contents.extend_from_slice(&part);
        }
        assert!(packed.next_part()?.is_none(), "the end stays the end");
        Ok(contents)
    }

    #[test]
    fn zeros_after_a_file_are_ignored_wherever_its_blocks_end() {
        // Long enough for several blocks, packed or not.
        let mut random = fastrand::Rng::with_seed(7);
        let text: Vec<u8> = (0..2 * CHUNK + 9).map(|_| random.u8(1..)).collect();
        let packed = [gzip(&text[..1000]), gzip(&text[1000..])].concat();
        for length in [1, CHUNK - 1, CHUNK, CHUNK + 1, text.len()] {
            for zeros in [0, 1, 2, CHUNK - 1, CHUNK, 3 * CHUNK] {
                let zeros = vec![0; zeros];
                let plain = unpacked(&[&text[..length], &zeros].concat()).expect("a plain file");
                assert!(plain == text[..length], "{length} bytes and {} zeros", zeros.len());
                assert!(unpacked(&[&packed[..], &zeros].concat()).expect("a packed file") == text);
            }
        }
        assert!(unpacked(&[&packed[..], &vec![0; CHUNK], b"x"].concat()).is_err());
        assert_eq!(unpacked(b"a\0b\0").expect("a plain file"), b"a\0b");
        for nothing in [&b""[..], b"\0", &vec![0; 3 * CHUNK]] {
            assert_eq!(unpacked(nothing).expect("a plain file"), b"");
        }
        assert!(matches!(unpacked(&[0x1f, 0x8b]), Err(Unreadable::Packing(_))));
    }
}
