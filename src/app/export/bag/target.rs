//! Where a bag goes. It gets its name only when it is complete, and never replaces anything.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use chrono::{DateTime, Utc};
use flate2::{Compression, GzBuilder};
use tempfile::{NamedTempFile, TempDir};
use tokio::task::spawn_blocking;

use super::super::super::destination::folder_of;
use super::super::super::failure::Failure;
use crate::bag::{self, BagFolder};

/// Where a bag goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BagTarget {
    /// A folder.
    Folder(PathBuf),
    /// A tar, compressed unless its name ends with `.tar`.
    Archive(PathBuf),
    /// A tar on stdout.
    Stdout,
}

/// A place where a bag is being written.
#[derive(Debug)]
pub(super) struct Workplace<'t> {
    target: &'t BagTarget,
    /// `None` once it is the bag.
    folder: Option<TempDir>,
    /// Is disconnected when nobody writes any more. `None` once the bag is written.
    writer: Option<Receiver<()>>,
}

/// How archives of other kinds are named, and single compressed files.
const OTHER_ARCHIVES: [&str; 11] = [
    ".zip", ".7z", ".rar", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst", ".bz2", ".xz", ".gz",
];

/// How long an abandoned bag waits for the thread that writes into it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A signal abandons a bag while a thread still writes into it. Its folder is removed after that.
impl Drop for Workplace<'_> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            let _ = writer.recv_timeout(PATIENCE);
        }
    }
}

impl BagTarget {
    /// What the option `--out` names.
    pub(super) fn of(out: &Path) -> Result<Self, Failure> {
        if out == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let name = out.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let other = OTHER_ARCHIVES.iter().find(|end| name.ends_with(*end));
        let target = if bag::is_archive_name(&name) {
            Self::Archive(out.to_owned())
        } else if let Some(end) = other {
            return Err(Failure::usage(format!(
                "--out {}: a bag is never a {end}. Give it a name that ends in .tar.gz, or the \
                 plain name of a folder",
                out.display()
            )));
        } else {
            Self::Folder(out.to_owned())
        };
        target.require_free(out)?;
        Ok(target)
    }

    pub(super) fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    pub(super) fn is_stdout(&self) -> bool {
        *self == Self::Stdout
    }

    fn require_free(&self, out: &Path) -> Result<(), Failure> {
        let path = out.display();
        let folder = folder_of(out);
        if !folder.is_dir() {
            let folder = folder.display();
            return Err(Failure::usage(format!(
                "--out {path}: there is no folder {folder}. Make it, or name another"
            )));
        }
        let is_free = match (self, fs::symlink_metadata(out)) {
            (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => true,
            (Self::Folder(_), Ok(metadata)) if metadata.is_dir() => {
                fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none())
            }
            _ => false,
        };
        if is_free {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "--out {path} exists already, and a bag never replaces anything. Name another path"
        )))
    }

    /// Makes a folder to write into. For a folder it stands beside the target, to be renamed.
    pub(super) fn begin(&self) -> Result<(Workplace<'_>, BagFolder), Failure> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".auditsync-").permissions(Permissions::from_mode(0o777));
        let folder = match self {
            Self::Folder(path) => builder.tempdir_in(folder_of(path)),
            Self::Archive(_) | Self::Stdout => tempfile::tempdir(),
        };
        let folder = folder.map_err(|error| bag::Error::new(&self.beside(), error))?;
        let (in_use, writer) = channel();
        let bag = BagFolder::new(folder.path(), in_use);
        Ok((Workplace { target: self, folder: Some(folder), writer: Some(writer) }, bag))
    }

    fn beside(&self) -> PathBuf {
        match self {
            Self::Folder(path) => folder_of(path).to_owned(),
            Self::Archive(_) | Self::Stdout => std::env::temp_dir(),
        }
    }
}

impl Workplace<'_> {
    fn root(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// Moves the complete bag to its target. In a tar, it stands in the folder `name` and is dated
    /// by `time`.
    pub(super) async fn finish(mut self, name: String, time: DateTime<Utc>) -> Result<(), Failure> {
        self.writer = None;
        let mtime = u64::try_from(time.timestamp()).unwrap_or_default();
        let root = self.root().to_owned();
        match self.target {
            BagTarget::Folder(path) => {
                fs::rename(&root, path).map_err(|error| bag::Error::new(path, error))?;
                // It is no longer temporary.
                let _ = self.folder.take().map(TempDir::keep);
                Ok(())
            }
            BagTarget::Archive(path) => {
                let failed = |error| bag::Error::new(path, error);
                let file = tempfile::Builder::new()
                    .prefix(".auditsync-")
                    .permissions(Permissions::from_mode(0o666))
                    .tempfile_in(folder_of(path))
                    .map_err(failed)?;
                let out = BufWriter::new(file.reopen().map_err(failed)?);
                let is_plain = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("tar"));
                let target = path.clone();
                let packed = spawn_blocking(move || {
                    if is_plain {
                        let mut out = bag::pack(&root, &name, mtime, (out, &target))?;
                        return out.flush().map_err(|error| bag::Error::new(&target, error));
                    }
                    let gzip = GzBuilder::new().write(out, Compression::new(3));
                    let gzip = bag::pack(&root, &name, mtime, (gzip, &target))?;
                    let written = gzip.finish().and_then(|mut out| out.flush());
                    written.map_err(|error| bag::Error::new(&target, error))
                });
                packed.await.expect("packing does not panic")?;
                keep(file, path)
            }
            BagTarget::Stdout => {
                let packed = spawn_blocking(move || {
                    let target = Path::new("stdout");
                    let stdout = BufWriter::new(io::stdout().lock());
                    let mut stdout = bag::pack(&root, &name, mtime, (stdout, target))?;
                    stdout.flush().map_err(|error| bag::Error::new(target, error))
                });
                match packed.await.expect("packing does not panic") {
                    Err(error) if error.reason().kind() != io::ErrorKind::BrokenPipe => {
                        Err(error.into())
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

fn keep(file: NamedTempFile, path: &Path) -> Result<(), Failure> {
    file.persist_noclobber(path).map_err(|error| bag::Error::new(path, error.error))?;
    Ok(())
}
