//! What a shell completes, by the protocol's variables and in a real bash.

use std::process::{Command, Stdio};

use crate::support::{ACME, THREE_ACCOUNTS_AND_A_TEAM, World};

/// What the shell gets for a line whose last word is being typed.
fn completed(world: &World, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = world.command("--");
    command
        .args(&words)
        .env("AUDITSYNC_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    let finished = crate::support::Finished::of(&mut command);
    assert_eq!((finished.status, &*finished.stderr), (0, ""), "{line}: {finished:#?}");
    finished.stdout.lines().map(|word| word.trim().to_owned()).collect()
}

#[test]
fn source_names_come_from_the_file_that_the_line_or_a_variable_names() {
    let mut world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    let all = ["acme", "globex", "initech", "team-a"];
    for line in [
        "auditsync --source ",
        "auditsync sync --source ",
        "auditsync events --source ",
        "auditsync migrate --adopt-as ",
    ] {
        let mut names = completed(&world, line);
        names.sort();
        assert_eq!(names, all, "{line}");
    }
    assert_eq!(completed(&world, "auditsync reset --source gl"), ["globex"]);
    let other = world.place("other.toml", &ACME.replace("\"acme\"\naccount", "\"b\"\naccount"));
    assert_eq!(completed(&world, &format!("auditsync -c {other} status --source ")), ["b"]);
    assert_eq!(completed(&world, &format!("auditsync --config={other} status --source ")), ["b"]);
    world.set("AUDITSYNC_CONFIG", &other);
    assert_eq!(completed(&world, "auditsync status --source "), ["b"]);
}

#[test]
fn a_file_that_is_missing_or_broken_completes_to_nothing() {
    let world = World::new(ACME);
    for text in ["", "[[source", "[[source]]\nname = 1\n"] {
        world.write_file(text);
        assert_eq!(completed(&world, "auditsync sync --source "), [""; 0], "{text}");
    }
    assert_eq!(completed(&world, "auditsync -c nowhere.toml sync --source "), [""; 0]);
}

#[test]
fn commands_days_and_months_are_completed() {
    let world = World::new(ACME);
    assert!(completed(&world, "auditsync re").contains(&"reset".to_owned()));
    assert_eq!(completed(&world, "auditsync man rec"), ["reconcile"]);
    assert_eq!(completed(&world, "auditsync sync --date yes"), ["yesterday"]);
    let months = completed(&world, "auditsync reconcile --month 2");
    assert!(months.len() == 12 && months.iter().all(|month| month.len() == 7), "{months:?}");
}

#[test]
fn a_real_bash_completes_a_source_and_no_file_in_its_place() {
    let world = World::new(THREE_ACCOUNTS_AND_A_TEAM);
    world.place("glossary.txt", "a file whose name begins as a source's does");
    let script = world.run("completions bash").stdout;
    let folder = world.file().parent().expect("a folder").to_owned();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_auditsync"));
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("a folder").display());
    let typed = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let ask = format!(
            "COMP_WORDS=({line}); COMP_CWORD={}; COMP_TYPE=9\n\
             _clap_complete_auditsync auditsync \"{}\" \"\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
            words.last().expect("a word")
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &format!("{script}\n{ask}")]).env_clear().env("PATH", &path);
        bash.current_dir(&folder).stdin(Stdio::null());
        let output = bash.output().expect("bash");
        String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
    };
    let names: Vec<String> = typed("auditsync reset --source gl");
    assert_eq!(names, ["globex"]);
    let none: Vec<String> = typed("auditsync reset --source nothing");
    assert_eq!(none, [""; 0]);
}
