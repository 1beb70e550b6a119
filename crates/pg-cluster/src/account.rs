//! Who runs the server: we ourselves, or another user when we are root, which PostgreSQL refuses.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

/// A user to run the server's programs as.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The user in root's place: `postgres`, else `nobody`. Both have the passwd entry that `initdb` insists on.
    pub(crate) fn instead_of_root() -> io::Result<Self> {
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|user| Some(Self { uid: ask_id("-u", user)?, gid: ask_id("-g", user)? }))
            .ok_or_else(|| {
                io::Error::other(
                    "PostgreSQL refuses root, and there is neither a user postgres nor nobody",
                )
            })
    }

    /// Makes a program run as this user, without root's supplementary groups.
    pub(crate) fn run(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// Asks `id`, which knows users from any source; the passwd file alone would miss those of macOS and LDAP.
fn ask_id(option: &str, user: &str) -> Option<u32> {
    let output = Command::new("id").args([option, user]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
