//! Keeps archives as files in a folder of the user.
//!
//! A kept file holds the bytes exactly as they were downloaded. Its name ends with their SHA-256,
//! so `sha256sum` alone can check it. A file has such a name only when all of it is on disk. A
//! process that is killed leaves a temporary file, which the next one removes.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tracing::warn;

use super::super::failure::Failure;
use crate::day::Month;
use crate::heroku::Archive;

/// How the names of unfinished files begin.
const UNFINISHED: &str = ".auditsync-keep-";

/// How the name of a gzip file ends, and that of a plain one.
const PACKED: &str = "json.gz";
const UNPACKED: &str = "json";

/// How many bytes are copied at a time.
const CHUNK: usize = 256 * 1024;

/// What a file name shows of an account's name as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The folder that keeps archives.
#[derive(Debug, Clone)]
pub(crate) struct KeepFolder(PathBuf);

/// Names an archive's file: whose it is, and which bytes it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) account: String,
    pub(crate) month: Month,
    /// The SHA-256 of the bytes as lower-case hex.
    pub(crate) checksum: String,
}

/// A file that is kept and was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

impl KeepFolder {
    /// The folder at `path`, which must be there: a disk that is not mounted is a mistake.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Ok(Self(path.to_owned()));
        }
        let shown = path.display();
        Err(Failure::usage(format!("--keep {shown}: there is no folder {shown}; create it first")))
    }

    /// Removes what killed processes left here, and fails if no file can be written.
    pub(crate) fn prepare(&self) -> Result<(), Failure> {
        let prepared = self.remove_abandoned().and_then(|()| self.begin().map(drop));
        let name = format!("--keep {}: a file in this folder", self.shown());
        prepared.map_err(|source| Failure::File { name, source })
    }

    /// Its path, for messages.
    pub(crate) fn shown(&self) -> String {
        self.0.display().to_string()
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file of this name, if it is here and its bytes have the checksum.
    pub(crate) fn find(&self, id: &FileId) -> io::Result<Option<KeptFile>> {
        for name in id.names() {
            let Some(mut file) = open_file(&self.0.join(&name), &name)? else { continue };
            let (bytes, checksum) = copy(&mut file, &mut io::sink(), || false)?;
            if checksum == id.checksum {
                return Ok(Some(KeptFile { name, bytes }));
            }
            warn!(
                file = name,
                found = checksum,
                "the bytes of this kept file no longer have the SHA-256 in its name"
            );
        }
        Ok(None)
    }

    /// Whether a file of the account's month is here, whatever its checksum.
    pub(crate) fn may_have(&self, account: &str, month: Month) -> bool {
        let begin = stem(account, month);
        let Ok(entries) = fs::read_dir(&self.0) else { return false };
        entries
            .flatten()
            .any(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&begin)))
    }

    /// Keeps the bytes of `archive`. A file that is here already is checked and left. Ends early
    /// with an error when `is_stopped` says so.
    pub(crate) fn keep(
        &self,
        id: &FileId,
        archive: &mut ArchiveBytes,
        is_stopped: impl Fn() -> bool,
    ) -> io::Result<KeptFile> {
        if let Some(file) = self.find(id)? {
            return Ok(file);
        }
        let mut unfinished = self.begin()?;
        let (bytes, checksum) = copy(&mut archive.bytes, unfinished.as_file_mut(), is_stopped)?;
        if checksum != id.checksum {
            return Err(io::Error::other("the downloaded bytes changed on this machine's disk"));
        }
        unfinished.as_file().sync_all()?;
        let name = id.name(archive.ending);
        unfinished.persist(self.0.join(&name))?;
        // The name must survive a crash, too.
        File::open(&self.0)?.sync_all()?;
        Ok(KeptFile { name, bytes })
    }

    /// Begins a file without its name. Its lock shows that it is in use.
    fn begin(&self) -> io::Result<NamedTempFile> {
        loop {
            let mut file = tempfile::Builder::new();
            // Evidence is not to be written again.
            file.prefix(UNFINISHED).permissions(Permissions::from_mode(0o444));
            let file = file.tempfile_in(&self.0)?;
            // Some file systems have no locks. Then an abandoned file stays until a person removes
            // it.
            let _ = file.as_file().try_lock();
            // Another process may have removed it before it was locked.
            if file.path().exists() {
                return Ok(file);
            }
        }
    }

    /// Removes unfinished files that no process writes any more.
    fn remove_abandoned(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)?.flatten() {
            let is_ours =
                entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED));
            let is_file = || entry.file_type().is_ok_and(|kind| kind.is_file());
            let is_abandoned =
                || File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if is_ours && is_file() && is_abandoned() {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// The bytes of a downloaded archive, to be copied.
pub(crate) struct ArchiveBytes {
    bytes: Box<dyn Read + Send>,
    /// How the name of the file ends.
    ending: &'static str,
}

impl ArchiveBytes {
    /// The bytes of `archive` from their start.
    pub(crate) fn of(archive: &Archive) -> io::Result<Self> {
        let mut first = Vec::new();
        archive.bytes_as_downloaded()?.take(2).read_to_end(&mut first)?;
        let ending = if first == [0x1f, 0x8b] { PACKED } else { UNPACKED };
        Ok(Self { bytes: Box::new(archive.bytes_as_downloaded()?), ending })
    }
}

impl FileId {
    /// The name of the file. Heroku may send an archive that is not compressed.
    fn name(&self, ending: &str) -> String {
        format!("{}{}.{ending}", stem(&self.account, self.month), self.checksum)
    }

    fn names(&self) -> [String; 2] {
        [self.name(PACKED), self.name(UNPACKED)]
    }
}

/// Opens the file `name` at `path`, if it is there. To open a pipe would wait for its writer.
fn open_file(path: &Path, name: &str) -> io::Result<Option<File>> {
    let opened = match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            let what = if found.is_dir() { "a folder" } else { "no file" };
            let error = format!("{name} is there, and is {what}");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, error));
        }
        Ok(_) => File::open(path),
        Err(error) => Err(error),
    };
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// How the names of an account's month begin.
fn stem(account: &str, month: Month) -> String {
    format!("{}-{month}-", utf8_percent_encode(account, PLAIN))
}

/// Copies everything, and returns how many bytes there were, with their SHA-256 as lower-case hex.
fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    is_stopped: impl Fn() -> bool,
) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        if is_stopped() {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hex::encode(hash.finalize()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&chunk[..read])?;
        hash.update(&chunk[..read]);
        bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, KeepFolder) {
        let place = tempfile::tempdir().expect("a folder");
        let folder = KeepFolder::open(place.path()).expect("it is there");
        (place, folder)
    }

    fn id(bytes: &[u8]) -> FileId {
        let checksum = hex::encode(Sha256::digest(bytes));
        FileId { account: "acme".to_owned(), month: "2024-09".parse().expect("one"), checksum }
    }

    fn archive(bytes: &'static [u8]) -> ArchiveBytes {
        ArchiveBytes { bytes: Box::new(bytes), ending: PACKED }
    }

    fn names(folder: &KeepFolder) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).expect("the folder").flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_with_all_its_bytes_or_not_at_all() {
        let (_place, folder) = folder();
        let id = id(b"abc");
        let cut = folder.keep(&id, &mut archive(b"ab"), || false);
        assert!(cut.is_err() && names(&folder).is_empty());
        let stopped = folder.keep(&id, &mut archive(b"abc"), || true);
        assert!(stopped.is_err() && names(&folder).is_empty());
        let kept = folder.keep(&id, &mut archive(b"abc"), || false).expect("room");
        assert_eq!(kept.name, format!("acme-2024-09-{}.json.gz", id.checksum));
        assert_eq!((kept.bytes, names(&folder)), (3, vec![kept.name.clone()]));
        assert_eq!(fs::read(folder.path().join(&kept.name)).expect("the file"), b"abc");
        // What is there already is not written again.
        let again = folder.keep(&id, &mut archive(b""), || false).expect("it is there");
        assert_eq!((again, folder.may_have("acme", id.month)), (kept, true));
    }

    #[test]
    fn a_file_with_other_bytes_than_its_name_says_is_not_found_and_replaced() {
        let (_place, folder) = folder();
        let id = id(b"abc");
        let path = folder.path().join(id.name(PACKED));
        fs::write(&path, b"ab").expect("room");
        assert_eq!(folder.find(&id).expect("readable"), None);
        folder.keep(&id, &mut archive(b"abc"), || false).expect("room");
        assert_eq!(fs::read(&path).expect("the file"), b"abc");
    }

    #[test]
    fn what_is_no_file_is_neither_opened_nor_replaced() {
        for make in [
            (|path: &Path| fs::create_dir(path)) as fn(&Path) -> io::Result<()>,
            |path| std::os::unix::net::UnixListener::bind(path).map(drop),
            |path| std::process::Command::new("mkfifo").arg(path).status().map(drop),
            |path| std::os::unix::fs::symlink("/dev/zero", path),
        ] {
            let (_place, folder) = folder();
            let id = id(b"abc");
            // Short enough for the name of a socket.
            let short = folder.path().join("x");
            make(&short).expect("room");
            fs::rename(&short, folder.path().join(id.name(PACKED))).expect("the same folder");
            let before = names(&folder);
            let error = folder.keep(&id, &mut archive(b"abc"), || false).expect_err("in the way");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
            assert!(error.to_string().contains(&id.name(PACKED)), "{error}");
            assert_eq!(names(&folder), before);
        }
        let (_place, folder) = folder();
        let pipe = folder.path().join(format!("{UNFINISHED}pipe"));
        std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        folder.prepare().expect("it does not wait for the pipe");
        // A link to a file is as good as the file.
        let id = id(b"abc");
        fs::write(folder.path().join("elsewhere"), b"abc").expect("room");
        std::os::unix::fs::symlink("elsewhere", folder.path().join(id.name(UNPACKED)))
            .expect("room");
        assert!(folder.find(&id).expect("readable").is_some());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_being_written_stays() {
        let (_place, folder) = folder();
        fs::write(folder.path().join(format!("{UNFINISHED}x")), b"ab").expect("room");
        fs::write(folder.path().join("mine"), b"ab").expect("room");
        let writing = folder.begin().expect("room");
        folder.prepare().expect("it can be written");
        let name = writing.path().file_name().expect("one").to_string_lossy().into_owned();
        assert_eq!(names(&folder), [name, "mine".to_owned()]);
    }

    #[test]
    fn an_account_s_name_leads_to_no_other_folder() {
        let month: Month = "2024-09".parse().expect("a month");
        assert_eq!(stem("../é x", month), "%2E%2E%2F%C3%A9%20x-2024-09-");
        assert_eq!(stem("acme-2", month), "acme-2-2024-09-");
    }
}
