//! Turns arguments into a command, or into a message about a mistake in them.

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _};

use super::environment::is_blank;
use super::failure::{DONE, ExitStatus, FOUND_WRONG, Failure, MISUSED};
use super::program::this_program;
use crate::cli::{Cli, Command, Global};
use crate::config::redact_patterns;
use crate::moment::MINUS;
use crate::report::streams::shows_colors;
use crate::report::{Output, streams};
use crate::text::{clean, clean_lines};

/// The options that a variable can set. A blank variable counts as not set, but clap would use its
/// value.
const FROM_ENVIRONMENT: [(&str, &str); 2] =
    [("config", "AUDITSYNC_CONFIG"), ("log_format", "AUDITSYNC_LOG_FORMAT")];

/// Reads the arguments, of which the first is the program's name. If there is no command to run,
/// prints what there is to say and returns the exit status.
pub(super) fn parse(args: Vec<OsString>) -> Result<(Global, Command), ExitStatus> {
    let output = if wants_json(&args) { Output::Json } else { Output::Text };
    let args: Vec<OsString> = args.into_iter().map(with_minus).collect();
    let cli = read(&args, is_blank).map_err(|error| {
        // A usage line shows each option that is set. One that a variable sets was not typed.
        let is_mistake =
            !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        match read(&args, |_| true) {
            Err(same) if is_mistake && same.kind() == error.kind() => same,
            _ => error,
        }
    });
    match cli {
        Ok(cli) => cli.into_command().map_err(|message| {
            streams::print_to_stderr(&format!("error: {message}"));
            refuse(output, message)
        }),
        // Help and version are not mistakes.
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            Err(answer(&error))
        }
        Err(error) => Err(complain(error, output)),
    }
}

/// Reads the arguments. The variables that `is_ignored` selects set no option.
fn read(args: &[OsString], is_ignored: impl Fn(&str) -> bool) -> Result<Cli, clap::Error> {
    let mut definition = FROM_ENVIRONMENT
        .iter()
        .filter(|(_, variable)| is_ignored(variable))
        .fold(definition(), |definition, (option, _)| {
            definition.mut_arg(option, |arg| arg.env(None))
        });
    let matches = definition.try_get_matches_from_mut(args);
    let cli = matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    cli.map_err(|error| error.format(&mut definition))
}

/// An argument such as `-7d` or `-7d..yesterday` with a minus sign in place of its hyphen, because
/// a hyphen would make it an option. No option begins with a digit.
fn with_minus(arg: OsString) -> OsString {
    let is_age = |rest: &&str| {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < rest.len() && unit.starts_with(['d', 'h'])
    };
    let rest = arg.to_str().and_then(|text| text.strip_prefix('-')).filter(is_age);
    let spelled = rest.map(|rest| format!("{MINUS}{rest}"));
    spelled.map_or(arg, OsString::from)
}

/// The command line as this process reads it.
fn definition() -> clap::Command {
    // clap takes texts that live as long as the process, and there is one.
    let version: &'static str = this_program().to_string().leak();
    let is_shown = shows_colors(&io::stdout()) && shows_colors(&io::stderr());
    let colors = if is_shown { ColorChoice::Auto } else { ColorChoice::Never };
    Cli::command().version(version).color(colors)
}

/// Whether the arguments ask for a JSON document, although they may hold a mistake.
fn wants_json(args: &[OsString]) -> bool {
    let options: Vec<&OsString> = args.iter().take_while(|arg| *arg != "--").collect();
    options.contains(&&OsString::from("--output=json"))
        || options.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// Prints the help or the version.
fn answer(answer: &clap::Error) -> ExitStatus {
    match streams::accept_closed_pipe(answer.print().and_then(|()| io::stdout().flush())) {
        Ok(()) => DONE,
        Err(error) => {
            streams::print_to_stderr(&format!("error: {}", Failure::Output(error)));
            FOUND_WRONG
        }
    }
}

/// Prints what is wrong with the arguments. The message quotes them, and they may hold anything:
/// for example a secret in the wrong place.
fn complain(mut error: clap::Error, output: Output) -> ExitStatus {
    let before = error.render().to_string();
    let cleaned: Vec<(ContextKind, ContextValue)> =
        error.context().filter_map(|(kind, value)| Some((kind, cleaned(value)?))).collect();
    for (kind, value) in cleaned {
        error.insert(kind, value);
    }
    let text = clean_lines(&redact_patterns(&error.render().to_string()));
    if text == before {
        // clap colours it on a terminal.
        let _ = error.print();
    } else {
        streams::print_to_stderr(text.trim_end());
    }
    let text = text.trim();
    refuse(output, text.strip_prefix("error: ").unwrap_or(text))
}

/// The typed text on one line, with secrets redacted.
fn cleaned(value: &ContextValue) -> Option<ContextValue> {
    // The value as it was typed: see `with_minus`.
    let clean = |text: &str| match text.strip_prefix(MINUS) {
        Some(rest) => clean(&redact_patterns(&format!("-{rest}"))),
        None => clean(&redact_patterns(text)),
    };
    match value {
        ContextValue::String(text) => Some(ContextValue::String(clean(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(|text| clean(text)).collect()))
        }
        ContextValue::StyledStrs(texts) => {
            let plain: Vec<String> = texts.iter().map(ToString::to_string).collect();
            // A clean text keeps its style.
            let is_clean = plain.iter().all(|text| clean(text) == *text);
            let styled = || plain.iter().map(|text| clean(text).into()).collect();
            (!is_clean).then(|| ContextValue::StyledStrs(styled()))
        }
        _ => None,
    }
}

fn refuse(output: Output, message: &str) -> ExitStatus {
    // The arguments are wrong, whether or not the document can be written.
    let _ = output.print_failure(message, MISUSED);
    MISUSED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_json_is_recognized_anywhere_before_the_operands() {
        for (line, wanted) in [
            ("auditsync --output json --bogus", true),
            ("auditsync --bogus status --output=json", true),
            ("auditsync reset --output json", true),
            ("auditsync --output text --bogus", false),
            ("auditsync --outputjson json", false),
            ("auditsync reset -- --output json", false),
            ("auditsync --output", false),
        ] {
            let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
            assert_eq!(wants_json(&args), wanted, "{line}");
        }
    }

    #[test]
    fn an_age_is_a_value_and_every_other_hyphen_begins_an_option() {
        for (typed, read) in [
            ("-7d", "\u{2212}7d"),
            ("-36h", "\u{2212}36h"),
            ("-7d..yesterday", "\u{2212}7d..yesterday"),
            ("-7", "-7"),
            ("-d", "-d"),
            ("--7d", "--7d"),
            ("-v", "-v"),
            ("7d", "7d"),
        ] {
            assert_eq!(with_minus(typed.into()), read, "{typed}");
        }
    }
}
