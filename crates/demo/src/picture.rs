//! The README's picture: a terminal that shows a run of the demo, as SVG.
//!
//! The text is what the program prints. Only what differs from run to run is set to a fixed value:
//! the days, the time that a day took, the lag, and the head. So drawing it again changes the file
//! only if the program prints something else.

use std::error::Error;
use std::fmt::Write as _;

use anstyle_svg::{Term, WIN10_CONSOLE};
use chrono::{Days, NaiveDate};

use crate::stage::{Stage, command_line};

/// The commands that it shows.
const COMMANDS: &[&[&str]] = &[&[], &["status"]];
/// More days than any of the commands looks back.
const DAYS_BACK: u64 = 60;
const TIME: &str = "0.1s";

/// Runs the commands, and returns the picture.
pub(crate) fn draw(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let mut screen = String::new();
    for arguments in COMMANDS {
        let line = command_line(arguments);
        let printed = fixed(&stage.printed(arguments)?, stage.yesterday)?;
        let _ = writeln!(screen, "\u{1b}[1m$ {line}\u{1b}[0m\n{}\n", printed.trim_end());
    }
    let svg = Term::new().palette(WIN10_CONSOLE).render_svg(screen.trim_end());
    // Git and editors don't accept the blanks that the renderer leaves at the ends of lines.
    Ok(svg.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n"))
}

/// `printed`, with fixed values for what differs from run to run.
fn fixed(printed: &str, yesterday: NaiveDate) -> Result<String, Box<dyn Error>> {
    let shown: NaiveDate = "2024-09-28".parse()?;
    let mut text = printed.to_owned();
    for back in (0..DAYS_BACK).map(Days::new) {
        text = text.replace(&(yesterday - back).to_string(), &(shown - back).to_string());
    }
    Ok(text.lines().fold(String::new(), |text, line| text + &fixed_end(line) + "\n"))
}

/// A line whose last column, if it is a time, has a fixed value of the same width. A head is
/// shortened.
fn fixed_end(line: &str) -> String {
    if let Some((seq, _)) = line.strip_prefix("Head: ").and_then(|head| head.split_once(':')) {
        return format!("Head: {seq}:9c1b… of log 5f3a…");
    }
    let last = line.rsplit(' ').next().unwrap_or_default();
    let is_time = last.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok());
    if !is_time {
        return line.to_owned();
    }
    let width = TIME.len().max(last.len());
    format!("{}{TIME:>width$}", &line[..line.len() - width])
}
