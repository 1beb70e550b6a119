//! The guard: a small shell that outlives this process just long enough to clean up.
//!
//! It reads from a pipe whose other end only this process holds. However this process ends (return,
//! panic, signal, `kill -9`), the system closes that end. The guard then reads the end of its
//! input, stops the server and removes the folder. This also covers a `static`, which Rust never
//! drops. The alternative is a signal at the parent's death. It fires when the *thread* that
//! started the server ends, which breaks a cluster that tests share.
//!
//! The guard also creates the folder. So the folder never exists without a guard.
//!
//! The guard has its own process group. A Ctrl-C in the terminal does not reach it, and neither
//! does a test runner that kills the test's group. It closes the streams of this process, so that
//! no reader waits for it. Other child processes can't hold the pipe open, because std opens it
//! close-on-exec.

use std::{
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

const SCRIPT: &str = include_str!("guard.sh");

/// A running guard. Dropping it starts the clean-up, and waits for its end.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// Create a folder and guard it. There is nothing to stop yet.
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

    /// Set what to stop, instead of the last value. Each process must lead its own process group.
    pub(crate) fn watch(&mut self, what: Watched) -> io::Result<()> {
        let line = match what {
            Watched::Nothing => "-\n".into(),
            Watched::Preparation(pid) => format!("KILL {pid}\n"),
            Watched::Server(pid) => format!("QUIT {pid}\n"),
        };
        self.shell.stdin.as_mut().map_or(Ok(()), |pipe| pipe.write_all(line.as_bytes()))
    }
}

/// What the guard has to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watched {
    /// No process runs.
    Nothing,
    /// `initdb`. Kill only its own process. Its servers then read the end of their input and free
    /// their shared memory; none of them does so at a signal.
    Preparation(u32),
    /// A server, which shuts down immediately at SIGQUIT.
    Server(u32),
}

impl Drop for Guard {
    fn drop(&mut self) {
        // `wait` closes the pipe first.
        let _ = self.shell.wait();
    }
}
