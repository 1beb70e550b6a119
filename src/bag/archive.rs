//! A bag as one file: a tar, compressed or not.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, Write};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use tar::{Builder, EntryType, Header};

use super::error::Error;

/// How a gzip file begins (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where the header of a tar names its format, and how (POSIX, `pax`).
const TAR_MAGIC: (u64, &[u8]) = (257, b"ustar");

/// Writes the bag in the folder `root` as a tar: the payload in the order of the names, then the
/// other files. All entries stand in the folder `name` and have the time `mtime`, in seconds since
/// 1970, so equal bags are equal files.
pub(crate) fn pack<W: Write>(root: &Path, name: &str, mtime: u64, out: W) -> Result<W, Error> {
    let mut files = Vec::new();
    list(root, Path::new(""), &mut files)?;
    files.sort_by_key(|file| (!file.starts_with("data"), file.clone()));
    let mut tar = Builder::new(out);
    for file in files {
        let path = root.join(&file);
        let packed = File::open(&path).and_then(|source| {
            let mut header = Header::new_ustar();
            header.set_size(source.metadata()?.len());
            header.set_mode(0o644);
            header.set_mtime(mtime);
            header.set_entry_type(EntryType::Regular);
            tar.append_data(&mut header, Path::new(name).join(&file), BufReader::new(source))
        });
        packed.map_err(Error::of(&path))?;
    }
    tar.into_inner().map_err(Error::of(root))
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

/// Writes the files of a tar, compressed or not, into the folder `into`. Returns the folder of the
/// bag: the only one, or `into`.
///
/// Only files and folders with plain names are unpacked, so nothing outside of `into` is written.
pub(super) fn unpack(archive: &Path, into: &Path) -> io::Result<PathBuf> {
    let mut file = File::open(archive)?;
    let mut magic = [0; 2];
    let is_gzip = file.read_exact(&mut magic).is_ok() && magic == GZIP;
    file.rewind()?;
    let file = BufReader::with_capacity(128 * 1024, file);
    if is_gzip {
        let mut decoder = MultiGzDecoder::new(file);
        unpack_from(&mut decoder, into)?;
        // The checksum stands at the end.
        io::copy(&mut decoder, &mut io::sink())?;
    } else {
        unpack_from(file, into)?;
    }
    let mut entries = fs::read_dir(into)?.collect::<io::Result<Vec<_>>>()?;
    match (entries.pop(), entries.is_empty()) {
        (Some(only), true) if only.file_type()?.is_dir() => Ok(only.path()),
        _ => Ok(into.to_owned()),
    }
}

fn unpack_from(tar: impl Read, into: &Path) -> io::Result<()> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        let parts = name.components().filter(|part| *part != Component::CurDir);
        let is_plain = parts.clone().all(|part| matches!(part, Component::Normal(_)));
        let target = into.join(parts.collect::<PathBuf>());
        match entry.header().entry_type() {
            // What a global header says does not change the files.
            EntryType::XGlobalHeader => {}
            EntryType::Directory if is_plain => fs::create_dir_all(&target)?,
            EntryType::Regular if is_plain => {
                if let Some(folder) = target.parent() {
                    fs::create_dir_all(folder)?;
                }
                io::copy(&mut entry, &mut File::create_new(&target)?)?;
            }
            _ => {
                let name = name.display();
                return Err(invalid(format!("{name} is no file or folder with a plain name")));
            }
        }
    }
    Ok(())
}
