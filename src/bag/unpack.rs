//! Unpacks a bag that is one file: a tar, compressed or not, that someone else made.
//!
//! Every tar program must unpack the same files from it. So whatever programs read in different
//! ways is refused: odd extended headers, and anything behind the end.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use tar::{EntryType, Header};

use super::error::{Error, NotReadable};
use super::stream::{BLOCK, Stop, TarStream};
use super::table::number;

/// A longer extended header or name is refused. File systems take at most 4 KiB for a path.
const LONGEST: u64 = 64 * 1024;

/// What an extended header may say beside `path` and `size`: it does not change which files are
/// unpacked, and what they hold.
const HARMLESS: [&str; 8] = ["mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment"];

/// The same, for keys with these beginnings: what macOS and libarchive add.
const HARMLESS_GROUPS: [&str; 3] =
    ["SCHILY.xattr.", "LIBARCHIVE.xattr.", "LIBARCHIVE.creationtime"];

/// Writes the files of the tar `archive` into the folder `into`. Returns the folder of the bag: the
/// only one, or `into`. `Err` in the answer says what is wrong with the archive.
///
/// Only files and folders with plain names are unpacked, so nothing outside of `into` is written.
pub(super) fn unpack(archive: &Path, into: &Path) -> Result<Result<PathBuf, String>, NotReadable> {
    let file = File::open(archive).map_err(Error::of(archive))?;
    let stopped = TarStream::new(file).and_then(|mut tar| {
        while let Some(entry) = Entry::next(&mut tar)? {
            entry.unpack(&mut tar, into)?;
        }
        bag_folder(into)
    });
    match stopped {
        Ok(folder) => Ok(Ok(folder)),
        Err(Stop::Damaged(why)) => Ok(Err(why)),
        Err(Stop::Unread(error)) => Err(Error::new(archive, error).into()),
        Err(Stop::Unwritten(source)) => {
            Err(NotReadable::Temporary { folder: std::env::temp_dir(), source })
        }
        Err(Stop::TooLarge { ratio }) => {
            Err(NotReadable::TooLarge { archive: archive.to_owned(), ratio })
        }
    }
}

fn bag_folder(into: &Path) -> Result<PathBuf, Stop> {
    let entries = fs::read_dir(into).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(Stop::Unwritten)?;
    match (entries.pop(), entries.is_empty()) {
        (Some(only), true) if only.file_type().is_ok_and(|kind| kind.is_dir()) => Ok(only.path()),
        _ => Ok(into.to_owned()),
    }
}

/// A file or a folder in a tar.
struct Entry {
    name: PathBuf,
    is_folder: bool,
    size: u64,
}

/// What the headers before an entry say of it.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Entry {
    /// The next one; `None` at the end, behind which nothing may stand.
    fn next(tar: &mut TarStream) -> Result<Option<Self>, Stop> {
        let mut extended = Extended::default();
        while let Some(block) = tar.block()? {
            if block == [0; BLOCK] {
                tar.require_end()?;
                return Ok(None);
            }
            let header = Header::from_byte_slice(&block);
            let size = checked_size(header, &block)?;
            let kind = header.entry_type();
            match kind {
                EntryType::XHeader => extended.add(&tar.content(size, LONGEST)?)?,
                EntryType::GNULongName => extended.name_is(&tar.content(size, LONGEST)?)?,
                EntryType::XGlobalHeader => {
                    for (key, _) in records(&tar.content(size, LONGEST)?)? {
                        if key != "comment" {
                            return Err(refused(format!("a global header has the key {key}")));
                        }
                    }
                }
                _ => return Self::of(header, size, extended).map(Some),
            }
        }
        Ok(None)
    }

    fn of(header: &Header, size: u64, extended: Extended) -> Result<Self, Stop> {
        let name = extended.name.map_or_else(|| header.path_bytes(), Cow::Owned);
        let given = Path::new(OsStr::from_bytes(&name));
        let parts = given.components().filter(|part| *part != Component::CurDir);
        let is_plain = parts.clone().all(|part| matches!(part, Component::Normal(_)));
        let name_alone: PathBuf = parts.collect();
        let size = extended.size.unwrap_or(size);
        let is_file = !name_alone.as_os_str().is_empty() && !name.ends_with(b"/");
        let is_folder = match header.entry_type() {
            EntryType::Directory if is_plain && size == 0 => true,
            EntryType::Regular if is_plain && is_file => false,
            _ => {
                let given = given.display();
                return Err(refused(format!("{given} is no file or folder with a plain name")));
            }
        };
        Ok(Self { name: name_alone, is_folder, size })
    }

    fn unpack(&self, tar: &mut TarStream, into: &Path) -> Result<(), Stop> {
        let target = into.join(&self.name);
        let stop = |error| self.not_made(error);
        if self.is_folder {
            return fs::create_dir_all(&target).map_err(stop);
        }
        fs::create_dir_all(target.parent().unwrap_or(into)).map_err(stop)?;
        let mut file = File::create_new(&target).map_err(stop)?;
        tar.for_each_part(self.size, |part| file.write_all(part).map_err(Stop::Unwritten))
    }

    /// Some names can't be made because of the archive, such as one that stands in it twice.
    fn not_made(&self, error: io::Error) -> Stop {
        use io::ErrorKind as Kind;
        let name = self.name.display();
        match error.kind() {
            Kind::AlreadyExists | Kind::NotADirectory | Kind::IsADirectory => {
                refused(format!("{name} stands in it more than once"))
            }
            Kind::InvalidFilename | Kind::InvalidInput => {
                refused(format!("no file can have the name {name}"))
            }
            _ => Stop::Unwritten(error),
        }
    }
}

impl Extended {
    fn add(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        for (key, value) in records(bytes)? {
            match key {
                "path" => self.name_is(value)?,
                "size" => {
                    let size = str::from_utf8(value).ok().and_then(number);
                    let size = size.ok_or_else(|| refused("a size is no number".to_owned()))?;
                    if self.size.replace(size).is_some() {
                        return Err(refused("an entry has two sizes".to_owned()));
                    }
                }
                key if HARMLESS.contains(&key)
                    || HARMLESS_GROUPS.iter().any(|group| key.starts_with(group)) => {}
                key => return Err(refused(format!("an extended header has the key {key}"))),
            }
        }
        Ok(())
    }

    /// A long name of GNU tar ends with NUL.
    fn name_is(&mut self, name: &[u8]) -> Result<(), Stop> {
        let name = name.strip_suffix(b"\0").unwrap_or(name);
        if name.contains(&0) || self.name.replace(name.to_vec()).is_some() {
            return Err(refused("an entry has two names, or one with NUL".to_owned()));
        }
        Ok(())
    }
}

/// The size in a header whose checksum is right.
fn checked_size(header: &Header, block: &[u8; BLOCK]) -> Result<u64, Stop> {
    let damaged = || refused("it is no tar, or a header in it is damaged".to_owned());
    let (before, rest) = block.split_at(148);
    let others = before.iter().chain(&rest[8..]).map(|byte| u32::from(*byte));
    // The eight bytes of the checksum count as spaces.
    let sum: u32 = others.sum::<u32>() + 8 * u32::from(b' ');
    let is_right = header.cksum().is_ok_and(|expected| expected == sum);
    header.entry_size().ok().filter(|_| is_right).ok_or_else(damaged)
}

/// The records of an extended header: `LENGTH KEY=VALUE` and LF.
fn records(mut bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, Stop> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let next = next_record(bytes);
        let malformed = || refused("an extended header is malformed".to_owned());
        let (key, value, length) = next.ok_or_else(malformed)?;
        found.push((key, value));
        bytes = &bytes[length..];
    }
    Ok(found)
}

fn next_record(bytes: &[u8]) -> Option<(&str, &[u8], usize)> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = number(str::from_utf8(&bytes[..space]).ok()?)?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((str::from_utf8(&record[..equals]).ok()?, &record[equals + 1..], length))
}

fn refused(why: String) -> Stop {
    Stop::Damaged(why)
}
