//! Unpacks an archive's file and takes the events out of it, a batch at a time.
//!
//! The file is gzip, with all its members, or plain. Its checksum vouches for every byte of it, so zero bytes behind its
//! end are ignored, as `gunzip` does. Anything else that follows is an error.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::gunzip::{BadGzip, Gunzip};
use super::list::{ListSplitter, Malformed};
use super::reader::{BATCH_BYTES, BATCH_EVENTS, Batch};
use crate::event::{Event, NotJson};

/// How much of a file is read at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// How many batches wait to be taken.
const BATCHES_AHEAD: usize = 2;

/// A file with the right checksum that is no archive all the same.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It can't be read from disk.
    #[error("the archive can't be read: {0}")]
    Disk(#[from] io::Error),
    /// It can't be unpacked.
    #[error("the archive can't be unpacked: {0}")]
    Packing(#[from] BadGzip),
    /// It holds no list of events, or half of one.
    #[error("the archive is not as documented: {0}")]
    Body(#[from] Malformed),
    /// An element of its list is not JSON.
    #[error("the archive is not as documented: {0}")]
    Element(#[from] NotJson),
}

/// The events of an archive in the order of the file, a batch at a time. While one is taken, the next is unpacked.
#[derive(Debug)]
pub struct Entries {
    receiver: mpsc::Receiver<Result<Batch, Unreadable>>,
}

impl Entries {
    /// Begins to read an archive, in a thread of its own.
    pub(super) fn of(file: File) -> Self {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = unpack(&file, &sender) {
                // Whoever reads may have had enough.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self { receiver }
    }

    /// The next events, or `None` behind the last of a file that was read completely.
    pub async fn next(&mut self) -> Result<Option<Batch>, Unreadable> {
        self.receiver.recv().await.transpose()
    }
}

/// Reads `file` to its end, or until nobody wants more.
fn unpack(file: &File, sender: &mpsc::Sender<Result<Batch, Unreadable>>) -> Result<(), Unreadable> {
    let mut packed = Packed::open(file)?;
    let mut entries = Unpacking::default();
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

/// The contents of a file: gzip by its first bytes (RFC 1952, section 2.3.1), or plain. It is read from a place of its own: two readings of one file share nothing.
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

    /// Up to `length` bytes from `at`; fewer only before the end.
    fn read(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let length = self.end.saturating_sub(at).min(length as u64);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }

    /// Where the zero bytes at the end of the file begin, if it has some.
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

/// Makes batches of events out of the bytes of an archive.
#[derive(Debug)]
struct Unpacking {
    splitter: ListSplitter,
    batch: Batch,
    batch_bytes: usize,
}

impl Default for Unpacking {
    fn default() -> Self {
        Self { splitter: ListSplitter::of_archive(), batch: Batch::new(), batch_bytes: 0 }
    }
}

impl Unpacking {
    fn push(&mut self, chunk: Bytes) {
        self.splitter.push(chunk);
    }

    /// The next full batch; `None` when the chunk is used up.
    fn next_batch(&mut self) -> Result<Option<Batch>, Unreadable> {
        while let Some(element) = self.splitter.next_element()? {
            self.batch_bytes += element.len();
            // A copy, because a few events that are kept for longer would keep their whole chunks.
            self.batch.push(Event::from_bytes(Bytes::copy_from_slice(&element))?);
            if self.batch.len() >= BATCH_EVENTS || self.batch_bytes >= BATCH_BYTES {
                self.batch_bytes = 0;
                return Ok(Some(std::mem::take(&mut self.batch)));
            }
        }
        Ok(None)
    }

    /// The last events, if the archive ended as one should.
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
    fn zeros_behind_a_file_are_ignored_wherever_its_blocks_end() {
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
