//! Completes a line that is typed in a shell: commands, options, and the names of sources.
//!
//! The script of `completions` runs the program with a variable set. The names of the sources come
//! from the file that the line or the environment names. If the file can't be used, there are no
//! names: a message would stand in the middle of the typed line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Datelike as _, Months};
use clap::{Arg, Command, CommandFactory as _};
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{ArgValueCandidates, CompletionCandidate, Shell};

use super::clock;
use super::environment::env;
use super::failure::{DONE, ExitStatus, Failure, MISUSED};
use crate::cli::Cli;
use crate::config::Config;
use crate::day::Month;
use crate::report::streams;
use crate::text::clean;

/// The variable that the script sets to the shell's name.
const VARIABLE: &str = "AUDITSYNC_COMPLETE";

/// The program's name, for the script.
const PROGRAM: &str = "auditsync";

/// The longest file whose names are read, in bytes.
const LONGEST_FILE: u64 = 1024 * 1024;

/// How many months are offered.
const MONTHS: u32 = 12;

/// The script that makes a shell ask this program for completions.
pub(super) fn script(shell: Shell) -> Result<Vec<u8>, Failure> {
    let (shells, mut script) = (Shells::builtins(), Vec::new());
    if let Some(shell) = shells.completer(&shell.to_string()) {
        shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    }
    Ok(script)
}

/// Answers a shell that asks for completions. `None` if no shell asks.
pub(super) fn answer(args: &[OsString]) -> Option<ExitStatus> {
    env(VARIABLE)?;
    let definition = || with_values(Cli::command(), &file(args));
    let completions = CompleteEnv::with_factory(definition).var(VARIABLE).bin(PROGRAM);
    match completions.try_complete(args.iter().cloned(), std::env::current_dir().ok().as_deref()) {
        Ok(true) => Some(DONE),
        Ok(false) => None,
        Err(error) => {
            let why = error.to_string();
            let why = clean(why.trim().trim_start_matches("error: "));
            streams::print_to_stderr(&format!("error: {VARIABLE}: {why}"));
            Some(MISUSED)
        }
    }
}

/// The file that the words of the line name, or the environment.
fn file(args: &[OsString]) -> PathBuf {
    let line = args.iter().skip_while(|word| *word != "--").skip(1);
    let words: Vec<String> = line.map(|word| word.to_string_lossy().into_owned()).collect();
    let of_line = words.iter().enumerate().rev().find_map(|(at, word)| {
        let next = || match words.get(at + 1).map(String::as_str) {
            // bash makes three words of `--config=FILE`.
            Some("=") => words.get(at + 2).cloned(),
            next => next.map(str::to_owned),
        };
        match word.as_str() {
            "-c" | "--config" => next(),
            _ => word.strip_prefix("--config=").map(str::to_owned),
        }
    });
    let named = of_line.or_else(|| env("AUDITSYNC_CONFIG"));
    let named = named.unwrap_or_else(|| "audit.toml".to_owned());
    // The shell has not removed quotes or replaced the home folder yet.
    let named = named.trim_matches(['"', '\'']);
    match (named.strip_prefix("~/"), env("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => named.into(),
    }
}

/// The names of the sources in a file; none if it can't be used.
fn sources(file: &Path) -> Vec<CompletionCandidate> {
    // A pipe would be waited for.
    let is_file = fs::metadata(file).is_ok_and(|file| file.is_file() && file.len() < LONGEST_FILE);
    let text = if is_file { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    let Ok(config) = Config::parse(file, &text) else { return Vec::new() };
    let names = config.sources.iter().map(|source| CompletionCandidate::new(source.name.as_ref()));
    names.collect()
}

/// The definition, with the values that a shell can't know.
fn with_values(command: Command, file: &Path) -> Command {
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| with_candidates(arg, file));
    command.mut_subcommands(|command| {
        let command = command.mut_args(|arg| with_candidates(arg, file));
        if command.get_name() != "man" {
            return command;
        }
        let names = names.clone();
        command.mut_arg("command", |arg| arg.add(ArgValueCandidates::new(move || texts(&names))))
    })
}

fn with_candidates(arg: Arg, file: &Path) -> Arg {
    let names = arg.get_value_names().unwrap_or_default();
    let is_named = |name: &str| names.iter().any(|own| own.as_str() == name);
    if matches!(arg.get_long(), Some("source" | "adopt-as")) {
        let file = file.to_owned();
        return arg.add(ArgValueCandidates::new(move || sources(&file)));
    }
    if is_named("DATE") || is_named("TIME") && arg.get_long() != Some("max-lag") {
        return arg.add(ArgValueCandidates::new(|| texts(&["yesterday", "-7d", "-30d"])));
    }
    if is_named("MONTH") { arg.add(ArgValueCandidates::new(months)) } else { arg }
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Vec<CompletionCandidate> {
    texts.iter().map(|text| CompletionCandidate::new(text.as_ref())).collect()
}

/// The newest months.
fn months() -> Vec<CompletionCandidate> {
    let today = clock::here().date_naive();
    let first = today.with_day(1).unwrap_or(today);
    let months = (0..MONTHS).filter_map(|ago| first.checked_sub_months(Months::new(ago)));
    let months: Vec<String> = months.map(|month| Month::of(month).to_string()).collect();
    texts(&months)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> PathBuf {
        file(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_file_is_the_last_one_that_the_line_names() {
        for (line, file) in [
            ("auditsync -- auditsync -c a.toml sync --source x", "a.toml"),
            ("auditsync -- auditsync --config = a.toml sync", "a.toml"),
            ("auditsync -- auditsync --config='a.toml' sync", "a.toml"),
            ("auditsync -- auditsync -c a.toml --config b.toml", "b.toml"),
        ] {
            assert_eq!(named(line), Path::new(file), "{line}");
        }
        assert!(sources("no such file".as_ref()).is_empty());
    }
}
