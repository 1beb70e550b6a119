//! Writes a bag into a folder, file by file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::info::BagInfo;
use super::layout::{BAG_INFO, BAGIT, DECLARATION, MANIFEST, NOTE, TAG_MANIFEST, manifest_line};
use crate::event::Hash;

/// A bag that is being written.
#[derive(Debug)]
pub(crate) struct BagFolder {
    root: PathBuf,
    payload: BTreeMap<String, Hash>,
    bytes: u64,
    /// Tells who waits for it that nobody writes any more.
    _in_use: Sender<()>,
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct BagFile {
    name: String,
    path: PathBuf,
    out: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl BagFolder {
    /// Begins a bag in an empty folder. `in_use` is kept as long as something may be written.
    pub(crate) fn new(root: &Path, in_use: Sender<()>) -> Self {
        Self { root: root.to_owned(), payload: BTreeMap::new(), bytes: 0, _in_use: in_use }
    }

    /// Begins a file of the payload.
    pub(crate) fn begin(&self, name: &str) -> Result<BagFile, Error> {
        let path = self.root.join(name);
        self.make_folders(name)?;
        let file = File::create_new(&path).map_err(Error::of(&path))?;
        let (name, out) = (name.to_owned(), BufWriter::new(file));
        Ok(BagFile { name, path, out, hash: Sha256::new(), bytes: 0 })
    }

    /// Makes the folders of a file, and never the bag's own: if that is gone, so is the bag.
    fn make_folders(&self, name: &str) -> Result<(), Error> {
        for (end, _) in name.match_indices('/') {
            let folder = self.root.join(&name[..end]);
            match fs::create_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::new(&folder, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends a file of the payload.
    pub(crate) fn end(&mut self, mut file: BagFile) -> Result<(), Error> {
        file.out.flush().map_err(Error::of(&file.path))?;
        self.bytes += file.bytes;
        self.payload.insert(file.name, file.hash.finalize().into());
        Ok(())
    }

    /// Writes a file of the payload.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut file = self.begin(name)?;
        file.write_all(bytes).map_err(Error::of(&file.path))?;
        self.end(file)
    }

    /// Writes the files about the payload. Returns the SHA-256 of the last of them, which vouches
    /// for all files, and which `bag.note` signs.
    pub(crate) fn finish(&self, info: &BagInfo) -> Result<Hash, Error> {
        let lines = |files: &BTreeMap<String, Hash>| -> String {
            files.iter().map(|(name, hash)| manifest_line(name, hash)).collect()
        };
        let info = info.text(self.bytes, self.payload.len());
        let manifest = lines(&self.payload);
        let tags = [(BAGIT, DECLARATION), (BAG_INFO, &info), (MANIFEST, &manifest)];
        let mut hashes = BTreeMap::new();
        for (name, text) in tags {
            self.write_tag(name, text)?;
            hashes.insert(name.to_owned(), Sha256::digest(text).into());
        }
        let tag_manifest = lines(&hashes);
        self.write_tag(TAG_MANIFEST, &tag_manifest)?;
        Ok(Sha256::digest(tag_manifest).into())
    }

    /// Writes the signature of the bag.
    pub(crate) fn sign(&self, note: &str) -> Result<(), Error> {
        self.write_tag(NOTE, note)
    }

    fn write_tag(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.root.join(name);
        fs::write(&path, text).map_err(Error::of(&path))
    }
}

impl BagFile {
    /// The error that a write to this file returned.
    pub(crate) fn failed(&self, error: io::Error) -> Error {
        Error::new(&self.path, error)
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for BagFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
