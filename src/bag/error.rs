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

    /// The reason alone, for a message that names the file in other words.
    pub(crate) fn reason(&self) -> &io::Error {
        &self.source
    }
}
