//! Opens a bag: a folder, or a tar that is unpacked into a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::archive::{self, unpack};
use super::coverage::CoverageRows;
use super::error::Error;
use super::layout::{AnchorFile, BAG_INFO, COVERAGE, NOTE, TAG_MANIFEST};
use super::manifest::{self, Flaw, ListedFiles, hash_of};
use super::table::NotARow;
use crate::event::Hash;

/// A bag.
#[derive(Debug)]
pub(crate) struct BagReader {
    root: PathBuf,
    payload: ListedFiles,
    flaws: Vec<Flaw>,
    /// Where a tar was unpacked. It goes with this value.
    _unpacked: Option<TempDir>,
}

impl BagReader {
    /// Opens the bag at `path`, and compares its files with its manifests. A broken tar is a flaw.
    /// An error says that `path` can't be read at all.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut flaws = Vec::new();
        let (root, unpacked) = if fs::metadata(path).map_err(Error::of(path))?.is_dir() {
            (path.to_owned(), None)
        } else {
            if !archive::may_be(path).map_err(Error::of(path))? {
                let why = "it is no bag: a bag is a folder, a .tar.gz or a .tar";
                return Err(Error::new(path, io::Error::new(io::ErrorKind::InvalidData, why)));
            }
            let folder = tempfile::tempdir().map_err(Error::of(path))?;
            let root = unpack(path, folder.path()).unwrap_or_else(|error| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                flaws.push(Flaw::Malformed(name, error.to_string()));
                folder.path().to_owned()
            });
            (root, Some(folder))
        };
        let payload = manifest::check(&root, &mut flaws)?;
        Ok(Self { root, payload, flaws, _unpacked: unpacked })
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

    /// The bytes of a file.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.root.join(name);
        fs::read(&path).map_err(Error::of(&path))
    }

    /// The labels and values of `bag-info.txt`.
    pub(crate) fn info(&self) -> BTreeMap<String, String> {
        let text = self.bytes(BAG_INFO).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let pair = |line: &str| {
            line.split_once(": ").map(|(label, value)| (label.to_owned(), value.to_owned()))
        };
        text.lines().filter_map(pair).collect()
    }

    /// The signature of the bag, if it has one.
    pub(crate) fn note(&self) -> Result<Option<Vec<u8>>, Error> {
        let path = self.root.join(NOTE);
        match fs::read(&path) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::new(&path, error)),
        }
    }

    /// The SHA-256 of the tag manifest, which the signature is about.
    pub(crate) fn tag_manifest(&self) -> Result<Option<Hash>, Error> {
        let path = self.root.join(TAG_MANIFEST);
        if path.is_file() { hash_of(&path).map(Some) } else { Ok(None) }
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
