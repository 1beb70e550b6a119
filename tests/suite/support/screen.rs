//! The program on a terminal: a pseudo-terminal, and what it would show.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::wait_for;

/// A program that runs on a terminal of its own.
pub(crate) struct Screen {
    child: Child,
    keyboard: Arc<pty_process::blocking::Pty>,
    seen: Arc<Mutex<Seen>>,
    reading: JoinHandle<()>,
}

struct Seen {
    terminal: vt100::Parser,
    raw: Vec<u8>,
}

/// The final content of the screen.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: Option<i32>,
    /// The lines that are not empty.
    pub(crate) lines: Vec<String>,
    /// All output, including control sequences.
    pub(crate) raw: String,
}

impl Screen {
    /// Starts `command` on a terminal of `rows` and `columns`.
    pub(crate) fn start(command: &Command, (rows, columns): (u16, u16)) -> Self {
        let (terminal, program_end) = pty_process::blocking::open().expect("a pseudo-terminal");
        terminal.resize(pty_process::Size::new(rows, columns)).expect("a size");
        let mut on_terminal =
            pty_process::blocking::Command::new(command.get_program()).args(command.get_args());
        on_terminal = on_terminal.env_clear().env("TERM", "xterm-256color");
        on_terminal =
            on_terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        on_terminal = on_terminal.current_dir(command.get_current_dir().expect("a folder"));
        let child = on_terminal.spawn(program_end).expect("the program starts");
        let seen = Seen { terminal: vt100::Parser::new(rows, columns, 0), raw: Vec::new() };
        let seen = Arc::new(Mutex::new(seen));
        let keyboard = Arc::new(terminal);
        let (theirs, terminal) = (Arc::clone(&seen), Arc::clone(&keyboard));
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // After the program has ended, reading gives an error and no end of file.
            while let Ok(read @ 1..) = (&*terminal).read(&mut bytes) {
                let mut seen = theirs.lock().unwrap_or_else(PoisonError::into_inner);
                seen.terminal.process(&bytes[..read]);
                seen.raw.extend_from_slice(&bytes[..read]);
            }
        });
        Self { child, keyboard, seen, reading }
    }

    /// The lines that are on the screen now and not empty.
    pub(crate) fn lines(&self) -> Vec<String> {
        lines(&self.seen.lock().unwrap_or_else(PoisonError::into_inner).terminal)
    }

    /// Waits until the screen has a line with each of `texts`.
    pub(crate) fn wait_for(&self, texts: &[&str]) {
        let what = || format!("{texts:?} on the screen");
        let shows = |lines: &[String]| {
            lines.iter().any(|line| texts.iter().all(|text| line.contains(text)))
        };
        wait_for(&what(), || {
            let lines = self.lines();
            assert!(
                shows(&lines) || !self.reading.is_finished(),
                "the program ended before {}: {lines:#?}",
                what()
            );
            shows(&lines)
        });
    }

    /// Types `text`.
    pub(crate) fn type_keys(&self, text: &str) {
        (&*self.keyboard).write_all(text.as_bytes()).expect("a terminal takes keys");
    }

    /// Ends the program, as a dyno would.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-s", "TERM", &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(sent.success());
    }

    /// Waits for the program's end.
    pub(crate) fn end(mut self) -> Shown {
        let status = self.child.wait().expect("the end").code();
        self.reading.join().expect("all is read");
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Shown {
            status,
            lines: lines(&seen.terminal),
            raw: String::from_utf8_lossy(&seen.raw).into_owned(),
        }
    }
}

fn lines(terminal: &vt100::Parser) -> Vec<String> {
    let screen = terminal.screen();
    let rows = screen.rows(0, screen.size().1).map(|row| row.trim_end().to_owned());
    rows.filter(|row| !row.is_empty()).collect()
}
