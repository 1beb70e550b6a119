//! A run of the program: in progress, and ended.

use std::process::{Child, Command};

use serde_json::Value;

use super::documents::assert_published;

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run of the program in progress.
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Finished {
    /// Runs `command` to its end. A status of -1 stands for a signal.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The only JSON document on stdout, which is as its published schema says.
    pub(crate) fn json(&self) -> Value {
        let document = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON document ({error}): {self:#?}"));
        assert_published(&document);
        document
    }
}

impl Running {
    /// Waits for the end, at most two minutes.
    pub(crate) fn wait(mut self) -> Finished {
        let read = |stream: Option<&mut (dyn std::io::Read + Send)>| {
            let mut text = String::new();
            if let Some(stream) = stream {
                let _ = stream.read_to_string(&mut text);
            }
            text
        };
        let (mut out, mut err) = (self.child.stdout.take(), self.child.stderr.take());
        let (stdout, stderr) = std::thread::scope(|threads| {
            let err = threads.spawn(move || read(err.as_mut().map(|stream| stream as _)));
            (read(out.as_mut().map(|stream| stream as _)), err.join().expect("the log"))
        });
        let status = self.child.wait().expect("the end");
        let code = status
            .code()
            .or_else(|| std::os::unix::process::ExitStatusExt::signal(&status).map(|n| -n));
        Finished { status: code.expect("a status"), stdout, stderr }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(sent.success());
    }
}
