//! Run what is measured, each program in its own process below a helper process. The system reports
//! the peak memory of a process's children. Therefore each measured program is the only child of
//! its parent.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::Result;
use crate::table::median;

/// `measure one PROGRAM …` runs another program, and prints what that took.
pub(crate) const ONE: &str = "one";

/// What a program took, and its output.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) wall: Duration,
    /// The peak memory of its largest process, in KiB.
    pub(crate) peak_kib: i64,
    /// The processor time of the program and its children.
    pub(crate) cpu: Duration,
    pub(crate) printed: String,
}

impl Taken {
    /// The medians of several runs, without their output.
    pub(crate) fn median(runs: &[Self]) -> Self {
        Self {
            wall: median(runs.iter().map(|taken| taken.wall).collect()),
            peak_kib: median(runs.iter().map(|taken| taken.peak_kib).collect()),
            cpu: median(runs.iter().map(|taken| taken.cpu).collect()),
            printed: String::new(),
        }
    }
}

/// Build the program in release mode, if it is not up to date.
pub(crate) fn build() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "auditsync"])
        .status()?;
    if built.success() && auditsync().is_file() {
        Ok(())
    } else {
        Err("auditsync can't be built".into())
    }
}

/// The program in the folder of this one.
pub(crate) fn auditsync() -> PathBuf {
    std::env::current_exe().expect("a process has a program").with_file_name("auditsync")
}

/// Run `command`, which must succeed.
pub(crate) fn run(command: &Command) -> Result<Taken> {
    let mut parent = Command::new(std::env::current_exe()?);
    parent.arg(ONE).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => parent.env(name, value),
            None => parent.env_remove(name),
        };
    }
    let output = parent.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let name = command.get_program().display();
    let failed = || format!("{name} failed: {text}");
    if !output.status.success() {
        return Err(failed().into());
    }
    let (figures, printed) = text.split_once('\n').ok_or_else(failed)?;
    let figures: Vec<i64> =
        figures.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
    let [wall, peak_kib, cpu] = figures[..] else { return Err(failed().into()) };
    let micros = |figure: i64| Duration::from_micros(figure.unsigned_abs());
    Ok(Taken { wall: micros(wall), peak_kib, cpu: micros(cpu), printed: printed.to_owned() })
}

/// Run this program. Print microseconds, peak KiB and microseconds of processor time, then its
/// output.
pub(crate) fn measure_here(command: &[OsString]) -> Result<()> {
    let (program, arguments) = command.split_first().ok_or("nothing to run")?;
    let begun = Instant::now();
    let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output()?;
    let wall = begun.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = [usage.user_time(), usage.system_time()]
        .iter()
        .map(|t| t.tv_sec() * 1_000_000 + t.tv_usec())
        .sum::<i64>();
    println!("{} {} {cpu}", wall.as_micros(), usage.max_rss());
    std::io::stdout().write_all(&output.stdout)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("the program ended with {}", output.status).into())
    }
}
