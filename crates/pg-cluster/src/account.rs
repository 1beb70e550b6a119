//! The user who runs the server. PostgreSQL refuses root, so root needs another user.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The user in place of root: `postgres`, else `nobody`. `initdb` requires a passwd entry, and
    /// both have one.
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

    /// Run a program as this user, without root's supplementary groups.
    pub(crate) fn run(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// Ask `id`, which knows users from any source. The passwd file does not list those of macOS and
/// LDAP.
fn ask_id(option: &str, user: &str) -> Option<u32> {
    let output = Command::new("id").args([option, user]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
