//! Opens a bag: a folder, or a tar that is unpacked into a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::archive;
use super::coverage::CoverageRows;
use super::error::{Error, NotReadable};
use super::info;
use super::layout::{AnchorFile, BAG_INFO, COVERAGE, NOTE, TAG_MANIFEST};
use super::manifest::{self, Flaw, ListedFiles, hash_of};
use super::regular;
use super::table::NotARow;
use super::unpack::unpack;
use crate::event::Hash;

/// A bag.
#[derive(Debug)]
pub(crate) struct BagReader {
    root: PathBuf,
    payload: ListedFiles,
    flaws: Vec<Flaw>,
    is_damaged: bool,
    /// Where a tar was unpacked. It goes with this value.
    _unpacked: Option<TempDir>,
}

impl BagReader {
    /// Opens the bag at `path`, and compares its files with its manifests. A broken tar is a flaw.
    /// An error says that `path` can't be read at all.
    pub(crate) fn open(path: &Path) -> Result<Self, NotReadable> {
        let facts = fs::metadata(path).map_err(Error::of(path))?;
        if facts.is_dir() {
            return Ok(Self::of_folder(path.to_owned(), None)?);
        }
        // A pipe is read once.
        if facts.is_file() && !archive::may_be(path).map_err(Error::of(path))? {
            let why = "it is no bag: a bag is a folder, a .tar.gz or a .tar";
            return Err(Error::new(path, io::Error::new(io::ErrorKind::InvalidData, why)).into());
        }
        let folder = tempfile::tempdir()
            .map_err(|source| NotReadable::Temporary { folder: std::env::temp_dir(), source })?;
        match unpack(path, folder.path())? {
            Ok(root) => Ok(Self::of_folder(root, Some(folder))?),
            Err(why) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok(Self {
                    root: folder.path().to_owned(),
                    payload: ListedFiles::new(),
                    flaws: vec![Flaw::Malformed(name, why)],
                    is_damaged: true,
                    _unpacked: Some(folder),
                })
            }
        }
    }

    fn of_folder(root: PathBuf, unpacked: Option<TempDir>) -> Result<Self, Error> {
        let mut flaws = Vec::new();
        let payload = manifest::check(&root, &mut flaws)?;
        Ok(Self { root, payload, flaws, is_damaged: false, _unpacked: unpacked })
    }

    /// Whether it is a tar that can't be unpacked, so its files say nothing.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// The folder of the bag.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What is wrong with the files, by the manifests.
    pub(crate) fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// The names of the payload's files that are there.
    pub(crate) fn payload(&self) -> impl Iterator<Item = &str> {
        self.payload.keys().map(String::as_str)
    }

    /// Whether the payload has this file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.payload.contains_key(name)
    }

    /// The bytes of a small file; none if it is not there.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        Ok(regular::read(&self.root.join(name))?.unwrap_or_default())
    }

    /// The labels and values of `bag-info.txt`.
    pub(crate) fn info(&self) -> Result<BTreeMap<String, String>, Error> {
        Ok(info::labels(&self.bytes(BAG_INFO)?).unwrap_or_default())
    }

    /// The signature of the bag, if it has one.
    pub(crate) fn note(&self) -> Result<Option<Vec<u8>>, Error> {
        regular::read(&self.root.join(NOTE))
    }

    /// The SHA-256 of the tag manifest, which the signature is about.
    pub(crate) fn tag_manifest(&self) -> Result<Option<Hash>, Error> {
        hash_of(&self.root.join(TAG_MANIFEST))
    }

    /// The names of the files with anchors, in the order of the seals.
    pub(crate) fn anchors(&self) -> Vec<AnchorFile> {
        let mut anchors: Vec<AnchorFile> = self.payload().filter_map(AnchorFile::named).collect();
        anchors.sort();
        anchors
    }

    /// The calendar.
    pub(crate) fn coverage(&self) -> Result<Result<CoverageRows, NotARow>, Error> {
        CoverageRows::open(&self.root.join(COVERAGE))
    }
}
