//! Opens files of a bag that someone else made: regular files alone, and none through a link. A
//! pipe or a device in place of a file would keep its reader waiting, or never end.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::error::Error;

/// A tag file or an anchor is not read beyond this size. The longest, `bag-info.txt` of a bag with
/// a thousand sources, has some 100 KiB.
pub(super) const LONGEST: u64 = 1024 * 1024;

/// Opens a file. `None` if nothing stands there, or no regular file.
pub(super) fn open(path: &Path) -> Result<Option<File>, Error> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    match File::options().read(true).custom_flags(flags).open(path) {
        Ok(file) => {
            let is_regular = file.metadata().map_err(Error::of(path))?.is_file();
            Ok(is_regular.then_some(file))
        }
        Err(error) if is_of_another_kind(&error) => Ok(None),
        Err(error) => Err(Error::new(path, error)),
    }
}

/// Opens a file that was there a moment ago.
pub(super) fn open_known(path: &Path) -> Result<File, Error> {
    open(path)?.ok_or_else(|| Error::new(path, io::ErrorKind::NotFound.into()))
}

/// The bytes of a file, at most [`LONGEST`].
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(Error::of(path))?;
    Ok(Some(bytes))
}

/// Whether there is no file, a link (`ELOOP`), or a socket (`ENXIO`).
fn is_of_another_kind(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO))
}
