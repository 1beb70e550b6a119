//! The manifests of a bag: the SHA-256 of each file (RFC 8493, section 2.1.3). `sha256sum -c`
//! reads them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::info;
use super::layout::{
    AnchorFile, BAG_INFO, BAGIT, DECLARATION, MANIFEST, NOTE, PAYLOAD, TAG_MANIFEST, is_of_a_bag,
};
use super::regular;
use crate::event::Hash;
use crate::evidence::hash_from_hex;

/// A longer line of a manifest is not read: file systems take at most 4 KiB for a path.
const LONGEST_LINE: u64 = 8 * 1024;

/// After this many lines of another form, a file is no manifest.
const ODD_LINES: usize = 100;

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

/// The files that are there, with their sizes.
type FileSizes = BTreeMap<String, u64>;

/// Compares each file below `root` with the manifests. Returns the payload.
pub(super) fn check(root: &Path, flaws: &mut Vec<Flaw>) -> Result<ListedFiles, Error> {
    let mut there = FileSizes::new();
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
            } else if !there.contains_key(name) {
                flaws.push(Flaw::Missing(name.clone()));
            } else if hash_of(&root.join(name))? != Some(*expected) {
                flaws.push(Flaw::Altered(name.clone()));
            }
        }
    }
    let is_known = |name: &str| {
        payload.contains_key(name)
            || tags.contains_key(name)
            || [TAG_MANIFEST, NOTE].contains(&name)
    };
    let added = there.keys().filter(|name| !is_known(name));
    flaws.extend(added.cloned().map(Flaw::Added));
    check_declaration(root, flaws)?;
    check_info(root, &there, flaws)?;
    let mut payload = payload;
    payload.retain(|name, _| there.contains_key(name));
    Ok(payload)
}

fn check_declaration(root: &Path, flaws: &mut Vec<Flaw>) -> Result<(), Error> {
    if regular::read(&root.join(BAGIT))?.is_some_and(|text| text != DECLARATION.as_bytes()) {
        flaws.push(Flaw::Malformed(BAGIT.to_owned(), "it has another text".to_owned()));
    }
    Ok(())
}

/// Each label of `bag-info.txt` stands there once, and the payload has the size that one of them
/// names.
fn check_info(root: &Path, there: &FileSizes, flaws: &mut Vec<Flaw>) -> Result<(), Error> {
    let Some(text) = regular::read(&root.join(BAG_INFO))? else { return Ok(()) };
    let mut malformed = |why| flaws.push(Flaw::Malformed(BAG_INFO.to_owned(), why));
    let info = match info::labels(&text) {
        Ok(info) => info,
        Err(line) => {
            malformed(format!("line {line} is no label with a value, or repeats one"));
            return Ok(());
        }
    };
    let payload = there.iter().filter(|(name, _)| name.starts_with("data/"));
    let (files, bytes) =
        payload.fold((0, 0), |(files, bytes), (_, size)| (files + 1, bytes + size));
    let oxum = info::oxum(bytes, files);
    if info.get(info::OXUM) != Some(&oxum) {
        malformed(format!("{} is not {oxum}, as the payload has it", info::OXUM));
    }
    Ok(())
}

/// Finds the files below a folder. Anything but folders and files is a flaw.
fn list(
    root: &Path,
    below: &str,
    found: &mut FileSizes,
    flaws: &mut Vec<Flaw>,
) -> Result<(), Error> {
    let folder = root.join(below);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
            let why = "it lies too deep to be opened".to_owned();
            flaws.push(Flaw::Malformed(below.to_owned(), why));
            return Ok(());
        }
        entries => entries.map_err(Error::of(&folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::of(&folder))?;
        let about = entry.metadata().map_err(Error::of(&entry.path()))?;
        let within = |name: &str| {
            if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") }
        };
        let malformed = |name, why: &str| Flaw::Malformed(name, why.to_owned());
        let name = match entry.file_name().into_string() {
            Ok(name) => within(&name),
            Err(odd) => {
                let name = within(&odd.to_string_lossy());
                flaws.push(malformed(name, "its name is not UTF-8"));
                continue;
            }
        };
        if about.is_dir() {
            list(root, &name, found, flaws)?;
        } else if about.is_file() {
            if is_read_at_once(&name) && about.len() > regular::LONGEST {
                flaws.push(malformed(name.clone(), "it is longer than any such file"));
            }
            found.insert(name, about.len());
        } else {
            flaws.push(malformed(name, "it is neither a file nor a folder"));
        }
    }
    Ok(())
}

/// Whether a file is read into memory as a whole.
fn is_read_at_once(name: &str) -> bool {
    [BAGIT, BAG_INFO, NOTE].contains(&name) || AnchorFile::named(name).is_some()
}

/// The files that a manifest names.
fn read(root: &Path, manifest: &str, flaws: &mut Vec<Flaw>) -> Result<ListedFiles, Error> {
    let path = root.join(manifest);
    let mut files = ListedFiles::new();
    let Some(file) = regular::open(&path)? else {
        flaws.push(Flaw::Missing(manifest.to_owned()));
        return Ok(files);
    };
    let mut file = BufReader::new(file);
    let (mut number, mut odd_lines) = (0, 0);
    let mut line = Vec::new();
    while odd_lines < ODD_LINES {
        line.clear();
        let read = file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(Error::of(&path))? == 0 {
            break;
        }
        number += 1;
        let is_new = parsed(&line).is_some_and(|(name, hash)| files.insert(name, hash).is_none());
        if !is_new {
            odd_lines += 1;
            let why = format!("line {number} is no hash and name, or repeats one");
            flaws.push(Flaw::Malformed(manifest.to_owned(), why));
        }
    }
    Ok(files)
}

/// The name and the hash in a line of a manifest.
fn parsed(line: &[u8]) -> Option<(String, Hash)> {
    let line = str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (hash, name) = line.split_once("  ")?;
    let is_plain = !name.split('/').any(|part| matches!(part, "" | "." | ".."));
    Some((name.to_owned(), hash_from_hex(hash)?)).filter(|_| is_plain)
}

/// The SHA-256 of a file; `None` if there is none.
pub(super) fn hash_of(path: &Path) -> Result<Option<Hash>, Error> {
    let Some(file) = regular::open(path)? else { return Ok(None) };
    let mut file = BufReader::with_capacity(128 * 1024, file);
    let mut hash = Sha256::new();
    loop {
        let bytes = file.fill_buf().map_err(Error::of(path))?;
        if bytes.is_empty() {
            return Ok(Some(hash.finalize().into()));
        }
        let read = bytes.len();
        hash.update(bytes);
        file.consume(read);
    }
}
