//! Writes a bag as one file: a tar.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::error::Error;
use super::stream::GZIP;

/// Where the header of a tar names its format, and how (POSIX, `pax`).
const TAR_MAGIC: (u64, &[u8]) = (257, b"ustar");

/// Writes the bag in the folder `root` as a tar: the payload in the order of the names, then the
/// other files. All entries stand in the folder `name` and have the time `mtime`, in seconds since
/// 1970, so equal bags are equal files.
/// `target` names `out` in errors.
pub(crate) fn pack<W: Write>(
    root: &Path,
    name: &str,
    mtime: u64,
    (out, target): (W, &Path),
) -> Result<W, Error> {
    let mut files = Vec::new();
    list(root, Path::new(""), &mut files)?;
    files.sort_by_key(|file| (!file.starts_with("data"), file.clone()));
    let mut tar = Builder::new(out);
    for file in files {
        let path = root.join(&file);
        let source = File::open(&path).map_err(Error::of(&path))?;
        let mut header = Header::new_ustar();
        header.set_size(source.metadata().map_err(Error::of(&path))?.len());
        header.set_mode(0o644);
        header.set_mtime(mtime);
        header.set_entry_type(EntryType::Regular);
        let mut source = PackedFile { from: BufReader::new(source), is_unread: false };
        let packed = tar.append_data(&mut header, Path::new(name).join(&file), &mut source);
        packed.map_err(Error::of(if source.is_unread { &path } else { target }))?;
    }
    tar.into_inner().map_err(Error::of(target))
}

/// A file that is packed. It knows whether reading it failed, or writing the tar.
struct PackedFile {
    from: BufReader<File>,
    is_unread: bool,
}

impl Read for PackedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer);
        self.is_unread |= read.is_err();
        read
    }
}

fn list(root: &Path, below: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let folder = root.join(below);
    for entry in fs::read_dir(&folder).map_err(Error::of(&folder))? {
        let entry = entry.map_err(Error::of(&folder))?;
        let name = below.join(entry.file_name());
        if entry.file_type().map_err(Error::of(&folder))?.is_dir() {
            list(root, &name, files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}

/// Whether a file has the name or the beginning of a tar, compressed or not.
pub(super) fn may_be(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(TAR_MAGIC.0 + TAR_MAGIC.1.len() as u64).read_to_end(&mut begin)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    Ok(begin.starts_with(&GZIP) || begin.ends_with(TAR_MAGIC.1) || is_archive_name(&name))
}

/// Whether the lower-case name is one that a bag in one file has.
pub(crate) fn is_archive_name(name: &str) -> bool {
    [".tar.gz", ".tgz", ".tar"].iter().any(|end| name.ends_with(end))
}
