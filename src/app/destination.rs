//! Where an export is written: to stdout, or to a file that gets its name when it is complete.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Stdout, Write};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;

/// Where an export is written.
pub(super) struct Destination {
    out: BufWriter<OutputTarget>,
    /// The file, for messages; `None` for stdout.
    name: Option<String>,
    written: u64,
}

enum OutputTarget {
    Stdout(Stdout),
    /// A device or a pipe, which has its name already.
    Device(File),
    /// A file beside the one that it will replace.
    Beside(NamedTempFile, PathBuf),
}

/// Whether more is wanted. The reader of a pipe ends an export by closing it.
pub(super) type Wanted = Result<ControlFlow<()>, Failure>;

impl Destination {
    /// Opens stdout for `-`, and otherwise the file.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let out = BufWriter::new(OutputTarget::Stdout(io::stdout()));
            return Ok(Self { out, name: None, written: 0 });
        }
        let name = path.display().to_string();
        let target = target(path, &name)?;
        Ok(Self { out: BufWriter::new(target), name: Some(name), written: 0 })
    }

    /// The file; `None` for stdout.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How many bytes were written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes `bytes`.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Wanted {
        let written = self.out.write_all(bytes);
        self.written += bytes.len() as u64;
        self.wanted(written)
    }

    /// Writes what is left, and gives a file its name.
    pub(super) fn finish(mut self) -> Wanted {
        let flushed = self.out.flush();
        if self.wanted(flushed)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let name = self.name.unwrap_or_default();
        // Everything is flushed.
        match self.out.into_parts().0 {
            OutputTarget::Stdout(_) | OutputTarget::Device(_) => Ok(ControlFlow::Continue(())),
            OutputTarget::Beside(file, path) => {
                let stored = file.as_file().sync_all();
                let named = stored.and_then(|()| Ok(file.persist(path)?));
                named.map_err(|source| Failure::File { name, source })?;
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    fn wanted(&self, written: io::Result<()>) -> Wanted {
        match (written, &self.name) {
            (Ok(()), _) => Ok(ControlFlow::Continue(())),
            (Err(error), _) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(ControlFlow::Break(()))
            }
            (Err(source), Some(name)) => Err(Failure::File { name: name.clone(), source }),
            (Err(error), None) => Err(Failure::Output(error)),
        }
    }
}

fn target(path: &Path, name: &str) -> Result<OutputTarget, Failure> {
    let failure = |source| Failure::File { name: name.to_owned(), source };
    match std::fs::metadata(path) {
        Ok(known) if known.is_dir() => {
            return Err(Failure::usage(format!("--out {name} is a folder: name a file in it")));
        }
        // A rename would replace a device by a file.
        Ok(known) if !known.is_file() => {
            let device = OpenOptions::new().write(true).open(path).map_err(failure)?;
            return Ok(OutputTarget::Device(device));
        }
        _ => {}
    }
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Failure::usage(format!("--out {name} names a folder: name a file in it")));
    }
    // A link stays a link.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder_of(&path);
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::usage(format!(
            "--out {name} can't be written: there is no folder {folder}; create it first"
        )));
    }
    let mut file = tempfile::Builder::new();
    file.prefix(".auditsync-export-").permissions(Permissions::from_mode(0o666));
    Ok(OutputTarget::Beside(file.tempfile_in(folder).map_err(failure)?, path))
}

/// The folder that holds a path.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Write for OutputTarget {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Device(out) => out.write(bytes),
            Self::Beside(out, _) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Device(out) => out.flush(),
            Self::Beside(out, _) => out.flush(),
        }
    }
}
