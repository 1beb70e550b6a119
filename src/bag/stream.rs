//! The bytes of a tar, compressed or not, in blocks. A pipe will do: nothing is read twice.

use std::cell::{Cell, RefCell};
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

/// The size of a header, and what the size of everything else is rounded up to.
pub(super) const BLOCK: usize = 512;

/// How a gzip file begins (RFC 1952, section 2.3.1).
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file may unpack to this many times its size. Bags of real events reach 30, those of empty
/// days 60. What is made to fill a disk reaches 1,000.
const RATIO: u64 = 200;

/// It may unpack to this size in any case.
const SPARE: u64 = 1024 * 1024 * 1024;

/// Why a tar is not read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is damaged, or no tar, or one that programs read in different ways.
    Damaged(String),
    /// The file can't be read.
    Unread(io::Error),
    /// The temporary folder can't be written.
    Unwritten(io::Error),
    /// It unpacks to more than this many times its size.
    TooLarge { ratio: u64 },
}

/// A tar that is read.
pub(super) struct TarStream {
    from: Box<dyn Read>,
    seen: Rc<Seen>,
    unpacked: u64,
    spare: u64,
}

/// What was read of the file itself.
#[derive(Default)]
struct Seen {
    bytes: Cell<u64>,
    /// Why it can't be read. A decoder passes on that it failed, but not always why.
    fault: RefCell<Option<io::Error>>,
}

struct Watched<R> {
    from: R,
    seen: Rc<Seen>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer);
        match &read {
            Ok(bytes) => self.seen.bytes.set(self.seen.bytes.get() + *bytes as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let same = error.raw_os_error().map(io::Error::from_raw_os_error);
                let same = same.unwrap_or_else(|| error.kind().into());
                *self.seen.fault.borrow_mut() = Some(same);
            }
        }
        read
    }
}

impl TarStream {
    pub(super) fn new(file: impl Read + 'static) -> Result<Self, Stop> {
        Self::with_spare(file, SPARE)
    }

    fn with_spare(file: impl Read + 'static, spare: u64) -> Result<Self, Stop> {
        let seen = Rc::new(Seen::default());
        let source = Watched { from: file, seen: Rc::clone(&seen) };
        let mut source = BufReader::with_capacity(128 * 1024, source);
        let mut magic = Vec::new();
        let begin = source.by_ref().take(2).read_to_end(&mut magic);
        begin.map_err(Stop::Unread)?;
        let is_gzip = magic == GZIP;
        let source = Cursor::new(magic).chain(source);
        let from: Box<dyn Read> =
            if is_gzip { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) };
        Ok(Self { from, seen, unpacked: 0, spare })
    }

    /// The next block; `None` at the end of the file.
    pub(super) fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Stop> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(cut()),
        }
    }

    /// The content of an entry, which has at most `most` bytes.
    pub(super) fn content(&mut self, size: u64, most: u64) -> Result<Vec<u8>, Stop> {
        if size > most {
            return Err(Stop::Damaged(format!("a header has {size} bytes, and {most} at most")));
        }
        let mut content = Vec::new();
        self.for_each_part(size, |part| {
            content.extend_from_slice(part);
            Ok(())
        })?;
        Ok(content)
    }

    /// Passes on the content of an entry, and reads to the end of its last block.
    pub(super) fn for_each_part(
        &mut self,
        size: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut buffer = vec![0; 64 * 1024];
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            if self.fill(&mut buffer[..wanted])? < wanted {
                return Err(cut());
            }
            take(&buffer[..wanted])?;
            left -= wanted as u64;
        }
        let padding = (size as usize).wrapping_neg() % BLOCK;
        if self.fill(&mut buffer[..padding])? < padding {
            return Err(cut());
        }
        Ok(())
    }

    /// Only zeros may follow the end of a tar.
    pub(super) fn require_end(&mut self) -> Result<(), Stop> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = self.fill(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            if buffer[..read].iter().any(|byte| *byte != 0) {
                return Err(Stop::Damaged("something follows the end of the tar".to_owned()));
            }
        }
    }

    /// Fills a buffer. Returns how many bytes there were.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.from.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let fault = self.seen.fault.take();
                    return Err(fault.map_or(Stop::Damaged(error.to_string()), Stop::Unread));
                }
            }
        }
        self.unpacked += filled as u64;
        if self.unpacked > self.spare + RATIO * self.seen.bytes.get() {
            return Err(Stop::TooLarge { ratio: RATIO });
        }
        Ok(filled)
    }
}

fn cut() -> Stop {
    Stop::Damaged("it ends in the middle of an entry".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// Reads to the end, and says why it stopped.
    fn read(file: impl Read + 'static, spare: u64) -> Result<u64, Stop> {
        let mut tar = TarStream::with_spare(file, spare)?;
        let mut blocks = 0;
        while tar.block()?.is_some() {
            blocks += 1;
        }
        Ok(blocks)
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(bytes).expect("bytes");
        gzip.finish().expect("bytes")
    }

    #[test]
    fn what_unpacks_to_far_more_than_its_size_is_not_unpacked() {
        let zeros = vec![0; 4 * 1024 * 1024];
        let bomb = zipped(&zeros);
        let stop = read(Cursor::new(bomb.clone()), 1024 * 1024);
        assert!(matches!(stop, Err(Stop::TooLarge { ratio: 200 })), "{stop:?}");
        assert!(matches!(read(Cursor::new(bomb), 4 * 1024 * 1024), Ok(8192)));
        assert!(matches!(read(Cursor::new(zeros), 0), Ok(8192)), "it is its own size");
    }

    #[test]
    fn a_file_that_can_not_be_read_is_not_called_damaged() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::from_raw_os_error(5))
            }
        }
        let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
        let random: Vec<u8> =
            (0..60_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for bytes in [half(random.clone()), half(zipped(&random))] {
            let unread = read(Cursor::new(bytes.clone()).chain(Broken), SPARE);
            assert!(
                matches!(&unread, Err(Stop::Unread(error)) if error.raw_os_error() == Some(5)),
                "{unread:?}"
            );
            let cut = read(Cursor::new(bytes[..bytes.len() - 7].to_vec()), SPARE);
            assert!(matches!(cut, Err(Stop::Damaged(_))), "{cut:?}");
        }
    }
}
