//! A `psql` that stays open. Starting one, with its server process, costs far more than a query.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
};

use crate::{Error, tools};

/// An open session; see [`crate::Database::session`]. Dropping it closes the connection, which
/// rolls back an open transaction.
#[derive(Debug)]
pub struct Session {
    psql: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    messages: Option<JoinHandle<String>>,
}

/// Marks the end of an answer.
const END: &str = "-- end of the answer --";

impl Session {
    /// Connect `psql` to `url`.
    pub(crate) fn open(mut psql: Command, url: &str) -> Result<Self, Error> {
        tools::ask_for_rows(&mut psql, url);
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut psql = psql.spawn().map_err(Error::io("run psql"))?;
        let (Some(input), Some(output), Some(mut messages)) =
            (psql.stdin.take(), psql.stdout.take(), psql.stderr.take())
        else {
            unreachable!("all three are pipes");
        };
        // Read the notices as they arrive. Otherwise they fill the pipe, and psql waits.
        let messages = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = messages.read_to_end(&mut text);
            String::from_utf8_lossy(&text).trim().to_owned()
        });
        Ok(Self { psql, input, output: BufReader::new(output), messages: Some(messages) })
    }

    /// Run a script, and return its rows: one per line, columns separated by `|`.
    ///
    /// # Errors
    ///
    /// At the first statement that fails, with PostgreSQL's message. The session is over then.
    pub fn ask(&mut self, script: &str) -> Result<String, Error> {
        self.send(&format!("{script}\n;\n\\echo {END}\n"))
    }

    /// Run a script and reset the session: no setting, no lock and no open transaction remains.
    pub(crate) fn ask_and_reset(&mut self, script: &str) -> Result<String, Error> {
        self.send(&format!("{script}\n;\nDISCARD ALL;\n\\echo {END}\n"))
    }

    fn send(&mut self, script: &str) -> Result<String, Error> {
        let Self { input, output, .. } = self;
        let answer = thread::scope(|scope| {
            // psql may write before it reads on. If it has ended, its own message is the better
            // error.
            scope.spawn(|| input.write_all(script.as_bytes()));
            answer(output)
        });
        answer.map_err(Error::io("read from psql"))?.ok_or_else(|| self.end())
    }

    fn end(&mut self) -> Error {
        match self.psql.wait() {
            Ok(status) => {
                let messages = self.messages.take().and_then(|reader| reader.join().ok());
                Error::Program {
                    program: "psql".into(),
                    status,
                    stderr: messages.unwrap_or_default(),
                }
            }
            Err(source) => Error::io("wait for psql")(source),
        }
    }
}

/// The lines up to the end of the answer. `None` if psql ends before.
fn answer(output: &mut impl BufRead) -> io::Result<Option<String>> {
    let (mut answer, mut line) = (Vec::new(), Vec::new());
    while output.read_until(b'\n', &mut line)? > 0 {
        if line.trim_ascii_end() == END.as_bytes() {
            return Ok(Some(String::from_utf8_lossy(&answer).trim_end_matches('\n').to_owned()));
        }
        answer.append(&mut line);
    }
    Ok(None)
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.psql.kill().and_then(|()| self.psql.wait());
    }
}
