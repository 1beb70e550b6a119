//! Questions on a terminal, in plain lines: they work on every terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::super::failure::Failure;
use crate::report::streams;
use crate::text::clean;

/// How often a question is repeated.
const MOST_ATTEMPTS: u32 = 5;

/// The terminal, where people answer.
#[derive(Debug)]
pub(super) struct Questions {
    stderr: io::Stderr,
}

impl Questions {
    /// The terminal of this process.
    pub(super) fn new() -> Result<Self, Failure> {
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            return Ok(Self { stderr: io::stderr() });
        }
        Err(Failure::usage(
            "init asks questions, and there is no terminal to ask on. Give --yes to take every \
             enterprise account of the token, and --token-env VAR if HEROKU_API_TOKEN does not \
             hold the token",
        ))
    }

    /// Writes lines for the person.
    #[expect(clippy::unused_self, reason = "only where there is a terminal")]
    pub(super) fn say(&self, lines: &[String]) {
        for line in lines {
            streams::say(line);
        }
    }

    /// Asks until `read` accepts the answer.
    pub(super) fn ask<T>(
        &self,
        question: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let mut why = String::new();
        for _ in 0..MOST_ATTEMPTS {
            let mut stderr = self.stderr.lock();
            let _ = write!(stderr, "{}", clean(question)).and_then(|()| stderr.flush());
            let mut answer = String::new();
            if io::stdin().lock().read_line(&mut answer).unwrap_or(0) == 0 {
                let _ = writeln!(stderr);
                return Err(Failure::usage("no answer; nothing was written"));
            }
            drop(stderr);
            match read(answer.trim()) {
                Ok(answer) => return Ok(answer),
                Err(error) => why = error,
            }
            self.say(std::slice::from_ref(&why));
        }
        Err(Failure::usage(format!("{why}. Nothing was written")))
    }
}
