//! `completions` and `man`: what a shell and a manual reader want of the command line, made from
//! its definition.

use clap::CommandFactory as _;

use super::failure::{DONE, ExitStatus, Failure};
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::report::streams::print;

pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitStatus, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "auditsync", &mut text);
    print(&text)?;
    Ok(DONE)
}

pub(super) fn man(args: &ManArgs) -> Result<ExitStatus, Failure> {
    let mut program = Cli::command();
    // Only a command tree that is built knows what its global options mean for each command.
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
                    "there is no command `{name}`: there are {}",
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
