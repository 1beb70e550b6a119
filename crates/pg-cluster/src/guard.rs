//! The guard: a small shell that outlives this process just long enough to clean up after it.
//!
//! It reads from a pipe whose other end only this process holds. However this process ends (return, panic, signal,
//! `kill -9`), the system closes that end; the guard then reads the end of its input, stops the server and removes the
//! folder. A `static` that is never dropped is covered, too. The alternative, a signal at the parent's death, fires when
//! the *thread* that started the server ends, which breaks a cluster that tests share.
//!
//! It creates the folder, too, so that there is no moment at which the folder exists and the guard doesn't.
//!
//! The guard has a process group of its own, so that a Ctrl-C in the terminal or a test runner that kills the test's
//! group passes it by, and it holds none of our streams open, so that no reader waits for it. Other children of ours
//! can't hold the pipe open: std opens it close-on-exec.

use std::{
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

const SCRIPT: &str = include_str!("guard.sh");

/// A running guard. Dropping it is the order to clean up, and waits until that is done.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// Creates a folder and watches over it. There is nothing to stop yet.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "pg-cluster-guard"])
            .arg(folder)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut complaint = String::new();
        let heard =
            shell.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut complaint));
        let guard = Self { shell };
        heard?;
        if complaint.is_empty() { Ok(guard) } else { Err(io::Error::other(complaint.trim())) }
    }

    /// Says what to stop, in place of what was said before. Each must lead a process group of its own.
    pub(crate) fn watch(&mut self, what: Watched) -> io::Result<()> {
        let line = match what {
            Watched::Nothing => "-\n".into(),
            Watched::Preparation(pid) => format!("KILL {pid}\n"),
            Watched::Server(pid) => format!("QUIT {pid}\n"),
        };
        self.shell.stdin.as_mut().map_or(Ok(()), |pipe| pipe.write_all(line.as_bytes()))
    }
}

/// What the guard would have to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watched {
    /// No process runs.
    Nothing,
    /// `initdb`. Only its own death is clean: the servers that it runs then read the end of their input and take their
    /// shared memory with them, which none of them does at a signal.
    Preparation(u32),
    /// A server; it shuts down immediately at SIGQUIT.
    Server(u32),
}

impl Drop for Guard {
    fn drop(&mut self) {
        // `wait` closes the pipe first.
        let _ = self.shell.wait();
    }
}
