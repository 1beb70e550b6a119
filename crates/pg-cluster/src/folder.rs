//! The folder of a cluster: data, log and socket, in the temporary folder.
//!
//! Only the server's user and root may enter it, because the server trusts every client that
//! reaches its socket.

use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::BuildHasher,
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{self, Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Error, account::Account, guard::Guard};

/// A socket's path may have 103 bytes on macOS. The socket's name takes 15 of them.
const LONGEST: usize = 88;

/// A cluster's folder. Its guard creates and removes it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The owner, if it is not the current user.
    account: Option<Account>,
}

impl Folder {
    /// Create a folder under `TMPDIR`. Use `/tmp` or `/var/tmp` if that path is too long, or closed
    /// to the server's user.
    pub(crate) fn create() -> Result<(Self, Guard), Error> {
        let mut reasons = Vec::new();
        for base in [env::temp_dir(), "/tmp".into(), "/var/tmp".into()] {
            match Self::create_under(&base) {
                Ok(created) => return Ok(created),
                Err(reason) => reasons.push(format!("{}: {reason}", base.display())),
            }
        }
        Err(Error::NoFolder(reasons.join("; ")))
    }

    fn create_under(base: &Path) -> io::Result<(Self, Guard)> {
        let path = path::absolute(base)?.join(format!("pg-{}", unique()));
        if path.as_os_str().len() > LONGEST {
            return Err(io::Error::other("its path is too long for a socket"));
        }
        let guard = Guard::create(&path)?;
        // The owner of the new folder is the current user. std has no call for that.
        let account = if fs::metadata(&path)?.uid() == 0 {
            let account = Account::instead_of_root()?;
            hand_over(&path, base, &account)?;
            Some(account)
        } else {
            None
        };
        Ok((Self { path, account }, guard))
    }

    /// The folder itself, which also holds the socket.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The last lines of the log, for an error.
    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// A program that runs as the folder's owner, and in the folder: that user may not enter the
    /// current one.
    pub(crate) fn command(&self, program: &Path) -> process::Command {
        let mut command = process::Command::new(program);
        command.current_dir(&self.path);
        if let Some(account) = &self.account {
            account.run(&mut command);
        }
        command
    }
}

fn hand_over(path: &Path, base: &Path, account: &Account) -> io::Result<()> {
    for ancestor in fs::canonicalize(base)?.ancestors() {
        if fs::metadata(ancestor)?.permissions().mode() & 0o001 == 0 {
            return Err(io::Error::other(format!(
                "{} is closed to other users",
                ancestor.display()
            )));
        }
    }
    chown(path, Some(account.uid), Some(account.gid))
}

/// A name that no other process and no other call uses.
pub(crate) fn unique() -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let random = RandomState::new().hash_one(process::id()) as u32;
    format!("{}-{}-{random:08x}", process::id(), CALLS.fetch_add(1, Ordering::Relaxed))
}
