//! Why a bag can't be written or read.

use std::io;
use std::path::{Path, PathBuf};

/// A file of a bag can't be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub(crate) struct Error {
    path: PathBuf,
    source: io::Error,
}

impl Error {
    pub(crate) fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }

    pub(super) fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::new(path, source)
    }

    /// The file that can't be written or read.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The reason alone, for a message that names the file in other words.
    pub(crate) fn reason(&self) -> &io::Error {
        &self.source
    }
}

/// Why a bag can't be checked at all. This says nothing about the bag.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReadable {
    #[error("{0}")]
    File(#[from] Error),
    #[error(
        "it can't be unpacked into the temporary folder {folder} (TMPDIR): {source}. Free some \
         space, or set TMPDIR to a folder with enough space",
        folder = folder.display()
    )]
    Temporary { folder: PathBuf, source: io::Error },
    #[error(
        "{archive} unpacks to more than {ratio} times its size, as a file does that is made to \
         fill a disk. If you trust it, unpack it with tar, and check the folder",
        archive = archive.display()
    )]
    TooLarge { archive: PathBuf, ratio: u64 },
}
