//! `completions` and `man`, both made from the definition of the command line.

use clap::CommandFactory as _;

use super::completion;
use super::failure::{DONE, ExitStatus, Failure};
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::report::streams::print;

pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitStatus, Failure> {
    print(&completion::script(args.shell)?)?;
    Ok(DONE)
}

pub(super) fn man(args: &ManArgs) -> Result<ExitStatus, Failure> {
    let mut program = Cli::command();
    // clap copies the global options to each command only when it builds the tree.
    program.build();
    let page = match args.command.as_deref() {
        None => program,
        Some(name) => {
            let found =
                program.get_subcommands().find(|command| command.get_name() == name).cloned();
            found.ok_or_else(|| {
                let names: Vec<&str> =
                    program.get_subcommands().map(clap::Command::get_name).collect();
                Failure::usage(format!(
                    "there is no command `{name}`. The commands are {}",
                    names.join(", ")
                ))
            })?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    print(&text)?;
    Ok(DONE)
}
