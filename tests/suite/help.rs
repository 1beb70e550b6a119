//! What people read before they run anything: help, the manual page, completions.
//!
//! The texts are in `snapshots/`. `INSTA_UPDATE=always` rewrites them; read the difference before
//! you commit it.

use std::process::{Command, Stdio};

use crate::support::{Finished, Running, THREE_ACCOUNTS_AND_A_TEAM, World};

const COMMANDS: [&str; 16] = [
    "sync",
    "status",
    "backfill",
    "reconcile",
    "reset",
    "cleanup",
    "events",
    "history",
    "export",
    "report",
    "migrate",
    "init",
    "check",
    "keygen",
    "completions",
    "man",
];

/// Runs the program with nothing around it: no file, no database, no variables except the
/// terminal's width.
fn bare(arguments: &str, columns: &str) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditsync"));
    command
        .args(arguments.split_whitespace())
        .env_clear()
        .env("COLUMNS", columns)
        .current_dir(std::env::temp_dir());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running { child: command.spawn().expect("the program starts") }.wait()
}

/// Its output if it succeeds.
fn printed(arguments: &str, columns: &str) -> String {
    let finished = bare(arguments, columns);
    assert_eq!((finished.status, finished.stderr.as_str()), (0, ""), "{arguments}: {finished:#?}");
    // An editor would remove the trailing spaces of clap's empty lines.
    finished.stdout.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn help_fits_a_wide_terminal_and_a_narrow_one() {
    insta::assert_snapshot!("help_wide", printed("--help", "200"));
    insta::assert_snapshot!("help_narrow", printed("--help", "80"));
    insta::assert_snapshot!("help_short", printed("-h", "100"));
    for columns in [80, 200] {
        for command in COMMANDS {
            let help = printed(&format!("{command} --help"), &columns.to_string());
            let longest = help.lines().map(|line| line.chars().count()).max();
            assert!(
                longest <= Some(columns.min(110)),
                "{command} at {columns}: {longest:?}\n{help}"
            );
        }
    }
}

#[test]
fn each_command_has_its_own_help_with_examples() {
    for command in COMMANDS {
        let help = printed(&format!("{command} --help"), "80");
        assert!(help.contains("\nExamples:\n"), "{help}");
        // The global options are the same everywhere, and are in the help of the program.
        let own = help.split("\nGlobal options:\n").next().expect("a beginning");
        let examples = help.split("\nExamples:\n").nth(1).expect("examples");
        insta::assert_snapshot!(format!("help_{command}"), format!("{own}\nExamples:\n{examples}"));
    }
}

#[test]
fn the_examples_in_the_help_work_as_they_are() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    let mut run = 0;
    for command in [&[""], &COMMANDS[..]].concat() {
        let help = printed(&format!("{command} --help"), "200");
        for line in help.lines().filter_map(|line| line.strip_prefix("  auditsync")) {
            // It asks, or makes a file that does not exist yet: see the chapter `init`.
            if line.contains(" init") {
                continue;
            }
            // After the command comes its purpose, or what becomes of its output.
            let end = ["   ", " | ", " > "].iter().filter_map(|mark| line.find(mark)).min();
            let finished = world.run(&line[..end.unwrap_or(line.len())]);
            assert_eq!(finished.status, 0, "auditsync{line}: {finished:#?}");
            run += 1;
        }
    }
    assert!(run > 15, "{run} examples were found");
}

#[test]
fn help_and_the_page_on_operating_list_the_same_exit_statuses() {
    let help = printed("--help", "200");
    let page = include_str!("../../docs/operating.md");
    for status in ["0", "1", "2", "3", "128+N"] {
        assert!(
            help.lines().any(|line| line.starts_with(&format!("  {status} "))),
            "{status} is not in {help}"
        );
        assert!(page.contains(&format!("\n| {status} |")), "{status} is not on the page");
    }
}

#[test]
fn the_manual_page_describes_the_command_line() {
    insta::assert_snapshot!("man", printed("man", "80"));
    for command in COMMANDS {
        let page = printed(&format!("man {command}"), "80");
        assert!(page.contains(&format!(".TH auditsync-{command} 1")), "{page}");
    }
    let unknown = bare("man resett", "80");
    assert_eq!(unknown.status, 2, "{unknown:#?}");
    assert!(unknown.stderr.contains("there is no command `resett`"), "{unknown:#?}");
}

#[test]
fn completions_for_each_shell_ask_the_program() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&format!("completions {shell}"), "80");
        assert!(script.contains("AUDITSYNC_COMPLETE") && script.contains("auditsync"), "{script}");
    }
    let unknown = bare("completions bsh", "80");
    assert_eq!(unknown.status, 2, "{unknown:#?}");
    assert!(unknown.stderr.contains("'bash'"), "{unknown:#?}");
}

#[test]
fn an_unknown_command_or_option_suggests_the_intended_one() {
    for (typed, meant) in
        [("stauts", "'status'"), ("cleanp", "'cleanup'"), ("sync --dryrun", "'--dry-run'")]
    {
        let finished = bare(typed, "80");
        assert_eq!(finished.status, 2, "{typed}: {finished:#?}");
        assert!(finished.stderr.contains(meant), "{typed}: {finished:#?}");
    }
}
