//! Finds the commit that is built, for `auditsync --version` and the last line of a run.
//!
//! A build without git and without `SOURCE_VERSION`, such as one from a package, knows no commit.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    // Without any such line, each changed file would run this again.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_VERSION");
    if let Some(commit) = commit_in_git().or_else(commit_of_heroku) {
        println!("cargo::rustc-env=AUDITSYNC_COMMIT={commit}");
    }
}

/// The commit that is checked out here.
fn commit_in_git() -> Option<String> {
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    // A copy inside another repository, such as an unpacked package, is not that repository's.
    let is_ours = top.canonicalize().ok()? == Path::new(".").canonicalize().ok()?;
    let commit = git(&["rev-parse", "--verify", "HEAD"]).filter(|_| is_ours)?;
    watch("HEAD");
    // A commit moves the ref. Where the refs are packed, only this log changes.
    watch("logs/HEAD");
    if let Some(name) = git(&["symbolic-ref", "--quiet", "HEAD"]) {
        watch(&name);
    }
    plausible(commit)
}

/// Runs this script again when this file of the repository changes. For a file that does not
/// exist, Cargo would run it each time.
fn watch(name: &str) {
    let path = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists());
    if let Some(path) = path {
        println!("cargo::rerun-if-changed={path}");
    }
}

/// The commit that Heroku names to a build, which has no repository.
#[expect(clippy::disallowed_methods, reason = "Cargo and Heroku speak to a build so")]
fn commit_of_heroku() -> Option<String> {
    plausible(std::env::var("SOURCE_VERSION").ok()?)
}

/// The text, if it looks like a commit. Another one could hold a line for Cargo.
fn plausible(commit: String) -> Option<String> {
    let is_hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && (7..=64).contains(&commit.len())).then_some(commit)
}

/// What git prints, without the line end; `None` if there is no git or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
