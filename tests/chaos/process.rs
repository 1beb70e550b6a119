//! One process of a round: how it is started and disturbed, and how it ends.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::plan::Kind;
use crate::time;
use crate::world::World;

pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    child: Child,
    folder: PathBuf,
    /// When to resume it, while it is stopped.
    pub(crate) stopped_until: Option<Instant>,
    pub(crate) killed: bool,
    /// When it first got a signal to end: by the machine's clock, and as an instant to measure
    /// from.
    pub(crate) terminated: Option<(i64, Instant)>,
    /// It got a second signal, so it may end at once.
    pub(crate) hurried: bool,
    pub(crate) end: Option<End>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    /// The status as a shell reports it.
    pub(crate) code: i32,
    /// Whether the signal itself ended it, and not the program in response to it.
    pub(crate) by_signal: bool,
    /// From the moment of the first signal.
    pub(crate) after_term: Option<Duration>,
}

impl Process {
    /// Starts the program. Its output goes to files of this name.
    pub(crate) fn start(
        world: &World,
        folder: &Path,
        name: String,
        kind: Kind,
        arguments: &[&str],
    ) -> Self {
        let file = |suffix| {
            File::create(folder.join(format!("{name}.{suffix}"))).expect("a file for its output")
        };
        let mut command = world.command(folder, arguments);
        command.env("DYNO", &name).stdout(file("out")).stderr(file("err"));
        let child = command.spawn().expect("the program starts");
        let folder = folder.to_path_buf();
        Self {
            name,
            kind,
            child,
            folder,
            stopped_until: None,
            killed: false,
            terminated: None,
            hurried: false,
            end: None,
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.end.is_none()
    }

    pub(crate) fn kill(&mut self) {
        self.killed = true;
        self.signal("KILL");
    }

    pub(crate) fn stop(&mut self, time: Duration) {
        self.stopped_until = Some(Instant::now() + time);
        self.signal("STOP");
    }

    pub(crate) fn resume(&mut self) {
        self.stopped_until = None;
        if let Some(since) = &mut self.terminated {
            // The time during which it could not respond does not count.
            *since = (time::now(), Instant::now());
        }
        self.signal("CONT");
    }

    pub(crate) fn terminate(&mut self) {
        self.hurried = self.terminated.is_some();
        self.terminated.get_or_insert((time::now(), Instant::now()));
        self.signal("TERM");
    }

    /// Notices its end.
    pub(crate) fn look(&mut self) {
        if self.end.is_none()
            && let Some(status) = self.child.try_wait().expect("a child of ours")
        {
            let code = status
                .code()
                .or_else(|| status.signal().map(|number| 128 + number))
                .expect("a status");
            let after_term = self.terminated.map(|(_, since)| since.elapsed());
            self.end = Some(End { code, by_signal: status.signal().is_some(), after_term });
        }
    }

    /// Waits for its end; false if it takes longer than `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        let begun = Instant::now();
        while self.is_alive() && begun.elapsed() < limit {
            self.look();
            time::pause(Duration::from_millis(2));
        }
        !self.is_alive()
    }

    pub(crate) fn stdout(&self) -> String {
        self.read("out")
    }

    pub(crate) fn stderr(&self) -> String {
        self.read("err")
    }

    fn read(&self, suffix: &str) -> String {
        let bytes =
            std::fs::read(self.folder.join(format!("{}.{suffix}", self.name))).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn signal(&self, name: &str) {
        // Nothing has waited for the process yet, so its id is not reused. It may have ended
        // already.
        if self.is_alive() {
            let _ = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_alive() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}
