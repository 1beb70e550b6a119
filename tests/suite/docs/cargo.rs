//! Commands of cargo: packages, targets, chapters and options that they name must exist.

use std::path::{Path, PathBuf};

use super::markdown::repository;

/// Subcommands that are not cargo's own, and are not checked further.
const INSTALLED: [&str; 2] = ["mutants", "llvm-cov"];
/// Options without a value that mean the same everywhere.
const PLAIN: [&str; 4] = ["--release", "--locked", "--lib", "--workspace"];

/// Checks the words behind `cargo`.
pub(super) fn check(words: &[&str]) -> Result<(), String> {
    let (own, passed) = match words.iter().position(|word| *word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words, &[][..]),
    };
    let Some((subcommand, own)) = own.split_first() else { return Err("no subcommand".to_owned()) };
    if INSTALLED.contains(subcommand) {
        return Ok(());
    }
    if !["build", "run", "test", "bench", "doc"].contains(subcommand) {
        return Err(format!("`cargo {subcommand}` is not known"));
    }
    let (mut folder, mut target) = (repository(), None);
    let mut rest = own.iter();
    while let Some(word) = rest.next() {
        match *word {
            "-p" | "--package" => folder = package(rest.next().copied().unwrap_or_default())?,
            "--test" => {
                let name = rest.next().copied().unwrap_or_default();
                target = Some(test_target(name)?);
            }
            word if PLAIN.contains(&word) => {}
            word if word.starts_with('-') => return Err(format!("`{word}` is not known")),
            filter => named(filter, target.as_deref())?,
        }
    }
    passed.iter().try_for_each(|word| option(word, target.as_deref(), &folder))
}

fn package(name: &str) -> Result<PathBuf, String> {
    let folder = repository().join("crates").join(name);
    if folder.join("Cargo.toml").exists() {
        Ok(folder)
    } else {
        Err(format!("no package `{name}`"))
    }
}

fn test_target(name: &str) -> Result<PathBuf, String> {
    let folder = repository().join("tests").join(name);
    if folder.join("main.rs").exists() { Ok(folder) } else { Err(format!("no test `{name}`")) }
}

/// A filter names a chapter of a test, or a module of the library.
fn named(filter: &str, target: Option<&Path>) -> Result<(), String> {
    let name = filter.trim_end_matches("::");
    let found = match target {
        Some(folder) => {
            let chapters = std::fs::read_to_string(folder.join("main.rs")).expect("the chapters");
            chapters.contains(&format!("mod {name};"))
        }
        None => sources(&repository().join("src")).contains(name),
    };
    if found { Ok(()) } else { Err(format!("nothing is named `{name}`")) }
}

/// An option behind `--` is in the source of what gets it; a word is one of its subcommands.
fn option(word: &str, target: Option<&Path>, folder: &Path) -> Result<(), String> {
    if word == "--nocapture" || word.parse::<u64>().is_ok() || word.contains(['/', '.']) {
        return Ok(());
    }
    let text = sources(&target.map_or_else(|| folder.join("src"), Path::to_owned));
    let name = word.trim_start_matches('-').replace('-', "_");
    let capital = name.chars().next().map(|first| first.to_uppercase().to_string() + &name[1..]);
    let found = text.contains(&format!("\"{word}\""))
        || text.contains(&format!("    {name}: "))
        || capital.is_some_and(|name| text.contains(&format!("    {name}")));
    if found { Ok(()) } else { Err(format!("`{word}` is not known there")) }
}

/// All Rust below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path).expect("a file");
        }
    }
    text
}

#[test]
fn cargo_commands_name_what_there_is() {
    let check = |line: &str| check(&line.split(' ').collect::<Vec<_>>());
    for right in [
        "test --test suite lease::",
        "run -p demo -- --stay",
        "run --release -p measure -- profile",
        "test --test chaos -- --rounds 1000",
        "test --release --lib fuzz -- --nocapture",
    ] {
        assert_eq!(check(right), Ok(()), "{right}");
    }
    for wrong in [
        "test --test suite no_such_chapter::",
        "run -p no_such_package",
        "run -p demo -- --no-such-option",
        "run --release -p measure -- no_such_part",
        "test --test chaos -- --no-such-option 1",
        "frobnicate",
    ] {
        assert!(check(wrong).is_err(), "{wrong} passes");
    }
}
