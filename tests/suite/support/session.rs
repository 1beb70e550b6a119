//! A session of `psql` that stays open, so that a test can hold a transaction.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::World;

/// See the module. Dropping it cuts the connection.
pub(crate) struct Session {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What ends an answer.
const END: &str = "-- end of the answer --";

impl Session {
    /// Connects to `url`.
    pub(crate) fn open(world: &World, url: &str) -> Self {
        let psql = world.database.cluster().map_or_else(|| "psql".into(), |cluster| cluster.bin("psql"));
        let mut command = Command::new(psql);
        command.args(["-X", "-q", "-At", "-d", url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("psql");
        let input = process.stdin.take().expect("a pipe");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, input, output }
    }

    /// Runs statements, and returns their rows: one a line, columns parted by `|`.
    pub(crate) fn ask(&mut self, sql: &str) -> String {
        writeln!(self.input, "{sql};\n\\echo {END}").expect("psql listens");
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("text") > 0, "psql ended at {sql}");
            if line.trim_end() == END {
                return answer.trim_end().to_owned();
            }
            answer.push_str(&line);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}
