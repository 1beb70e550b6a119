//! The temporary folder of the database. Dropping this value removes it.

use std::{
    env, fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process,
};

/// The server may write a last file while its folder is being removed.
const TRIES: usize = 10;

pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn create() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("embedded-postgres-{}", process::id()));
        // A folder with this process id can only belong to a process that has ended.
        let _ = fs::remove_dir_all(&path);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for _ in 0..TRIES {
            match fs::remove_dir_all(&self.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {}
                _ => return,
            }
        }
        eprintln!("embedded-postgres: {} could not be removed", self.path.display());
    }
}
