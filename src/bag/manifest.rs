//! The manifests of a bag: the SHA-256 of each file (RFC 8493, section 2.1.3). `sha256sum -c`
//! reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::layout::{
    BAG_INFO, BAGIT, DECLARATION, MANIFEST, NOTE, PAYLOAD, TAG_MANIFEST, is_of_a_bag,
};
use crate::event::Hash;
use crate::evidence::hash_from_hex;

/// What is wrong with a file of a bag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Its bytes are not those that the manifest names.
    Altered(String),
    /// A manifest names it, or every bag has it, and it is not there.
    Missing(String),
    /// It is there, and no manifest names it.
    Added(String),
    /// It does not have the form that the format demands, and why.
    Malformed(String, String),
}

/// The files of the payload that are as the manifest says, or at least there, by name.
pub(super) type ListedFiles = BTreeMap<String, Hash>;

/// Compares each file below `root` with the manifests. Returns the payload.
pub(super) fn check(root: &Path, flaws: &mut Vec<Flaw>) -> Result<ListedFiles, Error> {
    let mut there = BTreeSet::new();
    list(root, "", &mut there, flaws)?;
    let payload = read(root, MANIFEST, flaws)?;
    let tags = read(root, TAG_MANIFEST, flaws)?;
    for name in PAYLOAD {
        if !payload.contains_key(name) {
            flaws.push(Flaw::Malformed(MANIFEST.to_owned(), format!("it does not name {name}")));
        }
    }
    for name in payload.keys().filter(|name| !is_of_a_bag(name)) {
        flaws.push(Flaw::Malformed(MANIFEST.to_owned(), format!("no bag has a file {name}")));
    }
    for name in tags.keys().filter(|name| ![BAGIT, BAG_INFO, MANIFEST].contains(&name.as_str())) {
        flaws.push(Flaw::Malformed(TAG_MANIFEST.to_owned(), format!("no bag has a file {name}")));
    }
    for name in [BAGIT, BAG_INFO, MANIFEST] {
        if !tags.contains_key(name) {
            flaws
                .push(Flaw::Malformed(TAG_MANIFEST.to_owned(), format!("it does not name {name}")));
        }
    }
    for (manifest, files) in [(MANIFEST, &payload), (TAG_MANIFEST, &tags)] {
        for (name, expected) in files {
            if name.starts_with("data/") != (manifest == MANIFEST) {
                let why = format!("it names {name}, which belongs into the other manifest");
                flaws.push(Flaw::Malformed(manifest.to_owned(), why));
            } else if !there.contains(name) {
                flaws.push(Flaw::Missing(name.clone()));
            } else if hash_of(&root.join(name))? != *expected {
                flaws.push(Flaw::Altered(name.clone()));
            }
        }
    }
    let is_known = |name: &str| {
        payload.contains_key(name)
            || tags.contains_key(name)
            || [TAG_MANIFEST, NOTE].contains(&name)
    };
    let added = there.iter().filter(|name| !is_known(name));
    flaws.extend(added.cloned().map(Flaw::Added));
    check_declaration(root, flaws)?;
    let mut payload = payload;
    payload.retain(|name, _| there.contains(name));
    Ok(payload)
}

fn check_declaration(root: &Path, flaws: &mut Vec<Flaw>) -> Result<(), Error> {
    let path = root.join(BAGIT);
    match fs::read(&path) {
        Ok(text) if text == DECLARATION.as_bytes() => {}
        Ok(_) => flaws.push(Flaw::Malformed(BAGIT.to_owned(), "it has another text".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::new(&path, error)),
    }
    Ok(())
}

/// The files below a folder. Anything but folders and files is a flaw.
fn list(
    root: &Path,
    below: &str,
    found: &mut BTreeSet<String>,
    flaws: &mut Vec<Flaw>,
) -> Result<(), Error> {
    let folder = root.join(below);
    for entry in fs::read_dir(&folder).map_err(Error::of(&folder))? {
        let entry = entry.map_err(Error::of(&folder))?;
        let kind = entry.file_type().map_err(Error::of(&folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        if kind.is_dir() {
            list(root, &name, found, flaws)?;
        } else if kind.is_file() {
            found.insert(name);
        } else {
            flaws.push(Flaw::Malformed(name, "it is neither a file nor a folder".to_owned()));
        }
    }
    Ok(())
}

/// The files that a manifest names.
fn read(root: &Path, manifest: &str, flaws: &mut Vec<Flaw>) -> Result<ListedFiles, Error> {
    let path = root.join(manifest);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            flaws.push(Flaw::Missing(manifest.to_owned()));
            return Ok(ListedFiles::new());
        }
        Err(error) => return Err(Error::new(&path, error)),
    };
    let mut files = ListedFiles::new();
    for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line.map_err(Error::of(&path))?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let parsed = line.split_once("  ").and_then(|(hash, name)| {
            let is_plain = !name.split('/').any(|part| matches!(part, "" | "." | ".."));
            Some((name.to_owned(), hash_from_hex(hash)?)).filter(|_| is_plain)
        });
        let is_new = parsed.is_some_and(|(name, hash)| files.insert(name, hash).is_none());
        if !is_new {
            let why = format!("line {} is no hash and name, or repeats one", index + 1);
            flaws.push(Flaw::Malformed(manifest.to_owned(), why));
        }
    }
    Ok(files)
}

/// The SHA-256 of a file.
pub(super) fn hash_of(path: &Path) -> Result<Hash, Error> {
    let mut file = BufReader::with_capacity(128 * 1024, File::open(path).map_err(Error::of(path))?);
    let mut hash = Sha256::new();
    loop {
        let bytes = file.fill_buf().map_err(Error::of(path))?;
        if bytes.is_empty() {
            return Ok(hash.finalize().into());
        }
        let read = bytes.len();
        hash.update(bytes);
        file.consume(read);
    }
}
